// Random cases of operators that move elements.
import { elementCount, int64, type Tensor } from '../../../src/tensor/tensor';
import type { Random } from '../../../src/tensor/random';
import { between, node, normals, oneOf, sizes, type Case } from '../harness';

export function flattenCase(random: Random, index: number): Case {
  const dims = sizes(random, (index % 5) + 1, 1, 3);
  const axis = index % 4 === 0 ? undefined : between(random, -dims.length, dims.length);
  return {
    title: `[${dims.join()}], axis ${axis ?? 'default'}`,
    nodes: [node('Flatten', ['x'], ['y'], { axis })],
    opset: axis !== undefined && axis < 0 ? 13 : oneOf(random, [7, 13]),
    args: { x: normals(random, dims) },
    output: 'y',
    differences: 'exact',
  };
}

/** Reshape to a permuted factorisation, with −1, with 0 (as the input has it), and with allowzero. */
export function reshapeCase(random: Random, index: number): Case {
  const dims = sizes(random, (index % 4) + 1, 1, 4);
  const target = random.shuffle([...dims, ...(index % 3 ? [] : [1])]);
  const shape = [...target];
  const form = index % 4;
  if (form === 1) shape[random.integer(shape.length)] = -1;
  if (form === 2 && target[0] === dims[0]) shape[0] = 0;
  const allowzero = form === 3 ? 1 : undefined;
  return {
    title: `[${dims.join()}] to [${shape.join()}]`,
    nodes: [node('Reshape', ['x', 'shape'], ['y'], { allowzero })],
    opset: allowzero ? 14 : oneOf(random, [7, 13, 21]),
    args: { x: normals(random, dims) },
    constants: { shape: int64([shape.length], shape) },
    output: 'y',
    differences: 'exact',
  };
}

export function transposeCase(random: Random, index: number): Case {
  const dims = sizes(random, index % 5, 1, 4);
  const perm = index % 5 === 0 || index % 3 === 0 ? undefined : random.shuffle(dims.map((_, axis) => axis));
  return {
    title: `[${dims.join()}], perm ${perm?.join() ?? 'default'}`,
    nodes: [node('Transpose', ['x'], ['y'], { perm })],
    opset: oneOf(random, [7, 13, 21]),
    args: { x: normals(random, dims) },
    output: 'y',
    differences: 'exact',
  };
}

/** Squeeze and Unsqueeze with axes as an attribute (before opset 13) and as an input, some counted from the end. */
export function squeezeCase(opType: 'Squeeze' | 'Unsqueeze'): (random: Random, index: number) => Case {
  return (random, index) => {
    const wide = sizes(random, (index % 3) + 2, 2, 4);
    const axes = random.shuffle(wide.map((_, axis) => axis)).slice(0, between(random, 1, 2));
    for (const axis of axes) wide[axis] = 1;
    const narrow = wide.filter((_, axis) => !axes.includes(axis));
    const opset = oneOf(random, [7, 11, 13, 21]);
    const given = opset >= 11 ? axes.map(axis => (random.integer(2) ? axis - wide.length : axis)) : axes;
    const all = opType === 'Squeeze' && index % 5 === 0;
    const old = opset < 13;
    return {
      title: `[${wide.join()}], axes ${all ? 'of size 1' : given.join()}`,
      nodes: [
        node(opType, old || all ? ['x'] : ['x', 'axes'], ['y'], { axes: old && !all ? given : undefined }),
      ],
      opset,
      args: { x: normals(random, opType === 'Squeeze' ? wide : narrow) },
      constants: old || all ? {} : { axes: int64([given.length], given) },
      output: 'y',
      differences: 'exact',
    };
  };
}

/** Concat of one to four parts along any axis; some parts are constants, some the same value twice. */
export function concatCase(random: Random, index: number): Case {
  const dims = sizes(random, (index % 4) + 1, 1, 3);
  const axis = between(random, -dims.length, dims.length - 1);
  const part = (): Tensor =>
    normals(
      random,
      dims.map((size, at) => (at === (axis + dims.length) % dims.length ? between(random, 1, 3) : size)),
    );
  const args: Record<string, Tensor> = { a: part(), b: part() };
  const constants: Record<string, Tensor> = index % 3 === 1 ? { k: part() } : {};
  const inputs = random.shuffle(['a', 'b', ...Object.keys(constants), ...(index % 3 === 2 ? ['a'] : [])]);
  return {
    title: `${inputs.join()} of [${dims.join()}], axis ${axis}`,
    nodes: [node('Concat', inputs, ['y'], { axis })],
    opset: oneOf(random, [11, 13]),
    args,
    constants,
    output: 'y',
    differences: 'exact',
  };
}

