// Real numbers to look at: what the viewer says about a model, a run's result and its data.
//   node webview/preview/data.mjs MODEL RESULT.json TRAIN TEST FORGET.csv PREPROCESS OUT.json [OTHER.json …]
// RESULT.json, and those of other runs, is what `lethe run --json` printed; PREPROCESS is JSON as in a recipe, or null.
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import rpc from 'vscode-jsonrpc/node';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const [model, resultFile, train, test, forget, preprocess, out, ...others] = process.argv.slice(2);
if (!out) {
  process.stderr.write('Usage: data.mjs MODEL RESULT.json TRAIN TEST FORGET.csv PREPROCESS OUT.json\n');
  process.exit(2);
}
const result = JSON.parse(readFileSync(resultFile, 'utf8'));
const viewer = spawn(process.execPath, [join(root, 'dist', 'solver.js'), 'view'], {
  stdio: ['pipe', 'pipe', 'inherit'],
});
const connection = rpc.createMessageConnection(
  new rpc.StreamMessageReader(viewer.stdout),
  new rpc.StreamMessageWriter(viewer.stdin),
);
connection.listen();
const ask = (name, body) => connection.sendRequest(`viewer/${name}`, body);

/** Predictions before and after on one file, as the host tells them to the editor. */
async function rowsOf(path, setOf) {
  const request = {
    source: resolve(path),
    classes: null,
    model: resolve(model),
    preprocess: JSON.parse(preprocess),
  };
  const { id, size } = await ask('openDataset', request);
  const { labels } = await ask('datasetColumns', { id });
  const before = await ask('predictions', { id, model: resolve(model) });
  const after = await ask('predictions', { id, model: result.output });
  return Array.from({ length: size }, (_, index) => ({
    index,
    set: setOf(index),
    label: String(labels[index]),
    before: String(before.predicted[index]),
    after: String(after.predicted[index]),
    lossBefore: before.loss[index],
    lossAfter: after.loss[index],
    flipped: before.confidence !== null && before.predicted[index] !== after.predicted[index],
  }));
}

/** The diagnosis of the model with the samples to forget. */
async function diagnosed() {
  const request = {
    source: resolve(train),
    classes: null,
    model: resolve(model),
    preprocess: JSON.parse(preprocess),
  };
  const { id } = await ask('openDataset', request);
  return ask('diagnose', { id, model: resolve(model), forgotten: [...forgotten] });
}

const [header, ...lines] = readFileSync(forget, 'utf8').trim().split(/\r?\n/);
const column = header.split(',').indexOf('index');
const forgotten = new Set(lines.map(line => Number(line.split(',')[column])));
const data = {
  result,
  others: others.map(file => JSON.parse(readFileSync(file, 'utf8'))),
  overview: await ask('overview', { path: resolve(model) }),
  graph: await ask('graph', { path: resolve(model) }),
  graphShapes: await ask('graphShapes', { path: resolve(model), sizes: {} }),
  diagnosis: await diagnosed(),
  summaries: await ask('summaries', { path: resolve(model), bins: 48 }),
  comparison: await ask('compare', { a: resolve(model), b: result.output, bins: 48, largest: 8 }),
  predictions: [
    ...(await rowsOf(train, index => (forgotten.has(index) ? 'forgotten' : 'retained'))),
    ...(await rowsOf(test, () => 'held-out')),
  ],
};
writeFileSync(out, JSON.stringify(data));
connection.end();
viewer.kill();
