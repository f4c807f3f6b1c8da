// Random cases of normalisations by the sample's own statistics, resizing, transposed convolution, LpPool, Einsum.
import { float32, int64, type Tensor } from '../../../src/tensor/tensor';
import type { Random } from '../../../src/tensor/random';
import { awayFromZero, between, node, normals, oneOf, sizes, type Case } from '../harness';

export function layerNormalizationCase(random: Random, index: number): Case {
  const dims = sizes(random, (index % 3) + 2, 2, 4);
  const axis = between(random, -dims.length, dims.length - 1);
  const from = axis < 0 ? axis + dims.length : axis;
  const shape = dims.slice(from);
  const bias = index % 3 !== 0;
  return {
    title: `[${dims.join()}] from ${axis}, ${bias ? 'with' : 'without'} bias`,
    nodes: [
      node('LayerNormalization', bias ? ['x', 'scale', 'bias'] : ['x', 'scale'], ['y'], {
        axis: axis === -1 && index % 2 ? undefined : axis,
        epsilon: { float: oneOf(random, [1e-5, 0.1]) },
      }),
    ],
    opset: 17,
    args: {
      x: normals(random, dims),
      scale: normals(random, shape),
      ...(bias ? { bias: normals(random, shape) } : {}),
    },
    output: 'y',
    differences: 'smooth',
  };
}

export function instanceNormalizationCase(random: Random, index: number): Case {
  const dims = [...sizes(random, 2, 1, 3), ...sizes(random, (index % 3) + 1, 2, 4)];
  return {
    title: `[${dims.join()}]`,
    nodes: [node('InstanceNormalization', ['x', 'scale', 'bias'], ['y'], { epsilon: { float: 0.01 } })],
    opset: oneOf(random, [9, 13]),
    args: { x: normals(random, dims), scale: normals(random, [dims[1]!]), bias: normals(random, [dims[1]!]) },
    output: 'y',
    differences: 'smooth',
  };
}

export function groupNormalizationCase(random: Random, index: number): Case {
  const groups = between(random, 1, 3);
  const channels = groups * between(random, 1, 3);
  const dims = [between(random, 1, 3), channels, ...sizes(random, (index % 2) + 1, 2, 4)];
  return {
    title: `[${dims.join()}] in ${groups} groups`,
    nodes: [
      node('GroupNormalization', ['x', 'scale', 'bias'], ['y'], {
        num_groups: groups,
        epsilon: { float: 0.01 },
      }),
    ],
    opset: 21,
    args: { x: normals(random, dims), scale: normals(random, [channels]), bias: normals(random, [channels]) },
    output: 'y',
    differences: 'smooth',
  };
}

export function meanVarianceCase(random: Random, index: number): Case {
  const dims = sizes(random, 4, 2, 4);
  const axes = index % 3 === 0 ? undefined : oneOf(random, [[2, 3], [1, 2, 3], [0, 1, 2, 3], [-1]]);
  return {
    title: `[${dims.join()}] over ${axes?.join() ?? 'default'}`,
    nodes: [node('MeanVarianceNormalization', ['x'], ['y'], { axes })],
    opset: 13,
    args: { x: normals(random, dims) },
    output: 'y',
    differences: 'smooth',
  };
}

export function lpNormalizationCase(random: Random, index: number): Case {
  const dims = sizes(random, (index % 3) + 1, 2, 4);
  const axis = between(random, -dims.length, dims.length - 1);
  const p = oneOf(random, [1, 2, undefined]);
  return {
    title: `[${dims.join()}] along ${axis}, p ${p ?? 'default'}`,
    nodes: [node('LpNormalization', ['x'], ['y'], { axis, p })],
    args: { x: awayFromZero(random, dims) },
    output: 'y',
    differences: 'smooth',
  };
}

export function lrnCase(random: Random, index: number): Case {
  const dims = [between(random, 1, 2), between(random, 1, 6), ...sizes(random, 2, 1, 3)];
  // ONNX Runtime takes odd sizes only.
  const size = 2 * (index % 3) + 1;
  return {
    title: `[${dims.join()}], size ${size}`,
    nodes: [
      node('LRN', ['x'], ['y'], { size, alpha: { float: 0.5 }, beta: { float: 0.75 }, bias: { float: 1.5 } }),
    ],
    opset: 13,
    args: { x: normals(random, dims) },
    output: 'y',
    differences: 'smooth',
  };
}

/** Nearest, linear and cubic resizing by scales and by sizes, with every way of counting coordinates. */
export function resizeCase(random: Random, index: number): Case {
  const mode = oneOf(random, ['nearest', 'linear', 'cubic']);
  const transformation = oneOf(random, [
    'half_pixel',
    'asymmetric',
    'align_corners',
    'pytorch_half_pixel',
    undefined,
  ]);
  const dims = [1, between(random, 1, 2), ...sizes(random, 2, 2, 5)];
  const bySizes = index % 2 === 1;
  const targets = dims.map((dim, axis) => (axis < 2 ? dim : between(random, 1, 9)));
  const scales = dims.map((_, axis) => (axis < 2 ? 1 : oneOf(random, [0.5, 1, 1.5, 2, 2.4])));
  const constants: Record<string, Tensor> = bySizes
    ? { sizes: int64([4], targets) }
    : { scales: float32([4], scales) };
  return {
    title: `${mode}, ${transformation ?? 'default'}, [${dims.join()}] ${bySizes ? `to ${targets.join()}` : `by ${scales.join()}`}`,
    nodes: [
      node('Resize', bySizes ? ['x', '', '', 'sizes'] : ['x', '', 'scales'], ['y'], {
        mode,
        coordinate_transformation_mode: transformation,
        nearest_mode:
          mode === 'nearest' ? oneOf(random, ['floor', 'ceil', 'round_prefer_floor', undefined]) : undefined,
      }),
    ],
    opset: 13,
    args: { x: normals(random, dims) },
    constants,
    output: 'y',
    differences: 'exact',
  };
}

