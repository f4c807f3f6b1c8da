// Certified removal and entanglement: the bound that holds, the wording where none is given, the orthogonal repair.
import { strict as assert } from 'node:assert';
import type { BoundDataset } from '../../src/data/dataset';
import type { HeadLoss, ParameterValues } from '../../src/runtime/contracts';
import type { Engine } from '../../src/runtime/engine';
import type { MethodSettings } from '../../src/shared/recipe';
import type { Certificate } from '../../src/shared/report';
import { trustRegionNewton } from '../../src/tensor/newton';
import { Random } from '../../src/tensor/random';
import { float32 } from '../../src/tensor/tensor';
import { removeSpan } from '../../src/unlearn/entanglement';
import { lossesOf } from '../../src/unlearn/teacher';
import { inMemory, layer, ModelFolder, runMethod, type Ran } from './tiny';

const heads: HeadLoss[] = [{ output: 'y', loss: 'cross-entropy', weight: 1 }];
const [size, features, classes] = [60, 6, 4];
const sets = {
  retained: [...Array(size).keys()].filter(index => index % 6 !== 0),
  forgotten: [...Array(size).keys()].filter(index => index % 6 === 0),
};

describe('certified removal', () => {
  let folder: ModelFolder;
  let engine: Engine;
  let data: BoundDataset;
  before(async () => {
    folder = new ModelFolder();
    const random = new Random(8);
    engine = await folder.engine([layer('a', 12, features, random), layer('b', classes, 12, random)], 'Relu');
    const labels = Int32Array.from({ length: size }, () => random.integer(classes));
    const rows = Array.from(labels, label =>
      Array.from({ length: features }, (_, at) => (at === label ? 1 : 0) + 0.7 * random.normal()),
    );
    data = inMemory(float32([size, features], rows.flat()), [{ dtype: 'int32', dims: [size], data: labels }]);
  });
  after(() => folder.remove());

  async function certified(settings: Partial<MethodSettings>): Promise<Ran & { certificate: Certificate }> {
    let certificate: Certificate | null = null;
    const ran = await runMethod(
      engine,
      data,
      heads,
      sets,
      { name: 'certified-removal', ...settings },
      {
        recordCertificate: given => (certificate = given),
      },
    );
    assert.ok(certificate);
    return { ...ran, certificate };
  }

  /** ∇J of the last layer by the engine's own gradient, ridge added; its norm. */
  async function gradientNorm(values: ParameterValues, ridge: number): Promise<number> {
    const { gradients } = await engine.lossGradient(values, await data.read(sets.retained), heads);
    let squares = 0;
    for (const name of ['b.weight', 'b.bias'])
      gradients.get(name)!.forEach((g, at) => (squares += (g + ridge * values.get(name)![at]!) ** 2));
    return Math.sqrt(squares);
  }

  it('minimises the retained loss of the last layer alone, and its noise follows from what is left', async () => {
    const ridge = 0.01;
    const { values, certificate } = await certified({ ridge, epsilon: 0.5, delta: 1e-4 });
    assert.deepEqual(values.get('a.weight'), engine.initialValues().get('a.weight'));
    // The noise is far below float32's gradient here, so that the minimum can be checked through it.
    assert.ok((await gradientNorm(engine.initialValues(), ridge)) > 0.1);
    assert.ok((await gradientNorm(values, ridge)) < 1e-4);
    assert.equal(certificate.epsilon, 0.5);
    assert.ok(certificate.bound > 0 && certificate.bound < 1e-4);
    const wanted = (certificate.bound * Math.sqrt(2 * Math.log(1.25 / 1e-4))) / 0.5;
    assert.ok(Math.abs(certificate.noise - wanted) < 1e-12);
    assert.match(certificate.statement, /ε = 0\.5, δ = 0\.0001/);
    assert.match(certificate.statement, /last layer given fixed features.*not covered/);
  });

  it('bounds the distance to the minimiser, also where the minimisation is stopped early', async () => {
    const exact = await certified({ ridge: 0.05, tolerance: 1e-10, epsilon: 1 });
    const early = await certified({ ridge: 0.05, tolerance: 0.02, epsilon: 1 });
    let squares = 0;
    // Without noise: its deviation is known, and the same seed draws the same.
    const random = [new Random(0), new Random(0)] as const;
    for (const name of ['b.weight', 'b.bias']) assert.ok(exact.values.has(name));
    const strip = (ran: typeof exact, source: Random): number[] =>
      orderOf().map(([name, at]) => ran.values.get(name)![at]! - ran.certificate.noise * source.normal());
    const [a, b] = [strip(exact, random[0]), strip(early, random[1])];
    a.forEach((value, at) => (squares += (value - b[at]!) ** 2));
    assert.ok(Math.sqrt(squares) > 1e-3);
    assert.ok(Math.sqrt(squares) <= early.certificate.bound + exact.certificate.bound + 1e-5);
  });

  /** The places of the last layer in the order in which noise is drawn: [in (+ 1), classes]. */
  function orderOf(): [string, number][] {
    const order: [string, number][] = [];
    for (let row = 0; row < 12; row++)
      for (let at = 0; at < classes; at++) order.push(['b.weight', at * 12 + row]);
    for (let at = 0; at < classes; at++) order.push(['b.bias', at]);
    return order;
  }

  it('gives no ε without a ridge or without convergence, and says which', async () => {
    const plain = await certified({ ridge: 0, tolerance: 0.05 });
    assert.equal(plain.certificate.epsilon, null);
    assert.equal(plain.certificate.noise, 0);
    assert.match(plain.certificate.statement, /No ε is given, because there is no ridge/);
    const unreachable = await certified({ ridge: 0.01, tolerance: 1e-300 });
    assert.equal(unreachable.certificate.epsilon, null);
    assert.match(unreachable.certificate.statement, /did not converge/);
  });

  it('refuses a regression and says which methods serve it', async () => {
    const mse: HeadLoss[] = [{ output: 'y', loss: 'mse', weight: 1 }];
    await assert.rejects(
      runMethod(engine, data, mse, sets, { name: 'certified-removal' }),
      /cannot serve this model: .*cross-entropy.*minnorm-og and shrink serve any model/,
    );
  });

  it('entanglement raises the forgotten loss and keeps the retained one', async () => {
    // A model that fits its data first: there is something to forget.
    const everything = { retained: [...Array(size).keys()], forgotten: [0] };
    const training = { name: 'gd', epochs: 150, batchSize: 20, learningRate: 0.01 };
    const fitted = (await runMethod(engine, data, heads, everything, training)).values;
    const trained = await folder.engine(
      [
        { name: 'a', out: 12, in: features, weight: fitted.get('a.weight')!, bias: fitted.get('a.bias')! },
        { name: 'b', out: classes, in: 12, weight: fitted.get('b.weight')!, bias: fitted.get('b.bias')! },
      ],
      'Relu',
    );
    const mean = async (values: ParameterValues, indices: number[]): Promise<number> => {
      const losses = await lossesOf(trained, values, await data.read(indices), heads);
      return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    };
    const settings = {
      name: 'retain-forget-entanglement',
      epochs: 30,
      descentEpochs: 30,
      learningRate: 0.002,
    };
    const { values, cost } = await runMethod(trained, data, heads, sets, settings);
    const start = trained.initialValues();
    assert.ok((await mean(values, sets.forgotten)) > (await mean(start, sets.forgotten)) + 0.5);
    assert.ok((await mean(values, sets.retained)) < (await mean(start, sets.retained)) + 0.1);
    assert.ok(cost > 0);
  });
});

