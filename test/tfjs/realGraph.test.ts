// A GraphModel that others trained and converted: MobileNetV2 with fused convolutions.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { inspectModel } from '../../src/job/inspect';
import { openEngine } from '../../src/runtime/openEngine';
import { openModel } from '../../src/tfjs/openModel';
import { elementCount, type Tensor } from '../../src/tensor/tensor';
import { inFolder } from '../onnx/support';
import { unpackModel } from './realModels';
import { rewriteWeights, type ModelFile } from './rewriting';

/** Pixels from 0 to 1 that no file holds. */
function pictures(dims: readonly number[]): Tensor {
  const data = Float32Array.from(
    { length: elementCount(dims) },
    (_, index) => (Math.sin(index * 0.73) + 1) / 2,
  );
  return { dtype: 'float32', dims, data };
}

interface GraphFile {
  readonly node: { op: string; attr: Record<string, Record<string, unknown>> }[];
}

/** Lets the graph take pictures of another size; the pooling of its last maps, of 1/32 of that, goes with it. */
function resized(size: number): (file: ModelFile) => void {
  return file => {
    const sizes = (list: readonly number[]): { size: string }[] => list.map(each => ({ size: String(each) }));
    for (const { op, attr } of (file.modelTopology as GraphFile).node) {
      if (op === 'Placeholder') attr['shape'] = { shape: { dim: sizes([-1, size, size, 3]) } };
      if (op === 'AvgPool') attr['ksize'] = { list: { i: [1, size / 32, size / 32, 1].map(String) } };
    }
    const { signature } =
      (file as { userDefinedMetadata?: { signature: unknown } }).userDefinedMetadata ?? {};
    const [input] = Object.values((signature as { inputs: Record<string, { tensorShape: unknown }> }).inputs);
    input!.tensorShape = { dim: sizes([-1, size, size, 3]) };
  };
}

describe('a real GraphModel', () => {
  it('is translated as a whole, with one Transpose of data, and gives what TensorFlow.js gives', () =>
    inFolder(async folder => {
      const path = unpackModel('mobilenet_v2_mid', folder);
      const inspected = inspectModel(path, false);
      assert.equal(inspected.format, 'tfjs-graph');
      assert.ok(inspected.unsupported.every(({ op }) => op === 'DequantizeLinear'));
      const { graph, untranslated } = openModel(path);
      assert.deepEqual(untranslated, []);
      // The others put the filters of the 52 convolutions in order.
      const transposes = graph.nodes.filter(({ opType }) => opType === 'Transpose');
      assert.equal(transposes.length, 53);
      const engine = await openEngine(path);
      try {
        assert.equal(engine.kind, 'onnxruntime');
        assert.equal(engine.finalActivation('Identity'), 'softmax');
        const [output] = await engine.predict(engine.initialValues(), [pictures([1, 224, 224, 3])]);
        const sum = (output!.data as Float32Array).reduce((total, value) => total + value, 0);
        assert.ok(Math.abs(sum - 1) < 1e-5);
        await assert.rejects(
          engine.lossGradient(
            engine.initialValues(),
            {
              inputs: [pictures([1, 224, 224, 3])],
              labels: [{ dtype: 'int32', dims: [1], data: Int32Array.of(1) }],
            },
            [{ output: 'Identity', loss: 'cross-entropy', weight: 1 }],
          ),
          /are quantised .* rounded integers cannot follow a gradient/,
        );
      } finally {
        await engine.close();
      }
    }));

  it('as float32 has the gradients that TensorFlow.js has', () =>
    inFolder(async folder => {
      const source = unpackModel('mobilenet_v2_mid', join(folder, 'quantised'));
      const path = rewriteWeights(source, join(folder, 'floats'), 'float32', resized(32));
      const data = {
        inputs: [pictures([2, 32, 32, 3])],
        labels: [{ dtype: 'int32' as const, dims: [2], data: Int32Array.of(3, 0) }],
      };
      const heads = [{ output: 'Identity', loss: 'cross-entropy' as const, weight: 1 }];
      const found = [];
      for (const name of ['onnxruntime', 'tfjs'] as const) {
        const engine = await openEngine(path, { engine: name });
        try {
          found.push(await engine.lossGradient(engine.initialValues(), data, heads));
        } finally {
          await engine.close();
        }
      }
      const [ours, theirs] = found;
      assert.ok(Math.abs(ours!.loss - theirs!.loss) <= 1e-4 * theirs!.loss);
      assert.equal(ours!.gradients.size, 108 - 2);
      for (const [name, gradient] of theirs!.gradients) {
        const mine = ours!.gradients.get(name)!;
        let [error, norm] = [0, 0];
        gradient.forEach((value, index) => {
          error += (value - mine[index]!) ** 2;
          norm += value ** 2;
        });
        assert.ok(Math.sqrt(error) <= 1e-4 * Math.sqrt(norm) + 1e-7, `${name}: ${Math.sqrt(error / norm)}`);
      }
    }));
});
