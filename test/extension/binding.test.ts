import * as assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  bindingOfPath,
  bindingOfRecipe,
  datasetRequest,
  recipeFileText,
  recipeOf,
  withoutLabels,
} from '../../src/extension/dataset/binding';
import { readRecipe, recipesBeside } from '../../src/extension/dataset/recipesBeside';
import { parseRecipe } from '../../src/shared/recipe';

const samples = resolve('samples');

describe('a dataset as a recipe binds it', () => {
  it('has absolute paths and carries over what runs need', async () => {
    const file = join(samples, 'mnist-mislabelled', 'recipe.unlearn.json');
    const binding = bindingOfRecipe(await readRecipe(file), file);
    assert.equal(binding.model, join(samples, 'mnist-mislabelled', 'model.onnx'));
    assert.equal(binding.source, join(samples, 'mnist-mislabelled', 'train.npz'));
    assert.equal(binding.reference, join(samples, 'mnist-mislabelled', 'retrained.onnx'));
    assert.equal(binding.settings['loss'], 'cross-entropy');
    assert.equal(datasetRequest(binding, binding.source, binding.model).loss, 'cross-entropy');
  });

  it('gives a recipe for a run that is valid and names absolute paths only', async () => {
    const file = join(samples, 'sine-poisoned', 'recipe.unlearn.json');
    const binding = bindingOfRecipe(await readRecipe(file), file);
    const json = recipeOf(binding, {
      model: binding.model!,
      forgotten: [1, 4],
      method: { name: 'gd' },
      threads: 2,
    });
    const recipe = parseRecipe(JSON.parse(JSON.stringify(json)), 'recipe');
    assert.deepEqual(recipe.forget, { indices: [1, 4] });
    assert.deepEqual(recipe.method, { name: 'gd' });
    assert.equal(recipe.threads, 2);
    assert.equal(recipe.retrainEpochs, 50000);
    assert.equal(recipe.data.test, join(samples, 'sine-poisoned', 'test.csv'));
    assert.equal(recipe.output, 'model.onnx');
  });

  it('is written with lists of numbers on one line, and otherwise unchanged', () => {
    const recipe = { forget: { indices: [1, 20, 300] }, scale: [0.5, -1e-7], names: ['[\n 1\n]'], none: [] };
    const text = recipeFileText(recipe);
    assert.deepEqual(JSON.parse(text), recipe);
    assert.ok(text.includes('"indices": [1, 20, 300]'));
    assert.ok(text.includes('"scale": [0.5, -1e-7]'));
  });

  it('says in the recipe that data opened without labels has none', () => {
    const order = { model: '/model.onnx', forgotten: [0], method: { name: 'auto' }, threads: null };
    const json = recipeOf(withoutLabels(bindingOfPath('/data.npz', '/model.onnx')), order);
    const recipe = parseRecipe(JSON.parse(JSON.stringify(json)), 'recipe');
    assert.deepEqual(recipe.data.train, { path: '/data.npz', labels: [] });
  });

  it('lets the threads of the recipe lead', () => {
    const binding = { ...bindingOfPath('/data.npz', '/model.onnx'), settings: { threads: 1 } };
    const order = { model: '/model.onnx', forgotten: [0], method: { name: 'gd' }, threads: 4 };
    assert.equal(recipeOf(binding, order)['threads'], 1);
  });
});

describe('recipes beside a model', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'lethe-recipes-'))));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('are those that name it; broken ones are told and left out', async () => {
    const recipe = (model: string): string =>
      JSON.stringify({ model, output: 'out.onnx', data: { train: 'd.npz' }, forget: { indices: [0] } });
    writeFileSync(join(folder, 'b.unlearn.json'), recipe('model.onnx'));
    writeFileSync(join(folder, 'a.unlearn.json'), recipe('./model.onnx'));
    writeFileSync(join(folder, 'other.unlearn.json'), recipe('other.onnx'));
    writeFileSync(join(folder, 'broken.unlearn.json'), '{');
    writeFileSync(join(folder, 'notes.json'), recipe('model.onnx'));
    const skipped: string[] = [];
    const found = await recipesBeside(join(folder, 'model.onnx'), reason => skipped.push(reason));
    assert.deepEqual(
      found.map(({ file }) => file),
      [join(folder, 'a.unlearn.json'), join(folder, 'b.unlearn.json')],
    );
    assert.equal(skipped.length, 1);
    assert.match(skipped[0]!, /broken\.unlearn\.json/);
  });
});
