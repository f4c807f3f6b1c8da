// Random cases of elementwise operators, Softmax and BatchNormalization.
import { float32 } from '../../../src/tensor/tensor';
import type { Random } from '../../../src/tensor/random';
import { awayFromZero, between, node, normals, oneOf, sizes, spaced, type Case } from '../harness';

/** Two shapes that broadcast to each other: axes missing or 1 on either side, rank 0 included. */
function broadcastPair(random: Random, index: number): [number[], number[]] {
  const full = sizes(random, (index % 4) + 1, 1, 4);
  const side = (shrinks: boolean): number[] => {
    if (!shrinks) return full;
    const kept = full.slice(between(random, 0, full.length));
    return kept.map(size => (random.integer(3) === 0 ? 1 : size));
  };
  const form = index % 5;
  return [side(form === 1 || form === 3 || form === 4), side(form === 2 || form === 3)];
}

/** Add, Sub, Mul, Div of two arguments, or of one argument with itself. */
export function binaryCase(opType: string): (random: Random, index: number) => Case {
  return (random, index) => {
    const [a, b] = broadcastPair(random, index);
    const twice = index % 10 === 9;
    const divides = opType === 'Div';
    return {
      title: `[${a.join()}] and [${twice ? 'itself' : b.join()}]`,
      nodes: [node(opType, twice ? ['a', 'a'] : ['a', 'b'], ['y'])],
      opset: oneOf(random, [7, 13, 14]),
      args: twice
        ? { a: awayFromZero(random, a) }
        : { a: normals(random, a), b: divides ? awayFromZero(random, b) : normals(random, b) },
      output: 'y',
      differences: divides ? 'smooth' : 'exact',
    };
  };
}

/** An operator of one argument. */
export function unaryCase(
  opType: string,
  differences: Case['differences'],
  values: (random: Random, dims: readonly number[]) => Case['args'][string],
): (random: Random, index: number) => Case {
  return (random, index) => {
    const dims = sizes(random, index % 5, 1, 4);
    return {
      title: `[${dims.join()}]`,
      nodes: [node(opType, ['x'], ['y'])],
      opset: oneOf(random, [7, 13, 21]),
      args: { x: values(random, dims) },
      output: 'y',
      differences,
    };
  };
}

export const reluCase = unaryCase('Relu', 'piecewise', spaced);

/** Softmax and LogSoftmax along every axis, in the form before opset 13 (which flattens) and the one since. */
export function softmaxCase(opType: string): (random: Random, index: number) => Case {
  return (random, index) => {
    const rank = (index % 4) + 1;
    const dims = sizes(random, rank, 1, 4);
    const opset = oneOf(random, [7, 11, 12, 13, 21]);
    // Counting from the end came with opset 11.
    const axis = between(random, opset < 11 ? 0 : -rank, rank - 1);
    const given = rank > 1 && index % 6 === 0 ? undefined : axis;
    return {
      title: `[${dims.join()}], axis ${given ?? 'default'}`,
      nodes: [node(opType, ['x'], ['y'], { axis: given })],
      opset,
      args: { x: normals(random, dims) },
      output: 'y',
      differences: 'smooth',
    };
  };
}

/** BatchNormalization of ranks 2 to 5; mean and variance are no arguments of differentiation. */
export function batchNormalizationCase(random: Random, index: number): Case {
  const dims = [between(random, 1, 3), between(random, 1, 4), ...sizes(random, index % 4, 1, 3)];
  const channels = [dims[1]!];
  return {
    title: `x ${dims.join('×')}`,
    nodes: [
      node('BatchNormalization', ['x', 'scale', 'bias', 'mean', 'variance'], ['y'], {
        epsilon: index % 2 ? { float: oneOf(random, [1e-5, 0.1]) } : undefined,
      }),
    ],
    opset: oneOf(random, [7, 9, 14, 15]),
    args: {
      x: normals(random, dims),
      scale: normals(random, channels),
      bias: normals(random, channels),
      mean: normals(random, channels),
      variance: float32(
        channels,
        channels.flatMap(count => Array.from({ length: count }, () => 0.3 + random.uniform())),
      ),
    },
    output: 'y',
    differentiable: ['x', 'scale', 'bias'],
    differences: 'exact',
  };
}
