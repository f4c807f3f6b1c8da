// Data that are not the model's own: said before anyone trusts what comes out.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { decodeNpz, encodeNpz } from '../../src/tensor/npz';
import { int64, toFloat64, type Tensor } from '../../src/tensor/tensor';
import { Workplace } from './harness';

describe('data that the model knows nothing of', () => {
  let place: Workplace;
  beforeEach(() => (place = new Workplace('mnist-mislabelled')));
  afterEach(() => place.remove());

  const recipe = 'mnist-mislabelled/recipe.unlearn.json';
  const short = ['--set', 'method={"name":"gd","epochs":1}'];
  const doubt = /mean loss on the retained samples is .* equally likely gives 2\.30.*order of the outputs/;

  it('classes in another order are told by run, report and diagnosis', async () => {
    const file = place.at('mnist-mislabelled', 'train.npz');
    const arrays = decodeNpz(readFileSync(file), file) as Map<string, Tensor>;
    const [name, labels] = [...arrays].find(([, { dims }]) => dims.length === 1)!;
    const moved = [...toFloat64(labels)].map(label => (label + 3) % 10);
    writeFileSync(file, encodeNpz(arrays.set(name, int64([moved.length], moved))));
    const ended = await place.lethe('run', recipe, ...short);
    assert.equal(ended.code, 0, ended.stderr);
    assert.match(ended.stderr, doubt);
    const report = readFileSync(place.at('mnist-mislabelled', 'unlearned.report', 'report.json'), 'utf8');
    assert.ok((JSON.parse(report) as { warnings: string[] }).warnings.some(warning => doubt.test(warning)));
    const diagnosed = await place.lethe('diagnose', 'mnist-mislabelled/model.onnx', '--recipe', recipe);
    assert.match(diagnosed.stdout + diagnosed.stderr, /knows nothing of them\. Check/);
  });

  it('the sample’s own data are not doubted', async () => {
    const ended = await place.lethe('run', recipe, ...short);
    assert.equal(ended.code, 0, ended.stderr);
    assert.doesNotMatch(ended.stderr, /equally likely/);
  });
});
