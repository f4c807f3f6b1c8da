// A projection against plain linear algebra on explicit per-sample gradients: θ − ρ (I − G(GᵀG)⁺Gᵀ) θ in float64.
import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import type { ConstraintKind, HeadLoss, ParameterValues } from '../../src/runtime/contracts';
import { Engine } from '../../src/runtime/engine';
import { CancelledError } from '../../src/shared/errors';
import { Random } from '../../src/tensor/random';
import { elementCount, int64, zeros, type Tensor } from '../../src/tensor/tensor';

const fixtures = join(__dirname, '../../../test/fixtures/gradients');

/** Inputs of a model, normal at random. */
function inputsOf(engine: Engine, samples: number, random: Random): Tensor[] {
  return engine.model.graph.inputs
    .filter(input => !engine.model.graph.initializers.has(input.name))
    .map(input => {
      const dims = [samples, ...(input.dims ?? []).slice(1).map(Number)];
      if (input.dtype === 'int64')
        return int64(
          dims,
          Array.from({ length: elementCount(dims) }, () => random.integer(5)),
        );
      const tensor = zeros('float32', dims);
      const data = tensor.data as Float32Array;
      for (let index = 0; index < data.length; index++) data[index] = random.normal();
      return tensor;
    });
}

/** Cross-entropy on the first output. */
function headsOf(engine: Engine): HeadLoss[] {
  return [{ output: engine.model.graph.outputs[0]!.name, loss: 'cross-entropy', weight: 1 }];
}

/** Labels for constraints that look at none. */
function noLabels(samples: number): Tensor {
  return zeros('int64', [samples]);
}

/** The parameters as one vector, in the order of the model. */
function flatten(engine: Engine, values: ParameterValues): Float64Array {
  const parts = engine.parameters.filter(({ trainable }) => trainable).map(({ name }) => values.get(name)!);
  const result = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    result.set(part, offset);
    offset += part.length;
  }
  return result;
}

/** The columns of G for one-hot cotangents at each sample's largest element, one row a column. */
async function largestColumns(
  engine: Engine,
  values: ParameterValues,
  inputs: Tensor[],
): Promise<Float64Array[]> {
  const found = await engine.perSampleGradients(values, inputs);
  const samples = inputs[0]!.dims[0]!;
  return Array.from({ length: samples }, (_, sample) =>
    flatten(
      engine,
      new Map(
        [...found].map(([name, tensor]) => {
          const size = elementCount(tensor.dims.slice(1));
          return [name, (tensor.data as Float32Array).subarray(sample * size, (sample + 1) * size)];
        }),
      ),
    ),
  );
}

/** v minus its projection onto the span of the rows, by Gram–Schmidt done twice. */
function orthogonalPart(vector: Float64Array, rows: readonly Float64Array[]): Float64Array {
  const dot = (a: Float64Array, b: Float64Array): number =>
    a.reduce((sum, value, index) => sum + value * b[index]!, 0);
  const basis: Float64Array[] = [];
  const reduce = (target: Float64Array): Float64Array => {
    let result = target;
    for (let round = 0; round < 2; round++)
      for (const unit of basis) {
        const along = dot(result, unit);
        result = result.map((value, index) => value - along * unit[index]!);
      }
    return result;
  };
  for (const row of rows) {
    const before = Math.sqrt(dot(row, row));
    const rest = reduce(row);
    const norm = Math.sqrt(dot(rest, rest));
    if (norm > 1e-5 * before) basis.push(rest.map(value => value / norm));
  }
  return reduce(vector);
}

/** Checks engine.project against the explicit result. `last` is the value that columns are gradients of. */
async function check(
  name: string,
  samples: number,
  strength: number,
  path = join(fixtures, `${name}.onnx`),
): Promise<void> {
  const engine = await Engine.open(path, { threads: 2 });
  try {
    const random = new Random(7);
    const inputs = inputsOf(engine, samples, random);
    const values = engine.initialValues();
    const heads = headsOf(engine);
    const rows = await largestColumns(engine, values, inputs);
    const theta = flatten(engine, values);
    const rest = orthogonalPart(theta, rows);
    const labels = noLabels(samples);
    const result = await engine.project(
      values,
      { inputs, labels: [labels] },
      {
        strength,
        kind: 'largest-logit',
        heads,
        random: () => random.normal(),
      },
    );
    const got = flatten(engine, values);
    const scale = Math.max(...theta.map(Math.abs));
    got.forEach((value, index) => {
      const want = theta[index]! - strength * rest[index]!;
      assert.ok(
        Math.abs(value - want) <= 2e-4 * scale,
        `${name}: element ${index} is ${value}, expected ${want}`,
      );
    });
    assert.equal(result.columns, samples);
    assert.ok(result.rank !== null && result.rank <= samples && result.rank > 0);
    assert.ok(result.residual < 1e-5, `residual ${result.residual}`);
  } finally {
    await engine.close();
  }
}

