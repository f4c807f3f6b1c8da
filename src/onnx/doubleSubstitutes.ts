// Operators that ONNX Runtime computes in float32 alone, written in others for float64. The last pass over a graph before
// it is loaded: differentiation rules see the operators themselves.
import { floats, int64, type Tensor } from '../tensor/tensor';
import { intOf, mapGraphs, numberOf } from './attributes';
import { numberOf as numberOfType } from './dataTypes';
import type { Attribute, OnnxNode } from './model';

/** Nodes in float64 with the operators that have no kernel written in others, and the constants that these need. */
export function substituteForDouble(nodes: readonly OnnxNode[]): {
  readonly nodes: readonly OnnxNode[];
  readonly constants: ReadonlyMap<string, Tensor>;
} {
  const constants = new Map<string, Tensor>();
  return { nodes: substituteAll(nodes, constants), constants };
}

function substituteAll(nodes: readonly OnnxNode[], constants: Map<string, Tensor>): OnnxNode[] {
  return nodes.flatMap(node => {
    const write = Object.hasOwn(substitutes, node.opType) && node.domain === '' && substitutes[node.opType];
    if (write) {
      const w = new Writer(node, constants);
      write(w, node.inputs[0] ?? '');
      return w.nodes;
    }
    return [mapGraphs(node, graph => ({ ...graph, nodes: substituteAll(graph.nodes, constants) }))];
  });
}

type Attributes = Readonly<Record<string, number>>;

/** Collects the nodes that stand for one. */
class Writer {
  readonly nodes: OnnxNode[] = [];
  readonly output: string;

  constructor(
    readonly node: OnnxNode,
    private readonly constants: Map<string, Tensor>,
  ) {
    this.output = node.outputs[0] ?? '';
  }

  op(opType: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.push(opType, inputs, attributes, `lethe-double/${this.nodes.length}/${this.output}`);
  }

  /** The node that gives the result. */
  result(opType: string, inputs: readonly string[], attributes: Attributes = {}): void {
    this.push(opType, inputs, attributes, this.output);
  }

  private push(opType: string, inputs: readonly string[], attributes: Attributes, output: string): string {
    this.nodes.push({
      name: `${this.node.name || this.node.opType}/${output}`,
      opType,
      domain: '',
      inputs,
      outputs: [output],
      attributes: new Map(
        Object.entries(attributes).map(([key, value]): [string, Attribute] => [key, { type: 'int', value }]),
      ),
    });
    return output;
  }

  number(value: number): string {
    const name = `lethe-double/number/${value}`;
    this.constants.set(name, floats('float64', [], [value]));
    return name;
  }

  /** 0 and 1 as whole numbers. */
  marks(): string {
    this.constants.set('lethe-double/marks', int64([2], [0, 1]));
    return 'lethe-double/marks';
  }

  place(value: number): string {
    const name = `lethe-double/place/${value}`;
    this.constants.set(name, int64([], [value]));
    return name;
  }

  /** A floating attribute; like all of them it is a float32, and so is its default. */
  float(name: string, fallback: number): number {
    const attribute = this.node.attributes.get(name);
    return attribute ? numberOf(attribute) : Math.fround(fallback);
  }

  // Short forms.

  add(a: string, b: string): string {
    return this.op('Add', [a, b]);
  }

  sub(a: string, b: string): string {
    return this.op('Sub', [a, b]);
  }

  mul(a: string, b: string): string {
    return this.op('Mul', [a, b]);
  }

  div(a: string, b: string): string {
    return this.op('Div', [a, b]);
  }

  scale(x: string, factor: number): string {
    return this.mul(x, this.number(factor));
  }

  where(condition: string, yes: string, no: string): string {
    return this.op('Where', [condition, yes, no]);
  }

  equals(x: string, value: number): string {
    return this.op('Equal', [x, this.number(value)]);
  }
}

/** Writes a node in others; `x` is its first input. */
type Substitute = (w: Writer, x: string) => void;

/**
 * log(1 + x) to full precision for x > −1: what rounding takes from 1 + x, the quotient puts back (Kahan; Goldberg,
 * *What Every Computer Scientist Should Know About Floating-Point Arithmetic*, 1991, theorem 4).
 */
function log1p(w: Writer, x: string): string {
  const sum = w.add(x, w.number(1));
  const exact = w.div(w.mul(w.op('Log', [sum]), x), w.sub(sum, w.number(1)));
  return w.where(w.equals(sum, 1), x, exact);
}

