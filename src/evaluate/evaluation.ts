// Everything that is said of models beyond their basic metrics.
import { performance } from 'node:perf_hooks';
import type { BoundDataset } from '../data/dataset';
import type { HeadLoss } from '../runtime/contracts';
import type {
  BySet,
  Evaluation,
  EvaluationLevel,
  ModelEvaluation,
  RegionAgreement,
  RegionMap,
  SampleSet,
} from '../shared/evaluation';
import { things } from '../shared/numbers';
import type { ModelMetrics } from '../shared/report';
import { Random } from '../tensor/random';
import { alignments } from './alignment';
import { averageGap, tugOfWar } from './closeness';
import { compareModels, type ComparedModel, type ModelOnSet } from './compareModels';
import { agreementOnPlanes, type PlaneFindings } from './decisionRegions';
import { distributionOf, logLosses, nines, wholeRange } from './distribution';
import { attackFeatures, attackMembership, fewestAttacked } from './membershipAttack';
import type { EvaluationData } from './metrics';

/** A model with what is already known of it. */
export interface MeasuredModel extends ComparedModel {
  readonly name: string;
  readonly path: string;
  readonly metrics: ModelMetrics;
}

/** The models of an evaluation: the original where it is at hand, the unlearned one, and retrained ones. */
export interface EvaluatedModels {
  readonly original: MeasuredModel | null;
  readonly unlearned: MeasuredModel;
  /** The first is the one to compare with; the others calibrate how far retrained models are apart. */
  readonly retrained: readonly MeasuredModel[];
}

/** How an evaluation is done. */
export interface EvaluationOptions {
  readonly level: Exclude<EvaluationLevel, 'basic'>;
  readonly seed: number;
  readonly signal?: AbortSignal;
}

/** Samples of a set looked at; beyond, a random draw of as many. */
const mostSamples = 20_000;

/** Planes of each kind. */
const planes = { standard: 8, full: 32 } as const;

/** Fewer samples than this make every share of them coarse. */
const handful = 30;

/**
 * Compares models on the retained, forgotten and held-out samples, always in inference mode. `relearn` stays null here:
 * it needs optimiser steps. Throws what `evaluateModel` throws.
 */
export async function evaluateFurther(
  { original, unlearned, retrained }: EvaluatedModels,
  data: EvaluationData,
  heads: readonly HeadLoss[],
  options: EvaluationOptions,
): Promise<Evaluation> {
  const started = performance.now();
  const models = [...(original ? [original] : []), unlearned, ...retrained];
  const places = {
    original: original ? 0 : null,
    retrained: retrained.length > 0 ? models.indexOf(retrained[0]!) : null,
  };
  const wanted = [places.original, places.retrained].filter(place => place !== null);
  const on = (set: BoundDataset, indices: readonly number[]): Promise<ModelOnSet[]> =>
    compareModels(models, set, drawn(indices, options.seed), heads, wanted, options.signal);
  const retain = await on(data.train, data.retained);
  const forget = await on(data.train, data.forgotten);
  const test = data.test && (await on(data.test, [...Array(data.test.size).keys()]));
  const regions = original ? await regionsOf(models, data, heads, options) : null;
  const aligned = original ? await alignmentsOf(models, data, options) : null;
  const found = { retain, forget, test };
  const losses = bySet(found, set => set.map(({ features }) => logLosses(features.loss)));
  const range = wholeRange([...losses.retain, ...losses.forget, ...(losses.test ?? [])]);
  const classifies = forget[0]!.features.classifies;
  const labelled = !data.train.predictedLabels && !data.test?.predictedLabels;
  const attacks = models.map((_, place) => {
    const attack = (features: keyof typeof attackFeatures): ModelEvaluation['attack'] =>
      test &&
      attackMembership(
        forget[place]!.features,
        test[place]!.features,
        attackFeatures[features],
        options.seed,
      );
    return { attack: labelled ? attack('all') : null, labelFreeAttack: attack('labelFree') };
  });
  const target = places.retrained;
  return {
    level: options.level,
    notes: notesOf(data, classifies, {
      labelled,
      regions: regions !== null,
      original: original !== null,
      retrained: retrained.length > 0,
    }),
    models: models.map((model, place): ModelEvaluation => {
      const own = { metrics: model.metrics, ...attacks[place]! };
      const other = target === null || target === place ? null : target;
      return {
        name: model.name,
        path: model.path,
        metrics: model.metrics,
        confusion: classifies && labelled ? bySet(found, set => set[place]!.confusion) : null,
        losses: bySet(losses, set => distributionOf(set[place]!, range)),
        confidences: classifies
          ? bySet(found, set => distributionOf(nines(set[place]!.features.confidence), [0, 6]))
          : null,
        ...attacks[place]!,
        toOriginal: divergences(found, place, places.original),
        toRetrained: divergences(found, place, target),
        tow: other === null ? null : tugOfWar(model.metrics, models[other]!.metrics),
        averageGap:
          other === null ? null : averageGap(own, { metrics: models[other]!.metrics, ...attacks[other]! }),
        regions: regions && place > 0 ? regions.models[place]! : null,
        alignment: aligned && place > 0 ? aligned[place - 1]! : null,
        relearn: null,
      };
    }),
    ...(regions && regions.maps.length > 0 ? { maps: regions.maps } : {}),
    seconds: (performance.now() - started) / 1000,
  };
}

