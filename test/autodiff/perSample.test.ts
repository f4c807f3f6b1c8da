// Per-sample gradients: one pass over a batch gives what running every sample alone gives.
import assert from 'node:assert/strict';
import { dependentValues } from '../../src/autodiff/activity';
import {
  appendBackward,
  appendPerSampleBackward,
  explicitValue,
  type PerSampleGradient,
} from '../../src/autodiff/backward';
import { Session, type RuntimeTensor } from '../../src/runtime/session';
import { Random } from '../../src/tensor/random';
import { elementCount, float32, int64, type Tensor } from '../../src/tensor/tensor';
import { builderOf, exposing, feeds, near, norm, normals, prepare } from './harness';
import { contractions } from './perSampleContractions';
import { models, type Model } from './perSampleModels';

interface Pass {
  readonly batch: Float32Array;
  readonly rows: Float32Array;
}

const cotangentName = 'seed';

/** The gradients of a batch, and the per-sample ones (none asked for when `factors` is undefined). */
async function passes(
  model: Model,
  values: Readonly<Record<string, Tensor>>,
  cotangent: Tensor,
  factors: boolean | undefined,
): Promise<{
  found: Map<string, Partial<Pass>>;
  kinds: Map<string, PerSampleGradient['kind']>;
  remaining: readonly string[];
}> {
  const shared = {
    title: '',
    nodes: model.nodes,
    constants: model.constants ?? {},
    output: 'y',
    differences: 'exact',
  } as const;
  const batch = values['x']!.dims[0]!;
  const parts = prepare({ ...shared, args: values });
  const targets = Object.keys(model.parameters);
  const forward = await exposing(parts);
  const at = async (samples: number): Promise<Readonly<Record<string, RuntimeTensor>>> =>
    forward.run(feeds({ ...values, x: dataOf(model, samples, new Random(5)) }));
  const [two, three, here] = [await at(2), await at(3), await forward.run(feeds(values))];
  await forward.close();
  const builder = builderOf(parts, { ...values, ...here });
  builder.declare(cotangentName, cotangent.dims);
  const outputs: { name: string; dims: readonly number[] }[] = [];
  const expose = (value: string): string => {
    const name = builder.op('Identity', [value], builder.dims(value));
    outputs.push({ name, dims: builder.dims(value) });
    return name;
  };
  const request = { builder, nodes: parts.nodes, seeds: new Map([['y', cotangentName]]), targets };
  const sums = new Map([...appendBackward(request)].map(([name, value]) => [name, expose(value)]));
  const rows = new Map<string, string>();
  const kinds = new Map<string, PerSampleGradient['kind']>();
  let remaining: readonly string[] = [];
  if (factors !== undefined) {
    const result = appendPerSampleBackward({
      ...request,
      factors,
      facts: {
        samples: batch,
        dependsOnData: dependentValues(parts.nodes, ['x']),
        batchFirst: name => {
          if (name === 'x') return true;
          const [a, b] = [two[name]!.dims, three[name]!.dims];
          return a[0] === 2 && b[0] === 3 && a.slice(1).join() === b.slice(1).join();
        },
      },
    });
    remaining = result.remaining;
    for (const [name, gradient] of result.gradients) {
      kinds.set(name, gradient.kind);
      const value = explicitValue(builder, name, gradient);
      assert.deepEqual(builder.dims(value), [batch, ...model.parameters[name]!], name);
      rows.set(name, expose(value));
    }
  }
  const session = await Session.create(
    {
      ...parts,
      nodes: builder.nodes,
      constants: builder.constants,
      inputs: [...parts.inputs, { name: cotangentName, dtype: 'float32', dims: cotangent.dims }],
      outputs: outputs.map(({ name, dims }) => ({ name, dtype: 'float32', dims })),
    },
    { threads: 2, optimise: factors === true },
    'a per-sample case',
  );
  const outcome = await session.run(feeds({ ...values, [cotangentName]: cotangent }));
  await session.close();
  const found = new Map<string, Partial<Pass>>();
  for (const name of targets) {
    const [sum, row] = [sums.get(name), rows.get(name)];
    found.set(name, {
      ...(sum ? { batch: outcome[sum]!.data as Float32Array } : {}),
      ...(row ? { rows: outcome[row]!.data as Float32Array } : {}),
    });
  }
  return { found, kinds, remaining };
}

function dataOf(model: Model, samples: number, random: Random): Tensor {
  const dims = [samples, ...model.sample];
  if (model.indices === undefined) return normals(random, dims);
  return int64(
    dims,
    Array.from({ length: elementCount(dims) }, () => random.integer(model.indices!)),
  );
}

/** Rows of a tensor, from axis 0. */
function row(tensor: Tensor, sample: number): Tensor {
  const stride = tensor.data.length / tensor.dims[0]!;
  return {
    dtype: tensor.dtype,
    dims: [1, ...tensor.dims.slice(1)],
    data: tensor.data.slice(sample * stride, (sample + 1) * stride),
  };
}

async function check(model: Model): Promise<void> {
  const random = new Random(11);
  const samples = model.samples ?? 4;
  const parameters = Object.fromEntries(
    Object.entries(model.parameters).map(([name, dims]) => [name, normals(random, dims)]),
  );
  const x = dataOf(model, samples, random);
  const forward = await exposing(
    prepare({
      title: '',
      nodes: model.nodes,
      constants: model.constants ?? {},
      output: 'y',
      differences: 'exact',
      args: { ...parameters, x },
    }),
  );
  const y = (await forward.run(feeds({ ...parameters, x })))['y']!;
  await forward.close();
  const cotangent = normals(random, y.dims);
  const single: Map<string, Partial<Pass>>[] = [];
  for (let sample = 0; sample < samples; sample++) {
    const seed =
      y.dims[0] === samples ? row(cotangent, sample) : float32(y.dims, cotangent.data as Float32Array);
    single.push((await passes(model, { ...parameters, x: row(x, sample) }, seed, undefined)).found);
  }
  for (const factors of [true, false]) {
    const { found, kinds, remaining } = await passes(model, { ...parameters, x }, cotangent, factors);
    assert.deepEqual([...remaining].sort(), [...(model.remaining ?? [])].sort(), 'left to single runs');
    for (const [name, dims] of Object.entries(model.parameters)) {
      if (remaining.includes(name)) continue;
      const form = model.outer?.includes(name)
        ? 'outer'
        : model.tables?.includes(name)
          ? 'table'
          : 'explicit';
      assert.equal(kinds.get(name), factors ? form : 'explicit', `${name}, factors ${factors}`);
      const { batch, rows } = found.get(name) as Pass;
      const size = elementCount(dims);
      const sum = new Float64Array(size);
      for (let sample = 0; sample < samples; sample++) {
        const alone = single[sample]!.get(name)!.batch!;
        const together = rows.subarray(sample * size, (sample + 1) * size);
        assert.ok(norm(alone) > 0, `${name} has no gradient for sample ${sample}`);
        near(
          norm(alone.map((value, index) => value - together[index]!)),
          0,
          2e-5 * norm(alone),
          `${name}, sample ${sample}`,
        );
        together.forEach((value, index) => (sum[index]! += value));
      }
      near(norm(sum.map((value, index) => value - batch[index]!)), 0, 2e-5 * norm(batch), `${name}, the sum`);
    }
  }
}

describe('per-sample gradients', () => {
  for (const [title, model] of Object.entries({ ...contractions, ...models })) it(title, () => check(model));
});
