// The central directory of a ZIP file (with zip64), read with every offset checked.
import { NpyError } from './npy';

/** An entry of a ZIP file. `data` is what is stored, compressed or not. */
export interface ZipEntry {
  readonly name: string;
  /** 0 is stored, 8 deflated. */
  readonly method: number;
  readonly crc: number;
  /** Bytes after decompression, as the directory declares them. */
  readonly size: number;
  readonly data: Uint8Array;
}

const unknown32 = 0xffffffff;
const unknown16 = 0xffff;

/** Lists the entries of a ZIP file in directory order. Throws an NpyError when it is damaged or encrypted. */
export function readZipDirectory(bytes: Uint8Array, source: string): ZipEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const damaged = (what: string): NpyError =>
    new NpyError(
      `${source} is not a whole ZIP file: ${what}. It is damaged or was cut off; write it again with numpy.savez.`,
    );
  const need = (offset: number, length: number): void => {
    if (offset < 0 || offset + length > bytes.length) throw damaged(`it ends after ${bytes.length} bytes`);
  };
  const uint64 = (offset: number): number => {
    need(offset, 8);
    const value = Number(view.getBigUint64(offset, true));
    if (!Number.isSafeInteger(value)) throw damaged('it declares an impossible size');
    return value;
  };

  const end = findEnd(view);
  if (end === null) throw damaged('its directory is missing');
  let count = view.getUint16(end + 10, true);
  let position = view.getUint32(end + 16, true);
  if (end >= 20 && view.getUint32(end - 20, true) === 0x07064b50) {
    const record = uint64(end - 12);
    need(record, 56);
    if (view.getUint32(record, true) !== 0x06064b50) throw damaged('its zip64 directory is missing');
    count = uint64(record + 32);
    position = uint64(record + 48);
  }

  const entries: ZipEntry[] = [];
  for (let index = 0; index < count; index++) {
    need(position, 46);
    if (view.getUint32(position, true) !== 0x02014b50)
      throw damaged(`entry ${index + 1} of its directory is broken`);
    const flags = view.getUint16(position + 8, true);
    const nameLength = view.getUint16(position + 28, true);
    const extraLength = view.getUint16(position + 30, true);
    const extra = position + 46 + nameLength;
    need(position + 46, nameLength + extraLength);
    const name = new TextDecoder().decode(bytes.subarray(position + 46, extra));
    if (flags & 1)
      throw new NpyError(`${source}: the entry ${name} is encrypted, which Lethe does not read.`);

    let compressed = view.getUint32(position + 20, true);
    let size = view.getUint32(position + 24, true);
    let local = view.getUint32(position + 42, true);
    const disk = view.getUint16(position + 34, true);
    if (disk !== 0 && disk !== unknown16) throw damaged('it is one part of several');
    if (size === unknown32 || compressed === unknown32 || local === unknown32) {
      let field = findExtra(view, extra, extraLength, 1);
      if (field === null) throw damaged(`entry ${name} lacks its zip64 sizes`);
      const take = (): number => {
        if (field === null || field.length < 8) throw damaged(`entry ${name} lacks its zip64 sizes`);
        const value = uint64(field.offset);
        field = { offset: field.offset + 8, length: field.length - 8 };
        return value;
      };
      if (size === unknown32) size = take();
      if (compressed === unknown32) compressed = take();
      if (local === unknown32) local = take();
    }

    need(local, 30);
    if (view.getUint32(local, true) !== 0x04034b50)
      throw damaged(`entry ${name} is not where the directory says`);
    const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    need(start, compressed);
    entries.push({
      name,
      method: view.getUint16(position + 10, true),
      crc: view.getUint32(position + 16, true),
      size,
      data: bytes.subarray(start, start + compressed),
    });
    position = extra + extraLength + view.getUint16(position + 32, true);
  }
  return entries;
}

/** The offset of the end-of-directory record, searched from the end behind a comment of up to 65,535 bytes. */
function findEnd(view: DataView): number | null {
  for (let offset = view.byteLength - 22; offset >= 0 && offset >= view.byteLength - 22 - 65535; offset--) {
    if (view.getUint32(offset, true) !== 0x06054b50) continue;
    if (offset + 22 + view.getUint16(offset + 20, true) === view.byteLength) return offset;
  }
  return null;
}

function findExtra(
  view: DataView,
  start: number,
  length: number,
  id: number,
): { offset: number; length: number } | null {
  let offset = start;
  while (offset + 4 <= start + length) {
    const size = view.getUint16(offset + 2, true);
    if (offset + 4 + size > start + length) return null;
    if (view.getUint16(offset, true) === id) return { offset: offset + 4, length: size };
    offset += 4 + size;
  }
  return null;
}
