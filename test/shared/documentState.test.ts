import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import {
  afterSave,
  applyRun,
  isDirty,
  needsSnapshot,
  openedState,
  placeOf,
  readBackup,
  referencesOf,
  reverted,
  sameWeights,
  withWeights,
  writeBackup,
  type DocumentState,
  type Weights,
  type WeightsEdit,
} from '../../src/shared/documentState';
import { LetheError } from '../../src/shared/errors';

const id = (digit: string): string => digit.repeat(64);
const run = (digit: string): Weights => ({ kind: 'run', runId: id(digit) });

describe('the state of a model document', () => {
  it('is clean when opened, dirty when a run is applied, clean when that is taken back', () => {
    assert.equal(isDirty(openedState), false);
    const edit = applyRun(openedState, id('a'));
    assert.ok(edit);
    const applied = withWeights(openedState, edit.after);
    assert.equal(isDirty(applied), true);
    assert.equal(isDirty(withWeights(applied, edit.before)), false);
  });

  it('makes no edit of a run that it has already', () => {
    assert.equal(applyRun(withWeights(openedState, run('a')), id('a')), null);
  });

  it('needs a copy of the original before the first save only', () => {
    const applied = withWeights(openedState, run('a'));
    assert.equal(needsSnapshot(openedState), false);
    assert.equal(needsSnapshot(applied), true);
    const saved = afterSave(applied, id('0'));
    assert.equal(needsSnapshot(withWeights(saved, run('b'))), false);
    assert.equal(needsSnapshot(withWeights(saved, { kind: 'original' })), false);
  });

  it('finds the original in storage once the file holds a run, and in the file again after saving it', () => {
    const saved = afterSave(withWeights(openedState, run('a')), id('0'));
    const undone = withWeights(saved, { kind: 'original' });
    assert.deepEqual(placeOf(undone, undone.current), { place: 'snapshot', sha256: id('0') });
    assert.deepEqual(placeOf(undone, run('a')), { place: 'file' });
    const savedAgain = afterSave(undone, null);
    assert.deepEqual(placeOf(savedAgain, { kind: 'original' }), { place: 'file' });
    assert.deepEqual(placeOf(savedAgain, run('a')), { place: 'run', runId: id('a') });
  });

  it('says so when the original was not kept', () => {
    const lost: DocumentState = { current: run('a'), saved: run('a'), original: null };
    assert.throws(() => placeOf(lost, { kind: 'original' }), /were not kept/);
  });

  it('goes back to what the file holds', () => {
    const saved = afterSave(withWeights(openedState, run('a')), id('0'));
    assert.deepEqual(reverted(withWeights(saved, run('b'))).current, run('a'));
  });

  it('names all that storage must keep: weights, the undo history, the original', () => {
    const edits: WeightsEdit[] = [
      { before: { kind: 'original' }, after: run('a') },
      { before: run('a'), after: run('b') },
    ];
    const state: DocumentState = { current: run('b'), saved: run('a'), original: id('0') };
    assert.deepEqual(referencesOf(state, edits), [id('0'), id('a'), id('b')]);
  });

  it('keeps every file readable through any history of applying, undoing, redoing, saving and reverting', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('apply' as const), digit: fc.constantFrom('a', 'b', 'c') }),
      fc.record({
        do: fc.constantFrom('undo' as const, 'redo' as const, 'save' as const, 'revert' as const),
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), steps => {
        // What the file, the snapshot and the runs hold, told by the weights themselves.
        let state = openedState;
        let file: Weights = { kind: 'original' };
        let snapshot: Weights | null = null;
        let history: WeightsEdit[] = [];
        let at = 0;
        for (const each of steps) {
          if (each.do === 'apply') {
            const edit = applyRun(state, id(each.digit));
            if (edit === null) continue;
            history = [...history.slice(0, at), edit];
            at++;
            state = withWeights(state, edit.after);
          } else if (each.do === 'undo' && at > 0) state = withWeights(state, history[--at]!.before);
          else if (each.do === 'redo' && at < history.length)
            state = withWeights(state, history[at++]!.after);
          else if (each.do === 'save' && isDirty(state)) {
            if (needsSnapshot(state)) snapshot = file;
            const place = placeOf(state, state.current);
            assert.notEqual(place.place, 'file');
            file = place.place === 'run' ? { kind: 'run', runId: place.runId } : snapshot!;
            state = afterSave(state, snapshot === null ? null : id('0'));
          } else if (each.do === 'revert') state = reverted(state);
          assert.ok(sameWeights(state.saved, file), 'the state is wrong about the file');
          assert.ok(snapshot === null || sameWeights(snapshot, { kind: 'original' }));
          for (const weights of [state.current, ...history.flatMap(edit => [edit.before, edit.after])]) {
            placeOf(state, weights);
          }
        }
      }),
      { seed: 7, numRuns: 300 },
    );
  });
});

describe('a backup of a model document', () => {
  it('holds names only, and gives the state back', () => {
    const state: DocumentState = { current: { kind: 'original' }, saved: run('a'), original: id('0') };
    const text = writeBackup(state, 'stamp');
    assert.ok(text.length < 500);
    assert.deepEqual(readBackup(text), { version: 1, state, stamp: 'stamp' });
  });

  it('that is damaged is refused with a sentence, whatever it holds', () => {
    const good = writeBackup({ current: run('a'), saved: { kind: 'original' }, original: null }, null);
    const wrong = [
      '',
      'null',
      '[]',
      '{}',
      good.slice(0, -5),
      good.replace(id('a'), '../../etc'),
      good.replace('"version":1', '"version":2'),
      good.replace('"kind":"run"', '"kind":"walk"'),
      good.replace('"original":null', '"original":"x"'),
      good.replace('"stamp":null', '"stamp":7'),
    ];
    for (const text of wrong) {
      assert.throws(
        () => readBackup(text),
        (error: unknown) => error instanceof LetheError,
        text,
      );
    }
  });
});
