// A model and its data before a run: does it interpolate, and which methods can move it?
import { resolve } from 'node:path';
import type { BoundDataset } from '../data/dataset';
import { measureFit } from '../evaluate/fit';
import { headOutputs } from '../evaluate/samples';
import type { HeadLoss, ModelEngine, ParameterValues } from '../runtime/contracts';
import type { Diagnosis, FitDiagnosis } from '../shared/diagnosis';
import { LetheError } from '../shared/errors';
import { count, percent, significant, things } from '../shared/numbers';
import { elementCount } from '../tensor/tensor';
import { methods } from '../unlearn/registry';
import { gradientShare, reachOf } from './methodReach';
import { accessibleRetained, openJob } from './openJob';
import { blindShare, dataRemedy } from './fitWarning';
import { loadRecipe } from './recipeFile';
import { startOf } from './startingMethod';

/** What a diagnosis looks at. Indices point into `train`. */
export interface Patient {
  readonly engine: ModelEngine;
  readonly values: ParameterValues;
  readonly train: BoundDataset;
  readonly retained: readonly number[];
  /** Retained samples that a method may use. */
  readonly accessible: readonly number[];
  readonly forgotten: readonly number[];
  readonly heads: readonly HeadLoss[];
}

/** Diagnoses any model on the data of a recipe. Throws what opening the job throws, and a CancelledError. */
export async function diagnoseRecipe(
  modelPath: string,
  recipePath: string,
  assignments: readonly string[],
  signal?: AbortSignal,
): Promise<{ diagnosis: Diagnosis; warnings: readonly string[] }> {
  const loaded = loadRecipe(recipePath, assignments);
  const job = await openJob(loaded, resolve(modelPath));
  try {
    const { train, retained, forgotten, warnings } = job.data;
    if (train.predictedLabels) {
      throw new LetheError(
        `${train.dataset.path} has no labels, so whether the model fits them cannot be told. Name them in data.train.labels; ` +
          'without any, auto and minnorm-og can still run.',
      );
    }
    const accessible = accessibleRetained(retained, loaded.recipe.retainAccess, loaded.recipe.seed);
    const diagnosis = await diagnose(
      {
        ...{ engine: job.engine, values: job.engine.initialValues(), heads: job.heads },
        ...{ train, retained, accessible, forgotten },
      },
      signal,
    );
    return { diagnosis, warnings };
  } finally {
    await job.engine.close();
  }
}

/** Diagnoses a model. Throws a LossError or a LetheError when model and data do not fit, and a CancelledError. */
export async function diagnose(patient: Patient, signal?: AbortSignal): Promise<Diagnosis> {
  const { engine, values, train, accessible, forgotten, heads } = patient;
  const pool = Array.from({ length: train.size }, (_, index) => index);
  const on = (indices: readonly number[]): Promise<FitDiagnosis> =>
    measureFit(engine, values, train, { indices, pool }, heads, undefined, signal);
  const retained = await on(accessible);
  const forgottenFit = await on(forgotten);
  const first = await headOutputs(engine, values, (await train.read([0])).inputs, heads);
  const outputs = first.reduce((sum, { tensor }) => sum + elementCount(tensor.dims), 0);
  const parameters = [...values.values()].reduce((sum, { length }) => sum + length, 0);
  const facts = {
    samples: {
      train: train.size,
      retained: patient.retained.length,
      accessible: accessible.length,
      forgotten: forgotten.length,
    },
    parameters,
    outputs,
    equations: train.size * outputs,
    overparameterized: parameters > train.size * outputs,
    retained,
    forgotten: forgottenFit,
    interpolates: retained.fitted,
  };
  const reached = methods.map(({ name }) => reachOf(name, facts));
  const start = startOf(facts);
  return {
    ...facts,
    methods: reached,
    start,
    summary: [
      capacitySentence(facts),
      fitSentence('retained', retained),
      fitSentence('forgotten', forgottenFit),
      gradientSentence(retained, forgottenFit),
      ...reachSentences(reached),
      `${start.method} is where "auto" starts: ${start.why}`,
    ],
    cost: 2 * (retained.gradientSamples + forgottenFit.gradientSamples),
  };
}

type Facts = Pick<Diagnosis, 'samples' | 'parameters' | 'outputs' | 'equations'>;

function capacitySentence({ samples, parameters, outputs, equations }: Facts): string {
  const sizes =
    `${things(parameters, 'trainable parameter')} face ${things(samples.train, 'training sample')} with ` +
    `${things(outputs, 'output')} each, ${count(equations)} equations in all`;
  return parameters > equations
    ? `${sizes}: the model is overparameterized, ${significant(parameters / equations, 2)} parameters an equation.`
    : `${sizes}: the model has ${significant(parameters / equations, 2)} parameters an equation, too few to fit any labels exactly.`;
}

function fitSentence(set: 'retained' | 'forgotten', fit: FitDiagnosis): string {
  const figure =
    fit.accuracy !== undefined
      ? `fits ${percent(fit.accuracy)} of the labels`
      : `has a largest error of ${significant(fit.maxError ?? NaN)}`;
  const loss = `mean loss ${significant(fit.loss)}, with shuffled labels ${significant(fit.shuffledLoss)}`;
  const part = fit.measured < fit.count ? `, of ${count(fit.count)}` : '';
  const exact = fit.fitted
    ? 'it interpolates them.'
    : set === 'retained' && fit.loss >= blindShare * fit.shuffledLoss
      ? `it knows nothing of them. ${dataRemedy}`
      : 'that is no exact fit.';
  return `On ${things(fit.measured, `${set} sample`)}${part} the model ${figure} (${loss}): ${exact}`;
}

function gradientSentence(retained: FitDiagnosis, forgotten: FitDiagnosis): string {
  const one = (fit: FitDiagnosis): string =>
    `${significant(fit.gradientNorm, 2)} (${gradientShare(fit)} of that with shuffled ` +
    `labels, ${things(fit.gradientSamples, 'sample')})`;
  return `The gradient of the loss has the norm ${one(retained)} on retained and ${one(forgotten)} on forgotten samples.`;
}

function reachSentences(reached: Diagnosis['methods']): string[] {
  const named = (moves: 'yes' | 'barely'): string =>
    reached
      .filter(reach => reach.moves === moves)
      .map(({ method }) => method)
      .join(', ');
  const [able, barely] = [named('yes'), named('barely')];
  return [
    ...(able === '' ? [] : [`These methods can move it: ${able}.`]),
    ...(barely === ''
      ? []
      : [
          `These hardly can, because the gradients they follow are nearly zero (T1), save by noise and weight decay: ${barely}.`,
        ]),
  ];
}
