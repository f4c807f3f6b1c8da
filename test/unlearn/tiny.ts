// Small models and data for tests of methods: perceptrons written as ONNX files, samples in memory.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BoundDataset } from '../../src/data/dataset';
import { emitModel } from '../../src/onnx/emit';
import type { OnnxNode } from '../../src/onnx/model';
import type { HeadLoss, ParameterValues } from '../../src/runtime/contracts';
import { Engine } from '../../src/runtime/engine';
import { takeSamples } from '../../src/runtime/batches';
import type { MethodSettings } from '../../src/shared/recipe';
import type { FloatArray } from '../../src/tensor/dtype';
import { Random } from '../../src/tensor/random';
import { floats, floatTypeOf, type Tensor } from '../../src/tensor/tensor';
import type { MethodContext } from '../../src/unlearn/method';
import { methodNamed } from '../../src/unlearn/registry';

/** One layer of a perceptron: [rows out, columns in], row-major, with or without a bias. */
export interface Layer {
  readonly name: string;
  readonly out: number;
  readonly in: number;
  readonly weight: FloatArray;
  readonly bias?: FloatArray;
}

/** A layer with normal weights. */
export function layer(name: string, out: number, inputs: number, random: Random, bias = true): Layer {
  const draw = (count: number): Float32Array =>
    Float32Array.from({ length: count }, () => random.normal() / Math.sqrt(inputs));
  return {
    name,
    out,
    in: inputs,
    weight: draw(out * inputs),
    ...(bias ? { bias: draw(out) } : {}),
  };
}

/** Writes a perceptron x → Gemm → activation → … → Gemm to a file, in the type of its first weight. */
export function writePerceptron(path: string, layers: readonly Layer[], activation: string | null): void {
  const nodes: OnnxNode[] = [];
  const initializers = new Map<string, Tensor>();
  const type = floatTypeOf(layers[0]!.weight);
  let value = 'x';
  layers.forEach((each, index) => {
    const last = index === layers.length - 1;
    initializers.set(`${each.name}.weight`, floats(type, [each.out, each.in], each.weight));
    if (each.bias) initializers.set(`${each.name}.bias`, floats(type, [each.out], each.bias));
    const product = last ? 'y' : `${each.name}.product`;
    nodes.push({
      name: each.name,
      opType: 'Gemm',
      domain: '',
      inputs: [value, `${each.name}.weight`, ...(each.bias ? [`${each.name}.bias`] : [])],
      outputs: [product],
      attributes: new Map([['transB', { type: 'int', value: 1 }]]),
    });
    value = product;
    if (last || activation === null) return;
    const activated = `${each.name}.activated`;
    nodes.push({
      name: `${each.name}.act`,
      opType: activation,
      domain: '',
      inputs: [value],
      outputs: [activated],
      attributes: new Map(),
    });
    value = activated;
  });
  const info = (name: string, size: number) =>
    ({ name, dtype: type, dims: ['batch', size] as (string | number)[] }) as const;
  const graph = {
    name: 'perceptron',
    nodes,
    inputs: [info('x', layers[0]!.in)],
    outputs: [info('y', layers.at(-1)!.out)],
    initializers,
    valueInfo: [],
  };
  writeFileSync(path, emitModel(graph, { opsets: new Map([['', 17]]) }));
}

/** Samples in memory as a method sees them. */
export function inMemory(inputs: Tensor, labels: readonly Tensor[]): BoundDataset {
  const size = inputs.dims[0]!;
  return {
    size,
    warnings: [],
    dataset: {
      path: 'memory',
      size,
      inputs: [{ name: 'x', dtype: inputs.dtype, dims: inputs.dims.slice(1) }],
      labels: labels.map((label, index) => ({
        name: `label${index}`,
        dtype: label.dtype,
        dims: label.dims.slice(1),
      })),
      classes: null,
      columns: [],
      column: () => [],
      read: indices => Promise.resolve(read(indices)),
    },
    read: indices => Promise.resolve(read(indices)),
  };

  function read(indices: readonly number[]): { inputs: Tensor[]; labels: Tensor[] } {
    return {
      inputs: [takeSamples(inputs, indices)],
      labels: labels.map(label => takeSamples(label, indices)),
    };
  }
}

/** A folder for model files; remove it afterwards. */
export class ModelFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'lethe-unlearn-'));
  private readonly engines: Engine[] = [];

  async engine(layers: readonly Layer[], activation: string | null): Promise<Engine> {
    const file = join(this.path, `model${this.engines.length}.onnx`);
    writePerceptron(file, layers, activation);
    const engine = await Engine.open(file, { threads: 1 });
    this.engines.push(engine);
    return engine;
  }

  async remove(): Promise<void> {
    for (const engine of this.engines) await engine.close();
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** What a run did besides changing the values. */
export interface Ran {
  readonly values: ParameterValues;
  cost: number;
  readonly notes: string[];
}

/** Runs a method on a model and samples. */
export async function runMethod(
  engine: Engine,
  data: BoundDataset,
  heads: readonly HeadLoss[],
  sets: { readonly retained: readonly number[]; readonly forgotten: readonly number[] },
  settings: MethodSettings,
  more: Partial<MethodContext> & { readonly seed?: number } = {},
): Promise<Ran> {
  const ran: Ran = { values: more.values ?? engine.initialValues(), cost: 0, notes: [] };
  await methodNamed(settings.name).run({
    engine,
    train: data,
    ...sets,
    heads,
    settings,
    random: new Random(more.seed ?? 0),
    signal: new AbortController().signal,
    progress: () => undefined,
    addCost: count => void (ran.cost += count),
    recordProjection: () => undefined,
    note: sentence => void ran.notes.push(sentence),
    ...more,
    values: ran.values,
  });
  return ran;
}
