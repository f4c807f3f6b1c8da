// The weights of a model.json: where the bytes of each lie in its shards, and how they are encoded.
import { ModelError } from '../onnx/errors';
import { readFully, withFile } from '../onnx/files';
import type { PayloadRange, StoredTensor } from '../onnx/model';
import { bytesPerElement, type DType } from '../tensor/dtype';
import { elementCount } from '../tensor/tensor';
import type { JsonPlace } from './json';
import { mostDims, mostShards, mostWeights } from './limits';
import type { ModelJson } from './modelJson';
import { ShardFiles, type Shard } from './shardFiles';

/** A weight as stored; `affine` ones stand for value · scale + min. */
export interface StoredWeight {
  readonly tensor: StoredTensor;
  /** The type that the model computes with. */
  readonly dtype: DType;
  readonly affine: { readonly scale: number; readonly min: number } | null;
}

/** All weights of a model in the order of its manifest. */
export interface Weights {
  readonly weights: ReadonlyMap<string, StoredWeight>;
  readonly files: ShardFiles;
}

/** The types that TensorFlow.js gives weights. */
const computed: Readonly<Record<string, DType>> = {
  float32: 'float32',
  int32: 'int32',
  bool: 'bool',
  string: 'string',
};

/** The types that quantised weights are stored in. */
const quantised: Readonly<Record<string, DType>> = { uint8: 'uint8', uint16: 'uint16', float16: 'float16' };

/**
 * Reads the manifest; of the shards only their sizes, and the lengths of texts. Throws a ModelError that names the
 * weight or file for a type that is not known, bytes that do not add up, and whatever `ShardFiles` refuses.
 */
export function readManifest(json: ModelJson): Weights {
  const files = new ShardFiles(json.path);
  const weights = new Map<string, StoredWeight>();
  for (const group of json.root.at('weightsManifest').items()) {
    const paths = group.at('paths').items();
    if (files.shards.length + paths.length > mostShards) throw tooMany(json.path, 'weight files', mostShards);
    const stream = new ShardStream(
      json.path,
      paths.map(path => files.open(path.text())),
    );
    for (const entry of group.at('weights').items()) {
      if (weights.size >= mostWeights) throw tooMany(json.path, 'weights', mostWeights);
      const name = entry.at('name').text();
      if (weights.has(name)) {
        throw new ModelError(
          json.path,
          `It lists two weights named "${name}".`,
          'Save or convert the model again.',
        );
      }
      weights.set(name, readEntry(entry, name, stream));
    }
    stream.requireEnd();
  }
  files.warnOfUnlisted();
  return { weights, files };
}

function readEntry(entry: JsonPlace, name: string, stream: ShardStream): StoredWeight {
  const dims = entry
    .at('shape')
    .items()
    .map(dim => dim.count());
  if (dims.length > mostDims) throw entry.at('shape').wrong(`a list of at most ${mostDims} sizes`);
  const declared = entry.at('dtype').text();
  const dtype = Object.hasOwn(computed, declared) ? computed[declared] : undefined;
  if (dtype === undefined) throw unknownType(entry.file, name, declared);
  const quantisation = entry.has('quantization') ? entry.at('quantization') : null;
  const kind = quantisation?.at('dtype').text();
  const stored = kind === undefined ? dtype : Object.hasOwn(quantised, kind) ? quantised[kind] : undefined;
  if (stored === undefined) throw unknownType(entry.file, name, kind!);
  if (stored === 'string' || dtype === 'string') {
    if (quantisation) throw unknownType(entry.file, name, `${declared} as ${kind}`);
    const ranges = stream.takeTexts(name, count(entry, dims));
    return { tensor: storedTensor(entry.file, name, 'string', dims, ranges), dtype, affine: null };
  }
  if (quantisation && (dtype === 'bool' || (stored === 'float16' && dtype !== 'float32'))) {
    throw unknownType(entry.file, name, `${declared} as ${kind}`);
  }
  const affine =
    quantisation && stored !== 'float16'
      ? { scale: quantisation.at('scale').number(), min: quantisation.at('min').number() }
      : null;
  const bytes = count(entry, dims) * bytesPerElement(stored);
  return { tensor: storedTensor(entry.file, name, stored, dims, stream.take(name, bytes)), dtype, affine };
}