/** Padding by reflection, repetition and wrapping. */
export function copyPadCase(random: Random, index: number): Case {
  const mode = ['reflect', 'edge', 'wrap'][index % 3] as string;
  const dims = sizes(random, between(random, 1, 4), 3, 5);
  const pads = [...dims, ...dims].map(() => between(random, 0, 2));
  return {
    title: `${mode}, [${dims.join()}] by ${pads.join()}`,
    nodes: [node('Pad', ['x', 'pads'], ['y'], { mode })],
    opset: 19,
    args: { x: normals(random, dims) },
    constants: { pads: int64([pads.length], pads) },
    output: 'y',
    differences: 'exact',
  };
}

export function convTransposeCase(random: Random, index: number): Case {
  const rank = (index % 2) + 1;
  const group = oneOf(random, [1, 1, 2]);
  const [inner, outer] = [group * between(random, 1, 2), between(random, 1, 2)];
  const kernel = sizes(random, rank, 1, 3);
  const strides = sizes(random, rank, 1, 3);
  const dilations = sizes(random, rank, 1, 2);
  const form = index % 4;
  const extra = strides.map(stride => (form === 1 ? random.integer(stride) : 0));
  const pads = [...kernel, ...kernel].map((size, at) =>
    form === 2 ? random.integer(Math.min(2, dilations[at % rank]! * (size - 1) + 1)) : 0,
  );
  const x = [between(random, 1, 3), inner, ...sizes(random, rank, 3, 5)];
  const bias = index % 3 !== 0;
  return {
    title: `x ${x.join('×')}, kernel ${kernel.join()}, strides ${strides.join()}, pads ${pads.join()}, group ${group}`,
    nodes: [
      node('ConvTranspose', bias ? ['x', 'w', 'b'] : ['x', 'w'], ['y'], {
        kernel_shape: index % 2 ? kernel : undefined,
        strides,
        dilations,
        group,
        output_padding: form === 1 ? extra : undefined,
        pads: form === 2 ? pads : undefined,
        auto_pad: form === 3 ? oneOf(random, ['SAME_UPPER', 'SAME_LOWER', 'VALID']) : undefined,
      }),
    ],
    opset: 11,
    args: {
      x: normals(random, x),
      w: normals(random, [inner, outer, ...kernel]),
      ...(bias ? { b: normals(random, [outer * group]) } : {}),
    },
    output: 'y',
    differences: 'exact',
  };
}

export function lpPoolCase(random: Random, index: number): Case {
  const rank = (index % 2) + 1;
  const kernel = sizes(random, rank, 1, 3);
  const strides = sizes(random, rank, 1, 3);
  const pads = [...kernel, ...kernel].map(size => (index % 3 === 0 ? random.integer(size) : 0));
  const x = [...sizes(random, 2, 1, 2), ...sizes(random, rank, 4, 6)];
  const p = oneOf(random, [1, 2, 3, undefined]);
  return {
    title: `x ${x.join('×')}, kernel ${kernel.join()}, strides ${strides.join()}, pads ${pads.join()}, p ${p ?? 'default'}`,
    nodes: [node('LpPool', ['x'], ['y'], { kernel_shape: kernel, strides, pads, p })],
    opset: 18,
    args: { x: awayFromZero(random, x) },
    output: 'y',
    differences: 'smooth',
  };
}

/** Equations that exporters write: products, attention, traces over indices that one operand alone has. */
export function einsumCase(random: Random, index: number): Case {
  const equations = [
    'ij,jk->ik',
    'bij,bjk->bik',
    'bhid,bhjd->bhij',
    'bij,kj->bik',
    'ij->ji',
    'ij,j->i',
    'bij,bk->bi',
    'i,j->ij',
    'abc,cd->abd',
    'ij,ik,jk->i',
    'ij,jk',
    'bnd,hde->bhne',
    '...ij,jk->...ik',
    '...i,...i->...',
  ];
  const equation = equations[index % equations.length] as string;
  const extent = new Map<string, number>();
  const dimsOf = (term: string): number[] =>
    [...term.replace('...', index % 2 ? 'AB' : 'A')].map(letter => {
      if (!extent.has(letter)) extent.set(letter, between(random, 1, 4));
      return extent.get(letter)!;
    });
  const terms = equation.split('->')[0]!.split(',');
  const names = terms.map((_, at) => `x${at}`);
  return {
    title: equation,
    nodes: [node('Einsum', names, ['y'], { equation })],
    opset: 12,
    args: Object.fromEntries(terms.map((term, at) => [names[at]!, normals(random, dimsOf(term))])),
    output: 'y',
    differences: terms.length > 2 ? 'smooth' : 'exact',
  };
}