/** Identity, and Dropout, which is one in inference. */
export function identityCase(random: Random, index: number): Case {
  const dims = sizes(random, index % 4, 1, 4);
  return {
    title: `[${dims.join()}]`,
    nodes: [
      node('Identity', ['x'], ['h']),
      index % 2
        ? node('Dropout', ['h'], index % 4 === 1 ? ['y', 'mask'] : ['y'], { ratio: { float: 0.4 } })
        : node('Identity', ['h'], ['y']),
    ],
    opset: oneOf(random, [7, 10]),
    args: { x: normals(random, dims) },
    output: 'y',
    differences: 'exact',
  };
}

/** Casts to half and double precision pass gradients on; casts to integers stop them. */
export function castCase(random: Random, index: number): Case {
  const dims = sizes(random, index % 4, 1, 4);
  const stops = index % 3 === 0;
  const to = oneOf(random, stops ? [6, 7, 2] : [1, 10, 11]);
  return {
    title: `[${dims.join()}] to type ${to}`,
    nodes: [
      node('Cast', ['x'], ['h'], { to }),
      node('Cast', ['h'], ['f'], { to: 1 }),
      node('Mul', ['f', 'z'], ['y']),
    ],
    opset: oneOf(random, [9, 13, 19]),
    args: { x: normals(random, dims), z: normals(random, dims) },
    output: 'y',
    differentiable: stops ? ['z'] : ['x', 'z'],
    differences: 'exact',
  };
}

/** Gather along any axis; indices of rank 0 to 2, negative and repeated, in both integer types. */
export function gatherCase(random: Random, index: number): Case {
  const dims = sizes(random, (index % 3) + 1, 1, 4);
  const axis = between(random, -dims.length, dims.length - 1);
  const size = dims[(axis + dims.length) % dims.length]!;
  const shape = sizes(random, index % 4 === 3 ? 0 : (index % 4) % 3, 1, 5);
  const picks = Array.from({ length: elementCount(shape) }, () => between(random, -size, size - 1));
  const wide = index % 2 === 0;
  return {
    title: `[${dims.join()}], axis ${axis}, indices [${shape.join()}] = ${picks.join()}`,
    nodes: [node('Gather', ['x', 'indices'], ['y'], { axis })],
    opset: oneOf(random, [11, 13]),
    args: { x: normals(random, dims) },
    constants: {
      indices: wide ? int64(shape, picks) : { dtype: 'int32', dims: shape, data: Int32Array.from(picks) },
    },
    output: 'y',
    differences: 'exact',
  };
}

/** Expand to a shape of higher, equal or lower rank. */
export function expandCase(random: Random, index: number): Case {
  const full = sizes(random, (index % 4) + 1, 1, 4);
  const dims = full.slice(between(random, 0, full.length)).map(size => (random.integer(2) ? 1 : size));
  // A shape may be smaller than the value: the value's own axes win.
  const shape = index % 5 === 0 ? dims.map(() => 1) : full;
  return {
    title: `[${dims.join()}] to [${shape.join()}]`,
    nodes: [node('Expand', ['x', 'shape'], ['y'])],
    opset: oneOf(random, [8, 13]),
    args: { x: normals(random, dims) },
    constants: { shape: int64([shape.length], shape) },
    output: 'y',
    differences: 'exact',
  };
}

/** Pad with zeros or another number, in the forms of every opset; negative pads cut. */
export function padCase(random: Random, index: number): Case {
  const dims = sizes(random, (index % 4) + 1, 3, 5);
  const opset = oneOf(random, [7, 11, 13, 18, 21]);
  const cuts = index % 3 === 0;
  const every = dims.map((_, axis) => axis);
  const axes =
    opset >= 18 && index % 2 ? random.shuffle([...every]).slice(0, between(random, 1, dims.length)) : every;
  const given = axes.map(axis => (axes !== every && random.integer(2) ? axis - dims.length : axis));
  const pads = [...axes, ...axes].map(() => between(random, cuts ? -1 : 0, 2));
  const value = index % 4 === 1 ? random.normal() : 0;
  const old = opset < 11;
  const inputs = [
    'x',
    'pads',
    ...(value || axes !== every ? ['value'] : []),
    ...(axes !== every ? ['axes'] : []),
  ];
  return {
    title: `[${dims.join()}], pads ${pads.join()}, axes ${given.join()}, value ${value}`,
    nodes: [
      old
        ? node('Pad', ['x'], ['y'], { pads, value: { float: value } })
        : node('Pad', inputs, ['y'], { mode: index % 2 ? 'constant' : undefined }),
    ],
    opset,
    args: { x: normals(random, dims) },
    constants: old
      ? {}
      : {
          pads: int64([pads.length], pads),
          ...(inputs.includes('value')
            ? { value: { dtype: 'float32' as const, dims: [], data: Float32Array.of(value) } }
            : {}),
          ...(inputs.includes('axes') ? { axes: int64([given.length], given) } : {}),
        },
    output: 'y',
    differences: 'exact',
  };
}
