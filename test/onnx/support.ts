// What the tests of the ONNX room share: fixtures, temporary folders, ONNX Runtime as a witness.
import { closeSync, copyFileSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { OnnxModel, StoredTensor } from '../../src/onnx/model';
import { readTensor } from '../../src/onnx/readTensor';
import { storedTensors } from '../../src/onnx/storedTensors';
import { toFloat64, type Tensor } from '../../src/tensor/tensor';

const root = join(__dirname, '..', '..', '..');

/** The path of a fixture model. */
export function fixture(name: string): string {
  return join(root, 'test', 'fixtures', 'onnx', name);
}

/** The path of a sample. */
export function sample(name: string): string {
  return join(root, 'samples', name, 'model.onnx');
}

/** The numbers that Python wrote beside the fixtures. */
export const expected = JSON.parse(readFileSync(fixture('expected.json'), 'utf8')) as Record<
  string,
  Record<string, number[]>
> & { logits: number[] };

/** Runs `use` with a fresh folder that is removed afterwards. */
export async function inFolder(use: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-onnx-'));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Copies fixtures into a folder; gives the path of the first. */
export function copyTo(folder: string, ...names: string[]): string {
  for (const name of names) copyFileSync(fixture(name), join(folder, name));
  return join(folder, names[0]!);
}

/** The stored tensor of a value. */
export function tensorNamed(model: OnnxModel, name: string): StoredTensor {
  for (const named of storedTensors(model)) if (named.name === name && named.isValue) return named.tensor;
  throw new Error(`no tensor ${name}`);
}

/** The elements of a value as numbers. */
export function valuesOf(model: OnnxModel, name: string): Float64Array {
  return toFloat64(readTensor(tensorNamed(model, name)));
}

/** Runs float32 and other plain inputs through ONNX Runtime; gives the first output. */
export async function runOrt(
  model: string | Uint8Array,
  inputs: Record<string, Tensor>,
): Promise<Float32Array> {
  const options = { graphOptimizationLevel: 'disabled', logSeverityLevel: 3 } as const;
  const session =
    typeof model === 'string'
      ? await InferenceSession.create(model, options)
      : await InferenceSession.create(model, options);
  const feeds: Record<string, OrtTensor> = {};
  for (const [name, { dtype, data, dims }] of Object.entries(inputs)) {
    feeds[name] = new OrtTensor(dtype as 'float32', data as Float32Array, dims);
  }
  const results = await session.run(feeds);
  const first = results[session.outputNames[0]!]!.data as Float32Array;
  await session.release();
  return Float32Array.from(first);
}

/** The image that the fixture network was run on in PyTorch. */
export const image: Tensor = {
  dtype: 'float32',
  dims: [2, 1, 8, 8],
  data: Float32Array.from({ length: 128 }, (_, index) => Math.sin(index)),
};

/** A number as protobuf writes it. */
export function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return Buffer.from([...bytes, value]);
}

/** The bytes of a protobuf field, for building odd files by hand. */
export function field(number: number, wire: number, content: Uint8Array | readonly number[]): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([
    varint(number * 8 + wire),
    wire === 2 ? varint(bytes.length) : Buffer.alloc(0),
    bytes,
  ]);
}

/** A string field. */
export function text(number: number, value: string): Buffer {
  return field(number, 2, Buffer.from(value));
}

const tensorType = field(1, 2, Buffer.concat([field(1, 0, [1]), field(2, 2, field(1, 2, field(1, 0, [2])))]));
const graphHead = Buffer.concat([
  field(1, 2, Buffer.concat([text(1, 'x'), text(2, 'y'), text(4, 'Identity')])),
  text(2, 'g'),
  field(11, 2, Buffer.concat([text(1, 'x'), field(2, 2, tensorType)])),
  field(12, 2, Buffer.concat([text(1, 'y'), field(2, 2, tensorType)])),
]);
const version = field(1, 0, [7]);
const opset = field(8, 2, field(2, 0, [13]));

/** A file with an Identity, one initializer made of the given TensorProto fields, and more fields of the graph. */
export function modelAround(tensorFields: readonly Uint8Array[], ...graphFields: Uint8Array[]): Buffer {
  const tensor = field(5, 2, Buffer.concat(tensorFields));
  return Buffer.concat([version, field(7, 2, Buffer.concat([graphHead, tensor, ...graphFields])), opset]);
}

/** Writes a model with one float32 initializer "w" of `count` elements, whose payload is a hole in the file. */
export function writeHollowModel(path: string, count: number): void {
  const bytes = 4 * count;
  const header = Buffer.concat([
    field(1, 0, varint(count)),
    field(2, 0, [1]),
    text(8, 'w'),
    varint(9 * 8 + 2),
    varint(bytes),
  ]);
  const before = Buffer.concat([graphHead, varint(5 * 8 + 2), varint(header.length + bytes), header]);
  const start = Buffer.concat([version, varint(7 * 8 + 2), varint(before.length + bytes), before]);
  const descriptor = openSync(path, 'w');
  writeSync(descriptor, start);
  writeSync(descriptor, opset, 0, opset.length, start.length + bytes);
  closeSync(descriptor);
}
