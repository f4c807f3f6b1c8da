// K, b and v − Gα of every form in which gradients come, against plain sums over the gradients that it stands for.
import assert from 'node:assert/strict';
import type { Windows } from '../../src/autodiff/windows';
import { sizeOf, valuesOf, type FactorOutput } from '../../src/runtime/factors';
import { factorFeeds, gramGraph, gramNames, projectGraph } from '../../src/runtime/gram';
import { Session, feed, feedFloats, type GraphSpec, type RuntimeTensor } from '../../src/runtime/session';
import { Random } from '../../src/tensor/random';
import { elementCount } from '../../src/tensor/tensor';
import { between, normals, oneOf } from '../autodiff/harness';

/** A factor, and the gradients [samples][elements in the order of the parameter] that it stands for. */
interface Drawn {
  readonly factor: FactorOutput;
  readonly values: Record<string, RuntimeTensor>;
  readonly gradients: readonly Float64Array[];
}

type Values = Readonly<Record<string, Float32Array>>;

function drawn(
  factor: FactorOutput,
  random: Random,
  samples: number,
  add: (values: Values, sample: number, gradient: Float64Array) => void,
): Drawn {
  const tensors = valuesOf(factor).map(([name, dims]) => [name, normals(random, dims)] as const);
  const data: Values = Object.fromEntries(
    tensors.map(([name, { data: all }]) => [name, all as Float32Array]),
  );
  return {
    factor,
    values: Object.fromEntries(tensors.map(([name, tensor]) => [name, feed(tensor)])),
    gradients: Array.from({ length: samples }, (_, sample) => {
      const gradient = new Float64Array(sizeOf(factor));
      add(data, sample, gradient);
      return gradient;
    }),
  };
}

function explicit(random: Random, samples: number): Drawn {
  const dims = [samples, between(random, 1, 5), between(random, 1, 50)];
  return drawn(
    { parameter: 'p', kind: 'explicit', value: 'g', dims },
    random,
    samples,
    (values, sample, to) => to.forEach((_, at) => (to[at] = values['g']![sample * to.length + at]!)),
  );
}

function blocks(random: Random, samples: number): Drawn {
  const [size, outer, inner, places] = [
    4,
    between(random, 1, 3),
    between(random, 1, 3),
    between(random, 1, 9),
  ];
  const names = Array.from({ length: inner }, (_, block) => `g${block}`);
  const dims = [samples, outer, places, size, size];
  const factor: FactorOutput = { parameter: 'p', kind: 'blocks', values: names, dims };
  return drawn(factor, random, samples, (values, sample, to) => {
    for (let output = 0; output < outer * size; output++)
      for (let channel = 0; channel < inner * size; channel++)
        for (let place = 0; place < places; place++) {
          const row = (sample * outer + Math.floor(output / size)) * places + place;
          const at = (row * size + (channel % size)) * size + (output % size);
          to[(output * inner * size + channel) * places + place] =
            values[`g${Math.floor(channel / size)}`]![at]!;
        }
  });
}

function outer(random: Random, samples: number): Drawn {
  const [positions, rows, width] = [
    oneOf(random, [1, 1, 3, 7]),
    between(random, 1, 6),
    between(random, 1, 6),
  ];
  const leftDims = [samples, positions, rows];
  const rightDims = [samples, positions, width];
  const factor: FactorOutput = { parameter: 'p', kind: 'outer', left: 'l', right: 'r', leftDims, rightDims };
  return drawn(factor, random, samples, (values, sample, to) => {
    for (let t = sample * positions; t < (sample + 1) * positions; t++)
      for (let row = 0; row < rows; row++)
        for (let column = 0; column < width; column++)
          to[row * width + column]! += values['l']![t * rows + row]! * values['r']![t * width + column]!;
  });
}

/** Windows of stride 1 over one, two or three axes, with any padding and dilation that leave a result. */
function geometry(random: Random): Windows {
  const rank = between(random, 1, 3);
  const axes = Array.from({ length: rank }, () => {
    for (;;) {
      const [input, kernel, dilation] = [between(random, 1, 5), between(random, 1, 3), between(random, 1, 2)];
      const [before, after] = [between(random, 0, kernel), between(random, 0, kernel)];
      const output = input + before + after - dilation * (kernel - 1);
      if (output > 0) return { input, kernel, dilation, before, after, output };
    }
  });
  return {
    kernel: axes.map(axis => axis.kernel),
    strides: axes.map(() => 1),
    dilations: axes.map(axis => axis.dilation),
    before: axes.map(axis => axis.before),
    after: axes.map(axis => axis.after),
    input: axes.map(axis => axis.input),
    output: axes.map(axis => axis.output),
  };
}

