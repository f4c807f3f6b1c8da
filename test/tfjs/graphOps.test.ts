// Every operator of GraphModels that is translated, against TensorFlow.js itself: what it gives and its gradient.
import assert from 'node:assert/strict';
import type {
  Batch,
  HeadLoss,
  LossGradient,
  ModelEngine,
  ParameterValues,
} from '../../src/runtime/contracts';
import { openEngine } from '../../src/runtime/openEngine';
import { translatedOps } from '../../src/tfjs/ops/table';
import { Random } from '../../src/tensor/random';
import { elementCount, type Tensor } from '../../src/tensor/tensor';
import { inFolder } from '../onnx/support';
import { GraphFixture } from './graphs';
import type { OperatorCase } from './graphCases/parts';
import { operatorCases } from './graphOpCases';

const samples = 3;

describe('operators of GraphModels', () => {
  for (const each of operatorCases)
    it(each.name, () =>
      inFolder(async folder => {
        const graph = new GraphFixture();
        const values = each.build(graph);
        for (const value of values) graph.output(value);
        const path = graph.write(folder);
        const ours = await openEngine(path, { engine: 'onnxruntime' });
        const theirs = await openEngine(path, { engine: 'tfjs' });
        try {
          await compare(each, ours, theirs);
        } finally {
          await ours.close();
          await theirs.close();
        }
      }),
    );

  it('have a case each', () => {
    const covered = new Set(operatorCases.flatMap(({ ops }) => ops));
    assert.deepEqual(
      translatedOps().filter(op => !covered.has(op)),
      [],
    );
  });
});

async function compare(each: OperatorCase, ours: ModelEngine, theirs: ModelEngine): Promise<void> {
  const random = new Random(11);
  const inputs = ours.model.graph.inputs.map(({ dtype, dims }): Tensor => {
    const sizes = dims!.map(dim => (typeof dim === 'number' ? dim : samples));
    const count = elementCount(sizes);
    if (dtype === 'int32')
      return { dtype, dims: sizes, data: Int32Array.from({ length: count }, (_, at) => at % 3) };
    const draw = each.draw ?? ((): number => random.normal());
    return { dtype: 'float32', dims: sizes, data: Float32Array.from({ length: count }, () => draw(random)) };
  });
  const values = ours.initialValues();
  const [mine, other] = [await ours.predict(values, inputs), await theirs.predict(values, inputs)];
  mine.forEach((output, index) => {
    assert.deepEqual(output.dims, other[index]!.dims, `the shape of output ${index}`);
    assert.equal(output.dtype, other[index]!.dtype);
    near(output.data as Float32Array, other[index]!.data as Float32Array, `output ${index}`);
  });
  if (each.gradient === 'none') return;
  const heads = ours.model.graph.outputs
    .filter(({ dtype }) => dtype === 'float32')
    .map(({ name }) => ({ output: name, loss: 'mse' as const, weight: 1 }));
  const labels = mine
    .filter(({ dtype }) => dtype === 'float32')
    .map(({ dims }): Tensor => ({
      dtype: 'float32',
      dims,
      data: Float32Array.from({ length: elementCount(dims) }, () => random.normal()),
    }));
  const found = await ours.lossGradient(values, { inputs, labels }, heads);
  assert.ok(found.gradients.size > 0, 'nothing is trained');
  if (each.gradient === 'differences') {
    await compareDifferences(theirs, found, values, { inputs, labels }, heads);
    return;
  }
  const expected = await theirs.lossGradient(values, { inputs, labels }, heads);
  near([found.loss], [expected.loss], 'the loss');
  for (const [name, gradient] of found.gradients)
    near(gradient, expected.gradients.get(name)!, `the gradient by ${name}`);
}

/** Our gradient along random directions against central differences of the loss as TensorFlow.js predicts. */
async function compareDifferences(
  theirs: ModelEngine,
  found: LossGradient,
  values: ParameterValues,
  { inputs, labels }: Batch,
  heads: readonly HeadLoss[],
): Promise<void> {
  const random = new Random(5);
  const order = theirs.model.graph.outputs.map(({ name }) => name);
  const loss = async (at: ParameterValues): Promise<number> => {
    const outputs = await theirs.predict(at, inputs);
    return heads.reduce((sum, { output }, index) => {
      const { data } = outputs[order.indexOf(output)]!;
      const label = labels[index]!.data as Float32Array;
      return (
        sum +
        label.reduce((all, value, element) => all + (Number(data[element]) - value) ** 2, 0) / label.length
      );
    }, 0);
  };
  for (const [name, gradient] of found.gradients) {
    const direction = Float32Array.from(gradient, () => random.normal());
    const along = [...gradient].reduce((sum, value, element) => sum + value * direction[element]!, 0);
    const most = [...gradient].reduce(
      (sum, value, element) => sum + Math.abs(value * direction[element]!),
      0,
    );
    const slopes: number[] = [];
    for (const step of [1e-2, 1e-3]) {
      const moved = (sign: number): ParameterValues =>
        new Map(values).set(
          name,
          values.get(name)!.map((value, element) => value + sign * step * direction[element]!),
        );
      slopes.push(((await loss(moved(1))) - (await loss(moved(-1)))) / (2 * step));
    }
    const error = Math.min(...slopes.map(slope => Math.abs(slope - along)));
    assert.ok(error <= 3e-3 * Math.max(most, 1e-2), `along ${name}: ${along}, not ${slopes.join(' or ')}`);
  }
}

/** Equal to 1e-4 of the largest element. */
function near(found: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  assert.equal(found.length, expected.length, what);
  const most = Math.max(1e-3, ...Array.from(expected, Math.abs));
  for (let index = 0; index < found.length; index++) {
    const error = Math.abs(found[index]! - expected[index]!);
    assert.ok(error <= 1e-4 * most, `${what}: element ${index} is ${found[index]}, not ${expected[index]}`);
  }
}