describe('removing a span', () => {
  it('leaves what is orthogonal to both, dependent ones too', () => {
    const random = new Random(4);
    const draw = (): ParameterValues =>
      new Map([['w', Float32Array.from({ length: 30 }, () => random.normal())]]);
    const dot = (a: ParameterValues, b: ParameterValues): number =>
      [...a.get('w')!].reduce((sum, value, at) => sum + value * b.get('w')![at]!, 0);
    const [a, b] = [draw(), draw()];
    const double = new Map([['w', a.get('w')!.map(value => 2 * value)]]);
    for (const other of [b, double, new Map([['w', new Float32Array(30)]])]) {
      const g = draw();
      removeSpan(g, a, other);
      assert.ok(Math.abs(dot(g, a)) < 1e-4 && Math.abs(dot(g, other)) < 2e-4);
      assert.ok(dot(g, g) > 5);
    }
  });
});

describe('trust-region Newton', () => {
  it('finds the minimum of a quadratic and of the Rosenbrock valley', () => {
    const quadratic = trustRegionNewton(
      {
        evaluate: x => ({
          value: x[0]! ** 2 + 50 * (x[1]! - 3) ** 2,
          gradient: Float64Array.of(2 * x[0]!, 100 * (x[1]! - 3)),
        }),
        curvature: d => Float64Array.of(2 * d[0]!, 100 * d[1]!),
      },
      Float64Array.of(40, -7),
      1e-10,
    );
    assert.ok(
      quadratic.converged && Math.abs(quadratic.x[0]!) < 1e-9 && Math.abs(quadratic.x[1]! - 3) < 1e-9,
    );
    let at = Float64Array.of(0, 0);
    const valley = trustRegionNewton(
      {
        evaluate(x) {
          at = Float64Array.from(x);
          const [a, b] = [1 - x[0]!, x[1]! - x[0]! ** 2];
          return { value: a * a + 100 * b * b, gradient: Float64Array.of(-2 * a - 400 * x[0]! * b, 200 * b) };
        },
        curvature: d => {
          const [x, y] = [at[0]!, at[1]!];
          return Float64Array.of(
            (2 - 400 * (y - 3 * x * x)) * d[0]! - 400 * x * d[1]!,
            -400 * x * d[0]! + 200 * d[1]!,
          );
        },
      },
      Float64Array.of(-1.2, 1),
      1e-10,
    );
    assert.ok(valley.converged && Math.hypot(valley.x[0]! - 1, valley.x[1]! - 1) < 1e-8);
  });
});
