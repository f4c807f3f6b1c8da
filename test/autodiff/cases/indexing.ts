// Random cases of reductions and of operators that pick, place or repeat elements.
import { elementCount, float32, int64, type Tensor } from '../../../src/tensor/tensor';
import type { Random } from '../../../src/tensor/random';
import { awayFromZero, between, node, normals, oneOf, sizes, spaced, type Case } from '../harness';

/** A reduction over some axes or all, as attributes and as inputs, with and without keepdims. */
export function reductionCase(
  opType: string,
  values: (random: Random, dims: readonly number[]) => Tensor = normals,
  differences: Case['differences'] = 'smooth',
  largest = 4,
): (random: Random, index: number) => Case {
  return (random, index) => {
    const rank = (index % 4) + 1;
    const dims = sizes(random, rank, 1, largest);
    const axes = random
      .shuffle(dims.map((_, axis) => axis))
      .slice(0, between(random, 1, rank))
      .map(axis => (random.integer(2) ? axis : axis - rank));
    const all = index % 5 === 0;
    const old = index % 2 === 0;
    const nothing = !old && index % 10 === 5;
    const keepdims = oneOf(random, [0, 1, undefined]);
    return {
      title: `[${dims.join()}], axes ${all ? 'all' : axes.join()}, keepdims ${keepdims ?? 'default'}`,
      nodes: [
        node(opType, old || all ? ['x'] : ['x', 'axes'], ['y'], {
          keepdims,
          axes: old && !all ? axes : undefined,
          noop_with_empty_axes: nothing && !old ? 1 : undefined,
        }),
      ],
      opset: old ? 11 : 18,
      args: { x: values(random, dims) },
      constants: old || all ? {} : { axes: int64([axes.length], axes) },
      output: 'y',
      differences,
    };
  };
}

/** Values for ReduceProd: no zero or one among them (with two, differences see higher orders only). */
export function withZeros(random: Random, dims: readonly number[]): Tensor {
  const tensor = awayFromZero(random, dims);
  const data = (tensor.data as Float32Array).slice();
  if (random.integer(2)) data[random.integer(data.length)] = 0;
  return float32(dims, data);
}

export function globalMaxPoolCase(random: Random, index: number): Case {
  const dims = [...sizes(random, 2, 1, 3), ...sizes(random, (index % 3) + 1, 1, 4)];
  return {
    title: `[${dims.join()}]`,
    nodes: [node('GlobalMaxPool', ['x'], ['y'])],
    args: { x: spaced(random, dims) },
    output: 'y',
    differences: 'piecewise',
  };
}

/** Slices with steps of either sign, ends beyond the edges, counted from either end, in the old form and the new. */
export function sliceCase(random: Random, index: number): Case {
  const dims = sizes(random, (index % 4) + 1, 3, 7);
  const rank = dims.length;
  const axes = random.shuffle(dims.map((_, axis) => axis)).slice(0, between(random, 1, rank));
  const old = index % 4 === 0;
  const steps = axes.map(() => (old ? 1 : oneOf(random, [1, 1, 2, 3, -1, -2])));
  const starts = axes.map((axis, at) => {
    const size = dims[axis]!;
    return steps[at]! > 0 ? oneOf(random, [0, 1, -size, -2, -100]) : oneOf(random, [size - 1, -1, 100, -2]);
  });
  const ends = axes.map((axis, at) => {
    const size = dims[axis]!;
    return steps[at]! > 0
      ? oneOf(random, [size, 1000, 9e15, -1])
      : oneOf(random, [-9e15, -1000, -size - 1, 0]);
  });
  const given = axes.map(axis => (random.integer(2) && !old ? axis - rank : axis));
  const list = (values: readonly number[]): Tensor => int64([values.length], values);
  return {
    title: `[${dims.join()}], axes ${given.join()}, ${starts.join()} to ${ends.join()} by ${steps.join()}`,
    nodes: [
      old
        ? node('Slice', ['x'], ['y'], { axes, starts, ends })
        : node('Slice', ['x', 'starts', 'ends', 'axes', 'steps'], ['y']),
    ],
    opset: old ? 9 : 13,
    args: { x: normals(random, dims) },
    constants: old ? {} : { starts: list(starts), ends: list(ends), axes: list(given), steps: list(steps) },
    output: 'y',
    differences: 'exact',
  };
}

/** One output of a split counts; others are unused, as exporters leave them. */
export function splitCase(random: Random, index: number): Case {
  const dims = sizes(random, (index % 3) + 1, 1, 4);
  const axis = random.integer(dims.length);
  const parts = sizes(random, between(random, 2, 3), 1, 3);
  dims[axis] = parts.reduce((sum, part) => sum + part, 0);
  const old = index % 2 === 0;
  const outputs = parts.map((_, at) => `y${at}`);
  return {
    title: `[${dims.join()}] into ${parts.join()} along ${axis}`,
    nodes: [
      node('Split', old ? ['x'] : ['x', 'parts'], outputs, { axis, split: old ? parts : undefined }),
      node('Mul', [oneOf(random, outputs), 'two'], ['y']),
    ],
    opset: old ? 11 : 13,
    args: { x: normals(random, dims) },
    constants: { two: float32([], [2]), ...(old ? {} : { parts: int64([parts.length], parts) }) },
    output: 'y',
    differences: 'exact',
  };
}

