// Every gradient fixture (test/fixtures/gradients) through the engine, against PyTorch's float64 gradients.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { HeadLoss } from '../../src/runtime/contracts';
import { Engine } from '../../src/runtime/engine';
import { elementCount, toFloat64, type Tensor } from '../../src/tensor/tensor';
import { Arrays, folder, largest, manifest } from './gradientFixtures';

/** Every value is within 1e-4 of the tensor's largest one, plus 1e-6 of the largest in the whole model. */
function assertClose(got: Map<string, ArrayLike<number>>, want: Map<string, ArrayLike<number>>): void {
  assert.deepEqual([...got.keys()].sort(), [...want.keys()].sort());
  const overall = Math.max(...[...want.values()].map(largest));
  for (const [name, expected] of want) {
    const actual = got.get(name)!;
    assert.equal(actual.length, expected.length, name);
    const error = largest(Array.from(expected, (value, index) => value - actual[index]!));
    const bound = 1e-4 * largest(expected) + 1e-6 * overall;
    assert.ok(error <= bound, `${name} is off by ${error}, more than ${bound}`);
  }
}

function slices(tensors: Map<string, Tensor>, row: number): Map<string, Float64Array> {
  return new Map(
    [...tensors].map(([name, tensor]) => {
      const size = elementCount(tensor.dims.slice(1));
      return [name, toFloat64(tensor).subarray(row * size, (row + 1) * size)];
    }),
  );
}

function firstRows(tensor: Tensor, count: number): Tensor {
  const dims = [count, ...tensor.dims.slice(1)];
  return { dtype: tensor.dtype, dims, data: tensor.data.slice(0, elementCount(dims)) };
}

describe('gradients of models exported by PyTorch', () => {
  it('lists every model in the fixture folder', () => {
    const models = readdirSync(folder).filter(name => name.endsWith('.onnx'));
    assert.deepEqual(models.sort(), manifest.map(fixture => `${fixture.name}.onnx`).sort());
    assert.ok(models.length >= 101);
  });

  for (const fixture of manifest) {
    describe(fixture.name, () => {
      const arrays = new Arrays(fixture);
      let engine: Engine;
      before(async () => {
        engine = await Engine.open(join(folder, `${fixture.name}.onnx`), { threads: 2 });
      });
      after(() => engine?.close());

      it('predicts the same outputs', async () => {
        const got = await engine.predict(engine.initialValues(), arrays.numbered('input'));
        const want = arrays.numbered('output');
        assert.equal(got.length, want.length);
        want.forEach((expected, index) => {
          const actual = got[index]!;
          assert.deepEqual(actual.dims, expected.dims);
          const values = toFloat64(actual);
          const error = largest(toFloat64(expected).map((value, place) => value - values[place]!));
          // A float16 output may be handed out rounded to its own type.
          const bound = (actual.dtype === 'float16' ? 1e-3 : 1e-5) * largest(toFloat64(expected));
          assert.ok(error <= bound, `output ${index} is off by ${error}`);
        });
      });

      it('has the same parameters and loss gradients', async () => {
        const outputs = engine.model.graph.outputs;
        const heads: HeadLoss[] = fixture.losses.map((loss, index) => {
          return { output: outputs[index]!.name, loss, weight: 1 };
        });
        assert.equal(engine.finalActivation(heads[0]!.output), fixture.end);
        const want = arrays.keyed('gradient');
        const trainable = engine.parameters.filter(parameter => parameter.trainable);
        assert.deepEqual(
          new Map(trainable.map(parameter => [parameter.name, [...parameter.dims]])),
          new Map(trainable.map(({ name }) => [name, [...(want.get(name)?.dims ?? [])]])),
        );
        const batch = { inputs: arrays.numbered('input'), labels: arrays.numbered('label') };
        const got = await engine.lossGradient(engine.initialValues(), batch, heads);
        const loss = Number(arrays.named('loss.0').data[0]);
        assert.ok(Math.abs(got.loss - loss) <= 1e-5 * Math.abs(loss), `loss ${got.loss}, expected ${loss}`);
        assertClose(got.gradients, new Map([...want].map(([name, tensor]) => [name, toFloat64(tensor)])));
      });

      it("has the same gradients of each sample's largest element", async () => {
        const inputs = arrays.numbered('input').map(input => firstRows(input, fixture.samples));
        const got = await engine.perSampleGradients(engine.initialValues(), inputs);
        const want = arrays.keyed('sample');
        for (const [name, tensor] of want) assert.deepEqual(got.get(name)?.dims, tensor.dims, name);
        for (let row = 0; row < fixture.samples; row++) assertClose(slices(got, row), slices(want, row));
      });
    });
  }
});
