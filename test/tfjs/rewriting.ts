// Rewrites the weights of a model.json in another type, by what TensorFlow.js documents of its files.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { numberToFloat16 } from '../../src/tensor/dtype';

/** A weight in a manifest. */
interface Entry {
  name: string;
  shape: number[];
  dtype: string;
  quantization?: { dtype: string; scale?: number; min?: number };
}

/** A model.json, as far as tests look into it. */
export interface ModelFile {
  modelTopology: unknown;
  weightsManifest: { paths: string[]; weights: Entry[] }[];
  [key: string]: unknown;
}

/** How weights are stored. */
export type Storage = 'float32' | 'float16' | 'uint8' | 'uint16';

/** Writes the model in `source` to a folder with its float weights stored in another way; `change` may edit the JSON. */
export function rewriteWeights(
  source: string,
  folder: string,
  storage: Storage,
  change: (file: ModelFile) => void = () => undefined,
): string {
  const file = JSON.parse(readFileSync(source, 'utf8')) as ModelFile;
  mkdirSync(folder, { recursive: true });
  file.weightsManifest.forEach((group, index) => {
    const bytes = Buffer.concat(group.paths.map(path => readFileSync(join(dirname(source), path))));
    let offset = 0;
    const parts = group.weights.map(entry => {
      const stored = entry.quantization?.dtype ?? entry.dtype;
      const size = { float32: 4, int32: 4, uint16: 2, uint8: 1, bool: 1 }[stored]!;
      const count = entry.shape.reduce((product, dim) => product * dim, 1);
      const read = (element: number): number => {
        const at = offset + element * size;
        const raw =
          stored === 'float32'
            ? bytes.readFloatLE(at)
            : stored === 'int32'
              ? bytes.readInt32LE(at)
              : stored === 'uint16'
                ? bytes.readUInt16LE(at)
                : bytes.readUInt8(at);
        const { scale, min } = entry.quantization ?? {};
        return scale === undefined ? raw : raw * scale + min!;
      };
      const values = Array.from({ length: count }, (_, element) => read(element));
      const kept = bytes.subarray(offset, offset + count * size);
      offset += count * size;
      return entry.dtype === 'float32' ? encode(entry, values, storage) : kept;
    });
    const name = `weights${index}.bin`;
    group.paths = [name];
    writeFileSync(join(folder, name), Buffer.concat(parts));
  });
  change(file);
  const path = join(folder, 'model.json');
  writeFileSync(path, JSON.stringify(file));
  return path;
}

function encode(entry: Entry, values: number[], storage: Storage): Buffer {
  delete entry.quantization;
  if (storage === 'float32') return Buffer.from(Float32Array.from(values).buffer);
  if (storage === 'float16') {
    entry.quantization = { dtype: storage };
    return Buffer.from(Uint16Array.from(values, numberToFloat16).buffer);
  }
  const [min, max] = [Math.min(...values), Math.max(...values)];
  const scale = (max - min) / (storage === 'uint8' ? 255 : 65535) || 1;
  entry.quantization = { dtype: storage, scale, min };
  const codes = values.map(value => Math.round((value - min) / scale));
  return storage === 'uint8' ? Buffer.from(codes) : Buffer.from(Uint16Array.from(codes).buffer);
}

/** Writes the model in `source`, which has one shard, to a folder with its weights cut into shards of these sizes. */
export function cutInto(source: string, folder: string, sizes: readonly number[]): string {
  const file = JSON.parse(readFileSync(source, 'utf8')) as ModelFile;
  const [group] = file.weightsManifest as [ModelFile['weightsManifest'][number]];
  const bytes = readFileSync(join(dirname(source), group.paths[0]!));
  mkdirSync(folder, { recursive: true });
  let offset = 0;
  group.paths = sizes.map((size, index) => {
    const name = `part${index}.bin`;
    writeFileSync(join(folder, name), bytes.subarray(offset, (offset += size)));
    return name;
  });
  const path = join(folder, 'model.json');
  writeFileSync(path, JSON.stringify(file));
  return path;
}