describe('projection', () => {
  // Plain networks, convolutions, batch normalisation, weights used twice, weights in Constant nodes, a fixed batch.
  for (const name of [
    'mlp-relu',
    'mlp-constant-nodes',
    'cnn-opset13',
    'cnn-fixed-batch',
    'convs-strided',
    'batch-norm-kept',
    'residual-block',
    'shared-weight',
    'view-and-pick',
    'embedding',
    'gpt-tied',
  ])
    it(`of ${name} equals plain linear algebra`, async () => check(name, 6, 0.7));

  it('counts dependent gradients once', async () => {
    const engine = await Engine.open(join(fixtures, 'cnn-opset13.onnx'), { threads: 2 });
    try {
      const [single] = inputsOf(engine, 3, new Random(1)) as [Tensor];
      const size = single.data.length / 3;
      const doubled = zeros('float32', [6, ...single.dims.slice(1)]);
      (doubled.data as Float32Array).set(single.data as Float32Array);
      (doubled.data as Float32Array).set(single.data as Float32Array, 3 * size);
      const labels = noLabels(6);
      const result = await engine.project(
        engine.initialValues(),
        { inputs: [doubled], labels: [labels] },
        {
          strength: 0.5,
          kind: 'largest-logit',
          heads: headsOf(engine),
          random: Math.random,
        },
      );
      assert.equal(result.columns, 6);
      assert.equal(result.rank, 3);
      assert.ok(result.residual < 1e-5);
    } finally {
      await engine.close();
    }
  });

  // The change is orthogonal to the constrained gradients: along it, constrained outputs stand still to first order
  // while a shrink of all parameters by the same length moves them.
  const kinds: readonly ConstraintKind[] = [
    'largest-logit',
    'given-label',
    'random-combination',
    'all-outputs',
  ];
  for (const kind of kinds)
    it(`of kind ${kind} keeps the outputs that it constrains`, async () => {
      const engine = await Engine.open(join(fixtures, 'mlp-tanh.onnx'), { threads: 2 });
      try {
        const samples = 3;
        const inputs = inputsOf(engine, samples, new Random(3));
        const output = engine.model.graph.outputs[0]!;
        const classes = Number(output.dims![1]);
        const given = Array.from({ length: samples }, (_, index) => (index + 1) % classes);
        const labels: Tensor = { dtype: 'int64', dims: [samples], data: BigInt64Array.from(given, BigInt) };
        const start = engine.initialValues();
        const moved = engine.initialValues();
        const drawn: number[] = [];
        const random = new Random(5);
        const strength = 1e-2;
        const found = await engine.project(
          moved,
          { inputs, labels: [labels] },
          {
            strength,
            kind,
            heads: headsOf(engine),
            random: () => {
              drawn.push(random.normal());
              return drawn[drawn.length - 1]!;
            },
          },
        );
        assert.equal(found.columns, kind === 'all-outputs' ? samples * classes : samples);
        const shrunk: ParameterValues = new Map(
          [...start].map(([name, data]) => [name, data.map(value => value * (1 - strength))]),
        );
        const [before] = (await engine.predict(start, inputs)) as [Tensor];
        const changes = async (values: ParameterValues): Promise<number> => {
          const [after] = (await engine.predict(values, inputs)) as [Tensor];
          const rows = Array.from({ length: samples }, (_, sample) => {
            const row = Array.from({ length: classes }, (__, index) => sample * classes + index);
            const difference = row.map(at => (after.data[at] as number) - (before.data[at] as number));
            const logits = row.map(at => before.data[at] as number);
            if (kind === 'given-label') return Math.abs(difference[given[sample]!]!);
            if (kind === 'largest-logit') return Math.abs(difference[logits.indexOf(Math.max(...logits))]!);
            if (kind === 'all-outputs') return Math.max(...difference.map(Math.abs));
            const weights = drawn.slice(sample * classes, (sample + 1) * classes);
            return Math.abs(difference.reduce((sum, value, index) => sum + value * weights[index]!, 0));
          });
          return Math.max(...rows);
        };
        const [kept, free] = [await changes(moved), await changes(shrunk)];
        assert.ok(free > 1e-4, `the shrink moved the outputs by ${free} only`);
        assert.ok(kept < 0.02 * free, `${kind}: constrained outputs moved by ${kept}, free ones by ${free}`);
      } finally {
        await engine.close();
      }
    });

  for (const name of ['mlp-tanh', 'cnn-opset13', 'cnn-fixed-batch', 'batch-norm-kept', 'residual-block'])
    it(`of ${name} without a matrix comes close to the exact one`, async () => {
      const engine = await Engine.open(join(fixtures, `${name}.onnx`), { threads: 2 });
      try {
        const inputs = inputsOf(engine, 4, new Random(11));
        const labels = noLabels(4);
        const results: Float64Array[] = [];
        const theta = flatten(engine, engine.initialValues());
        for (const solver of ['direct', 'matrix-free'] as const) {
          const values = engine.initialValues();
          const found = await engine.project(
            values,
            { inputs, labels: [labels] },
            {
              strength: 1,
              kind: 'all-outputs',
              heads: headsOf(engine),
              random: Math.random,
              solver,
            },
          );
          if (solver === 'matrix-free') {
            assert.equal(found.rank, null);
            assert.ok(found.iterations! > 1 && found.iterations! <= 200);
            assert.ok(found.relativeResidual! <= 1e-3, `relative residual ${found.relativeResidual}`);
            assert.ok(found.residual < 1e-3, `residual ${found.residual}`);
          }
          results.push(flatten(engine, values));
        }
        const length = (vector: Float64Array): number => Math.hypot(...vector);
        const moved = length(theta.map((value, index) => value - results[0]![index]!));
        const apart = length(results[0]!.map((value, index) => value - results[1]![index]!));
        assert.ok(apart <= 2e-2 * moved, `${apart} apart, of ${moved}`);
      } finally {
        await engine.close();
      }
    });

  for (const solver of ['direct', 'matrix-free'] as const)
    it(`of kind ${solver} says so when the gradients span all parameters, and changes nothing`, async () => {
      const engine = await Engine.open(join(fixtures, 'mlp-tanh.onnx'), { freeze: ['*weight*'] });
      try {
        const inputs = inputsOf(engine, 40, new Random(2));
        const labels = noLabels(40);
        const values = engine.initialValues();
        const found = await engine.project(
          values,
          { inputs, labels: [labels] },
          {
            strength: 1,
            kind: 'all-outputs',
            heads: headsOf(engine),
            random: Math.random,
            solver,
          },
        );
        assert.equal(found.noRoom, true);
        assert.deepEqual(flatten(engine, values), flatten(engine, engine.initialValues()));
      } finally {
        await engine.close();
      }
    });

  // Enough columns that the iteration on K as it is takes its time.
  for (const name of ['mlp-tanh', 'cnn-opset13', 'vit', 'residual-block'])
    it(`of ${name} takes fewer iterations with a preconditioner, to the same end`, async () => {
      const engine = await Engine.open(join(fixtures, `${name}.onnx`), { threads: 2 });
      try {
        const inputs = inputsOf(engine, 60, new Random(4));
        const labels = noLabels(60);
        const theta = flatten(engine, engine.initialValues());
        const ends = [];
        for (const precondition of [true, false]) {
          const values = engine.initialValues();
          const found = await engine.project(
            values,
            { inputs, labels: [labels] },
            {
              strength: 1,
              kind: 'largest-logit',
              heads: headsOf(engine),
              random: Math.random,
              solver: 'matrix-free',
              precondition,
            },
          );
          ends.push({ found, at: flatten(engine, values) });
        }
        const [own, plain] = ends as [(typeof ends)[0], (typeof ends)[0]];
        assert.ok(own.found.relativeResidual! <= 1.1e-3, `relative residual ${own.found.relativeResidual}`);
        assert.ok(
          own.found.iterations! < 0.7 * plain.found.iterations!,
          `${own.found.iterations} iterations, ${plain.found.iterations} without`,
        );
        const exact = engine.initialValues();
        await engine.project(
          exact,
          { inputs, labels: [labels] },
          {
            strength: 1,
            kind: 'largest-logit',
            heads: headsOf(engine),
            random: Math.random,
            solver: 'direct',
          },
        );
        const length = (vector: Float64Array): number => Math.hypot(...vector);
        const goal = flatten(engine, exact);
        const moved = length(theta.map((value, index) => value - goal[index]!));
        const apart = length(goal.map((value, index) => value - own.at[index]!));
        assert.ok(apart <= 5e-2 * moved, `${apart} apart, of ${moved}`);
      } finally {
        await engine.close();
      }
    });

  for (const solver of ['direct', 'matrix-free'] as const)
    it(`of kind ${solver} stops when it is asked to, and changes nothing`, async () => {
      const engine = await Engine.open(join(fixtures, 'cnn-opset13.onnx'), { threads: 2 });
      try {
        const inputs = inputsOf(engine, 30, new Random(6));
        const labels = noLabels(30);
        const values = engine.initialValues();
        const stop = new AbortController();
        const seen: number[] = [];
        let turns = 0;
        const count = (): void => {
          turns++;
          if (solver === 'direct' && turns === 2) stop.abort();
          if (!stop.signal.aborted) setImmediate(count);
        };
        setImmediate(count);
        const projecting = engine.project(
          values,
          { inputs, labels: [labels] },
          {
            strength: 1,
            kind: 'all-outputs',
            heads: headsOf(engine),
            random: Math.random,
            solver,
            signal: stop.signal,
            progress: ({ iteration, residual }) => {
              seen.push(iteration);
              assert.ok(residual > 0 && residual <= 1);
              if (iteration === 3) stop.abort();
            },
          },
        );
        await assert.rejects(projecting, CancelledError);
        assert.deepEqual(flatten(engine, values), flatten(engine, engine.initialValues()));
        assert.deepEqual(seen, solver === 'direct' ? [] : [1, 2, 3]);
      } finally {
        await engine.close();
      }
    });
});
