// The recipe (`*.unlearn.json`): its schema, the types every room reads from it, and its JSON Schema.
import { z } from 'zod';
import { firstProblem } from './recipeProblem';
import { RecipeError } from './recipeError';
import { parseRecipeText } from './recipeText';

const aboveZeroToOne = 'must be a number above 0 and at most 1';
const unitFraction = z
  .number({ error: aboveZeroToOne })
  .gt(0, { error: aboveZeroToOne })
  .lte(1, { error: aboveZeroToOne });

const notNegative = 'must be a number of 0 or more';
const nonNegative = z.number({ error: notNegative }).gte(0, { error: notNegative });

const aboveZero = 'must be a number above 0';
const positive = z.number({ error: aboveZero }).gt(0, { error: aboveZero });

/** Whole numbers of `minimum` or more. */
function wholeFrom(minimum: number): z.ZodNumber {
  const error = `must be a whole number of ${minimum} or more`;
  return z.number({ error }).int({ error }).gte(minimum, { error });
}

/** A string that is not empty; `what` completes "must be". */
function text(what: string): z.ZodString {
  const error = `must be ${what}`;
  return z.string({ error }).min(1, { error });
}

/** One of a few words. */
function oneOf<const T extends readonly [string, ...string[]]>(words: T): z.ZodEnum<{ [K in T[number]]: K }> {
  const quoted = words.map(word => JSON.stringify(word));
  return z.enum(words, { error: `must be ${quoted.length > 1 ? 'one of ' : ''}${quoted.join(', ')}` });
}

const betweenZeroAndOne = 'must be a number above 0 and below 1';
const belowOne = 'must be a number from 0 to below 1';

const objectText = 'must be an object';

const lossName = oneOf(['cross-entropy', 'binary-cross-entropy', 'mse']);

const methodName = text('the name of a method');
const methodObject = z.strictObject(
  {
    name: methodName.describe('The unlearning method, for example "minnorm-og".'),
    epochs: wholeFrom(1).describe('How many epochs to run.').optional(),
    steps: wholeFrom(1).describe('The run ends after so many optimiser steps, if not before.').optional(),
    epochOver: oneOf(['forget', 'retain'])
      .describe(
        'What one epoch passes over: the forget set (paired with retained batches) or the retained data.',
      )
      .optional(),
    batchSize: wholeFrom(1).describe('Samples in a batch.').optional(),
    optimizer: oneOf(['adamw', 'adam', 'sgd']).describe('The optimiser of the descent steps.').optional(),
    learningRate: nonNegative.describe('Learning rate of the optimiser.').optional(),
    rateSchedule: oneOf(['constant', 'linear', 'cosine'])
      .describe('How the learning rate goes down over the run.')
      .optional(),
    weightDecay: nonNegative
      .describe('Weight decay of the optimiser: decoupled for adamw and sgd, a penalty for adam.')
      .optional(),
    momentum: z
      .number({ error: belowOne })
      .gte(0, { error: belowOne })
      .lt(1, { error: belowOne })
      .describe('Momentum of sgd.')
      .optional(),
    projectionStrength: unitFraction
      .describe('ρ₀: how far the first projection goes; 1 is all the way.')
      .optional(),
    projectionDecay: unitFraction
      .describe('γ: the strength is multiplied by this after each projection.')
      .optional(),
    projectionPeriod: wholeFrom(1)
      .describe('T_proj: project in every such epoch, counted from 0.')
      .optional(),
    descentEpochs: wholeFrom(0).describe('T_gd: the last epochs, which only descend.').optional(),
    projections: wholeFrom(1).describe('Project at most so many times.').optional(),
    constraintSamples: wholeFrom(1)
      .describe('m: samples whose output gradients constrain a projection.')
      .optional(),
    constraintPool: oneOf(['batch', 'retain']).describe('Where those samples are drawn from.').optional(),
    constraintKind: oneOf(['largest-logit', 'given-label', 'random-combination', 'all-outputs'])
      .describe('Which gradients of the output constrain a projection.')
      .optional(),
    shrink: z
      .number({ error: 'must be a number from 0 to 1' })
      .gte(0, { error: 'must be a number from 0 to 1' })
      .lte(1, { error: 'must be a number from 0 to 1' })
      .describe('s of the method shrink: θ ← (1 − s)θ once, before the descent.')
      .optional(),
    lambda: nonNegative.describe('λ of the methods that weigh a second term, for example ngp.').optional(),
    lambdaDecay: unitFraction.describe('γ of ridge: λ is multiplied by this after each epoch.').optional(),
    forgetWeight: nonNegative.describe('λ′ of scrub: the weight of the forgotten term.').optional(),
    beta: positive.describe('β of npo: the smaller, the closer to gradient ascent.').optional(),
    noise: nonNegative
      .describe(
        'σ: deviation of the noise on each gradient (ngd), or of the noise added after shrinking (shrink).',
      )
      .optional(),
    ridge: nonNegative.describe('μ of certified-removal: the ridge (μ/2)‖W‖² on the last layer.').optional(),
    epsilon: unitFraction.describe('ε of certified-removal.').optional(),
    delta: z
      .number({ error: betweenZeroAndOne })
      .gt(0, { error: betweenZeroAndOne })
      .lt(1, { error: betweenZeroAndOne })
      .describe('δ of certified-removal.')
      .optional(),
    tolerance: positive
      .describe('The gradient at which the minimisation of certified-removal ends.')
      .optional(),
    multiplier: nonNegative.describe('λ that retain-forget-entanglement starts with.').optional(),
    penalty: nonNegative.describe('μ of retain-forget-entanglement.').optional(),
    neighbours: wholeFrom(1)
      .describe('Retained samples nearest to each forgotten one (retain-forget-entanglement).')
      .optional(),
    alpha: z
      .number({ error: 'must be a number from 0 to 1' })
      .gte(0, { error: 'must be a number from 0 to 1' })
      .lte(1, { error: 'must be a number from 0 to 1' })
      .describe('α of retain-forget-entanglement: how much the distribution of the forgotten losses is held.')
      .optional(),
    form: oneOf(['linear', 'linear-network', 'two-layer', 'last-layer', 'least-norm'])
      .describe('Which closed form to use, where the model allows several.')
      .optional(),
    biases: oneOf(['zeros', 'uniform'])
      .describe('How biases start in retrain: at zero, or uniform on ±1/√(incoming values).')
      .optional(),
  },
  { error: 'must be the name of a method or an object with its settings' },
);

