// Datasets as the viewer shows them: labels, columns, cards, predictions, proposals for preprocessing.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { bindDataset } from '../../src/data/bind';
import { openDataset } from '../../src/data/open';
import { evaluateSamples } from '../../src/evaluate/samples';
import { predictDataset } from '../../src/job/predict';
import { inputSignatures } from '../../src/job/openJob';
import { cardsOf } from '../../src/job/viewCards';
import { columnsOf, forgetFileOf, openViewDataset, type ViewDataset } from '../../src/job/viewDataset';
import { DatasetStore } from '../../src/job/viewDatasetStore';
import { EnginePool } from '../../src/job/viewEngines';
import { commonest } from '../../src/job/viewLabels';
import { pictureOf, pixelsOf, valueRange } from '../../src/job/viewPicture';
import { Predictor } from '../../src/job/viewPredict';
import { preprocessCandidates } from '../../src/job/viewPreprocess';
import { emitModel } from '../../src/onnx/emit';
import type { Graph, OnnxNode } from '../../src/onnx/model';
import { Engine } from '../../src/runtime/engine';
import { CancelledError } from '../../src/shared/errors';
import type { DatasetPredictions, DatasetRequest, SampleCard } from '../../src/shared/viewerProtocol';
import { encodeNpz } from '../../src/tensor/npz';
import { float32, int64, type Tensor } from '../../src/tensor/tensor';

const samples = join(__dirname, '..', '..', '..', 'samples');
const mnist = (name: string): string => join(samples, 'mnist-mislabelled', name);
const sine = (name: string): string => join(samples, 'sine-poisoned', name);
const never = new AbortController().signal;
const quiet = { signal: never, progress: () => undefined };
const byte = { scale: 1 / 255 };

function request(source: DatasetRequest['source'], rest: Partial<DatasetRequest> = {}): DatasetRequest {
  return { source, classes: null, model: null, preprocess: null, ...rest };
}

function openMnist(): Promise<ViewDataset> {
  return openViewDataset(request(mnist('train.npz'), { model: mnist('model.onnx'), preprocess: byte }));
}

async function decode(
  card: SampleCard | undefined,
): Promise<{ width: number; height: number; pixels: number[] }> {
  const [head, body] = (card?.thumbnail ?? '').split(',');
  assert.equal(head, 'data:image/png;base64');
  const png = sharp(Buffer.from(body ?? '', 'base64'));
  const { channels } = await png.metadata();
  const plain = png.toColourspace(channels === 1 ? 'b-w' : 'srgb').raw();
  const { data, info } = await plain.toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, pixels: [...data] };
}

