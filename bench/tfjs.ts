// Gradient steps of TensorFlow.js models: Lethe beside plain TensorFlow.js in the same process.
import type * as Tensorflow from '@tensorflow/tfjs';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { HeadLoss } from '../src/runtime/contracts';
import { Engine } from '../src/runtime/engine';
import { elementCount, type Tensor } from '../src/tensor/tensor';
import { unpackModel } from '../test/tfjs/realModels';
import { rewriteWeights, type ModelFile } from '../test/tfjs/rewriting';

/** One line of the result; times are medians in milliseconds, `ratio` is theirs over ours. */
export interface TfjsRow {
  readonly task: string;
  readonly lethe: number;
  readonly tensorflowjs: number;
  readonly ratio: number;
  readonly goal: string;
  readonly met: boolean;
}

interface Task {
  readonly task: string;
  readonly path: string;
  readonly dims: readonly number[];
  readonly output: string;
  readonly classes: number;
  /** Whether the output is a probability already. */
  readonly softmax: boolean;
}

/** Runs both tasks. Throws an Error when the two sides do not compute the same loss. */
export async function tfjsRows(threads: number, rounds: number): Promise<TfjsRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-bench-'));
  try {
    const quantised = unpackModel('mobilenet_v2', join(folder, 'quantised'));
    const tasks: Task[] = [
      {
        task: 'gradient step, MNIST CNN (LayersModel), batch 32',
        path: join(__dirname, '../../samples/mnist-tfjs/model/model.json'),
        dims: [32, 28, 28, 1],
        output: 'logits',
        classes: 10,
        softmax: false,
      },
      {
        task: 'gradient step, MobileNetV2 (LayersModel, 224 × 224), batch 1',
        path: rewriteWeights(quantised, join(folder, 'floats'), 'float32'),
        dims: [1, 224, 224, 3],
        output: 'dense_3',
        classes: 5,
        softmax: true,
      },
    ];
    const rows: TfjsRow[] = [];
    for (const task of tasks) rows.push(await compete(task, threads, rounds));
    return rows;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function compete(task: Task, threads: number, rounds: number): Promise<TfjsRow> {
  const count = elementCount(task.dims);
  const pixels = Float32Array.from({ length: count }, (_, index) => (Math.sin(index * 0.37) + 1) / 2);
  const classes = Int32Array.from({ length: task.dims[0]! }, (_, index) => index % task.classes);
  const theirs = await theirStep(task, pixels, classes);
  const ours = await ourStep(task, pixels, classes, threads);
  try {
    const [first, other] = [await ours.step(), theirs()];
    if (Math.abs(first - other) > 1e-3 * Math.abs(other)) {
      throw new Error(`${task.task}: Lethe's loss is ${first}, that of TensorFlow.js ${other}.`);
    }
    const [lethe, tensorflowjs]: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      lethe.push(await timed(ours.step));
      // A single step of theirs takes seconds.
      if (round < 2) tensorflowjs.push(await timed(theirs));
    }
    const [a, b] = [median(lethe), median(tensorflowjs)];
    return { task: task.task, lethe: a, tensorflowjs: b, ratio: b / a, goal: '≥ 20×', met: b / a >= 20 };
  } finally {
    await ours.close();
  }
}

async function ourStep(
  { path, dims, output }: Task,
  pixels: Float32Array,
  classes: Int32Array,
  threads: number,
): Promise<{ step: () => Promise<number>; close: () => Promise<void> }> {
  const engine = await Engine.open(path, { threads });
  const values = engine.initialValues();
  const inputs: Tensor[] = [{ dtype: 'float32', dims, data: pixels }];
  const labels: Tensor[] = [{ dtype: 'int32', dims: [classes.length], data: classes }];
  const heads: HeadLoss[] = [{ output, loss: 'cross-entropy', weight: 1 }];
  return {
    step: async () => (await engine.lossGradient(values, { inputs, labels }, heads)).loss,
    close: () => engine.close(),
  };
}

/** A gradient step by `tf.variableGrads` on the plain backend, from the files alone. Gives the loss. */
async function theirStep(task: Task, pixels: Float32Array, classes: Int32Array): Promise<() => number> {
  const tf: typeof Tensorflow = await import('@tensorflow/tfjs');
  tf.enableProdMode();
  await tf.setBackend('cpu');
  const file = JSON.parse(readFileSync(task.path, 'utf8')) as ModelFile;
  const [group] = file.weightsManifest;
  const model = await tf.loadLayersModel(
    tf.io.fromMemory({
      modelTopology: file.modelTopology as object,
      weightSpecs: group!.weights as Tensorflow.io.WeightsManifestEntry[],
      weightData: Uint8Array.from(readFileSync(join(dirname(task.path), group!.paths[0]!))).buffer,
    }),
  );
  for (const layer of model.layers) layer.trainable = true;
  const variables = model.trainableWeights.map(weight => weight.read() as Tensorflow.Variable);
  const x = tf.tensor(pixels, [...task.dims]);
  const y = tf.oneHot(tf.tensor1d(classes, 'int32'), task.classes);
  return () => {
    const { value, grads } = tf.variableGrads(() => {
      const output = model.apply(x) as Tensorflow.Tensor2D;
      return (
        task.softmax
          ? tf.neg(tf.mean(tf.sum(tf.mul(y, tf.log(output)), 1)))
          : tf.losses.softmaxCrossEntropy(y, output)
      ) as Tensorflow.Scalar;
    }, variables);
    const loss = value.dataSync()[0]!;
    tf.dispose([value, grads]);
    return loss;
  };
}

async function timed(step: () => unknown): Promise<number> {
  const start = performance.now();
  await step();
  return performance.now() - start;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)]! + sorted[Math.ceil((sorted.length - 1) / 2)]!) / 2;
}
