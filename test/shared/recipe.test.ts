import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { UsageError } from '../../src/shared/errors';
import { parsePreprocess, parseRecipe, recipeJsonSchema, withDefaults } from '../../src/shared/recipe';
import { RecipeError } from '../../src/shared/recipeError';
import { applyAssignments, parseRecipeText } from '../../src/shared/recipeText';

const least = { model: 'm.onnx', output: 'o.onnx', data: { train: 't.npz' }, forget: { file: 'f.csv' } };

function problem(changes: object): string {
  try {
    parseRecipe({ ...least, ...changes }, 'recipe.unlearn.json');
  } catch (error) {
    assert(error instanceof RecipeError);
    return error.message;
  }
  return assert.fail('The recipe was taken.');
}

describe('recipe', () => {
  it('needs only model, output, data.train and forget', () => {
    const recipe = parseRecipe(least, 'r');
    assert.equal(recipe.seed, 0);
    assert.equal(recipe.retainAccess, 1);
    assert.equal(recipe.retrainEpochs, 40);
    assert.deepEqual(recipe.method, { name: 'auto' });
    assert.equal(recipe.threads, undefined);
    for (const key of Object.keys(least)) {
      const without = Object.fromEntries(Object.entries(least).filter(([name]) => name !== key));
      assert.throws(
        () => parseRecipe(without, 'r'),
        new RegExp(`^RecipeError: r: ${key} is missing; it must be `),
      );
    }
  });

  it('takes the example of the contract', () => {
    const recipe = parseRecipe(
      JSON.parse(`{ "version": 1, "model": "model.onnx", "output": "unlearned.onnx", "report": "unlearned.report",
        "reference": "retrained.onnx", "seed": 0, "threads": 2,
        "data": { "train": "train.npz", "test": "test.npz", "validation": null,
                  "preprocess": { "scale": 0.00392156862745098 }, "classes": ["0", "1"] },
        "forget": { "file": "forget.csv" }, "retainAccess": 1.0, "parameters": { "freeze": ["*.bias"] },
        "loss": "cross-entropy", "heads": [{ "output": "logits", "loss": "cross-entropy", "weight": 1 }],
        "method": { "name": "minnorm-og", "epochs": 20, "epochOver": "forget", "batchSize": 256, "optimizer": "adamw",
          "learningRate": 0.001, "weightDecay": 0.01, "projectionStrength": 0.1, "projectionDecay": 0.6,
          "projectionPeriod": 1, "descentEpochs": 5, "constraintSamples": 50, "constraintPool": "batch",
          "constraintKind": "largest-logit" },
        "budget": { "share": 0.1 }, "executionProvider": "cpu" }`),
      'r',
    );
    assert.equal(recipe.method.projectionDecay, 0.6);
    assert.deepEqual(recipe.data.validation, null);
  });

  it('takes the name of a method for its settings', () => {
    assert.deepEqual(parseRecipe({ ...least, method: 'auto' }, 'r').method, { name: 'auto' });
  });

  it('says in one sentence what is wrong', () => {
    assert.equal(
      problem({ method: { name: 'minnorm-og', projectionStrength: 3 } }),
      'recipe.unlearn.json: method.projectionStrength must be a number above 0 and at most 1; it is 3.',
    );
    assert.equal(
      problem({ method: { name: 'minnorm-og', projectionStrenght: 0.3 } }),
      'recipe.unlearn.json: method.projectionStrenght is not a key of a recipe; did you mean method.projectionStrength?',
    );
    assert.match(
      problem({ zzzzzzzzz: 1 }),
      /^recipe.unlearn.json: zzzzzzzzz is not a key of a recipe; known here: version, model/,
    );
    assert.equal(
      problem({ forget: { indices: [3, -1] } }),
      'recipe.unlearn.json: forget.indices[1] must be a whole number of 0 or more; it is -1.',
    );
    assert.match(
      problem({ forget: { indices: [1], file: 'f' } }),
      /forget.file cannot stand beside the other keys there/,
    );
    assert.match(problem({ forget: 7 }), /forget must be one of .*; it is 7\.$/);
    assert.match(
      problem({ data: { train: { path: 3 } } }),
      /data\.train\.path must be the path .*; it is 3\.$/,
    );
    assert.match(
      problem({ data: { train: 't', preprocess: { scale: 'x' } } }),
      /data\.preprocess\.scale must be a number/,
    );
    assert.match(
      problem({ heads: [{ output: 'x', weight: 'y' }] }),
      /heads\[0\]\.weight must be a number; it is "y"\.$/,
    );
    assert.match(problem({ loss: 'hinge' }), /loss must be one of "cross-entropy", .*; it is "hinge"\.$/);
    assert.throws(() => parseRecipe([], 'r'), /r: the recipe must be an object; it is \[\]\./);
  });

  it('never throws anything but a RecipeError of one line', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.constantFrom('method', 'data', 'forget', 'heads', 'budget', 'seed'),
        (value, key) => {
          try {
            parseRecipe({ ...least, [key]: value }, 'r');
          } catch (error) {
            assert(error instanceof RecipeError);
            assert.match(error.message, /^r: .*[.?]$/s);
            assert.doesNotMatch(error.message, /Invalid input|undefined/);
          }
        },
      ),
      { seed: 1, numRuns: 300 },
    );
  });

  it('fills absent settings from defaults and keeps given ones', () => {
    const settings = withDefaults(
      { name: 'gd', epochs: 7, batchSize: undefined },
      { epochs: 1, batchSize: 3 },
    );
    assert.deepEqual(settings, { name: 'gd', epochs: 7, batchSize: 3 });
  });

  it('has the JSON Schema that editors are given', () => {
    const path = join(__dirname, '..', '..', '..', 'media', 'recipe.schema.json');
    assert.deepEqual(
      JSON.parse(readFileSync(path, 'utf8')),
      JSON.parse(JSON.stringify(recipeJsonSchema())),
      'Run node scripts/schema.mjs after changing the schema.',
    );
  });

  it('checks preprocessing given on the command line', () => {
    assert.deepEqual(parsePreprocess('{"scale": 0.5, "mean": [1, 2]}'), { scale: 0.5, mean: [1, 2] });
    assert.throws(
      () => parsePreprocess('{"scal": 0.5}'),
      /--preprocess: scal is not a key of a recipe; did you mean scale\?/,
    );
  });
});

describe('recipe text', () => {
  it('names the line of a mistake in the JSON', () => {
    assert.throws(
      () => parseRecipeText('{\n  "model": "m",\n  "output" "o"\n}', 'r.json'),
      (error: Error) =>
        error instanceof RecipeError && /^r\.json is not JSON at line 3, column \d+: /.test(error.message),
    );
  });

  it('sets values by path', () => {
    const original = { method: { name: 'gd' } };
    const changed = applyAssignments(original, [
      'method.epochs=3',
      'data.test=null',
      'output=x=y.onnx',
      'method.name=ngp',
    ]);
    assert.deepEqual(changed, {
      method: { name: 'ngp', epochs: 3 },
      data: { test: null },
      output: 'x=y.onnx',
    });
    assert.deepEqual(original, { method: { name: 'gd' } });
  });

  it('refuses assignments that are none', () => {
    for (const text of ['epochs', '=3', 'a..b=1', '__proto__.x=1', 'a.constructor=1']) {
      assert.throws(() => applyAssignments({}, [text]), UsageError, text);
    }
    assert.throws(() => applyAssignments({ method: 'gd' }, ['method.epochs=3']), /method is not an object/);
    assert.equal(({} as { x?: number }).x, undefined);
  });
});
