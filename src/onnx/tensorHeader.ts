// Decodes the header of a TensorProto; the payload stays where it is, as byte ranges.
import { bytesPerElement, type DType } from '../tensor/dtype';
import { dtypeOf, typedField, unsupportedName } from './dataTypes';
import { ModelError } from './errors';
import type { ExternalFiles } from './externalData';
import type { ByteRange, Encoding, PayloadRange, StoredTensor } from './model';
import type { WireReader, WireType } from './wire';

/** The payload fields of TensorProto and the wire type of a single element of each. */
const elementWire = new Map<number, WireType>([
  [4, 5],
  [5, 0],
  [7, 0],
  [10, 1],
  [11, 0],
]);

/** What a TensorProto says, before anything is checked. */
interface Header {
  name: string;
  dataType: number;
  external: boolean;
  readonly dims: number[];
  readonly entries: Map<string, string>;
  readonly payloads: Map<number, MutableRange[]>;
  raw: PayloadRange | null;
  strings: number;
}

interface MutableRange {
  file: string;
  offset: number;
  length: number;
  tagBytes: number;
}

/**
 * Reads the TensorProto in a length-delimited field. `fallbackName` names tensors of nodes in errors.
 * Throws a ModelError when type, dims and bytes do not agree.
 */
export function decodeTensor(
  reader: WireReader,
  wire: WireType,
  externals: ExternalFiles,
  fallbackName: string,
): StoredTensor {
  reader.countItem();
  const header: Header = {
    name: '',
    dataType: 0,
    external: false,
    dims: [],
    entries: new Map(),
    payloads: new Map(),
    raw: null,
    strings: 0,
  };
  const place = reader.message(wire, (field, type) => decodeField(reader, field, type, header));
  return finish(reader, header, externals, fallbackName, { file: reader.file, ...place });
}

function decodeField(reader: WireReader, field: number, wire: WireType, header: Header): void {
  switch (field) {
    case 1:
      reader.integers(wire, header.dims);
      if (header.dims.length > reader.limits.rank) {
        throw reader.damaged(
          `The tensor before byte ${reader.position} has more than ${reader.limits.rank} dims.`,
        );
      }
      return;
    case 2:
      header.dataType = reader.integer(wire);
      return;
    case 3:
      throw reader.damaged(
        `The tensor before byte ${reader.position} is stored in segments, which nothing can read.`,
      );
    case 6:
      header.strings++;
      reader.expect(wire, 2);
      reader.skip(wire);
      return;
    case 8:
      header.name = reader.string(wire);
      return;
    case 9: {
      const length = reader.length(wire);
      // A field that occurs twice counts with its last value.
      header.raw = { file: reader.file, offset: reader.position, length, tagBytes: 0 };
      reader.position += length;
      return;
    }
    case 13:
      decodeEntry(reader, wire, header.entries);
      return;
    case 14:
      header.external = reader.integer(wire) === 1;
      return;
    default: {
      const element = elementWire.get(field);
      if (element === undefined) reader.skip(wire);
      else addPayload(reader, field, wire, element, header.payloads);
    }
  }
}

function addPayload(
  reader: WireReader,
  field: number,
  wire: WireType,
  element: WireType,
  payloads: Map<number, MutableRange[]>,
): void {
  let ranges = payloads.get(field);
  if (!ranges) payloads.set(field, (ranges = []));
  if (wire === 2) {
    const length = reader.length(wire);
    if (length > 0) {
      reader.countItem();
      ranges.push({ file: reader.file, offset: reader.position, length, tagBytes: 0 });
    }
    reader.position += length;
    return;
  }
  reader.expect(wire, element);
  // All payload fields have numbers below 16, so their tag is one byte; a longer spelling of it is not merged.
  const offset = reader.position - 1;
  reader.skip(wire);
  const length = reader.position - offset;
  const last = ranges.at(-1);
  if (last && last.tagBytes === 1 && last.offset + last.length === offset) last.length += length;
  else {
    reader.countItem();
    ranges.push({ file: reader.file, offset, length, tagBytes: 1 });
  }
}