/** As many of the indices as are looked at, in ascending order. */
function drawn(indices: readonly number[], seed: number): readonly number[] {
  if (indices.length <= mostSamples) return indices;
  return new Random(seed ^ 0xd4a3)
    .shuffle([...indices])
    .slice(0, mostSamples)
    .sort((a, b) => a - b);
}

function bySet<T, U>(sets: BySet<T>, of: (set: T) => U): BySet<U> {
  const { retain, forget, test } = sets;
  return { retain: of(retain), forget: of(forget), test: test === null ? null : of(test) };
}

function divergences(
  found: BySet<ModelOnSet[]>,
  own: number,
  other: number | null,
): ModelEvaluation['toOriginal'] {
  return other === null || other === own ? null : bySet(found, set => set[own]!.to.get(other)!);
}

interface Regions {
  readonly models: readonly { readonly forgotten: RegionAgreement; readonly retained: RegionAgreement }[];
  readonly maps: readonly RegionMap[];
}

/** The agreement of each model with the first one near forgotten and, apart, near retained samples. */
async function regionsOf(
  models: readonly ComparedModel[],
  data: EvaluationData,
  heads: readonly HeadLoss[],
  { level, seed, signal }: EvaluationOptions,
): Promise<Regions | null> {
  const near = (through: readonly number[]): Promise<PlaneFindings | null> =>
    agreementOnPlanes(
      models,
      data.train,
      heads,
      { through, toward: data.retained, planes: planes[level], seed },
      signal,
    );
  const forgotten = await near(data.forgotten);
  const retained = forgotten && (await near(data.retained));
  if (!forgotten || !retained) return null;
  return {
    models: models.map((_, place) => ({
      forgotten: forgotten.agreements[place]!,
      retained: retained.agreements[place]!,
    })),
    maps: [
      ...forgotten.maps.map(map => ({ kind: 'forgotten' as const, ...map })),
      ...retained.maps.map(map => ({ kind: 'retained' as const, ...map })),
    ],
  };
}

/** Alignments of all models but the first with its gradients. */
async function alignmentsOf(
  models: readonly ComparedModel[],
  data: EvaluationData,
  { seed, signal }: EvaluationOptions,
): Promise<ModelEvaluation['alignment'][]> {
  const [original, ...others] = models as [ComparedModel, ...ComparedModel[]];
  const on = (indices: readonly number[]): ReturnType<typeof alignments> =>
    alignments(
      original.engine,
      original.values,
      others.map(({ values }) => values),
      data.train,
      indices,
      seed,
      signal,
    );
  const forgotten = await on(data.forgotten);
  const retained = await on(data.retained);
  return others.map((_, place) => {
    const [near, far] = [forgotten[place], retained[place]];
    return near && far ? { forgotten: near, retained: far } : null;
  });
}

function notesOf(
  data: EvaluationData,
  classifies: boolean,
  had: {
    readonly labelled: boolean;
    readonly regions: boolean;
    readonly original: boolean;
    readonly retrained: boolean;
  },
): string[] {
  const notes: string[] = [];
  const sizes: readonly [SampleSet, number | null, string][] = [
    ['retain', data.retained.length, 'retained'],
    ['forget', data.forgotten.length, 'forgotten'],
    ['test', data.test?.size ?? null, 'held-out'],
  ];
  for (const [, size, name] of sizes) {
    if (size !== null && size < handful) {
      notes.push(
        `There ${size === 1 ? 'is' : 'are'} only ${things(size, `${name} sample`)}: one sample is ` +
          `${(100 / size).toFixed(0)} % of every share, so no verdict rests on ${size === 1 ? 'it' : 'them'} alone.`,
      );
    }
    if (size !== null && size > mostSamples) {
      notes.push(`Of ${things(size, `${name} sample`)}, ${things(mostSamples, 'random one')} were compared.`);
    }
  }
  if (data.test === null) {
    notes.push(
      'There is no held-out data (data.test), so held-out accuracy, both AUCs, the membership attacks and the tug of war fall away.',
    );
  } else if (Math.min(data.forgotten.length, data.test.size) < fewestAttacked) {
    notes.push(
      `The membership attacks fall away: they need at least ${fewestAttacked} forgotten and as many held-out samples.`,
    );
  }
  if (!had.labelled) {
    notes.push(
      'Labels are missing, so the membership AUC, confusion matrices, the attack on losses, the tug of war and the average gap ' +
        'fall away. Losses and agreement are against the predictions of the original.',
    );
  }
  if (!had.retrained) {
    notes.push(
      'There is no retrained model (reference), so nothing says how close the result is to retraining.',
    );
  }
  if (!had.original) {
    notes.push(
      'The original model could not be read, so nothing is compared with it, decision regions included.',
    );
  } else if (classifies && !had.regions) {
    notes.push(
      'Decision regions fall away: they need an input of real numbers and two more retained samples.',
    );
  }
  if (!classifies) {
    notes.push(
      'No output is a classifier, so confusion, confidences, the tug of war and decision regions fall away.',
    );
  }
  return notes;
}
