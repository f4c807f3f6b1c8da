// What a person should know about the projections of a run, in sentences.
import type { ProjectionRecord } from './report';

/** Sentences about projections that had no room to move, and about how a matrix-free solver ended. */
export function projectionNotes(projections: readonly ProjectionRecord[]): string[] {
  const notes: string[] = [];
  const stuck = projections.filter(one => one.noRoom);
  const columns = largest(stuck.map(one => one.columns));
  if (stuck.length > 0)
    notes.push(
      `${counted(stuck.length, projections.length)} had no room to move: the gradients of up to ${columns} constraints span all ` +
        'trainable parameters, so nothing could change without changing a retained output. Lower method.constraintSamples, or ' +
        'choose another method: this model is not overparameterized for so many constraints.',
    );
  const iterated = projections.filter(one => one.iterations !== undefined && !one.noRoom);
  if (iterated.length > 0) {
    const worst = largest(iterated.map(one => one.relativeResidual ?? 0));
    notes.push(
      `${counted(iterated.length, projections.length)} on up to ${largest(iterated.map(one => one.columns))} constraints ` +
        `${iterated.length === 1 ? 'was' : 'were'} solved matrix-free, in at most ` +
        `${largest(iterated.map(one => one.iterations ?? 0))} iterations down to a relative residual of ${worst.toExponential(1)}` +
        `${worst > 1e-3 ? ', more than the 1e-3 that was aimed at: part of the step still moves retained outputs.' : '.'}`,
    );
  }
  return notes;
}

function counted(some: number, all: number): string {
  if (some === all) return all === 1 ? 'The projection' : `All ${all} projections`;
  return `${some} of ${all} projections`;
}

function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}
