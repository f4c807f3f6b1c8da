// The parts that cases of operators are built from: inputs behind a weight, so that a gradient reaches it.
import type { Random } from '../../../src/tensor/random';
import type { GraphFixture } from '../graphs';

/** A graph around an operator: `build` gives its outputs. */
export interface OperatorCase {
  readonly name: string;
  readonly ops: readonly string[];
  readonly build: (g: GraphFixture) => string[];
  /** Where inputs come from; normal numbers by default. */
  readonly draw?: (random: Random) => number;
  /** Differences where TensorFlow.js has no gradient of it or a wrong one; nothing where nothing flows back. */
  readonly gradient?: 'differences' | 'none';
}

/** A batch of rows times a weight. */
export const rows = (g: GraphFixture, width = 5): string =>
  g.node('Mul', [g.input('x', [null, width]), g.weight('w', [width])]);

/** A batch of small images times a weight. */
export const image = (g: GraphFixture, channels = 4, height = 6, width = 5): string =>
  g.node('Mul', [g.input('x', [null, height, width, channels]), g.weight('w', [channels])]);

/** The same behind a convolution, so that its channels lie first where we like them so. */
export const convolvedImage = (g: GraphFixture): string =>
  g.node('Conv2D', [image(g), g.weight('before', [1, 1, 4, 3])], { strides: [1, 1, 1, 1], padding: 'SAME' });

export const positive = (random: Random): number => 0.2 + random.uniform();
export const inside = (random: Random): number => 1.6 * random.uniform() - 0.8;
export const beyondOne = (random: Random): number => 1.1 + random.uniform();

/** x · 0.1…0.9 in a way that keeps x inside the domain of a function. */
export const gentle = (g: GraphFixture): string =>
  g.node('Mul', [g.input('x', [null, 4]), g.weight('w', [4], [0.9, 1, 1.05, 0.8])]);

/** x reshaped to [N, 2, 3]. */
export const cube = (g: GraphFixture): string => g.node('Reshape', [rows(g, 6), g.ints('shape', [-1, 2, 3])]);

/** A second input, for outputs that need another value. */
export function image2(g: GraphFixture): string {
  return g.node('Mul', [g.input('y', [null, 3, 3, 2]), g.weight('u', [2])]);
}

export function convolvedImageOf(g: GraphFixture): string {
  return g.node('Conv2D', [image2(g), g.weight('after', [1, 1, 2, 3])], {
    strides: [1, 1, 1, 1],
    padding: 'SAME',
  });
}

export function cubeOf(g: GraphFixture): string {
  return g.node('Reshape', [
    g.node('Mul', [g.input('z', [null, 6]), g.weight('r', [6])]),
    g.ints('cube', [-1, 2, 3]),
  ]);
}
