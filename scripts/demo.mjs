// `npm run demo`: installs what is missing, builds, makes a model forget 100 wrong labels, and says what changed.
import { spawnSync } from 'node:child_process';
import { join, relative } from 'node:path';
import { ensureInstalled, nodeBinary, root, run } from './ensure.mjs';

ensureInstalled();
const node = nodeBinary();
run(node, ['scripts/build.mjs']);

const sample = join('samples', 'mnist-mislabelled');
const cli = join('dist', 'cli.js');
console.log(`
A network was trained on 2,000 handwritten digits, 100 of which carry a wrong label.
Lethe makes it forget those 100, without training it again, and compares three models:
the original, the unlearned one, and one retrained without the 100.
`);
const result = spawnSync(node, [cli, 'run', join(sample, 'recipe.unlearn.json')], {
  cwd: root,
  stdio: 'inherit',
});
if (result.error) {
  console.error(`${node} could not be started: ${result.error.message}`);
  process.exit(1);
}
if (result.status !== 0) process.exit(result.status ?? 130);

const start = relative(process.cwd(), root) === '' ? '' : `cd ${root}\n  `;
const lethe = `node ${cli}`;
console.log(`
"forgotten accuracy" is how many of the wrong labels the model still gives: lower is better,
as long as it stays close to the retrained model, and the other rows do too.

What to do next:
  ${start}${lethe} diff ${join(sample, 'model.onnx')} ${join(sample, 'unlearned.onnx')}
      how far each tensor moved
  ${lethe} verify ${join(sample, 'unlearned.report', 'receipt.json')} --replay
      check the receipt, and that the same run gives the same model
  ${lethe} run ${join('samples', 'sine-poisoned', 'recipe.unlearn.json')}
      a regression poisoned by 5 points
  ${lethe} inspect YOUR-MODEL.onnx
      whether your own model can be unlearned; then copy ${join(sample, 'recipe.unlearn.json')},
      name your model, data and the samples to forget in it, and run it
`);