describe('datasets in the viewer', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-view-'));
  after(() => rmSync(folder, { recursive: true }));
  const engines = new EnginePool();

  const at = (...names: string[]): string => {
    const path = join(folder, ...names);
    mkdirSync(dirname(path), { recursive: true });
    return path;
  };
  const file = (name: string, content: string | Uint8Array): string => {
    writeFileSync(at(name), content);
    return at(name);
  };
  const npz = (name: string, arrays: Record<string, Tensor>): string =>
    file(name, encodeNpz(new Map(Object.entries(arrays))));

  /** y = x·w for x of [n, …dims], flattened; `activation` follows where it is given. */
  const linear = (name: string, dims: readonly number[], w: Tensor, activation?: string): string => {
    const node = (opType: string, inputs: string[], output: string): OnnxNode => ({
      name: '',
      opType,
      domain: '',
      inputs,
      outputs: [output],
      attributes: new Map(),
    });
    const graph: Graph = {
      name: 'g',
      nodes: [
        node('Flatten', ['x'], 'flat'),
        node('MatMul', ['flat', 'w'], activation ? 'z' : 'y'),
        ...(activation ? [node(activation, ['z'], 'y')] : []),
      ],
      inputs: [{ name: 'x', dtype: 'float32', dims: ['n', ...dims] }],
      outputs: [{ name: 'y', dtype: 'float32', dims: ['n', w.dims[1] ?? 1] }],
      initializers: new Map([['w', w]]),
      valueInfo: [],
    };
    return file(name, emitModel(graph, { opsets: new Map([['', 13]]) }));
  };

  describe('overview and columns', () => {
    it('of the samples', async () => {
      const view = await openMnist();
      const { kind, labels, size, classes, warnings } = view.overview;
      assert.deepEqual(
        { kind, labels, size, classes, warnings },
        { kind: 'images', labels: 'classes', size: 2000, classes: null, warnings: [] },
      );
      const stored = (await view.dataset.read([0, 1, 1999])).labels[0]!;
      const column = columnsOf(view).labels!;
      assert.deepEqual([column[0], column[1], column[1999]], [...stored.data].map(Number));

      const table = await openViewDataset(request(sine('train.csv'), { model: sine('model.onnx') }));
      assert.equal(table.overview.kind, 'rows');
      assert.equal(table.overview.labels, 'values');
      assert.deepEqual(table.overview.columns, [{ name: 'x', kind: 'number' }]);
      assert.equal(columnsOf(table).columns['x']?.length, 55);
    });

    it('knows texts from numbers and names classes in the order of their numbers', async () => {
      const path = file('pets.csv', 'weight,colour,label\n4,grey,cat\n30,black,dog\n5,white,cat\n');
      const view = await openViewDataset(request(path));
      assert.deepEqual(view.overview.classes, ['cat', 'dog']);
      assert.deepEqual(view.overview.columns, [
        { name: 'weight', kind: 'number' },
        { name: 'colour', kind: 'text' },
      ]);
      assert.deepEqual(columnsOf(view), {
        labels: [0, 1, 0],
        columns: { weight: [4, 30, 5], colour: ['grey', 'black', 'white'] },
      });
      const renamed = await openViewDataset(request(path, { classes: ['Cat', 'Dog'] }));
      assert.deepEqual(renamed.overview.classes, ['Cat', 'Dog']);
    });

    it('tells classes from values by the model, by what is named, and by the numbers', async () => {
      const rows = Array.from({ length: 8 }, (_, index) => `${index / 8},${index % 3}`).join('\n');
      const path = file('numbers.csv', `x,label\n${rows}\n`);
      const kind = async (rest: Partial<DatasetRequest>): Promise<string> =>
        (await openViewDataset(request(path, rest))).overview.labels;
      assert.equal(await kind({}), 'classes');
      assert.equal(await kind({ loss: 'mse' }), 'values');
      const regressor = linear('one.onnx', [1], float32([1, 1], [1]));
      const classifier = linear('three.onnx', [1], float32([1, 3], [1, 0, -1]));
      assert.equal(await kind({ model: regressor }), 'values');
      assert.equal(await kind({ model: classifier }), 'classes');
      const prices = file('prices.csv', `x,label\n${[400, 812, 395, 977].map(y => `1,${y}`).join('\n')}\n`);
      assert.equal((await openViewDataset(request(prices))).overview.labels, 'values');
    });

    it('reads labels given as one-hot rows', async () => {
      const path = npz('hot.npz', {
        x: float32([3, 2], [1, 2, 3, 4, 5, 6]),
        labels: float32([3, 3], [0, 0, 1, 1, 0, 0, 0, 1, 0]),
      });
      const view = await openViewDataset(request(path));
      assert.equal(view.overview.labels, 'classes');
      assert.deepEqual(columnsOf(view).labels, [2, 0, 1]);
    });

    it('passes NaN on as a text, and refuses it as a label', async () => {
      const x = float32([2, 1], [1, NaN]);
      const age = float32([2], [NaN, 40]);
      const view = await openViewDataset(request(npz('nan.npz', { x, age, label: int64([2], [0, 1]) })));
      assert.deepEqual(columnsOf(view).columns['age'], ['NaN', 40]);
      const [good, bad] = await cardsOf(view, [0, 1], 32, never);
      assert.deepEqual(good?.values, [1]);
      assert.equal(bad?.values, null);
      assert.equal(bad?.problem, 'Value 1 of sample 1 is NaN. Correct it or remove the sample.');
      const broken = npz('broken.npz', { x, label: float32([2], [0, NaN]) });
      await assert.rejects(openViewDataset(request(broken)), /broken\.npz: the label of sample 1 is NaN/);
    });

    it('reads labels by position in pieces', async () => {
      const size = 5;
      const pixels = Array.from({ length: size * 4 }, (_, at) => (at % 4 < 3 ? Math.floor(at / 4) : 9));
      const path = npz('positions.npz', {
        x: float32([size, 1], new Float32Array(size)),
        labels: int64([size, 2, 2], pixels),
      });
      assert.deepEqual(columnsOf(await openViewDataset(request(path))).labels, [0, 1, 2, 3, 4]);
    });

    it('opens data without labels, and says why it took nothing for labels', async () => {
      const x = float32([2, 3], [1, 2, 3, 4, 5, 6]);
      const path = npz('plain.npz', { x, also: x });
      const { overview, labels } = await openViewDataset(request(path));
      assert.equal(labels, null);
      assert.equal(overview.labels, 'none');
      assert.match(
        overview.warnings.join(),
        /^Opened without labels\. plain\.npz: which array holds the labels/,
      );
    });

    it('shows data without labels with all that needs none', async () => {
      const model = linear('bare.onnx', [2], float32([2, 3], [1, 0, 2, 0, 1, 0]));
      const path = npz('bare.npz', { x: float32([3, 2], [1, 0, 0, 4, 0, 0]) });
      const view = await openViewDataset(request(path, { model }));
      assert.deepEqual(
        [view.overview.labels, view.overview.classes, view.overview.warnings],
        ['none', null, []],
      );
      assert.deepEqual(columnsOf(view), { labels: null, columns: {} });
      const found = await new Predictor(engines).predictions('bare', view, model, quiet);
      assert.deepEqual(found.predicted, [2, 1, 0]);
      assert.equal(found.loss, null);
    });

    it('says what a model expects where data does not fit it', async () => {
      const work = openViewDataset(request(sine('train.csv'), { model: mnist('model.onnx') }));
      await assert.rejects(
        work,
        /train\.csv: array features gives samples of shape 1; the model.s input image expects 1 × 28 × 28/,
      );
    });

    it('checks a forget file', async () => {
      const view = await openMnist();
      assert.equal(forgetFileOf(view, mnist('forget.csv')).length, 100);
      const wrong = file('wrong.csv', 'index\n3\n2000\n');
      assert.throws(
        () => forgetFileOf(view, wrong),
        /wrong\.csv, line 3: there is no sample 2000 in train\.npz/,
      );
    });

    it('takes the number that most positions have', () => {
      assert.equal(commonest([2, 1, 1, 2, 1]), 1);
      assert.equal(commonest([3, 5]), 3);
    });
  });

  describe('cards', () => {
    it('hold the pixels of a sample, in the order asked for', async () => {
      const view = await openMnist();
      const cards = await cardsOf(view, [1999, 7], 64, never);
      assert.deepEqual(
        cards.map(({ index }) => index),
        [1999, 7],
      );
      const stored = (await view.dataset.read([7])).inputs[0]!;
      assert.deepEqual(await decode(cards[1]), { width: 28, height: 28, pixels: [...stored.data] });
    });

    it('fit into the size asked for', async () => {
      const small = await decode((await cardsOf(await openMnist(), [0], 14, never))[0]);
      assert.deepEqual([small.width, small.height], [14, 14]);
      const wide = npz('wide.npz', { x: float32([1, 8, 16], new Float32Array(128)), y: int64([1], [0]) });
      const { width, height } = await decode(
        (await cardsOf(await openViewDataset(request(wide)), [0], 8, never))[0],
      );
      assert.deepEqual([width, height], [8, 4]);
    });

    it('show files of any size, and say which cannot be read', async () => {
      const pixels = Buffer.from(Array.from({ length: 2 * 3 * 3 }, (_, index) => index * 14));
      await sharp(pixels, { raw: { width: 3, height: 2, channels: 3 } })
        .png()
        .toFile(at('pets', 'cat', 'a.png'));
      file('pets/dog/b.png', 'no picture');
      const view = await openViewDataset(request(at('pets')));
      assert.equal(view.overview.kind, 'images');
      assert.deepEqual(columnsOf(view).labels, [0, 1]);
      const [cat, dog] = await cardsOf(view, [0, 1], 32, never);
      assert.deepEqual(await decode(cat), { width: 3, height: 2, pixels: [...pixels] });
      assert.equal(dog?.thumbnail, null);
      assert.match(dog?.problem ?? '', /b\.png cannot be decoded as an image/);
    });

    it('show channels first or last alike, floats by the range that all samples have', async () => {
      const shade = (row: number, column: number, channel: number): number =>
        (row * 16 + column * 2 + channel) / 255;
      const last = Float32Array.from({ length: 192 }, (_, i) =>
        shade((i / 24) | 0, ((i / 3) | 0) % 8, i % 3),
      );
      const first = Float32Array.from({ length: 192 }, (_, i) =>
        shade(((i / 8) | 0) % 8, i % 8, (i / 64) | 0),
      );
      const y = int64([1], [0]);
      const hwc = await openViewDataset(request(npz('hwc.npz', { x: float32([1, 8, 8, 3], last), y })));
      const chw = await openViewDataset(request(npz('chw.npz', { x: float32([1, 3, 8, 8], first), y })));
      const expected = Array.from(last, value => Math.round(value * 255));
      for (const view of [hwc, chw]) {
        assert.deepEqual((await decode((await cardsOf(view, [0], 32, never))[0])).pixels, expected);
      }
      assert.deepEqual(valueRange(float32([2], [-1, 0.5])), { low: -1, high: 1 });
      assert.deepEqual(valueRange(float32([2], [3, 200])), { low: 0, high: 255 });
      assert.deepEqual(valueRange(float32([3], [-2.5, NaN, 2.5])), { low: -2.5, high: 2.5 });
      const shown = pixelsOf(
        float32([1, 4], [-3, NaN, 0, 9]),
        0,
        { height: 2, width: 2, channels: 1, interleaved: true },
        { low: -2, high: 2 },
      );
      assert.deepEqual([...shown], [0, 0, 128, 255]);
    });

    it('are first values where samples are no pictures', async () => {
      const [card] = await cardsOf(await openViewDataset(request(sine('train.csv'))), [2], 32, never);
      assert.equal(card?.thumbnail, null);
      assert.equal(card?.values?.length, 1);
      assert.equal(pictureOf([50], 'float32', null), null);
      assert.equal(pictureOf([12, 5], 'float32', null), null);
      assert.deepEqual(pictureOf([784], 'uint8', ['n', 1, 28, 28]), {
        height: 28,
        width: 28,
        channels: 1,
        interleaved: false,
      });
      assert.equal(pictureOf([3, 32, 4], 'uint8', null)?.interleaved, false);
      assert.equal(pictureOf([32, 32, 3], 'uint8', null)?.interleaved, true);
    });

    it('stop when they are no longer wanted', async () => {
      const view = await openMnist();
      await assert.rejects(cardsOf(view, [0], 32, AbortSignal.abort()), CancelledError);
    });
  });

  describe('predictions', () => {
    const predict = (view: ViewDataset, model: string, id = 'd'): Promise<DatasetPredictions> =>
      new Predictor(engines).predictions(id, view, model, quiet);

    it('agree with lethe predict and with the metrics of a run', async () => {
      const view = await openMnist();
      const found = await predict(view, mnist('model.onnx'));
      const { outputs } = await predictDataset(mnist('model.onnx'), {
        data: mnist('train.npz'),
        base: '.',
        preprocess: byte,
      });
      const logits = outputs.get('logits')!;
      const labels = columnsOf(view).labels!;
      for (let sample = 0; sample < 2000; sample++) {
        const own = Array.from(logits.data.subarray(10 * sample, 10 * sample + 10) as Float32Array);
        const sum = own.reduce((total, logit) => total + Math.exp(logit), 0);
        const best = own.indexOf(Math.max(...own));
        assert.equal(found.predicted[sample], best);
        assert.ok(Math.abs(found.confidence![sample]! - Math.exp(own[best]!) / sum) < 1e-6);
        assert.ok(Math.abs(found.loss![sample]! - (Math.log(sum) - own[labels[sample]!]!)) < 1e-6);
      }

      const engine = await Engine.open(mnist('model.onnx'), { threads: 2 });
      const bound = bindDataset(await openDataset(mnist('train.npz')), inputSignatures(engine.model), byte);
      const heads = [{ output: 'logits', loss: 'cross-entropy', weight: 1 } as const];
      const all = Array.from({ length: 2000 }, (_, index) => index);
      const expected = await evaluateSamples(engine, engine.initialValues(), bound, all, heads);
      await engine.close();
      found.loss!.forEach((loss, sample) => assert.ok(Math.abs(loss - expected.losses[sample]!) < 1e-6));
    });

    it('of a regressor are its values and squared errors', async () => {
      const view = await openViewDataset(request(sine('train.csv'), { model: sine('model.onnx') }));
      const { predicted, loss, confidence } = await predict(view, sine('model.onnx'));
      const labels = columnsOf(view).labels!;
      assert.equal(confidence, null);
      predicted.forEach((value, sample) => {
        assert.ok(Math.abs(loss![sample]! - (value - labels[sample]!) ** 2) < 1e-9);
      });
    });

    it('of a sigmoid are classes with the probability of the likelier one', async () => {
      const model = linear('sigmoid.onnx', [1], float32([1, 1], [2]), 'Sigmoid');
      const path = npz('binary.npz', { x: float32([3, 1], [-1, 0.5, 2]), labels: int64([3], [0, 0, 1]) });
      const view = await openViewDataset(request(path, { model }));
      assert.equal(view.overview.labels, 'classes');
      const { predicted, loss, confidence } = await predict(view, model);
      const likely = [2, 1, 4].map(logit => 1 / (1 + Math.exp(-logit)));
      assert.deepEqual(predicted, [0, 1, 1]);
      likely.forEach((p, sample) => assert.ok(Math.abs(confidence![sample]! - p) < 1e-6));
      const expected = [-Math.log(likely[0]!), -Math.log(1 - likely[1]!), -Math.log(likely[2]!)];
      expected.forEach((value, sample) => assert.ok(Math.abs(loss![sample]! - value) < 1e-6));
    });

    it('of data without labels have no loss', async () => {
      const model = linear('scores.onnx', [2], float32([2, 3], [1, 0, 2, 0, 1, 0]));
      const path = npz('bare.npz', { x: float32([2, 2], [1, 0, 0, 4]) });
      const { predicted, loss, confidence } = await predict(
        await openViewDataset(request(path, { model })),
        model,
      );
      assert.deepEqual(predicted, [2, 1]);
      assert.equal(loss, null);
      const expected = [Math.exp(2) / (1 + Math.E + Math.exp(2)), Math.exp(4) / (2 + Math.exp(4))];
      expected.forEach((value, sample) => assert.ok(Math.abs(confidence![sample]! - value) < 1e-6));
    });

    it('are found once for a state of the model, and again when its file has changed', async () => {
      const model = linear('moving.onnx', [1], float32([1, 2], [1, -1]));
      const path = npz('moving.npz', { x: float32([2, 1], [1, -1]), labels: int64([2], [0, 1]) });
      const view = await openViewDataset(request(path, { model }));
      const predictor = new Predictor(engines);
      const first = await predictor.predictions('d', view, model, quiet);
      assert.equal(await predictor.predictions('d', view, model, quiet), first);
      const [one, other] = await Promise.all([
        predictor.predictions('e', view, model, quiet),
        predictor.predictions('e', view, model, quiet),
      ]);
      assert.equal(one, other);
      linear('moving.onnx', [1], float32([1, 2], [-1, 1]));
      const second = await predictor.predictions('d', view, model, quiet);
      assert.deepEqual(
        [first.predicted, second.predicted],
        [
          [0, 1],
          [1, 0],
        ],
      );
    });

    it('wait for one another, and leave the queue at once when they are no longer wanted', async () => {
      const pool = new EnginePool();
      const order: string[] = [];
      let finish: () => void = () => undefined;
      const first = pool.use(mnist('model.onnx'), never, async () => {
        await new Promise<void>(resolve => (finish = resolve));
        order.push('first');
      });
      const controller = new AbortController();
      const second = pool.use(mnist('model.onnx'), controller.signal, async () => void order.push('second'));
      const third = pool.use(mnist('model.onnx'), never, async ({ engine }) => {
        order.push('third');
        return engine.parameters.length;
      });
      controller.abort();
      await assert.rejects(second, CancelledError);
      assert.deepEqual(order, []);
      while (order.length === 0) {
        finish();
        await sleep(5);
      }
      await first;
      assert.equal(await third, 8);
      assert.deepEqual(order, ['first', 'third']);
      await assert.rejects(
        pool.use(join(folder, 'none.onnx'), never, async () => 1),
        /There is no such file/,
      );
      assert.equal(await pool.use(mnist('model.onnx'), never, async () => 2), 2);
    });

    it('stop when they are no longer wanted, and tell how far they are', async () => {
      const view = await openMnist();
      const controller = new AbortController();
      const shares: (number | null)[] = [];
      const work = new Predictor(engines).predictions('d', view, mnist('retrained.onnx'), {
        signal: controller.signal,
        progress: (_, share) => {
          shares.push(share);
          if ((share ?? 0) > 0) controller.abort();
        },
      });
      await assert.rejects(work, CancelledError);
      assert.equal(shares.length, 2);
      assert.equal((await predict(view, mnist('retrained.onnx'), 'after')).predicted.length, 2000);
    });
  });

  describe('proposals for preprocessing', () => {
    it('put the one that a sample was trained with first', async () => {
      const view = await openViewDataset(request(mnist('train.npz'), { model: mnist('model.onnx') }));
      const found = await preprocessCandidates(engines, view, mnist('model.onnx'), never);
      assert.deepEqual(
        found.map(({ name }) => name),
        ['1/255', '±1', 'none'],
      );
      assert.deepEqual(found[0]?.preprocess, byte);
      const scaled = await new Predictor(engines).predictions(
        'd',
        await openMnist(),
        mnist('model.onnx'),
        quiet,
      );
      const looked = Array.from(
        { length: 256 },
        (_, index) => scaled.loss![Math.floor((index * 2000) / 256)]!,
      );
      const mean = looked.reduce((sum, loss) => sum + loss, 0) / 256;
      assert.ok(Math.abs(found[0]!.loss - mean) < 1e-6);
    });

    it('bring image files to the size that the model declares, with means for three channels', async () => {
      for (const [name, size] of [
        ['a', 4],
        ['b', 6],
      ] as const) {
        const pixels = Buffer.alloc(size * size * 3, name === 'a' ? 10 : 250);
        const target = at('colours', name, `${name}.png`);
        await sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
          .png()
          .toFile(target);
      }
      const model = linear(
        'colours.onnx',
        [3, 2, 2],
        float32(
          [12, 2],
          Array.from({ length: 24 }, (_, i) => (i % 2 ? 0.1 : -0.1)),
        ),
      );
      const view = await openViewDataset(request(at('colours'), { model }));
      const found = await preprocessCandidates(engines, view, model, never);
      assert.deepEqual(found.map(({ name }) => name).sort(), ['1/255', 'ImageNet', 'none', '±1']);
      for (const { preprocess } of found) assert.deepEqual(preprocess?.resize, [2, 2]);
      // Of ±1 the scores of both pictures have the signs of their classes.
      const best = found.find(({ name }) => name === '±1');
      const score = (value: number): number => 12 * 0.1 * (value / 127.5 - 1);
      const expected = (Math.log1p(Math.exp(2 * score(10))) + Math.log1p(Math.exp(-2 * score(250)))) / 2;
      assert.ok(Math.abs(best!.loss - expected) < 1e-5);
    });

    it('need labels', async () => {
      const model = linear('unlabelled.onnx', [2], float32([2, 3], [1, 0, 2, 0, 1, 0]));
      const path = npz('unlabelled.npz', { x: float32([2, 2], [1, 0, 0, 4]) });
      const view = await openViewDataset(request(path, { model }));
      await assert.rejects(preprocessCandidates(engines, view, model, never), /has no labels/);
    });
  });

  it('are opened again when they had to make room, and refused once they are closed', async () => {
    const store = new DatasetStore();
    const paths = [1, 2, 3, 4, 5].map(count =>
      npz(`room-${count}.npz`, {
        x: float32([count, 1], new Float32Array(count)),
        y: int64([count], Array<number>(count).fill(0)),
      }),
    );
    const ids: string[] = [];
    for (const path of paths) ids.push((await store.open(request(path))).id);
    assert.equal(new Set(ids).size, 5);
    assert.equal((await store.get(ids[0]!)).dataset.size, 1);
    assert.equal(await store.get(ids[4]!), await store.get(ids[4]!));
    npz('room-2.npz', { x: float32([7, 1], new Float32Array(7)), y: int64([7], Array<number>(7).fill(0)) });
    await assert.rejects(
      store.get(ids[1]!),
      /had 2 samples when it was opened and now has 7\. Open it again\./,
    );
    store.close(ids[4]!);
    await assert.rejects(store.get(ids[4]!), /no longer open/);
  });
});