/** e^x − 1 to full precision, by the same idea where |x| is below 1. */
function expm1(w: Writer, x: string): string {
  const power = w.op('Exp', [x]);
  const plain = w.sub(power, w.number(1));
  const exact = w.where(w.equals(power, 1), x, w.div(w.mul(plain, x), w.op('Log', [power])));
  return w.where(w.op('Less', [w.op('Abs', [x]), w.number(1)]), exact, plain);
}

/** log(1 + e^x) = max(x, 0) + log(1 + e^−|x|). */
function softplus(w: Writer, x: string): string {
  return w.add(w.op('Relu', [x]), log1p(w, w.op('Exp', [w.op('Neg', [w.op('Abs', [x])])])));
}

/** The line αx + β between 0 and 1. */
function hardSigmoid(w: Writer, x: string, alpha: number, beta: number): string {
  return w.op('Clip', [w.add(w.scale(x, alpha), w.number(beta)), w.number(0), w.number(1)]);
}

/** Σ coefficients[k] x^k. */
function polynomial(w: Writer, x: string, coefficients: readonly number[]): string {
  const [last, ...rest] = [...coefficients].reverse() as [number, ...number[]];
  return rest.reduce((sum, coefficient) => w.add(w.mul(sum, x), w.number(coefficient)), w.number(last));
}

/**
 * erfc(z)·e^(z²) for z from ½ to 6 as a polynomial in u, where 1 / (1 + z / 2.5) = middle + half · u runs from −1 to 1:
 * the Chebyshev series up to u^17, computed with 60 digits and written in powers. Its error is below 1e-16.
 */
const tail = {
  middle: 0.5637254901960784,
  half: 0.2696078431372549,
  coefficients: [
    0.26254285219559254, 0.23850979300725864, 0.08823862589941171, 0.02287676981301267, 0.0035307122262386395,
    7.770781112649774e-5, -8.110502160487532e-5, -7.655227097870815e-6, 2.472213199459493e-6,
    2.7912918382132003e-7, -1.0658416305950583e-7, -6.154413613132829e-9, 5.300660199205279e-9,
    -2.2238226768783414e-10, -2.3959553125537776e-10, 4.226319666895033e-11, 6.993006656653462e-12,
    -2.757314706343293e-12,
  ],
};

/** erf(x) below ½, by its Taylor series. */
function nearErf(w: Writer, x: string): string {
  const coefficients: number[] = [];
  let factor = 2 / Math.sqrt(Math.PI);
  for (let n = 0; n < 13; n++) {
    coefficients.push(factor / (2 * n + 1));
    factor /= -(n + 1);
  }
  // Far from 0 powers overflow, and 0 · ∞ would be no number: the series is asked for small values only.
  const small = w.op('Clip', [x, w.number(-0.5), w.number(0.5)]);
  return w.mul(small, polynomial(w, w.mul(small, small), coefficients));
}

/** erfc(|x|) from ½ on; beyond 6, where it is below 1e-16, to that. */
function farErfc(w: Writer, size: string): string {
  const z = w.op('Clip', [size, w.number(0.5), w.number(6)]);
  const t = w.op('Reciprocal', [w.add(w.scale(z, 1 / 2.5), w.number(1))]);
  const u = w.scale(w.sub(t, w.number(tail.middle)), 1 / tail.half);
  return w.mul(polynomial(w, u, tail.coefficients), w.op('Exp', [w.op('Neg', [w.mul(size, size)])]));
}

function erf(w: Writer, x: string): string {
  const size = w.op('Abs', [x]);
  const far = w.mul(w.op('Sign', [x]), w.sub(w.number(1), farErfc(w, size)));
  return w.where(w.op('Less', [size, w.number(0.5)]), nearErf(w, x), far);
}

/** 1 + erf(x), which keeps its digits where x is far below 0. */
function onePlusErf(w: Writer, x: string): string {
  const size = w.op('Abs', [x]);
  const tails = farErfc(w, size);
  const far = w.where(w.op('Less', [x, w.number(0)]), tails, w.sub(w.number(2), tails));
  const near = w.add(nearErf(w, x), w.number(1));
  return w.where(w.op('Less', [size, w.number(0.5)]), near, far);
}

