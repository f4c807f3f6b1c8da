// `lethe evaluate` and `lethe diagnose` on the samples: comparisons, notes on what falls away, calibration.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Diagnosis } from '../../src/shared/diagnosis';
import type { Evaluation } from '../../src/shared/evaluation';
import type { ModelMetrics, RunResult } from '../../src/shared/report';
import { Workplace } from './harness';

const mnist = (name: string): string => join('mnist-mislabelled', name);
const sine = (name: string): string => join('sine-poisoned', name);

interface Evaluated {
  readonly metrics: ModelMetrics;
  readonly evaluation?: Evaluation;
}

describe('evaluations on the command line', () => {
  const place = new Workplace('mnist-mislabelled', 'sine-poisoned');
  after(() => place.remove());
  const json = async <T>(...args: readonly string[]): Promise<T & { stderr: string }> => {
    const { code, stdout, stderr } = await place.lethe(...args, '--json');
    assert.equal(code, 0, stderr);
    return { ...(JSON.parse(stdout) as T), stderr };
  };

  it('compares a retrained classifier with the original', async () => {
    const { evaluation, metrics } = await json<Evaluated>(
      ...['evaluate', mnist('retrained.onnx'), '--recipe', mnist('recipe.unlearn.json')],
    );
    assert.equal(metrics.forget.accuracy, 0.01);
    const [original, model, retrained] = evaluation!.models;
    // The very model that it is compared with.
    assert.equal(model!.tow, 1);
    assert.equal(model!.averageGap?.value, 0);
    assert.equal(model!.toRetrained?.test?.kl, 0);
    assert.deepEqual(model!.attack, retrained!.attack);
    // Wrong labels give their samples away; without labels a retrained model cannot tell them from others.
    assert.ok(model!.attack!.accuracy > 0.9);
    assert.ok(Math.abs(model!.labelFreeAttack!.accuracy - 0.5) < 0.1);
    assert.ok(original!.labelFreeAttack!.accuracy > 0.55);
    // Forgetting is local: regions change near forgotten samples, not near retained ones.
    assert.ok(model!.regions!.forgotten.agreement < 0.5 && model!.regions!.retained.agreement > 0.8);
    const right = model!.confusion!.test![0]!.cells.filter(([label, predicted]) => label === predicted);
    const count = right.reduce((sum, cell) => sum + cell[2], 0);
    assert.equal(count / 1000, metrics.test!.accuracy);
  });

  it('says what falls away, and leaves it out', async () => {
    const { evaluation, metrics, stderr } = await json<Evaluated>(
      ...['evaluate', sine('retrained.onnx'), '--recipe', sine('recipe.unlearn.json')],
      ...['--set', 'data.test=null', 'reference=gone.onnx'],
    );
    assert.deepEqual([metrics.test, metrics.membershipAuc], [null, null]);
    assert.deepEqual(
      evaluation!.models.map(({ name }) => name),
      ['original', 'model'],
    );
    assert.equal(evaluation!.models[1]!.attack, null);
    assert.match(stderr, /gone\.onnx is not there, so nothing is compared with it\./);
    const notes = evaluation!.notes.join('\n');
    assert.match(notes, /no held-out data/);
    assert.match(notes, /no retrained model/);
    assert.match(notes, /only 5 forgotten samples/);
    const basic = await json<Evaluated>(
      ...[
        'evaluate',
        sine('model.onnx'),
        '--recipe',
        sine('recipe.unlearn.json'),
        '--set',
        'evaluation=basic',
      ],
    );
    assert.equal(basic.evaluation, undefined);
  });

  it('calibrates with a second retrained model and relearns where it is asked to', async () => {
    const result = await json<RunResult>(
      ...['run', sine('recipe.unlearn.json'), '--set', 'method={"name":"gd","epochs":3}'],
      ...['references=["model.onnx"]', 'evaluation=full'],
    );
    const [original, unlearned, retrained, second] = result.evaluation!.models;
    assert.equal(second!.name, 'retrained 2');
    assert.deepEqual(second!.metrics, result.before);
    assert.ok(second!.toRetrained!.test!.squaredDifference! > 1);
    assert.equal(original!.relearn, null);
    // The second is the original itself: nothing rose, so there is nothing to relearn.
    assert.deepEqual([second!.relearn?.steps, second!.relearn?.cost], [0, 0]);
    assert.equal(retrained!.relearn?.cost, 5 * (retrained!.relearn?.steps ?? retrained!.relearn!.limit));
    assert.ok(unlearned!.relearn);
    const receipt = sine('unlearned.report/receipt.json');
    assert.equal(
      (JSON.parse(readFileSync(place.at(receipt), 'utf8')) as { references: object[] }).references.length,
      1,
    );
    const verified = await json<{ ok: boolean }>('verify', receipt);
    assert.ok(verified.ok);
  });

  it('refuses to write over a further reference', async () => {
    const { code, stderr } = await place.lethe(
      ...['run', sine('recipe.unlearn.json'), '--set', 'references=["unlearned.onnx"]'],
    );
    assert.equal(code, 2);
    assert.match(stderr, /unlearned\.onnx/);
  });

  it('diagnoses before a run', async () => {
    const diagnosis = await json<Diagnosis>(
      ...['diagnose', mnist('model.onnx'), '--recipe', mnist('recipe.unlearn.json')],
      ...['--set', 'retainAccess=0.1'],
    );
    assert.deepEqual(diagnosis.samples, { train: 2000, retained: 1900, accessible: 190, forgotten: 100 });
    assert.deepEqual([diagnosis.parameters, diagnosis.equations], [206922, 20000]);
    assert.equal(diagnosis.interpolates, true);
    const moves = (name: string): string | undefined =>
      diagnosis.methods.find(({ method }) => method === name)?.moves;
    assert.deepEqual([moves('gd'), moves('minnorm-og')], ['barely', 'yes']);
    const { code, stdout } = await place.lethe(
      ...['diagnose', mnist('model.onnx'), '--recipe', mnist('recipe.unlearn.json')],
    );
    assert.equal(code, 0);
    assert.match(stdout, /10 parameters an equation/);
    assert.match(stdout, /These hardly can, because the gradients they follow are nearly zero/);
  });
});