export function tileCase(random: Random, index: number): Case {
  const dims = sizes(random, (index % 4) + 1, 1, 3);
  const repeats = sizes(random, dims.length, 1, 3);
  return {
    title: `[${dims.join()}] × ${repeats.join()}`,
    nodes: [node('Tile', ['x', 'repeats'], ['y'])],
    args: { x: normals(random, dims) },
    constants: { repeats: int64([repeats.length], repeats) },
    output: 'y',
    differences: 'exact',
  };
}

export function triluCase(random: Random, index: number): Case {
  const dims = sizes(random, (index % 2) + 2, 2, 5);
  const shift = index % 3 === 0 ? undefined : between(random, -2, 2);
  return {
    title: `[${dims.join()}], k ${shift ?? 'absent'}`,
    nodes: [
      node('Trilu', shift === undefined ? ['x'] : ['x', 'k'], ['y'], {
        upper: oneOf(random, [0, 1, undefined]),
      }),
    ],
    args: { x: normals(random, dims) },
    constants: shift === undefined ? {} : { k: int64([], [shift]) },
    output: 'y',
    differences: 'exact',
  };
}

export function cumSumCase(random: Random, index: number): Case {
  const dims = sizes(random, (index % 3) + 1, 1, 5);
  const axis = between(random, -dims.length, dims.length - 1);
  return {
    title: `[${dims.join()}] along ${axis}`,
    nodes: [
      node('CumSum', ['x', 'axis'], ['y'], {
        exclusive: oneOf(random, [0, 1, undefined]),
        reverse: oneOf(random, [0, 1, undefined]),
      }),
    ],
    args: { x: normals(random, dims) },
    constants: { axis: int64([], [axis]) },
    output: 'y',
    differences: 'exact',
  };
}

export function topKCase(random: Random, index: number): Case {
  const dims = sizes(random, (index % 3) + 1, 2, 5);
  const axis = between(random, -dims.length, dims.length - 1);
  const k = between(random, 1, dims[axis < 0 ? axis + dims.length : axis]!);
  return {
    title: `[${dims.join()}], ${k} along ${axis}`,
    nodes: [node('TopK', ['x', 'k'], ['y', 'places'], { axis, largest: oneOf(random, [0, 1, undefined]) })],
    opset: 11,
    args: { x: spaced(random, dims) },
    constants: { k: int64([1], [k]) },
    output: 'y',
    differences: 'piecewise',
  };
}

/** Indices in [−size, size), as ONNX allows them. */
function signedIndices(random: Random, dims: readonly number[], size: number): Tensor {
  return int64(
    dims,
    Array.from({ length: elementCount(dims) }, () => between(random, -size, size - 1)),
  );
}

export function gatherElementsCase(random: Random, index: number): Case {
  const dims = sizes(random, (index % 3) + 1, 1, 4);
  const axis = random.integer(dims.length);
  const picked = dims.map((dim, at) => (at === axis ? between(random, 1, 5) : between(random, 1, dim)));
  return {
    title: `[${dims.join()}] by [${picked.join()}] along ${axis}`,
    nodes: [
      node('GatherElements', ['x', 'places'], ['y'], { axis: random.integer(2) ? axis : axis - dims.length }),
    ],
    args: { x: normals(random, dims) },
    constants: { places: signedIndices(random, picked, dims[axis]!) },
    output: 'y',
    differences: 'exact',
  };
}

export function gatherNdCase(random: Random, index: number): Case {
  const dims = sizes(random, between(random, 2, 4), 1, 4);
  const batch = index % 3 === 0 ? 1 : 0;
  const depth = between(random, 1, dims.length - batch);
  const picks = [...dims.slice(0, batch), ...sizes(random, between(random, 1, 2), 1, 3)];
  const places: number[] = [];
  for (let at = 0; at < elementCount(picks); at++)
    for (let axis = batch; axis < batch + depth; axis++)
      places.push(between(random, -dims[axis]!, dims[axis]! - 1));
  return {
    title: `[${dims.join()}] at [${picks.join()}], depth ${depth}, ${batch} batch axes`,
    nodes: [node('GatherND', ['x', 'places'], ['y'], { batch_dims: batch || undefined })],
    args: { x: normals(random, dims) },
    constants: { places: int64([...picks, depth], places) },
    output: 'y',
    differences: 'exact',
  };
}

