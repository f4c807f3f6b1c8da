// The sentences about the projections of a run.
import { strict as assert } from 'node:assert';
import { projectionNotes } from '../../src/shared/projectionNotes';
import type { ProjectionRecord } from '../../src/shared/report';

const plain: ProjectionRecord = { epoch: 0, step: 0, columns: 50, rank: 50, residual: 1e-12, strength: 0.1 };

describe('notes on projections', () => {
  it('say nothing about exact ones', () => assert.deepEqual(projectionNotes([plain]), []));

  it('tell that there was no room to move', () => {
    const [note] = projectionNotes([{ ...plain, noRoom: true }]);
    assert.match(
      note!,
      /^The projection had no room to move: the gradients of up to 50 constraints span all/,
    );
  });

  it('tell how a matrix-free solver ended', () => {
    const record = { ...plain, rank: null, columns: 19000, iterations: 120, relativeResidual: 9.4e-4 };
    assert.deepEqual(projectionNotes([plain, record]), [
      '1 of 2 projections on up to 19000 constraints was solved matrix-free, in at most 120 iterations down to a relative residual of 9.4e-4.',
    ]);
    const [far] = projectionNotes([{ ...record, iterations: 200, relativeResidual: 0.02 }]);
    assert.match(far!, /2\.0e-2, more than the 1e-3 that was aimed at/);
  });
});
