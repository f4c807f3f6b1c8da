// A TensorFlow.js model in the real VS Code: recognised by its content, unlearned, saved in place and as a folder.
import * as assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commands, Uri } from 'vscode';
import type { LetheApi } from '../../src/extension/api';
import { closeAll, documentOf, lethe, workspaceFolder } from './lethe';

const classes = 3;
const inputs = 4;

/** A dense layer with a softmax, as TensorFlow.js saves it: bytes of a fixed, uneven kernel and a zero bias. */
function writeModel(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const values = Float32Array.from({ length: (inputs + 1) * classes }, (_, index) =>
    index < inputs * classes ? Math.sin(3 * index + 1) : 0,
  );
  writeFileSync(join(folder, 'group1-shard1of1.bin'), Buffer.from(values.buffer));
  const dense = {
    class_name: 'Dense',
    config: {
      name: 'dense',
      trainable: true,
      batch_input_shape: [null, inputs],
      dtype: 'float32',
      units: classes,
      activation: 'softmax',
      use_bias: true,
    },
  };
  const weight = (name: string, shape: readonly number[]): object => ({ name, shape, dtype: 'float32' });
  writeFileSync(
    join(folder, 'model.json'),
    JSON.stringify({
      format: 'layers-model',
      generatedBy: 'a test',
      convertedBy: null,
      modelTopology: {
        keras_version: 'tfjs-layers 4.22.0',
        backend: 'tensor_flow.js',
        class_name: 'Sequential',
        config: { name: 'sequential', layers: [dense] },
      },
      weightsManifest: [
        {
          paths: ['group1-shard1of1.bin'],
          weights: [weight('dense/kernel', [inputs, classes]), weight('dense/bias', [classes])],
        },
      ],
    }),
  );
}

function writeData(path: string): void {
  const rows = Array.from({ length: 60 }, (_, index) => {
    const values = Array.from({ length: inputs }, (_, at) => Math.cos(index * (at + 1)).toFixed(4));
    return [...values, index % classes].join(',');
  });
  writeFileSync(path, `a,b,c,d,label\n${rows.join('\n')}\n`);
}

describe('a TensorFlow.js model', () => {
  let api: LetheApi;
  let folder: string;
  let model: string;
  let shard: string;
  let original: Buffer;

  before(async () => {
    api = await lethe();
    folder = join(workspaceFolder(), 'tfjs');
    writeModel(join(folder, 'net'));
    model = join(folder, 'net', 'model.json');
    shard = join(folder, 'net', 'group1-shard1of1.bin');
    original = readFileSync(shard);
    writeData(join(folder, 'train.csv'));
  });
  after(closeAll);

  it('opens from the explorer', async () => {
    await commands.executeCommand('lethe.openInLethe', Uri.file(model));
    const document = await documentOf(model, ({ ready, error }) => ready || error !== null);
    assert.equal(document.error, null);
  });

  it('is unlearned into a proposal, applied, and saved by changing bytes of its weights only', async () => {
    await api.openDataset({ path: join(folder, 'train.csv'), model });
    assert.equal(api.dataset().kind, 'ready', api.dataset().message ?? '');
    const runId = await api.unlearn([1, 5], { name: 'shrink', epochs: 1 });
    assert.ok(runId, 'the run gave no result');
    await documentOf(model, ({ proposal, dirty }) => proposal === runId && !dirty);
    assert.deepEqual(readFileSync(shard), original);
    const text = readFileSync(model);
    await commands.executeCommand('lethe.apply');
    await documentOf(model, ({ applied, dirty }) => applied === runId && dirty);
    await commands.executeCommand('workbench.action.files.save');
    await documentOf(model, ({ dirty }) => !dirty);
    const saved = readFileSync(shard);
    assert.equal(saved.length, original.length);
    assert.notDeepEqual(saved, original);
    assert.deepEqual(readFileSync(model), text, 'model.json stays as it was');
    const copy = join(folder, 'net-unlearned');
    await commands.executeCommand('lethe.saveAsNew', runId, Uri.file(copy));
    assert.deepEqual(readFileSync(join(copy, 'group1-shard1of1.bin')), saved);
    await commands.executeCommand('undo');
    await documentOf(model, ({ applied, dirty }) => applied === null && dirty);
    await commands.executeCommand('workbench.action.files.save');
    await documentOf(model, ({ dirty }) => !dirty);
    assert.deepEqual(readFileSync(shard), original);
  });

  it('that is none says what it is instead', async () => {
    const other = join(folder, 'other');
    mkdirSync(other, { recursive: true });
    writeFileSync(join(other, 'model.json'), '{"name": "a schema"}');
    await commands.executeCommand('lethe.openInLethe', Uri.file(join(other, 'model.json')));
    const document = await documentOf(join(other, 'model.json'), ({ error }) => error !== null);
    assert.match(document.error ?? '', /model\.json/);
  });
});
