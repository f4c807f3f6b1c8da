// Random cases of pooling operators.
import type { Random } from '../../../src/tensor/random';
import { between, node, normals, oneOf, sizes, spaced, type Case } from '../harness';

interface PoolForm {
  readonly dims: number[];
  readonly attributes: Record<string, number | number[] | string | undefined>;
}

/** The index walks through tiling, overlapping, gapped, padded and automatically padded windows of every rank. */
function poolForm(random: Random, index: number, canDilate: boolean): PoolForm {
  const rank = (index % 3) + 1;
  const kind = ['tiles', 'remainder', 'overlap', 'padded', 'auto', 'dilated', 'gaps'][
    Math.floor(index / 3) % 7
  ]!;
  const kernel = sizes(random, rank, kind === 'gaps' ? 1 : 2, rank === 3 ? 2 : 3);
  const tiling = kind === 'tiles' || kind === 'remainder';
  const strides = kernel.map(size =>
    tiling ? size : kind === 'gaps' ? size + between(random, 1, 2) : between(random, 1, 2),
  );
  const dilations = kernel.map(() => (kind === 'dilated' && canDilate ? between(random, 1, 3) : 1));
  const autoPad = kind === 'auto' ? oneOf(random, ['SAME_UPPER', 'SAME_LOWER', 'VALID']) : undefined;
  const pads = [...kernel, ...kernel].map(size =>
    kind === 'padded' || (kind === 'dilated' && random.integer(2)) ? between(random, 0, size - 1) : 0,
  );
  const spatial = kernel.map((size, axis) => {
    const reach = dilations[axis]! * (size - 1) + 1;
    if (kind === 'tiles') return size * between(random, 1, 3);
    return reach + between(random, kind === 'remainder' ? 1 : 0, 4);
  });
  const ceil = kind !== 'tiles' && !autoPad && random.integer(2) === 1;
  return {
    dims: [between(random, 1, 2), between(random, 1, 2), ...spatial],
    attributes: {
      kernel_shape: kernel,
      strides: strides.every(stride => stride === 1) && random.integer(2) ? undefined : strides,
      dilations: dilations.some(dilation => dilation !== 1) ? dilations : undefined,
      pads: pads.some(pad => pad > 0) ? pads : undefined,
      auto_pad: autoPad,
      ceil_mode: ceil ? 1 : undefined,
    },
  };
}

export function maxPoolCase(random: Random, index: number): Case {
  const { dims, attributes } = poolForm(random, index, true);
  return {
    title: `x ${dims.join('×')}, ${JSON.stringify(attributes)}`,
    nodes: [node('MaxPool', ['x'], index % 5 === 4 ? ['y', 'indices'] : ['y'], attributes)],
    opset: oneOf(random, [11, 12, 21]),
    args: { x: spaced(random, dims) },
    output: 'y',
    differences: 'piecewise',
  };
}

export function averagePoolCase(random: Random, index: number): Case {
  const { dims, attributes } = poolForm(random, index, true);
  const all = { ...attributes, count_include_pad: random.integer(2) || undefined };
  return {
    title: `x ${dims.join('×')}, ${JSON.stringify(all)}`,
    nodes: [node('AveragePool', ['x'], ['y'], all)],
    opset: attributes['dilations'] ? oneOf(random, [19, 21]) : oneOf(random, [11, 19, 21]),
    args: { x: normals(random, dims) },
    output: 'y',
    differences: 'exact',
  };
}

export function globalAveragePoolCase(random: Random, index: number): Case {
  const dims = [between(random, 1, 3), between(random, 1, 3), ...sizes(random, (index % 3) + 1, 1, 4)];
  return {
    title: `x ${dims.join('×')}`,
    nodes: [node('GlobalAveragePool', ['x'], ['y'])],
    opset: oneOf(random, [7, 21]),
    args: { x: normals(random, dims) },
    output: 'y',
    differences: 'exact',
  };
}