/** A StringStringEntryProto. */
export function decodeEntry(reader: WireReader, wire: WireType, target: Map<string, string>): void {
  let key = '';
  let value = '';
  reader.message(wire, (field, type) => {
    if (field === 1) key = reader.string(type);
    else if (field === 2) value = reader.string(type);
    else reader.skip(type);
  });
  target.set(key, value);
}

function finish(
  reader: WireReader,
  header: Header,
  externals: ExternalFiles,
  fallbackName: string,
  proto: ByteRange,
): StoredTensor {
  const shownName = header.name || fallbackName;
  const fail = (problem: string, remedy = 'The file is damaged; export or download it again.'): ModelError =>
    new ModelError(reader.file, `The tensor "${shownName}" ${problem}`, remedy);

  const dtype = dtypeOf(header.dataType);
  if (dtype === undefined) {
    throw fail(
      `has the element type ${unsupportedName(header.dataType)}, which Lethe does not know.`,
      'Export the model with float32, float16 or bfloat16 weights.',
    );
  }
  let count = 1;
  for (const dim of header.dims) {
    if (dim < 0) throw fail(`has a negative size in its dims [${header.dims.join(', ')}].`);
    count *= dim;
  }
  if (!Number.isSafeInteger(count * 8)) throw fail(`has impossible dims [${header.dims.join(', ')}].`);

  const base = { name: header.name, dtype, dims: header.dims, proto };
  if (dtype === 'string') {
    if (header.strings !== count && !header.external) {
      throw fail(`holds ${header.strings} strings, but its dims [${header.dims.join(', ')}] need ${count}.`);
    }
    return { ...base, encoding: 'strings', ranges: [] };
  }
  const bytes = count * bytesPerElement(dtype);
  if (header.external) {
    return { ...base, encoding: 'external', ranges: [externals.range(shownName, header.entries, bytes)] };
  }
  const { encoding, ranges } = choosePayload(header, dtype, fail);
  checkSize(header, encoding, ranges, count, bytes, fail);
  return { ...base, encoding, ranges };
}

function choosePayload(
  header: Header,
  dtype: DType,
  fail: (problem: string) => ModelError,
): { encoding: Encoding; ranges: readonly PayloadRange[] } {
  const expected = typedField(dtype);
  const filled = [...header.payloads].filter(([, ranges]) => ranges.length > 0);
  if (filled.some(([field]) => field !== expected.field) || header.strings > 0) {
    throw fail(
      `has the type ${dtype}, but its elements are not in ${expected.name}, where ONNX puts that type.`,
    );
  }
  const typed = filled[0]?.[1] ?? [];
  const raw = header.raw;
  if (raw && raw.length > 0) {
    if (typed.length > 0) throw fail(`holds its elements twice, in raw_data and in ${expected.name}.`);
    return { encoding: 'raw', ranges: [raw] };
  }
  if (typed.length === 0) return { encoding: 'raw', ranges: [] };
  return { encoding: dtype === 'float32' || dtype === 'float64' ? 'packed' : 'varints', ranges: typed };
}

function checkSize(
  header: Header,
  encoding: Encoding,
  ranges: readonly PayloadRange[],
  count: number,
  bytes: number,
  fail: (problem: string) => ModelError,
): void {
  const dims = `its dims [${header.dims.join(', ')}]`;
  if (encoding === 'varints') {
    // Exact counts would need the payload; readTensor checks them.
    const held = ranges.reduce((sum, range) => sum + range.length, 0);
    const longest = ranges.some(range => range.tagBytes > 0) ? 11 : 10;
    if (held < count || held > count * longest) {
      throw fail(`holds ${held} bytes of numbers, which cannot be the ${count} elements of ${dims}.`);
    }
    return;
  }
  const size = count === 0 ? 1 : bytes / count;
  let held = 0;
  for (const range of ranges) {
    const stride = size + range.tagBytes;
    if (encoding === 'packed' && range.length % stride !== 0) throw fail('holds a fraction of an element.');
    held += encoding === 'packed' ? (range.length / stride) * size : range.length;
  }
  if (held !== bytes) throw fail(`holds ${held} bytes, but ${dims} need ${bytes}.`);
}
