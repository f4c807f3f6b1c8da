// Data without labels: what runs, what falls away, what is refused.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Evaluation } from '../../src/shared/evaluation';
import type { ModelMetrics, RunResult } from '../../src/shared/report';
import { Workplace } from './harness';

const sine = (name: string): string => join('sine-poisoned', name);
const mnist = (name: string): string => join('mnist-mislabelled', name);

describe('data without labels', () => {
  const place = new Workplace('sine-poisoned', 'mnist-mislabelled');
  after(() => place.remove());
  const json = async <T>(...args: readonly string[]): Promise<T & { stderr: string }> => {
    const { code, stdout, stderr } = await place.lethe(...args, '--json');
    assert.equal(code, 0, stderr);
    return { ...(JSON.parse(stdout) as T), stderr };
  };
  const refused = async (message: RegExp, code: number, ...args: readonly string[]): Promise<void> => {
    const ended = await place.lethe(...args);
    assert.equal(ended.code, code, ended.stderr);
    assert.match(ended.stderr, message);
  };
  const bareSine = 'data.train={"path":"train.csv","inputs":["x"],"labels":[]}';
  const bareDigits = 'data.train={"path":"train.npz","labels":[]}';

  it('of a regressor: the predictions are the targets, and all is named so', async () => {
    const run = ['run', sine('recipe.unlearn.json'), '--set'];
    const labelled = await json<RunResult>(...run, 'evaluation="basic"');
    const bare = await json<RunResult>(...run, bareSine);
    assert.match(
      bare.stderr,
      /train\.csv has no labels, so the predictions of the original model take their/,
    );
    assert.deepEqual(bare.before.retain, { count: 50, loss: 0, maxDifference: 0 });
    assert.equal(bare.after.membershipAuc, null);
    // The poisoned points are left behind nearly as with labels, which this model fits but for rounding.
    const [forgotten, wanted] = [bare.after.forget.maxDifference!, labelled.after.forget.maxError!];
    assert.ok(Math.abs(forgotten - wanted) < 0.4, `${forgotten} ${wanted}`);
    assert.ok(bare.after.test!.maxError! < 5 && bare.after.test!.maxDifference === undefined);
    const [, unlearned] = bare.evaluation!.models;
    assert.deepEqual([unlearned!.attack, unlearned!.tow, unlearned!.averageGap], [null, null, null]);
    assert.ok(bare.evaluation!.notes.some(note => note.startsWith('Labels are missing')));
    const receipt = sine(join('unlearned.report', 'receipt.json'));
    const { ok } = await json<{ ok: boolean }>('verify', receipt, '--replay');
    assert.equal(ok, true);
  });

  it('of a classifier: agreement stands in for accuracy, and another model is compared with the original', async () => {
    const args = ['--recipe', mnist('recipe.unlearn.json'), '--set', bareDigits];
    const { metrics, evaluation } = await json<{ metrics: ModelMetrics; evaluation: Evaluation }>(
      ...['evaluate', mnist('retrained.onnx'), ...args],
    );
    assert.equal(metrics.forget.accuracy, undefined);
    // The original says the wrong label of 96 in 100, the retrained model that of one.
    assert.ok(metrics.forget.agreement! < 0.1 && metrics.retain.agreement! > 0.99);
    assert.equal(metrics.test!.accuracy, 0.951);
    const [original, model] = evaluation.models;
    assert.equal(original!.metrics.forget.agreement, 1);
    assert.equal(model!.confusion, null);
    assert.ok(model!.labelFreeAttack !== null && model!.toOriginal !== null);
    const text = await place.lethe('evaluate', mnist('retrained.onnx'), ...args, 'evaluation="basic"');
    assert.match(text.stdout, /forgotten, as the original predicts/);
    assert.doesNotMatch(text.stdout, /forgotten accuracy/);
  });

  it('is refused where only labels would do', async () => {
    const run = ['run', sine('recipe.unlearn.json'), '--set', bareSine];
    await refused(
      /the method ga needs them: it acts on the labels .* one of auto, minnorm-og/,
      2,
      ...run,
      'method={"name":"ga"}',
    );
    await refused(/retrain needs them: its result/, 2, ...run, 'method={"name":"retrain"}');
    const recipe = ['--recipe', sine('recipe.unlearn.json'), '--set', bareSine];
    await refused(
      /has no labels, so whether the model fits them/,
      1,
      'diagnose',
      sine('model.onnx'),
      ...recipe,
    );
    const { loss, ...rest } = JSON.parse(readFileSync(place.at(mnist('recipe.unlearn.json')), 'utf8')) as {
      loss: string;
    };
    assert.equal(loss, 'cross-entropy');
    writeFileSync(place.at(mnist('open.unlearn.json')), JSON.stringify(rest));
    await refused(
      /nothing at the output .* tells values from classes\. Set "loss"/,
      2,
      ...['run', mnist('open.unlearn.json'), '--set', bareDigits],
    );
    await refused(
      /test\.csv has no labels, so settings cannot be judged on it/,
      1,
      ...run,
      'method={"name":"auto"}',
      'data.validation={"path":"test.csv","inputs":["x"],"labels":[]}',
    );
  });
});