const numberOrList = z.union([z.number(), z.array(z.number({ error: 'must be a number' })).min(1)], {
  error: 'must be a number, or a list of numbers, one a channel',
});

const preprocess = z.strictObject(
  {
    resize: z
      .tuple([wholeFrom(1), wholeFrom(1)], { error: 'must be [height, width]' })
      .describe('Images become [height, width].')
      .optional(),
    layout: oneOf(['nchw', 'nhwc']).describe('Where the channel axis goes.').optional(),
    scale: numberOrList.describe('Values are multiplied by this.').optional(),
    mean: numberOrList.describe('Subtracted after scaling.').optional(),
    std: numberOrList.describe('Divided by, last.').optional(),
  },
  { error: objectText },
);

const dataPath = text('the path of a file or folder');
const dataSource = z.union(
  [
    dataPath,
    z.strictObject({
      path: dataPath,
      format: oneOf(['npz', 'npy', 'csv', 'tsv', 'folder', 'manifest', 'jsonl', 'idx'])
        .describe('Needed only where the name of the file does not tell.')
        .optional(),
      inputs: z
        .array(text('a name'), { error: 'must be a list of names' })
        .describe('Arrays or columns that are inputs, in the order of the model’s inputs.')
        .optional(),
      labels: z
        .union([text('a name'), z.array(text('a name'))], { error: 'must be a name or a list of names' })
        .describe('Arrays or columns that are labels, in the order of the heads; [] for data without labels.')
        .optional(),
    }),
  ],
  { error: 'must be a path, or an object with a "path"' },
);

const forget = z.union(
  [
    z.strictObject({
      indices: z
        .array(wholeFrom(0), { error: 'must be a list of sample numbers, counted from 0' })
        .min(1, { error: 'must name at least one sample' }),
    }),
    z.strictObject({ file: text('the path of a CSV file with a column "index"') }),
    z.strictObject({
      where: z
        .record(z.string(), z.union([z.string(), z.number()], { error: 'must be a text or a number' }), {
          error: 'must be an object of column names and values',
        })
        .refine(value => Object.keys(value).length > 0, { error: 'must name at least one column' }),
    }),
  ],
  { error: 'must be one of { "indices": […] }, { "file": … } and { "where": { column: value } }' },
);

const head = z.strictObject(
  {
    output: text('the name of an output of the model'),
    loss: lossName.optional(),
    weight: z.number({ error: 'must be a number' }).default(1),
  },
  { error: objectText },
);

const globs = z.array(text('a pattern over parameter names'), { error: 'must be a list of patterns' });

