// The loop that all gradient methods share, when something goes wrong in it.
import { strict as assert } from 'node:assert';
import type { BoundDataset } from '../../src/data/dataset';
import type { Engine } from '../../src/runtime/engine';
import { Random } from '../../src/tensor/random';
import { descend } from '../../src/unlearn/descent';
import type { MethodContext } from '../../src/unlearn/method';
import { DivergedError } from '../../src/unlearn/optimizer';

describe('the descent loop', () => {
  for (const bad of [NaN, Infinity, -Infinity])
    it(`stops at a step whose loss is ${bad}, before the parameters move`, async () => {
      const values = new Map([['w', Float32Array.from([1, 2])]]);
      const steps: number[] = [];
      const context = {
        values,
        train: { read: () => Promise.resolve({ inputs: [], labels: [] }) } as unknown as BoundDataset,
        engine: {} as Engine,
        retained: [0, 1, 2, 3],
        forgotten: [4],
        random: new Random(0),
        signal: new AbortController().signal,
        progress: ({ step }: { step: number }) => void steps.push(step),
      } as unknown as MethodContext;
      const settings = {
        epochs: 3,
        epochOver: 'retain',
        batchSize: 1,
        optimizer: 'sgd',
        learningRate: 1,
        weightDecay: 0,
      } as const;
      await assert.rejects(
        descend(context, settings, ({ step }) =>
          Promise.resolve({
            loss: step === 2 ? bad : 1,
            gradients: new Map([['w', Float32Array.from([0.25, 0])]]),
          }),
        ),
        (error: unknown) =>
          error instanceof DivergedError &&
          error.message.includes(`in step 3 the loss is ${bad}`) &&
          error.message.includes('The original model was kept'),
      );
      assert.deepEqual(steps, [1, 2]);
      assert.deepEqual([...values.get('w')!], [0.5, 2]);
    });

  it('keeps the epoch with the lowest mean loss when a later one diverges, and says so', async () => {
    const values = new Map([['w', Float32Array.from([0])]]);
    const notes: string[] = [];
    const context = {
      values,
      train: { read: () => Promise.resolve({ inputs: [], labels: [] }) } as unknown as BoundDataset,
      engine: {} as Engine,
      retained: [0, 1, 2, 3],
      forgotten: [4],
      random: new Random(0),
      signal: new AbortController().signal,
      progress: () => undefined,
      note: (sentence: string) => void notes.push(sentence),
    } as unknown as MethodContext;
    const settings = {
      epochs: 9,
      epochOver: 'retain',
      batchSize: 2,
      optimizer: 'sgd',
      learningRate: 1,
      weightDecay: 0,
    } as const;
    const losses = [5, 4, 1, 2, 7, 8, NaN];
    await descend(context, settings, ({ step }) =>
      Promise.resolve({ loss: losses[step]!, gradients: new Map([['w', Float32Array.from([-1])]]) }),
    );
    // Two steps an epoch: the second epoch has the lowest mean, and four steps had been taken at its end.
    assert.deepEqual([...values.get('w')!], [4]);
    assert.match(notes.join(), /in step 7 the loss is NaN.* after epoch 2 of 9.*1\.50/);
  });
});