/** ScatterND with distinct places for plain writes, any for additions. */
export function scatterNdCase(random: Random): Case {
  const dims = sizes(random, between(random, 1, 3), 2, 4);
  const depth = between(random, 1, dims.length);
  const cells = elementCount(dims.slice(0, depth));
  const reduction = oneOf(random, reductions);
  const adds = reduction === 'add';
  const count = between(random, 1, Math.min(4, cells));
  const flat = adds
    ? Array.from({ length: count }, () => random.integer(cells))
    : random.shuffle(Array.from({ length: cells }, (_, at) => at)).slice(0, count);
  const places = flat.flatMap(at => unravel(at, dims.slice(0, depth)));
  return {
    title: `[${dims.join()}], ${count} places of depth ${depth}, ${reduction ?? 'write'}`,
    nodes: [node('ScatterND', ['x', 'places', 'u'], ['y'], { reduction })],
    opset: 18,
    args: scattered(random, dims, [count, ...dims.slice(depth)], reduction),
    constants: { places: int64([count, depth], places) },
    output: 'y',
    differences: extremes.includes(reduction) ? 'piecewise' : 'exact',
  };
}

/** What updates do to what stands in their places; undefined writes. */
const reductions = [undefined, 'add', 'mul', 'max', 'min'] as const;
const extremes: readonly (string | undefined)[] = ['max', 'min'];

/** Data and updates; where the larger of two counts, none are near each other. */
function scattered(
  random: Random,
  dims: readonly number[],
  updated: readonly number[],
  reduction: (typeof reductions)[number],
): { x: Tensor; u: Tensor } {
  if (!extremes.includes(reduction)) return { x: normals(random, dims), u: normals(random, updated) };
  const count = elementCount(dims);
  const all = spaced(random, [count + elementCount(updated)]).data as Float32Array;
  return { x: float32(dims, all.slice(0, count)), u: float32(updated, all.slice(count)) };
}

export function scatterElementsCase(random: Random, index: number): Case {
  const dims = sizes(random, (index % 3) + 1, 2, 4);
  const axis = random.integer(dims.length);
  const reduction = oneOf(random, reductions);
  const placed = dims.map((dim, at) => (at === axis ? between(random, 1, dim) : between(random, 1, dim)));
  // Along the axis every column gets distinct places, so that plain writes are well defined.
  const places = new Array<number>(elementCount(placed));
  const orders = new Map<string, number[]>();
  for (let at = 0; at < places.length; at++) {
    const position = unravel(at, placed);
    const column = position.filter((_, other) => other !== axis).join();
    let order = orders.get(column);
    if (!order) {
      order = random.shuffle(Array.from({ length: dims[axis]! }, (_, place) => place));
      orders.set(column, order);
    }
    places[at] = order[position[axis]!]! - (random.integer(2) ? dims[axis]! : 0);
  }
  return {
    title: `[${dims.join()}] from [${placed.join()}] along ${axis}, ${reduction ?? 'write'}`,
    nodes: [node('ScatterElements', ['x', 'places', 'u'], ['y'], { axis, reduction })],
    opset: 18,
    args: scattered(random, dims, placed, reduction),
    constants: { places: int64(placed, places) },
    output: 'y',
    differences: extremes.includes(reduction) ? 'piecewise' : 'exact',
  };
}

function unravel(at: number, dims: readonly number[]): number[] {
  const position: number[] = [];
  let rest = at;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    position.unshift(rest % dims[axis]!);
    rest = Math.floor(rest / dims[axis]!);
  }
  return position;
}

export function blockCase(opType: 'DepthToSpace' | 'SpaceToDepth'): (random: Random, index: number) => Case {
  return (random, index) => {
    const size = between(random, 2, 3);
    const [samples, channels, height, width] = sizes(random, 4, 1, 3) as [number, number, number, number];
    const deep = opType === 'DepthToSpace';
    const dims = deep
      ? [samples, channels * size * size, height, width]
      : [samples, channels, height * size, width * size];
    return {
      title: `[${dims.join()}] by ${size}`,
      nodes: [
        node(opType, ['x'], ['y'], {
          blocksize: size,
          mode: deep ? oneOf(random, ['DCR', 'CRD', undefined]) : undefined,
        }),
      ],
      opset: index % 2 ? 13 : 11,
      args: { x: normals(random, dims) },
      output: 'y',
      differences: 'exact',
    };
  };
}

export function oneHotCase(random: Random, index: number): Case {
  const dims = sizes(random, (index % 3) + 1, 1, 4);
  const depth = between(random, 1, 4);
  const chosen = Array.from({ length: elementCount(dims) }, () => between(random, -depth, depth - 1));
  const axis = between(random, -1, dims.length);
  return {
    title: `[${dims.join()}], depth ${depth}, axis ${axis}`,
    nodes: [node('OneHot', ['i', 'depth', 'x'], ['y'], { axis })],
    args: { x: normals(random, [2]) },
    constants: { i: int64(dims, chosen), depth: int64([], [depth]) },
    output: 'y',
    differences: 'exact',
  };
}
