// Theorems of the paper through the whole job, on networks written as files: T1, T3, T4 and T5.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { isStored } from '../../src/onnx/model';
import { readTensor } from '../../src/onnx/readTensor';
import { readModel } from '../../src/onnx/reader';
import { leastNormSolver } from '../../src/tensor/leastNorm';
import { encodeNpz } from '../../src/tensor/npz';
import { Random } from '../../src/tensor/random';
import { float32, toFloat64 } from '../../src/tensor/tensor';
import { layer, writePerceptron, type Layer } from '../unlearn/tiny';
import { Workplace } from './harness';

const [retained, forgotten, width] = [8, 3, 20];
const samples = retained + forgotten;

describe('theorems, through the whole job', () => {
  let place: Workplace;
  let random: Random;
  let inputs: number[][];
  beforeEach(() => {
    place = new Workplace();
    random = new Random(11);
    inputs = Array.from({ length: samples }, () => Array.from({ length: width }, () => random.normal()));
  });
  afterEach(() => place.remove());

  /** Writes model, data and recipe and runs it; gives the parameters by name. */
  async function run(
    layers: readonly Layer[],
    activation: string | null,
    method: object,
    labels: number[],
  ): Promise<Map<string, Float64Array>> {
    writePerceptron(place.at('model.onnx'), layers, activation);
    const arrays = new Map([
      ['x', float32([samples, width], inputs.flat())],
      ['labels', float32([samples, 1], labels)],
    ]);
    writeFileSync(place.at('data.npz'), encodeNpz(arrays));
    const recipe = {
      model: 'model.onnx',
      output: 'out.onnx',
      data: { train: 'data.npz' },
      forget: { indices: Array.from({ length: forgotten }, (_, at) => retained + at) },
      loss: 'mse',
      method,
    };
    writeFileSync(place.at('recipe.json'), JSON.stringify(recipe));
    const { code, stderr } = await place.lethe('run', 'recipe.json', '--json');
    assert.equal(code, 0, stderr);
    const { initializers } = readModel(place.at('out.onnx')).graph;
    return new Map(
      [...initializers].map(([name, stored]) => {
        assert.ok(isStored(stored));
        return [name, toFloat64(readTensor(stored))];
      }),
    );
  }

  /** What a stack of layers gives for an input. */
  function forward(layers: readonly Layer[], input: readonly number[], phi: (x: number) => number): number {
    let value = [...input];
    layers.forEach((each, index) => {
      const next = Array.from({ length: each.out }, (_, row) =>
        value.reduce(
          (sum, x, column) => sum + each.weight[row * each.in + column]! * x,
          each.bias?.[row] ?? 0,
        ),
      );
      value = index < layers.length - 1 ? next.map(phi) : next;
    });
    return value[0]!;
  }

  /** X_r⁺ y_r. */
  function leastNorm(labels: readonly number[]): Float64Array {
    const x = { rows: retained, columns: width, data: Float64Array.from(inputs.slice(0, retained).flat()) };
    return leastNormSolver(x).solve({
      rows: retained,
      columns: 1,
      data: Float64Array.from(labels.slice(0, retained)),
    }).data;
  }

  /** The predictor of a linear network from its stored layers. */
  function predictor(stored: ReadonlyMap<string, Float64Array>, layers: readonly Layer[]): Float64Array {
    let row = Float64Array.of(1);
    for (const each of [...layers].reverse()) {
      const weight = stored.get(`${each.name}.weight`)!;
      row = Float64Array.from({ length: each.in }, (_, column) =>
        row.reduce((sum, factor, at) => sum + factor * weight[at * each.in + column]!, 0),
      );
    }
    return row;
  }

  const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
    Math.hypot(...Array.from(a, (value, at) => value - b[at]!));

  it('loss gradients do not move an interpolating model; the projection does (T1)', async () => {
    const layers = [layer('only', 1, width, random, false)];
    const labels = inputs.map(input => forward(layers, input, x => x));
    const start = layers[0]!.weight;
    for (const name of ['gd', 'ga', 'ngp']) {
      const method = { name, epochs: 50, optimizer: 'sgd', learningRate: 0.01, weightDecay: 0 };
      const moved = distance((await run(layers, null, method, labels)).get('only.weight')!, start);
      assert.ok(moved < 1e-6 * Math.hypot(...start), `${name} moved by ${moved}`);
    }
    const method = {
      name: 'minnorm-og',
      epochs: 50,
      optimizer: 'sgd',
      learningRate: 0.01,
      weightDecay: 0,
      projectionStrength: 1,
      descentEpochs: 49,
      constraintPool: 'retain',
      constraintSamples: retained,
    };
    const found = (await run(layers, null, method, labels)).get('only.weight')!;
    const wanted = leastNorm(labels);
    assert.ok(distance(found, wanted) < 1e-5 * Math.hypot(...wanted));
    assert.ok(distance(start, wanted) > 0.3 * Math.hypot(...wanted));
  });

  it('a deep network at an interpolating point is not moved either (T1)', async () => {
    const layers = [layer('a', 16, width, random), layer('b', 1, 16, random)];
    const labels = inputs.map(input => forward(layers, input, Math.tanh));
    for (const name of ['gd', 'ga', 'ngp']) {
      const method = { name, epochs: 50, optimizer: 'sgd', learningRate: 0.01, weightDecay: 0 };
      const found = await run(layers, 'Tanh', method, labels);
      for (const each of layers) {
        const moved = distance(found.get(`${each.name}.weight`)!, each.weight);
        assert.ok(moved < 1e-6 * Math.hypot(...each.weight), `${name} moved ${each.name} by ${moved}`);
      }
    }
  });

  it('the closed form of a linear model is X⁺y (T2), and that of a last layer meets the labels at the least norm', async () => {
    const linear = [layer('only', 1, width, random, false)];
    const labels = inputs.map(() => random.normal());
    const exact = leastNorm(labels);
    const one = await run(linear, null, { name: 'closed-form' }, labels);
    assert.ok(distance(one.get('only.weight')!, exact) < 1e-5 * Math.hypot(...exact));

    const deep = [layer('a', 15, width, random), layer('b', 1, 15, random)];
    const found = await run(deep, 'Tanh', { name: 'closed-form', form: 'last-layer' }, labels);
    assert.deepEqual([...found.get('a.weight')!], [...deep[0]!.weight]);
    const features = inputs
      .slice(0, retained)
      .map(input => [
        ...Array.from({ length: 15 }, (_, row) =>
          Math.tanh(
            input.reduce(
              (sum, value, at) => sum + deep[0]!.weight[row * width + at]! * value,
              deep[0]!.bias![row]!,
            ),
          ),
        ),
        1,
      ]);
    const wanted = leastNormSolver({
      rows: retained,
      columns: 16,
      data: Float64Array.from(features.flat()),
    }).solve({ rows: retained, columns: 1, data: Float64Array.from(labels.slice(0, retained)) }).data;
    const got = [...found.get('b.weight')!, ...found.get('b.bias')!];
    assert.ok(distance(got, wanted) < 1e-4 * Math.hypot(...wanted));
  });

  it('changing the first layer alone gives a linear network the predictor X⁺y (T3)', async () => {
    const layers = [
      layer('a', 9, width, random, false),
      layer('b', 7, 9, random, false),
      layer('c', 1, 7, random, false),
    ];
    const labels = inputs.map(input => forward(layers, input, x => x));
    const found = await run(layers, null, { name: 'closed-form' }, labels);
    const wanted = leastNorm(labels);
    assert.ok(distance(predictor(found, layers), wanted) < 1e-5 * Math.hypot(...wanted));
    for (const each of layers.slice(1))
      assert.deepEqual([...found.get(`${each.name}.weight`)!], [...each.weight]);
    // The change is −u (P w)ᵀ/‖u‖²: orthogonal to the gradient u xᵀ of every retained output, so P w ⊥ x.
    const change = found.get('a.weight')!.map((value, at) => value - layers[0]!.weight[at]!);
    assert.ok(Math.hypot(...change) > 0.1);
    const above = predictor(found, layers.slice(1));
    for (const input of inputs.slice(0, retained)) {
      const along = change.reduce(
        (sum, value, at) => sum + value * above[Math.floor(at / width)]! * input[at % width]!,
        0,
      );
      const size = Math.hypot(...change) * Math.hypot(...above) * Math.hypot(...input);
      assert.ok(Math.abs(along) < 1e-6 * size, `${along}`);
    }
  });

  it('a linear network with biases meets the retained labels exactly and reaches the least norm over [x, 1]', async () => {
    const layers = [layer('a', 6, width, random), layer('b', 1, 6, random)];
    const labels = inputs.map(input => forward(layers, input, x => x));
    const found = await run(layers, null, { name: 'closed-form' }, labels);
    const changed = layers.map(each => ({
      ...each,
      weight: Float32Array.from(found.get(`${each.name}.weight`)!),
      bias: Float32Array.from(found.get(`${each.name}.bias`)!),
    }));
    const outputs = inputs.map(input => forward(changed, input, x => x));
    assert.ok(distance(outputs.slice(0, retained), labels.slice(0, retained)) < 1e-4);
    assert.ok(distance(outputs.slice(retained), labels.slice(retained)) > 0.1);
  });

  it('the parameters of least norm have ‖θ‖² = L‖w‖^(2/L), below any other factors of w (T4)', async () => {
    for (const depth of [2, 3]) {
      const layers = [
        layer('a', 5, width, random, false),
        ...(depth === 3 ? [layer('b', 5, 5, random, false)] : []),
        layer('c', 1, 5, random, false),
      ];
      const labels = inputs.map(input => forward(layers, input, x => x));
      const found = await run(layers, null, { name: 'closed-form', form: 'least-norm' }, labels);
      const wanted = leastNorm(labels);
      assert.ok(distance(predictor(found, layers), wanted) < 1e-5 * Math.hypot(...wanted));
      const squares = (parts: Iterable<ArrayLike<number>>): number =>
        [...parts].reduce(
          (sum, part) => sum + Array.from(part).reduce((s, value) => s + value * value, 0),
          0,
        );
      const least = squares(found.values());
      assert.ok(Math.abs(least - depth * Math.hypot(...wanted) ** (2 / depth)) < 1e-4 * least);
      // T3 reaches the same predictor from the trained layers, with a larger norm.
      const kept = await run(layers, null, { name: 'closed-form' }, labels);
      assert.ok(distance(predictor(kept, layers), wanted) < 1e-5 * Math.hypot(...wanted));
      assert.ok(squares(kept.values()) > least);
    }
  });

  it('a basic solution keeps the retained outputs with no more neurons than they span (T5)', async () => {
    const layers = [layer('a', 50, width, random), layer('c', 1, 50, random, false)];
    const labels = inputs.map(input => forward(layers, input, Math.tanh));
    const found = await run(layers, 'Tanh', { name: 'closed-form' }, labels);
    const last = found.get('c.weight')!;
    assert.equal(last.filter(value => value !== 0).length, retained);
    assert.deepEqual([...found.get('a.weight')!], [...layers[0]!.weight]);
    const changed = [layers[0]!, { ...layers[1]!, weight: Float32Array.from(last) }];
    const outputs = inputs.map(input => forward(changed, input, Math.tanh));
    assert.ok(distance(outputs.slice(0, retained), labels.slice(0, retained)) < 1e-4);
    assert.ok(distance(outputs.slice(retained), labels.slice(retained)) > 0.05);
  });

  it('a model without a linear ending is refused with what serves it', async () => {
    const layers = [layer('a', 4, width, random), layer('b', 1, 4, random)];
    writePerceptron(place.at('model.onnx'), layers, 'Tanh');
    const data = new Map([
      ['x', float32([samples, width], inputs.flat())],
      ['labels', float32([samples, 1], new Float32Array(samples))],
    ]);
    writeFileSync(place.at('data.npz'), encodeNpz(data));
    const recipe = {
      model: 'model.onnx',
      output: 'out.onnx',
      data: { train: 'data.npz' },
      forget: { indices: [1] },
      loss: 'mse',
      method: 'closed-form',
      parameters: { freeze: ['b.*'] },
    };
    writeFileSync(place.at('recipe.json'), JSON.stringify(recipe));
    const { code, stderr } = await place.lethe('run', 'recipe.json');
    assert.equal(code, 1);
    assert.match(
      stderr,
      /closed-form cannot serve the output y: .*b\.weight.*minnorm-og and shrink serve any model/,
    );
  });
});
