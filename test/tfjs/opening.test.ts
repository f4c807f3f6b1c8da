// A model.json is opened, changed and saved: its weights' bytes alone differ.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { diffModels } from '../../src/evaluate/weightDiff';
import { describeParameters } from '../../src/autodiff/parameters';
import { readTensor } from '../../src/onnx/readTensor';
import { isStored } from '../../src/onnx/model';
import { openModel } from '../../src/tfjs/openModel';
import { markerName } from '../../src/tfjs/writer';
import { inFolder } from '../onnx/support';
import { saveLayers, tensorflow } from './support';

/** A small model whose shards of 101 bytes cut through weights and through elements. */
async function smallModel(folder: string): Promise<string> {
  const { layers, sequential } = await tensorflow();
  const model = sequential({
    layers: [
      layers.dense({ units: 5, inputShape: [7], activation: 'relu', name: 'first' }),
      layers.dense({ units: 3, activation: 'softmax', name: 'second' }),
    ],
  });
  return saveLayers(model, folder, 101);
}

describe('a TensorFlow.js model', () => {
  it('is opened by its content, as a file or as its folder, with the weights that it holds', () =>
    inFolder(async folder => {
      const path = await smallModel(join(folder, 'model'));
      cpSync(path, join(folder, 'model', 'other.name'));
      for (const given of [path, join(folder, 'model'), join(folder, 'model', 'other.name')]) {
        const model = openModel(given);
        assert.equal(model.format, 'tfjs-layers');
        assert.deepEqual(
          describeParameters(model).parameters.map(({ name, dims, trainable }) => ({
            name,
            dims,
            trainable,
          })),
          [
            { name: 'first/kernel', dims: [7, 5], trainable: true },
            { name: 'first/bias', dims: [5], trainable: true },
            { name: 'second/kernel', dims: [5, 3], trainable: true },
            { name: 'second/bias', dims: [3], trainable: true },
          ],
        );
      }
    }));

  it('keeps every byte but those of weights that changed, in a new folder and in place', () =>
    inFolder(async folder => {
      const path = await smallModel(join(folder, 'model'));
      const before = files(join(folder, 'model'));
      const model = openModel(path);
      const weight = model.graph.initializers.get('second/kernel')!;
      assert.ok(isStored(weight));
      const values = (readTensor(weight).data as Float32Array).map(value => value + 1);
      const target = join(folder, 'new');
      model.save(new Map([['second/kernel', values]]), target);
      const saved = files(target);
      assert.deepEqual([...saved.keys()].sort(), [...before.keys(), markerName].sort());
      assert.deepEqual(saved.get('model.json'), before.get('model.json'));
      assert.deepEqual(files(join(folder, 'model')), before);
      const { tensors } = diffModels(model, openModel(target));
      assert.deepEqual(
        tensors.filter(({ delta }) => delta !== 0).map(({ name }) => name),
        ['second/kernel'],
      );
      model.save(new Map([['second/kernel', values]]), path);
      assert.deepEqual(
        [...files(join(folder, 'model'))],
        [...saved].filter(([name]) => name !== markerName),
      );
    }));

  it('is written only where nothing of somebody else lies', () =>
    inFolder(async folder => {
      const model = openModel(await smallModel(join(folder, 'model')));
      const target = join(folder, 'new');
      mkdirSync(target);
      model.save(new Map(), target);
      model.save(new Map(), target);
      writeFileSync(join(target, 'notes.txt'), 'mine');
      assert.throws(
        () => model.save(new Map(), target),
        /holds "notes\.txt", which is no part of this model/,
      );
      const other = join(folder, 'other');
      cpSync(join(folder, 'model'), other, { recursive: true });
      assert.throws(() => model.save(new Map(), other), /files that Lethe did not write/);
    }));
});

function files(folder: string): Map<string, string> {
  return new Map(
    readdirSync(folder)
      .sort()
      .map(name => [basename(name), readFileSync(join(folder, name)).toString('base64')]),
  );
}
