// Summaries, comparisons and saved weights, against what is computed here by plain means.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { diffModels } from '../../src/evaluate/weightDiff';
import { statistics } from '../../src/job/inspect';
import { compareModels } from '../../src/job/viewCompare';
import { Bins, Range } from '../../src/job/viewHistogram';
import { LargestChanges, placeOf } from '../../src/job/viewLargest';
import { overviewOf } from '../../src/job/viewModel';
import { saveWeights, snapshotModel } from '../../src/job/viewSave';
import { summarise } from '../../src/job/viewSummaries';
import { emitModel } from '../../src/onnx/emit';
import type { Graph, OnnxNode } from '../../src/onnx/model';
import { readModel } from '../../src/onnx/reader';
import { saveModel } from '../../src/onnx/writer';
import { CancelledError, LetheError } from '../../src/shared/errors';
import type { ParameterSummary } from '../../src/shared/viewerProtocol';
import { field, fixture, modelAround, sample, text, valuesOf, varint } from '../onnx/support';

const never = new AbortController().signal;
const quiet = { signal: never, progress: () => undefined };

describe('weights as the viewer shows and saves them', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-view-'));
  after(() => rmSync(folder, { recursive: true }));
  let files = 0;

  /** A model whose one tensor `w` holds the float32 values. */
  function modelOf(values: readonly number[]): string {
    const path = join(folder, `${files++}.onnx`);
    const raw = Buffer.from(Float32Array.from(values).buffer);
    const fields = [field(1, 0, varint(values.length)), field(2, 0, [1]), text(8, 'w'), field(9, 2, raw)];
    writeFileSync(path, modelAround(fields));
    return path;
  }

  async function summariesOf(path: string, bins: number): Promise<ParameterSummary[]> {
    const told: ParameterSummary[] = [];
    const tell = async (summary: ParameterSummary): Promise<void> => void told.push(summary);
    const answer = await summarise(path, bins, { signal: never, tell });
    assert.deepEqual(told, answer);
    return answer;
  }

  describe('overview', () => {
    it('describes a sample with its operators and sizes', () => {
      const path = sample('mnist-mislabelled');
      const overview = overviewOf(path);
      assert.equal(overview.bytes, statSync(path).size);
      assert.deepEqual(overview.operators, [
        { op: 'Relu', count: 3, differentiable: true },
        { op: 'Conv', count: 2, differentiable: true },
        { op: 'Gemm', count: 2, differentiable: true },
        { op: 'MaxPool', count: 2, differentiable: true },
        { op: 'Flatten', count: 1, differentiable: true },
      ]);
      assert.equal(
        overview.parameters.reduce((sum, { count }) => sum + count, 0),
        206922,
      );
    });

    it('names external files with their sizes, and operators of sub-graphs and functions', () => {
      const external = overviewOf(fixture('cnn-external.onnx'));
      assert.deepEqual(external.externalFiles, [
        { path: fixture('cnn-external.bin'), bytes: statSync(fixture('cnn-external.bin')).size },
      ]);
      const nested = overviewOf(fixture('branches.onnx')).operators.map(({ op }) => op);
      assert.ok(nested.includes('If') && nested.length > 1, nested.join());
      assert.equal(
        overviewOf(fixture('branches.onnx')).operators.find(({ op }) => op === 'If')?.differentiable,
        false,
      );
    });

    it('counts an operator that is replaced before differentiation as differentiable', () => {
      const node = (opType: string, input: string, output: string, domain = ''): OnnxNode => ({
        name: '',
        opType,
        domain,
        inputs: [input],
        outputs: [output],
        attributes: new Map(),
      });
      const graph: Graph = {
        name: 'g',
        nodes: [node('Dropout', 'x', 'a'), node('Det', 'a', 'b'), node('Own', 'b', 'y', 'org.own')],
        inputs: [{ name: 'x', dtype: 'float32', dims: ['n', 2, 2] }],
        outputs: [{ name: 'y', dtype: 'float32', dims: ['n'] }],
        initializers: new Map(),
        valueInfo: [],
      };
      const path = join(folder, 'operators.onnx');
      const opsets = new Map([
        ['', 13],
        ['org.own', 1],
      ]);
      writeFileSync(path, emitModel(graph, { opsets }));
      assert.deepEqual(overviewOf(path).operators, [
        { op: 'Det', count: 1, differentiable: false },
        { op: 'Dropout', count: 1, differentiable: true },
        { op: 'org.own.Own', count: 1, differentiable: false },
      ]);
    });

    it('has a stamp that changes with the file and with its data file', () => {
      for (const name of ['cnn-external.onnx', 'cnn-external.bin']) {
        copyFileSync(fixture('cnn-external.onnx'), join(folder, 'cnn-external.onnx'));
        copyFileSync(fixture('cnn-external.bin'), join(folder, 'cnn-external.bin'));
        const model = join(folder, 'cnn-external.onnx');
        const { stamp } = overviewOf(model);
        assert.equal(overviewOf(model).stamp, stamp);
        utimesSync(join(folder, name), 1, 1);
        assert.notEqual(overviewOf(model).stamp, stamp);
      }
    });
  });

  describe('summaries', () => {
    it('have the statistics of lethe inspect, for every way of storing', async () => {
      for (const name of ['cnn-raw', 'cnn-float16-int32', 'cnn-bfloat16-raw', 'cnn-external', 'double']) {
        const path = fixture(`${name}.onnx`);
        const summaries = await summariesOf(path, 16);
        assert.deepEqual(
          summaries.map(summary => summary.name),
          overviewOf(path).parameters.map(parameter => parameter.name),
        );
        for (const summary of summaries) {
          const values = valuesOf(readModel(path), summary.name);
          const expected = statistics([values]);
          for (const key of ['norm', 'mean', 'std'] as const) {
            const error = Math.abs(summary[key] - expected[key]);
            assert.ok(error <= 1e-12 * Math.max(expected.norm, 1), `${name} ${summary.name} ${key}`);
          }
          assert.equal(summary.min, expected.min);
          assert.equal(summary.max, expected.max);
          assert.equal(summary.notFinite, 0);
          assert.equal(
            summary.histogram.counts.reduce((sum, count) => sum + count, 0),
            values.length,
          );
        }
      }
    });

    it('count NaN and infinities out', async () => {
      const [summary] = await summariesOf(modelOf([1, NaN, 3, Infinity, -Infinity, 2]), 2);
      assert.deepEqual(summary, {
        name: 'w',
        norm: Math.sqrt(14),
        min: 1,
        max: 3,
        mean: 2,
        std: Math.sqrt(2 / 3),
        notFinite: 3,
        histogram: { from: 1, to: 3, counts: [1, 2] },
      });
    });

    it('of one number, of no finite number and of no number have bins of some width', async () => {
      const [constant] = await summariesOf(modelOf([2, 2, 2]), 4);
      assert.deepEqual(constant?.histogram, { from: 1, to: 3, counts: [0, 0, 3, 0] });
      assert.equal(constant?.std, 0);
      const [infinite] = await summariesOf(modelOf([NaN, NaN]), 2);
      assert.deepEqual(
        [infinite?.min, infinite?.mean, infinite?.notFinite, infinite?.histogram],
        [0, 0, 2, { from: 0, to: 1, counts: [0, 0] }],
      );
      const [empty] = await summariesOf(modelOf([]), 2);
      assert.deepEqual([empty?.norm, empty?.histogram.counts], [0, [0, 0]]);
    });

    it('have a variance that a large mean does not spoil', async () => {
      // 2^20 and 2^20 + 1 are exact in float32; squares of them are not.
      const values = Array.from({ length: 200_000 }, (_, index) => 2 ** 20 + (index % 2));
      const [summary] = await summariesOf(modelOf(values), 2);
      assert.ok(Math.abs((summary?.std ?? 0) - 0.5) < 1e-9);
      assert.deepEqual(summary?.histogram.counts, [100_000, 100_000]);
    });

    it('have the variance of all values where pieces have means of their own', async () => {
      const values = Array.from({ length: 150_000 }, (_, index) => index);
      const [summary] = await summariesOf(modelOf(values), 3);
      assert.equal(summary?.mean, 149_999 / 2);
      // Of 0 … n − 1: (n² − 1) / 12.
      assert.ok(Math.abs((summary?.std ?? 0) / Math.sqrt((150_000 ** 2 - 1) / 12) - 1) < 1e-12);
      assert.deepEqual(summary?.histogram.counts, [50_000, 50_000, 50_000]);
    });

    it('stop when they are no longer wanted', async () => {
      const controller = new AbortController();
      let told = 0;
      const tell = async (): Promise<void> => {
        told++;
        controller.abort();
      };
      const work = summarise(sample('mnist-mislabelled'), 8, { signal: controller.signal, tell });
      await assert.rejects(work, CancelledError);
      assert.equal(told, 1);
    });
  });

  it('puts every value between the edges of its bin', () => {
    const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(fc.array(finite, { minLength: 1 }), fc.integer({ min: 1, max: 40 }), (values, count) => {
        const range = new Range();
        values.forEach(value => range.add(value));
        const bins = range.bins(count);
        values.forEach(value => bins.add(value));
        const { from, to, counts } = bins.histogram;
        assert.ok(from < to && Number.isFinite(to - from));
        const step = (to - from) / count;
        const expected = new Array<number>(count).fill(0);
        for (const value of values) {
          let bin = 0;
          while (bin < count - 1 && value >= from + (bin + 1) * step) bin++;
          expected[bin]!++;
        }
        assert.deepEqual(counts, expected);
      }),
      { seed: 11, numRuns: 400 },
    );
  });

  it('agrees with NumPy on values at the edges of bins', () => {
    const bins = new Bins(0, 1, 10);
    for (let index = 0; index <= 10; index++) bins.add(index / 10);
    // numpy.histogram([i / 10 for i in range(11)], 10, (0, 1))
    assert.deepEqual(bins.histogram.counts, [1, 1, 2, 0, 1, 2, 1, 0, 1, 2]);
  });

  describe('comparison', () => {
    it('has the distances of lethe diff', async () => {
      const [a, b] = [sample('mnist-mislabelled'), join(sample('mnist-mislabelled'), '..', 'retrained.onnx')];
      const got = await compareModels(a, b, { ...quiet, bins: 32, largest: 5 });
      const expected = diffModels(readModel(a), readModel(b));
      assert.equal(got.total.relative, expected.total.relative);
      assert.deepEqual(
        got.tensors.map(({ name, normA, normB, delta, relative, maxAbs }) => ({
          normA,
          normB,
          delta,
          relative,
          maxAbs,
          name,
        })),
        expected.tensors,
      );
      for (const change of got.tensors) {
        const before = valuesOf(readModel(a), change.name);
        const after = valuesOf(readModel(b), change.name);
        const order = [...before.keys()].sort(
          (x, y) => Math.abs(after[y]! - before[y]!) - Math.abs(after[x]! - before[x]!) || x - y,
        );
        assert.deepEqual(
          change.largest,
          order.slice(0, 5).map(index => ({
            index: placeOf(index, change.dims),
            before: before[index],
            after: after[index],
          })),
        );
        const { from, to, counts } = change.change;
        const bin = Math.floor((after[0]! - before[0]! - from) / ((to - from) / 32));
        assert.ok(counts[Math.min(31, bin)]! > 0);
        for (const { counts: each } of [change.change, change.before, change.after]) {
          assert.equal(
            each.reduce((sum, count) => sum + count, 0),
            before.length,
          );
        }
        assert.deepEqual([change.before.from, change.before.to], [change.after.from, change.after.to]);
      }
    });

    it('of a model with itself has no changes', async () => {
      const path = modelOf([0, 1, NaN]);
      const { tensors } = await compareModels(path, path, { ...quiet, bins: 2, largest: 3 });
      assert.deepEqual(tensors, [
        {
          name: 'w',
          dims: [3],
          normA: 1,
          normB: 1,
          delta: 0,
          relative: 0,
          maxAbs: 0,
          notFinite: 1,
          change: { from: -0.5, to: 0.5, counts: [0, 2] },
          before: { from: 0, to: 1, counts: [1, 1] },
          after: { from: 0, to: 1, counts: [1, 1] },
          largest: [],
        },
      ]);
    });

    it('says which tensors two files do not share', async () => {
      const work = compareModels(sample('mnist-mislabelled'), sample('sine-poisoned'), {
        ...quiet,
        bins: 2,
        largest: 1,
      });
      await assert.rejects(work, /do not hold the same tensors: .*conv1\.weight is only in the first/s);
    });
  });

  it('keeps the largest changes as sorting all of them would', () => {
    const change = fc.record({
      before: fc.integer({ min: -9, max: 9 }),
      after: fc.integer({ min: -9, max: 9 }),
    });
    fc.assert(
      fc.property(fc.array(change), fc.integer({ min: 0, max: 12 }), (changes, wanted) => {
        const kept = new LargestChanges(wanted);
        changes.forEach(({ before, after }, index) => kept.offer(index, before, after));
        const expected = changes
          .map((entry, index) => ({ index, ...entry }))
          .filter(({ before, after }) => before !== after)
          .sort((a, b) => Math.abs(b.after - b.before) - Math.abs(a.after - a.before) || a.index - b.index)
          .slice(0, wanted);
        assert.deepEqual(kept.entries, expected);
      }),
      { seed: 5, numRuns: 500 },
    );
  });

  describe('saving', () => {
    const fixtures = [
      'cnn-raw',
      'cnn-float-data',
      'cnn-float16-int32',
      'cnn-bfloat16-raw',
      'cnn-ir3',
      'double',
    ];

    /** The fixture with every parameter moved, as a run would leave it. */
    function moved(path: string, target: string): void {
      const model = readModel(path);
      const changes = new Map(
        overviewOf(path).parameters.map(({ name }) => [
          name,
          valuesOf(model, name).map(value => Math.fround(value * 1.25 + 0.03125)),
        ]),
      );
      saveModel(model, changes, target);
    }

    for (const name of fixtures) {
      it(`takes the weights of another file and gives the old ones back bit by bit: ${name}`, () => {
        const [base, weights] = [join(folder, `${name}.onnx`), join(folder, `${name}-run.onnx`)];
        copyFileSync(fixture(`${name}.onnx`), base);
        moved(base, weights);
        const before = readFileSync(base);
        const { sha256 } = snapshotModel(base, join(folder, 'kept', name));
        assert.equal(sha256, createHash('sha256').update(before).digest('hex'));

        const { stamp } = saveWeights({ base, weights, target: base, stamp: overviewOf(base).stamp });
        assert.deepEqual(readFileSync(base), readFileSync(weights));
        assert.equal(stamp, overviewOf(base).stamp);

        const kept = join(folder, 'kept', name, 'model.onnx');
        saveWeights({ base, weights: kept, target: base, stamp });
        assert.deepEqual(readFileSync(base), before);
      });
    }

    it('keeps the parts of the base that are no weights', () => {
      const [base, weights, target] = [modelOf([1, 2]), modelOf([3, 4]), join(folder, 'new.onnx')];
      const named = Buffer.concat([readFileSync(base), text(6, 'kept by the base')]);
      writeFileSync(base, named);
      saveWeights({ base, weights, target, stamp: null });
      const expected = Buffer.from(named);
      const at = expected.indexOf(Buffer.from(Float32Array.of(1, 2).buffer));
      expected.set(Buffer.from(Float32Array.of(3, 4).buffer), at);
      assert.deepEqual(readFileSync(target), expected);
      assert.deepEqual(readFileSync(base), named);
    });

    it('goes through external data, whose copy has a hash of its own', () => {
      const base = fixture('cnn-external.onnx');
      const kept = join(folder, 'kept', 'external');
      const { sha256 } = snapshotModel(base, kept);
      const line = (name: string): string =>
        `${createHash('sha256')
          .update(readFileSync(join(kept, name)))
          .digest('hex')}  ${name}\n`;
      const both = line('model.onnx') + line('model.onnx.data');
      assert.equal(sha256, createHash('sha256').update(both).digest('hex'));

      const weights = join(folder, 'external-run.onnx');
      moved(base, weights);
      const target = join(folder, 'external-new.onnx');
      saveWeights({ base, weights, target, stamp: null });
      assert.equal(diffModels(readModel(target), readModel(weights)).total.delta, 0);
      saveWeights({ base: target, weights: join(kept, 'model.onnx'), target, stamp: null });
      assert.equal(diffModels(readModel(target), readModel(base)).total.delta, 0);
      assert.ok(diffModels(readModel(weights), readModel(base)).total.delta > 0);
    });

    it('is refused when the base has changed since it was opened', () => {
      const [base, weights] = [modelOf([1, 2]), modelOf([3, 4])];
      const { stamp } = overviewOf(base);
      writeFileSync(base, readFileSync(modelOf([5, 6])));
      const present = readFileSync(base);
      assert.throws(
        () => saveWeights({ base, weights, target: base, stamp }),
        (error: unknown) =>
          error instanceof LetheError &&
          /has changed on disk since it was opened, so nothing/.test(error.message),
      );
      assert.deepEqual(readFileSync(base), present);
    });
  });
});
