// CRC-32 as ZIP files use it (polynomial 0xEDB88320, reflected).

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** The CRC-32 of bytes, as an unsigned integer. */
export function crc32(bytes: Uint8Array): number {
  let state = 0xffffffff;
  for (let index = 0; index < bytes.length; index++)
    state = table[(state ^ bytes[index]!) & 0xff]! ^ (state >>> 8);
  return (state ^ 0xffffffff) >>> 0;
}