const recipeSchema = z.strictObject(
  {
    $schema: z.string({ error: 'must be a text' }).optional(),
    version: z.literal(1, { error: 'must be 1' }).default(1).describe('The version of this format.'),
    model: text('the path of a model').describe('The trained model.'),
    output: text('a path').describe('Where the unlearned model goes.'),
    report: text('the path of a folder').describe('A folder for the report and the receipt.').optional(),
    reference: text('the path of a model')
      .nullable()
      .describe('A model retrained without the forgotten samples, to compare with.')
      .optional(),
    references: z
      .array(text('the path of a model'), { error: 'must be a list of paths of models' })
      .describe(
        'More retrained models (other seeds): how far they are from the reference calibrates every distance.',
      )
      .optional(),
    seed: wholeFrom(0).default(0).describe('Seeds everything random.'),
    threads: wholeFrom(1).describe('Threads to compute with.').optional(),
    data: z.strictObject(
      {
        train: dataSource.describe('The training data, forgotten samples included.'),
        test: dataSource.nullable().describe('Held-out data.').optional(),
        validation: dataSource.nullable().describe('Held-out data to choose settings by.').optional(),
        preprocess: preprocess
          .describe('Applied in this order: resize, layout, scale, mean, std.')
          .optional(),
        classes: z
          .array(text('the name of a class'), { error: 'must be a list of class names' })
          .describe('Names of the classes, by label.')
          .optional(),
      },
      { error: objectText },
    ),
    forget: forget.describe('The samples to forget.'),
    retainAccess: unitFraction.default(1).describe('The share of the retained data that may be used.'),
    parameters: z
      .strictObject({ freeze: globs.optional(), include: globs.optional() }, { error: objectText })
      .describe('Which parameters may change.')
      .optional(),
    loss: lossName.describe('The loss of every output; inferred from the labels when absent.').optional(),
    heads: z
      .array(head, { error: 'must be a list' })
      .min(1, { error: 'must name at least one output' })
      .describe('The outputs that have labels, in the order of the labels.')
      .optional(),
    method: z
      .union([methodName.transform((name): MethodSettings => ({ name })), methodObject], {
        error: 'must be the name of a method or an object with its settings',
      })
      .describe('How to unlearn.')
      .default({ name: 'auto' }),
    budget: z
      .strictObject(
        {
          share: positive.describe('Of the cost of retraining.').optional(),
          sampleGradients: positive.describe('In sample gradients, a search included.').optional(),
          seconds: positive
            .describe('In seconds, a search included; converted to sample gradients once, before the run.')
            .optional(),
        },
        { error: objectText },
      )
      .describe('The most a run may cost: a share of retraining, sample gradients, or seconds.')
      .optional(),
    retrainEpochs: wholeFrom(1)
      .default(40)
      .describe('Epochs that retraining would take; the cost is compared with it.'),
    evaluation: oneOf(['basic', 'standard', 'full'])
      .default('standard')
      .describe(
        'basic: accuracies, losses and membership AUC; standard: also attacks, divergences and decision regions; full: ' +
          'more planes, and how fast the forgotten samples are relearned, which costs gradients.',
      ),
    engine: oneOf(['auto', 'onnxruntime', 'tfjs', 'tfjs-node'])
      .describe(
        'What computes with a TensorFlow.js model: ONNX Runtime, plain TensorFlow.js, or its native accelerator. "auto" is ONNX Runtime unless part of the model has no translation.',
      )
      .optional(),
    executionProvider: oneOf(['cpu']).default('cpu').describe('What computes.'),
  },
  { error: objectText },
);

/** A recipe whose absent keys have their defaults where a default does not depend on method, model or data. */
export type Recipe = z.output<typeof recipeSchema>;

/** Every key of `method`. Absent ones stay undefined: each method has its own defaults. */
export type MethodSettings = z.output<typeof methodObject>;

/** The value of `data.train`, `data.test` and `data.validation`. */
export type DataSource = z.output<typeof dataSource>;

/** The value of `data.preprocess`. */
export type Preprocess = z.output<typeof preprocess>;

/** The value of `forget`. */
export type ForgetSpec = z.output<typeof forget>;

/**
 * Checks a parsed recipe. Throws a RecipeError with one sentence that names the file, the key and what it must be.
 * `file` is used in messages only.
 */
export function parseRecipe(json: unknown, file: string): Recipe {
  const result = recipeSchema.safeParse(json);
  if (result.success) return result.data;
  throw new RecipeError(`${file}: ${firstProblem(result.error.issues, json, recipeJsonSchema())}`);
}

/** Parses a `preprocess` value given as JSON text. Throws a RecipeError. */
export function parsePreprocess(json: string): Preprocess {
  const value = parseRecipeText(json, '--preprocess');
  const result = preprocess.safeParse(value);
  if (result.success) return result.data;
  const schema = z.toJSONSchema(preprocess, { io: 'input' });
  throw new RecipeError(`--preprocess: ${firstProblem(result.error.issues, value, schema)}`);
}

/** The JSON Schema of a recipe file, for editors. */
export function recipeJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(recipeSchema, { io: 'input', target: 'draft-7' });
  return { ...schema, title: 'Lethe unlearning recipe' };
}

/** Settings over defaults: keys that are absent or undefined in `settings` come from `defaults`. */
export function withDefaults<D extends Partial<MethodSettings>>(
  settings: MethodSettings,
  defaults: D,
): MethodSettings & { [K in keyof D]-?: Exclude<D[K], undefined> } {
  const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  return { ...defaults, ...given } as MethodSettings & { [K in keyof D]-?: Exclude<D[K], undefined> };
}