/** Every place of an array of these dims. */
function places(dims: readonly number[]): number[][] {
  return dims.reduce<number[][]>(
    (all, size) => all.flatMap(place => Array.from({ length: size }, (_, at) => [...place, at])),
    [[]],
  );
}

function flat(place: readonly number[], dims: readonly number[]): number {
  return place.reduce((sum, at, axis) => sum * dims[axis]! + at, 0);
}

function windows(random: Random, samples: number): Drawn {
  const w = geometry(random);
  const [outputs, channels] = [between(random, 1, 4), between(random, 1, 4)];
  const leftDims = [samples, elementCount(w.output), outputs];
  const rightDims = [samples, elementCount(w.input), channels];
  const sides = { left: 'l', right: 'r', leftDims, rightDims };
  const factor: FactorOutput = { parameter: 'p', kind: 'windows', ...sides, windows: w };
  return drawn(factor, random, samples, (values, sample, to) => {
    for (const t of places(w.output))
      for (const o of places(w.kernel)) {
        const seen = t.map((at, axis) => at + o[axis]! * w.dilations[axis]! - w.before[axis]!);
        if (seen.some((at, axis) => at < 0 || at >= w.input[axis]!)) continue;
        const left = (sample * leftDims[1]! + flat(t, w.output)) * outputs;
        const right = (sample * rightDims[1]! + flat(seen, w.input)) * channels;
        for (let output = 0; output < outputs; output++)
          for (let channel = 0; channel < channels; channel++)
            to[(output * channels + channel) * elementCount(w.kernel) + flat(o, w.kernel)]! +=
              values['l']![left + output]! * values['r']![right + channel]!;
      }
  });
}

async function run(
  spec: GraphSpec,
  feeds: Readonly<Record<string, RuntimeTensor>>,
  name: string,
): Promise<Float64Array | Float32Array> {
  const session = await Session.create(spec, { threads: 2 }, 'a case');
  try {
    const given = Object.fromEntries(spec.inputs.map(input => [input.name, feeds[input.name]!]));
    return (await session.run(given))[name]?.data as Float64Array;
  } finally {
    await session.close();
  }
}

function close(got: ArrayLike<number>, want: readonly number[], tolerance: number, what: string): void {
  const largest = Math.max(1, ...want.map(Math.abs));
  assert.equal(got.length, want.length, what);
  want.forEach((value, at) =>
    assert.ok(Math.abs(got[at]! - value) <= tolerance * largest, `${what}, ${at}: ${got[at]} for ${value}`),
  );
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += a[at]! * b[at]!;
  return sum;
};

describe('the linear algebra of a projection', () => {
  for (const [kind, draw] of Object.entries({ explicit, blocks, outer, windows }))
    it(`from ${kind} gradients is that of the gradients they stand for`, async () => {
      for (let seed = 1; seed <= 20; seed++) {
        const random = new Random(seed);
        const samples = between(random, 1, 6);
        const { factor, values, gradients } = draw(random, samples);
        const size = sizeOf(factor);
        const vector = normals(random, [size]).data as Float32Array;
        const alpha = Float64Array.from({ length: samples }, () => random.normal());
        const feeds = {
          ...factorFeeds([factor], values, samples),
          [gramNames.vector('p')]: feedFloats(vector, [size]),
          [gramNames.coefficients]: feedFloats(alpha, [samples]),
        };
        const gram = await run(gramGraph([factor], samples, 'float32'), feeds, gramNames.gram);
        const rows = gradients.flatMap(g => [...gradients.map(h => dot(g, h)), dot(g, vector)]);
        close(gram, rows, 1e-12, `seed ${seed}, K and b`);
        const rest = [...vector].map(
          (value, at) => value - gradients.reduce((sum, g, sample) => sum + alpha[sample]! * g[at]!, 0),
        );
        for (const double of [true, false]) {
          const graph = projectGraph([factor], samples, 'float32', double);
          const got = await run(graph, feeds, gramNames.rest('p'));
          close(got, rest, double ? 1e-7 : 1e-5, `seed ${seed}, v − Gα`);
        }
      }
    });
});