/** The number of elements; a product beyond what numbers hold exactly is an error. */
function count(entry: JsonPlace, dims: readonly number[]): number {
  const elements = elementCount(dims);
  if (elements > 2 ** 48) throw entry.at('shape').wrong('the shape of a weight that fits a disk');
  return elements;
}

function storedTensor(
  file: string,
  name: string,
  dtype: DType,
  dims: readonly number[],
  ranges: readonly PayloadRange[],
): StoredTensor {
  const encoding = dtype === 'string' ? 'strings' : 'sharded';
  return { name, dtype, dims, encoding, ranges, proto: { file, offset: 0, length: 0 } };
}

function unknownType(file: string, name: string, dtype: string): ModelError {
  return new ModelError(
    file,
    `The weight "${name}" has the type ${JSON.stringify(dtype)}, which Lethe does not read.`,
    'Convert the model to float32, float16 or affine uint8 or uint16 weights.',
  );
}

function tooMany(file: string, what: string, most: number): ModelError {
  return new ModelError(file, `It lists more than ${most} ${what}.`, 'Open only models you trust.');
}

/** The shards of a group as one run of bytes, from which weights are taken one after the other. */
class ShardStream {
  private shard = 0;
  private offset = 0;

  constructor(
    private readonly file: string,
    private readonly shards: readonly Shard[],
  ) {}

  /** The next bytes. Throws a ModelError when the shards do not have as many. */
  take(name: string, bytes: number): PayloadRange[] {
    const ranges: PayloadRange[] = [];
    for (let left = bytes; left > 0;) {
      const shard = this.shards[this.shard];
      if (!shard) throw this.tooShort(name, left);
      const length = Math.min(left, shard.size - this.offset);
      if (length > 0) ranges.push({ file: shard.path, offset: this.offset, length, tagBytes: 0 });
      left -= length;
      this.offset += length;
      if (this.offset === shard.size) {
        this.shard++;
        this.offset = 0;
      }
    }
    return ranges;
  }

  /** The next texts: each is its length in four bytes and then that many bytes. */
  takeTexts(name: string, count: number): PayloadRange[] {
    const ranges: PayloadRange[] = [];
    for (let index = 0; index < count; index++) {
      const prefix = this.take(name, 4);
      const bytes = new Uint8Array(4);
      let at = 0;
      for (const { file, offset, length } of prefix) {
        withFile(file, descriptor => readFully(file, descriptor, bytes.subarray(at, at + length), offset));
        at += length;
      }
      ranges.push(...prefix, ...this.take(name, new DataView(bytes.buffer).getUint32(0, true)));
    }
    return ranges;
  }

  /** Throws a ModelError when bytes are left over. */
  requireEnd(): void {
    const left = this.shards.slice(this.shard).reduce((sum, { size }) => sum + size, -this.offset);
    if (left <= 0) return;
    const names = this.shards.map(shard => JSON.stringify(shard.name));
    throw new ModelError(
      this.file,
      `Its weight files ${names.slice(0, 3).join(', ')}${names.length > 3 ? ', …' : ''} hold ${left} bytes more than its weights need.`,
      'The files belong to another version of the model; copy all of them again.',
    );
  }

  private tooShort(name: string, missing: number): ModelError {
    const last = this.shards.at(-1);
    const where = last
      ? `its weight files end ${missing} bytes too early (the last is ${JSON.stringify(last.name)})`
      : 'its group lists no weight file';
    return new ModelError(
      this.file,
      `The weight "${name}" is not complete: ${where}.`,
      'A file is cut short or belongs to another version of the model; copy all of them again.',
    );
  }
}
