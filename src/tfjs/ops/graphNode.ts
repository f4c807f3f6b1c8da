// A node of a TensorFlow graph as its JSON gives it: operator, inputs and attributes.
import type { DType } from '../../tensor/dtype';
import type { JsonPlace } from '../json';

/** The input of a node: which output of which node. */
export interface NodeInput {
  readonly node: string;
  readonly output: number;
}

/** TensorFlow's element types, by name and by number, and those that graphs compute with. */
const types: Readonly<Record<string, DType>> = {
  DT_FLOAT: 'float32',
  DT_DOUBLE: 'float32',
  DT_HALF: 'float32',
  DT_INT32: 'int32',
  DT_INT64: 'int32',
  DT_BOOL: 'bool',
  '1': 'float32',
  '2': 'float32',
  '3': 'int32',
  '9': 'int32',
  '10': 'bool',
  '19': 'float32',
};

/** One node of a GraphModel. */
export class GraphNode {
  readonly name: string;
  readonly op: string;
  /** Data inputs in order; control inputs (^name) only say what runs first and are left out. */
  readonly inputs: readonly NodeInput[];

  constructor(private readonly place: JsonPlace) {
    this.name = place.at('name').text();
    this.op = place.at('op').text();
    this.inputs = place.has('input')
      ? place
          .at('input')
          .items()
          .map(input => input.text())
          .filter(input => !input.startsWith('^'))
          .map(parseInput)
      : [];
  }

  /** Whether the node has an attribute. */
  has(name: string): boolean {
    return this.place.has('attr') && this.place.at('attr').has(name);
  }

  /** An attribute with one of the fields of TensorFlow's AttrValue: s, i, f, b, type, shape, list. */
  attribute(name: string): JsonPlace {
    return this.place.at('attr').at(name);
  }

  text(name: string, fallback: string): string {
    return this.has(name) ? decodeText(this.attribute(name).at('s').text()) : fallback;
  }

  int(name: string, fallback: number): number {
    return this.has(name) && this.attribute(name).has('i') ? numeric(this.attribute(name).at('i')) : fallback;
  }

  float(name: string, fallback: number): number {
    return this.has(name) && this.attribute(name).has('f') ? numeric(this.attribute(name).at('f')) : fallback;
  }

  flag(name: string, fallback: boolean): boolean {
    return this.has(name) && this.attribute(name).has('b') ? this.attribute(name).at('b').flag() : fallback;
  }

  /** An element type as graphs compute with it; undefined where there is none or it is another. */
  type(name: string): DType | undefined {
    if (!this.has(name)) return undefined;
    const written = String(this.attribute(name).at('type').value);
    return Object.hasOwn(types, written) ? types[written] : undefined;
  }

  ints(name: string): number[] {
    if (!this.has(name) || !this.attribute(name).at('list').has('i')) return [];
    return this.attribute(name).at('list').at('i').items().map(numeric);
  }

  texts(name: string): string[] {
    if (!this.has(name) || !this.attribute(name).at('list').has('s')) return [];
    return this.attribute(name)
      .at('list')
      .at('s')
      .items()
      .map(item => decodeText(item.text()));
  }
}

function parseInput(text: string): NodeInput {
  const match = /^(.*):(\d+)$/.exec(text);
  return match ? { node: match[1]!, output: Number(match[2]) } : { node: text, output: 0 };
}

/** 64-bit integers are written as texts. */
function numeric(place: JsonPlace): number {
  const value = typeof place.value === 'string' ? Number(place.value) : place.value;
  if (typeof value !== 'number' || Number.isNaN(value)) throw place.wrong('a number');
  return value;
}

/** Byte strings are written in base64; older converters wrote some as they are. */
function decodeText(text: string): string {
  const decoded = Buffer.from(text, 'base64');
  return decoded.toString('base64') === text && text.length % 4 === 0 ? decoded.toString('utf8') : text;
}
