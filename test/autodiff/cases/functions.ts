// Random cases of elementwise functions and of operators that combine values element by element.
import { float32, int64, type Tensor } from '../../../src/tensor/tensor';
import type { Random } from '../../../src/tensor/random';
import { awayFromZero, between, node, normals, oneOf, sizes, spaced, type Case } from '../harness';

type Attributes = Parameters<typeof node>[3];

/** Numbers in (low, high). */
export function within(low: number, high: number): (random: Random, dims: readonly number[]) => Tensor {
  return (random, dims) => {
    const count = dims.reduce((product, dim) => product * dim, 1);
    return float32(
      dims,
      Float32Array.from({ length: count }, () => low + (high - low) * random.uniform()),
    );
  };
}

/** A function of one argument, with attributes that vary. */
export function functionCase(
  opType: string,
  settings: {
    readonly values?: (random: Random, dims: readonly number[]) => Tensor;
    readonly attributes?: (random: Random, index: number) => Attributes;
    readonly opset?: number;
    readonly kinks?: boolean;
  } = {},
): (random: Random, index: number) => Case {
  return (random, index) => {
    const dims = sizes(random, index % 5, 1, 4);
    const attributes = settings.attributes?.(random, index) ?? {};
    return {
      title: `[${dims.join()}] ${JSON.stringify(attributes)}`,
      nodes: [node(opType, ['x'], ['y'], attributes)],
      opset: settings.opset ?? 21,
      args: { x: (settings.values ?? normals)(random, dims) },
      output: 'y',
      differences: settings.kinks ? 'piecewise' : 'smooth',
    };
  };
}

/** A float attribute that is absent every third time. */
export function someFloat(
  name: string,
  low: number,
  high: number,
): (random: Random, index: number) => Attributes {
  return (random, index) =>
    index % 3 === 0 ? {} : { [name]: { float: low + (high - low) * random.uniform() } };
}

/** Values at 0.1·k + 0.05, and thresholds at 0.1·k, so that no step crosses one. */
export const stepped = spaced;

export function hardSigmoidCase(random: Random, index: number): Case {
  const [alpha, beta] = oneOf(random, [
    [0.2, 0.5],
    [0.25, 0.5],
    [0.5, 0.25],
  ]) as [number, number];
  const dims = sizes(random, index % 4, 1, 4);
  return {
    title: `α ${alpha}, β ${beta}`,
    nodes: [node('HardSigmoid', ['x'], ['y'], { alpha: { float: alpha }, beta: { float: beta } })],
    args: { x: spaced(random, dims) },
    output: 'y',
    differences: 'piecewise',
  };
}

export function hardSwishCase(random: Random, index: number): Case {
  const dims = sizes(random, index % 4, 1, 4);
  // Inside the bend, on the line and at 0, away from the kinks at ±3.
  const values = oneOf(random, [within(-2.5, 2.5), within(3.5, 6), within(-6, -3.5)]);
  return {
    title: `[${dims.join()}]`,
    nodes: [node('HardSwish', ['x'], ['y'])],
    args: { x: values(random, dims) },
    output: 'y',
    differences: 'smooth',
  };
}

export function clipCase(random: Random, index: number): Case {
  const dims = sizes(random, index % 4, 1, 4);
  const [low, high] = [index % 3 === 1 ? undefined : -0.3, index % 3 === 2 ? undefined : 0.4];
  const old = index % 2 === 0;
  const constants: Record<string, Tensor> = {};
  if (!old && low !== undefined) constants['low'] = float32([], [low]);
  if (!old && high !== undefined) constants['high'] = float32([], [high]);
  return {
    title: `[${low ?? '-∞'}, ${high ?? '∞'}]`,
    nodes: [
      old
        ? node('Clip', ['x'], ['y'], {
            min: low === undefined ? undefined : { float: low },
            max: high === undefined ? undefined : { float: high },
          })
        : node('Clip', ['x', low === undefined ? '' : 'low', high === undefined ? '' : 'high'], ['y']),
    ],
    opset: old ? 10 : 13,
    args: { x: spaced(random, dims) },
    constants,
    output: 'y',
    differences: 'piecewise',
  };
}

