// GraphModels written by hand: nodes and weights as the converter of TensorFlow.js writes them.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../../src/tensor/random';

/** An attribute of a node: whole numbers are `i`, lists of them and of texts are lists. */
export type NodeAttribute =
  | number
  | string
  | boolean
  | readonly number[]
  | readonly string[]
  | { readonly float: number }
  | { readonly type: string };

/** Sizes of an input; null is free. */
type Dims = readonly (number | null)[];

interface Weight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32' | 'bool';
  readonly values: readonly number[];
}

/** A GraphModel under construction. Every method gives the name of what it adds. */
export class GraphFixture {
  private readonly nodes: object[] = [];
  private readonly weights: Weight[] = [];
  private readonly inputs: [string, object][] = [];
  private readonly outputs: string[] = [];
  private readonly random: Random;

  constructor(seed = 7) {
    this.random = new Random(seed);
  }

  input(name: string, dims: Dims, type: 'DT_FLOAT' | 'DT_INT32' | 'DT_BOOL' = 'DT_FLOAT'): string {
    const shape = { dim: dims.map(dim => ({ size: String(dim ?? -1) })) };
    this.nodes.push({ name, op: 'Placeholder', attr: { dtype: { type }, shape: { shape } } });
    this.inputs.push([name, { name: `${name}:0`, dtype: type, tensorShape: shape }]);
    return name;
  }

  /** A weight of normal numbers, or of given ones. */
  weight(name: string, shape: readonly number[], values?: readonly number[]): string {
    const count = shape.reduce((all, size) => all * size, 1);
    return this.constant(
      name,
      'float32',
      shape,
      values ?? Array.from({ length: count }, () => this.random.normal()),
    );
  }

  /** Integers of rank 1, or of another shape. */
  ints(name: string, values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.constant(name, 'int32', shape, values);
  }

  truths(name: string, values: readonly boolean[]): string {
    return this.constant(name, 'bool', [values.length], values.map(Number));
  }

  scalar(name: string, value: number, dtype: Weight['dtype'] = 'int32'): string {
    return this.constant(name, dtype, [], [value]);
  }

  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, NodeAttribute>> = {},
    name = `${op}_${this.nodes.length}`,
  ): string {
    // What the converter always writes.
    const ones = Array<number>(op === 'Conv3D' ? 5 : 4).fill(1);
    const all = {
      ...(op.includes('Conv') ? { dilations: ones } : {}),
      ...(op.endsWith('3D') ? { data_format: 'NDHWC' } : {}),
      ...attributes,
    };
    const attr = Object.fromEntries(Object.entries(all).map(([key, value]) => [key, attribute(value)]));
    this.nodes.push({ name, op, input: inputs, attr });
    return name;
  }

  output(name: string): this {
    this.outputs.push(name);
    return this;
  }

  /** The whole model.json; `change` may damage it before it is written. */
  json(): Record<string, unknown> {
    const named = (name: string): [string, object] => [
      name,
      { name: name.includes(':') ? name : `${name}:0` },
    ];
    return {
      format: 'graph-model',
      generatedBy: 'by hand',
      convertedBy: null,
      signature: {
        inputs: Object.fromEntries(this.inputs),
        outputs: Object.fromEntries(this.outputs.map(named)),
      },
      modelTopology: { node: this.nodes, library: {}, versions: { producer: 440 } },
      weightsManifest: [
        {
          paths: ['group1-shard1of1.bin'],
          weights: this.weights.map(({ name, shape, dtype }) => ({ name, shape, dtype })),
        },
      ],
    };
  }

  /** Writes the model into a folder. Gives the path of its model.json. */
  write(folder: string, change: (json: Record<string, unknown>) => unknown = json => json): string {
    mkdirSync(folder, { recursive: true });
    const parts = this.weights.map(({ dtype, values }) => {
      if (dtype === 'bool') return Buffer.from(values);
      const array = dtype === 'int32' ? Int32Array.from(values) : Float32Array.from(values);
      return Buffer.from(array.buffer);
    });
    writeFileSync(join(folder, 'group1-shard1of1.bin'), Buffer.concat(parts));
    const path = join(folder, 'model.json');
    writeFileSync(path, JSON.stringify(change(this.json())));
    return path;
  }

  private constant(
    name: string,
    dtype: Weight['dtype'],
    shape: readonly number[],
    values: readonly number[],
  ): string {
    const type = { float32: 'DT_FLOAT', int32: 'DT_INT32', bool: 'DT_BOOL' }[dtype];
    this.weights.push({ name, shape, dtype, values });
    this.nodes.push({ name, op: 'Const', attr: { dtype: { type } } });
    return name;
  }
}

function attribute(value: NodeAttribute): object {
  if (typeof value === 'number') return { i: String(value) };
  if (typeof value === 'boolean') return { b: value };
  if (typeof value === 'string') return { s: text(value) };
  if (!Array.isArray(value)) return 'float' in value ? { f: value.float } : value;
  const list = value as readonly (number | string)[];
  return {
    list: typeof list[0] === 'string' ? { s: list.map(each => text(String(each))) } : { i: list.map(String) },
  };
}

/** Texts are written in base64. */
function text(value: string): string {
  return Buffer.from(value).toString('base64');
}
