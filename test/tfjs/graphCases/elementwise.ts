// Functions of single elements and arithmetic.
import type { GraphFixture } from '../graphs';
import type { Random } from '../../../src/tensor/random';
import { convolvedImage, positive, inside, beyondOne, gentle, type OperatorCase } from './parts';

function functions(ops: readonly string[], draw?: (random: Random) => number): OperatorCase[] {
  return ops.map(op => ({
    name: op,
    ops: [op],
    build: g => [g.node(op, [gentle(g)])],
    ...(draw ? { draw } : {}),
  }));
}

/** An operation on two values: with a weight, with a number, and with the layouts crossed. */
function arithmetic(op: string, draw?: (random: Random) => number): OperatorCase[] {
  const kinds: [string, (g: GraphFixture) => string[]][] = [
    ['of a row and a weight', g => [g.node(op, [gentle(g), g.weight('v', [4], [1.5, 0.7, 1.2, 2])])]],
    ['with a number', g => [g.node(op, [gentle(g), g.scalar('v', 1.5, 'float32')])]],
    ['the other way round', g => [g.node(op, [g.weight('v', [1, 4], [1.5, 0.7, 1.2, 2]), gentle(g)])]],
  ];
  return kinds.map(([kind, build]) => ({
    name: `${op} ${kind}`,
    ops: [op],
    build,
    ...(draw ? { draw } : {}),
  }));
}

const crossed: OperatorCase[] = ['Add', 'Mul', 'Sub', 'Maximum'].map(op => ({
  name: `${op} of maps in two layouts`,
  ops: [op],
  build: g => {
    const map = convolvedImage(g);
    const channels = g.node(op, [map, g.weight('c', [3])]);
    const pixel = g.node(op, [g.weight('p', [1, 6, 5, 1]), channels]);
    return [g.node(op, [pixel, g.node('Relu', [map])]), g.node(op, [map, g.weight('q', [5, 3])])];
  },
}));

/** All of them. */
export const elementwise: readonly OperatorCase[] = [
  ...functions([
    'Abs',
    'Asinh',
    'Atan',
    'Ceil',
    'Cos',
    'Cosh',
    'Elu',
    'Erf',
    'Exp',
    'Expm1',
    'Floor',
    'Neg',
    'Relu',
    'Relu6',
    'Round',
    'Selu',
    'Sigmoid',
    'Sign',
    'Sin',
    'Sinh',
    'Softplus',
    'Square',
    'Tan',
    'Tanh',
  ]),
  ...functions(['Acos', 'Asin', 'Atanh'], inside),
  ...functions(['Log', 'Log1p', 'Reciprocal', 'Rsqrt', 'Sqrt'], positive),
  ...functions(['Acosh'], random => 1.5 + beyondOne(random)),
  ...['Add', 'AddV2', 'Sub', 'Mul', 'Maximum', 'Minimum', 'SquaredDifference'].flatMap(op => arithmetic(op)),
  ...['Div', 'RealDiv', 'DivNoNan', 'FloorDiv', 'FloorMod', 'Mod', 'Pow'].flatMap(op =>
    arithmetic(op, positive),
  ),
  ...crossed,
];