export function preluCase(random: Random, index: number): Case {
  const dims = sizes(random, (index % 3) + 2, 1, 4);
  const slopes = oneOf(random, [
    dims,
    [dims[dims.length - 1]!],
    [1],
    [dims[1]!, ...dims.slice(2).map(() => 1)],
  ]);
  return {
    title: `[${dims.join()}], slope [${slopes.join()}]`,
    nodes: [node('PRelu', ['x', 'slope'], ['y'])],
    args: { x: spaced(random, dims), slope: normals(random, slopes) },
    output: 'y',
    differences: 'piecewise',
  };
}

export function powCase(random: Random, index: number): Case {
  const dims = sizes(random, index % 4, 1, 4);
  const exponents = index % 2 ? dims : [];
  const whole = index % 3 === 0;
  return {
    title: `[${dims.join()}] to [${exponents.join()}]`,
    nodes: [node('Pow', ['x', 'e'], ['y'])],
    args: {
      x: whole ? awayFromZero(random, dims) : within(0.5, 2)(random, dims),
      ...(whole ? {} : { e: within(-2, 3)(random, exponents) }),
    },
    ...(whole ? { constants: { e: (index % 2 ? int64 : float32)([], [between(random, 1, 4)]) } } : {}),
    output: 'y',
    differences: 'smooth',
  };
}

/** Max, Min, Sum, Mean of one to four values that broadcast. */
export function variadicCase(opType: string): (random: Random, index: number) => Case {
  return (random, index) => {
    const full = sizes(random, (index % 3) + 1, 1, 3);
    const shapes = Array.from({ length: (index % 4) + 1 }, (_, at) => {
      if (at === 0) return full;
      const kept = full.slice(random.integer(full.length + 1));
      return kept.map(size => (random.integer(3) === 0 ? 1 : size));
    });
    const names = shapes.map((_, at) => `x${at}`);
    const extreme = opType === 'Max' || opType === 'Min';
    // Distinct values over all arguments: cut from one list, so that no two are close.
    const all = spaced(random, [shapes.reduce((sum, dims) => sum + dims.reduce((a, b) => a * b, 1), 0)]);
    let start = 0;
    const args = Object.fromEntries(
      shapes.map((dims, at) => {
        const count = dims.reduce((a, b) => a * b, 1);
        const part = float32(dims, (all.data as Float32Array).slice(start, start + count));
        start += count;
        return [names[at], part];
      }),
    );
    return {
      title: shapes.map(dims => `[${dims.join()}]`).join(' '),
      nodes: [node(opType, names, ['y'])],
      opset: 13,
      args,
      output: 'y',
      differences: extreme ? 'piecewise' : 'exact',
    };
  };
}

export function whereCase(random: Random, index: number): Case {
  const full = sizes(random, (index % 3) + 1, 1, 4);
  const some = (): number[] => {
    const kept = full.slice(random.integer(full.length + 1));
    return kept.map(size => (random.integer(3) === 0 ? 1 : size));
  };
  const [a, b] = index % 2 ? [full, some()] : [some(), full];
  const count = full.reduce((product, dim) => product * dim, 1);
  const condition: Tensor = {
    dtype: 'bool',
    dims: full,
    data: Uint8Array.from({ length: count }, () => random.integer(2)),
  };
  return {
    title: `[${a.join()}] or [${b.join()}]`,
    nodes: [node('Where', ['condition', 'a', 'b'], ['y'])],
    args: { a: normals(random, a), b: normals(random, b) },
    constants: { condition },
    output: 'y',
    differences: 'exact',
  };
}

export function modCase(random: Random, index: number): Case {
  const dims = sizes(random, (index % 3) + 1, 1, 4);
  const count = dims.reduce((product, dim) => product * dim, 1);
  // x = y · (whole + 0.2…0.8), so that steps stay between two multiples.
  const y = awayFromZero(random, dims);
  const x = float32(
    dims,
    Float32Array.from(
      { length: count },
      (_, at) => (y.data[at] as number) * (between(random, -3, 2) + 0.2 + 0.6 * random.uniform()),
    ),
  );
  return {
    title: `[${dims.join()}]`,
    nodes: [node('Mod', ['x', 'y'], ['z'], { fmod: 1 })],
    args: { x, y },
    output: 'z',
    differences: 'piecewise',
  };
}
