// The settings that a search chooses among: how far to go, by which way, at which learning rate.
import type { MethodSettings } from '../../shared/recipe';

/** The two ways to lower the complexity before the descent. */
export type Way = 'shrink' | 'projection';

/** One setting: a strength from 0 to 1 along a way, and how the descent after it goes. */
export interface Candidate {
  readonly way: Way;
  readonly strength: number;
  readonly learningRate: number;
  /** Optimiser steps; 0 for none. */
  readonly steps: number;
}

/** What all candidates of a search share. */
export interface Plan {
  readonly batchSize: number;
  /** Steps that the allowance pays for after a shrink, which costs nothing. */
  readonly steps: number;
  readonly constraintSamples: number;
  readonly constraintKind: 'largest-logit' | 'all-outputs';
  /** Sample gradients that a projection costs. */
  readonly projectionCost: number;
  readonly retained: number;
}

/** So many steps are wanted at least: they fit the retained data again in every task of the study. */
const wantedSteps = 240;

/** More steps than this fit nothing further; an allowance that would pay for them is left alone. */
const mostSteps = 2000;

/**
 * The plan for an allowance of sample gradients: small batches, since steps fit the data and not samples, and as many
 * constraint columns as a tenth of the allowance pays for. `columns` is the number of gradient columns that one sample
 * gives to a projection.
 */
export function planFor(allowance: number, retained: number, columns: number, fewRetained: boolean): Plan {
  const power = (value: number): number => 2 ** Math.round(Math.log2(Math.max(1, value)));
  const small = Math.max(8, Math.min(32, power(allowance / wantedSteps)));
  // Batches grow only where steps do no more good.
  const batchSize = Math.min(retained, Math.max(small, Math.min(256, power(allowance / mostSteps))));
  const most = Math.max(1, Math.floor(Math.min(300, allowance / 30) / columns));
  const constraintSamples = Math.max(1, Math.min(retained, most));
  return {
    batchSize,
    steps: Math.max(1, Math.min(mostSteps, Math.floor(allowance / batchSize))),
    constraintSamples,
    constraintKind: fewRetained ? 'all-outputs' : 'largest-logit',
    projectionCost: 3 * constraintSamples * columns,
    retained,
  };
}

/** The recipe's `method` of a candidate: what is run, and what a person may write down and run again. */
export function settingsOf(candidate: Candidate, plan: Plan): MethodSettings {
  const paid = candidate.way === 'shrink' ? 0 : Math.ceil(plan.projectionCost / plan.batchSize);
  const steps = candidate.steps === plan.steps ? plan.steps - paid : candidate.steps;
  const descent = {
    epochs: Math.max(1, Math.ceil((steps * plan.batchSize) / plan.retained) + 1),
    steps: Math.max(1, steps),
    epochOver: 'retain',
    batchSize: plan.batchSize,
    optimizer: 'adamw',
    learningRate: candidate.learningRate,
    weightDecay: 0.01,
    rateSchedule: 'cosine',
  } as const;
  return candidate.way === 'shrink'
    ? { name: 'shrink', shrink: candidate.strength, ...descent }
    : {
        name: 'minnorm-og',
        projectionStrength: candidate.strength,
        projections: 1,
        descentEpochs: 0,
        constraintSamples: plan.constraintSamples,
        constraintPool: 'retain',
        constraintKind: plan.constraintKind,
        ...descent,
      };
}

/** A candidate in a few words. */
export function describe(candidate: Candidate): string {
  const way = candidate.way === 'shrink' ? 'shrink' : 'project';
  return `${way} ${candidate.strength}, ${candidate.steps} steps at ${candidate.learningRate}`;
}
