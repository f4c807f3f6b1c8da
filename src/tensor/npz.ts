// NumPy's .npz format: a ZIP file of .npy arrays, stored or deflated, with limits against ZIP bombs.
import { Inflate, inflateSync, zipSync, type Zippable } from 'fflate';
import { crc32 } from './crc32';
import {
  decodeNpyArray,
  encodeNpy,
  NpyError,
  npyHeaderLength,
  npyPayloadLength,
  parseNpyHeader,
  type StringArray,
} from './npy';
import type { Tensor } from './tensor';
import { readZipDirectory, type ZipEntry } from './zipDirectory';

/** How much a .npz file may unpack to. */
export interface NpzLimits {
  /** Bytes of all arrays together; 8 GiB by default. */
  readonly totalBytes?: number;
}

const gibibyte = 2 ** 30;

/**
 * Decodes the arrays of a .npz file by name (without `.npy`), in file order; entries that are no .npy files are
 * passed over. Nothing is unpacked before its header agrees with the size the directory declares. Throws an NpyError.
 */
export function decodeNpz(
  bytes: Uint8Array,
  source = 'The file',
  limits: NpzLimits = {},
): Map<string, Tensor | StringArray> {
  const totalBytes = limits.totalBytes ?? 8 * gibibyte;
  const entries = readZipDirectory(bytes, source).filter(entry => entry.name.endsWith('.npy'));
  const declared = entries.reduce((sum, entry) => sum + entry.size, 0);
  if (declared > totalBytes) {
    throw new NpyError(
      `${source} would unpack to ${declared} bytes, more than the ${totalBytes} allowed. Split it, or save large arrays as .npy.`,
    );
  }
  const arrays = new Map<string, Tensor | StringArray>();
  for (const entry of entries) {
    const name = entry.name.slice(0, -'.npy'.length);
    if (arrays.has(name)) throw new NpyError(`${source} holds two arrays named ${name}. Keep one of them.`);
    arrays.set(name, decodeNpyArray(unpack(entry, source, name), `${source}, array ${name}`));
  }
  return arrays;
}

/** Encodes arrays by name as a .npz file, deflated unless `compress` is false. The same arrays give the same bytes. */
export function encodeNpz(
  arrays: ReadonlyMap<string, Tensor>,
  options: { readonly compress?: boolean } = {},
): Uint8Array {
  const files: Zippable = {};
  let total = 0;
  for (const [name, tensor] of arrays) {
    const encoded = encodeNpy(tensor);
    total += encoded.length;
    files[`${name}.npy`] = encoded;
  }
  // fflate writes no zip64, so sizes beyond 32 bits would come out wrong.
  if (total > 4 * gibibyte - 2 ** 20) {
    throw new NpyError(
      `Arrays of ${total} bytes together are too large for one .npz file (4 GiB). Write several files.`,
    );
  }
  return zipSync(files, { level: options.compress === false ? 0 : 6, mtime: new Date(1980, 0, 1) });
}

function unpack(entry: ZipEntry, source: string, name: string): Uint8Array {
  const where = `${source}, array ${name}`;
  if (entry.method !== 0 && entry.method !== 8) {
    throw new NpyError(
      `${where} is compressed with method ${entry.method}; Lethe reads stored and deflated arrays. Save it with numpy.savez_compressed.`,
    );
  }
  const damaged = (): NpyError =>
    new NpyError(
      `${where} is damaged: what it unpacks to is not what the file's directory declares. Write the file again.`,
    );
  if (entry.method === 0 && entry.data.length !== entry.size) throw damaged();
  const prefix = entry.method === 0 ? entry.data : inflatePrefix(entry.data, where, damaged);
  const header = parseNpyHeader(prefix, where);
  if (header.dataOffset + npyPayloadLength(header, where) !== entry.size) {
    throw new NpyError(
      `${where} declares ${entry.size} bytes, but its header describes ${header.dataOffset + npyPayloadLength(header, where)}. The file is damaged; write it again.`,
    );
  }
  let unpacked = entry.data;
  if (entry.method === 8) {
    try {
      unpacked = inflateSync(entry.data, { out: new Uint8Array(entry.size) });
    } catch {
      throw damaged();
    }
  }
  if (unpacked.length !== entry.size || crc32(unpacked) !== entry.crc) throw damaged();
  return unpacked;
}

/** Inflates just enough to hold the array's header. */
function inflatePrefix(data: Uint8Array, where: string, damaged: () => NpyError): Uint8Array {
  const chunks: Uint8Array[] = [];
  const inflate = new Inflate(chunk => chunks.push(chunk));
  const step = 1024;
  let prefix = new Uint8Array();
  for (let offset = 0; offset < data.length; offset += step) {
    const final = offset + step >= data.length;
    try {
      inflate.push(data.subarray(offset, offset + step), final);
    } catch {
      throw damaged();
    }
    prefix = new Uint8Array(Buffer.concat(chunks));
    const length = npyHeaderLength(prefix, where);
    if (length !== null && prefix.length >= length) return prefix;
  }
  return prefix;
}