const substitutes: Readonly<Record<string, Substitute>> = {
  Acosh: (w, x) => w.result('Log', [w.add(x, w.op('Sqrt', [w.sub(w.mul(x, x), w.number(1))]))]),
  Asinh: (w, x) => {
    const size = w.op('Abs', [x]);
    const square = w.mul(x, x);
    const root = w.add(w.op('Sqrt', [w.add(square, w.number(1))]), w.number(1));
    w.result('Mul', [w.op('Sign', [x]), log1p(w, w.add(size, w.div(square, root)))]);
  },
  Atanh: (w, x) => {
    const size = w.op('Abs', [x]);
    const quotient = w.div(w.scale(size, 2), w.sub(w.number(1), size));
    w.result('Mul', [w.scale(w.op('Sign', [x]), 0.5), log1p(w, quotient)]);
  },
  Celu: (w, x) => {
    const alpha = w.float('alpha', 1);
    const below = w.scale(expm1(w, w.scale(w.op('Min', [x, w.number(0)]), 1 / alpha)), alpha);
    w.result('Where', [w.op('Greater', [x, w.number(0)]), x, below]);
  },
  Cosh: (w, x) => w.result('Mul', [w.number(0.5), w.add(w.op('Exp', [x]), w.op('Exp', [w.op('Neg', [x])]))]),
  Elu: (w, x) => {
    const below = w.scale(expm1(w, w.op('Min', [x, w.number(0)])), w.float('alpha', 1));
    w.result('Where', [w.op('Greater', [x, w.number(0)]), x, below]);
  },
  Erf: (w, x) => w.result('Identity', [erf(w, x)]),
  Gelu: (w, x) => {
    const approximate = w.node.attributes.get('approximate');
    if (approximate?.type === 'string' && approximate.value === 'tanh') {
      const inner = w.mul(x, w.add(w.scale(w.mul(x, x), 0.044715), w.number(1)));
      const t = w.op('Tanh', [w.scale(inner, Math.sqrt(2 / Math.PI))]);
      w.result('Mul', [w.scale(x, 0.5), w.add(t, w.number(1))]);
    } else w.result('Mul', [w.scale(x, 0.5), onePlusErf(w, w.scale(x, Math.SQRT1_2))]);
  },
  HardSigmoid: (w, x) =>
    w.result('Identity', [hardSigmoid(w, x, w.float('alpha', 0.2), w.float('beta', 0.5))]),
  HardSwish: (w, x) => w.result('Mul', [x, hardSigmoid(w, x, 1 / 6, 0.5)]),
  LeakyRelu: (w, x) =>
    w.result('Where', [w.op('Less', [x, w.number(0)]), w.scale(x, w.float('alpha', 0.01)), x]),
  Mean: w =>
    w.result('Div', [
      w.node.inputs.length === 1 ? w.node.inputs[0]! : w.op('Sum', w.node.inputs),
      w.number(w.node.inputs.length),
    ]),
  Mish: (w, x) => w.result('Mul', [x, w.op('Tanh', [softplus(w, x)])]),
  NonZero: (w, x) => w.result('NonZero', [w.op('Cast', [x], { to: numberOfType('bool') })]),
  OneHot: (w, x) => {
    const [, depth = '', values = ''] = w.node.inputs;
    const whole = { to: numberOfType('int64') };
    const chosen = w.op('OneHot', [w.op('Cast', [x], whole), w.op('Cast', [depth], whole), w.marks()], {
      axis: intOf(w.node, 'axis', -1),
    });
    w.result('Where', [
      w.op('Cast', [chosen], { to: numberOfType('bool') }),
      w.op('Gather', [values, w.place(1)]),
      w.op('Gather', [values, w.place(0)]),
    ]);
  },
  PRelu: (w, x) => w.result('Where', [w.op('Less', [x, w.number(0)]), w.mul(x, w.node.inputs[1] ?? ''), x]),
  Selu: (w, x) => {
    const below = w.scale(
      expm1(w, w.op('Min', [x, w.number(0)])),
      w.float('alpha', 1.67326319217681884765625),
    );
    const both = w.where(w.op('Greater', [x, w.number(0)]), x, below);
    w.result('Mul', [both, w.number(w.float('gamma', 1.05070102214813232421875))]);
  },
  Sinh: (w, x) => {
    const grown = expm1(w, w.op('Abs', [x]));
    const both = w.add(grown, w.div(grown, w.add(grown, w.number(1))));
    w.result('Mul', [w.scale(w.op('Sign', [x]), 0.5), both]);
  },
  Softplus: (w, x) => w.result('Identity', [softplus(w, x)]),
  Softsign: (w, x) => w.result('Div', [x, w.add(w.op('Abs', [x]), w.number(1))]),
  Tan: (w, x) => w.result('Div', [w.op('Sin', [x]), w.op('Cos', [x])]),
  ThresholdedRelu: (w, x) =>
    w.result('Where', [w.op('Greater', [x, w.number(w.float('alpha', 1))]), x, w.number(0)]),
};

/** The operators that this pass writes in others. */
export const substituted: readonly string[] = Object.keys(substitutes);
