// What a model document is, as data: which weights it has, which ones its file has, and what a backup says about both.
// Weights are never held here: a finished run and the original are in the extension's storage, named by their SHA-256.
import { LetheError } from './errors';

/** Weights that a document can have: those its file had when it was opened, or a finished run's. */
export type Weights = { readonly kind: 'original' } | { readonly kind: 'run'; readonly runId: string };

/** The document between two edits. */
export interface DocumentState {
  /** What the person sees. */
  readonly current: Weights;
  /** What the file on disk holds. */
  readonly saved: Weights;
  /** The SHA-256 of the stored copy of the original, from the first save on; null while the file itself is it. */
  readonly original: string | null;
}

/** One undoable step. */
export interface WeightsEdit {
  readonly before: Weights;
  readonly after: Weights;
}

/** Where the bytes of some weights are. */
export type WeightsPlace =
  | { readonly place: 'file' }
  | { readonly place: 'snapshot'; readonly sha256: string }
  | { readonly place: 'run'; readonly runId: string };

/** A document as it is when its file was just read. */
export const openedState: DocumentState = {
  current: { kind: 'original' },
  saved: { kind: 'original' },
  original: null,
};

/** Whether two weights are the same. */
export function sameWeights(a: Weights, b: Weights): boolean {
  return a.kind === 'run' ? b.kind === 'run' && a.runId === b.runId : b.kind === 'original';
}

/** Whether the file holds other weights than the document. */
export function isDirty(state: DocumentState): boolean {
  return !sameWeights(state.current, state.saved);
}

/** The step that gives the document a run's weights; null when it has them already. */
export function applyRun(state: DocumentState, runId: string): WeightsEdit | null {
  const after: Weights = { kind: 'run', runId };
  return sameWeights(state.current, after) ? null : { before: state.current, after };
}

/** The document after a step, or after taking it back. */
export function withWeights(state: DocumentState, current: Weights): DocumentState {
  return { ...state, current };
}

/** The document after its file was written; `original` names the stored copy made before that. */
export function afterSave(state: DocumentState, original: string | null): DocumentState {
  return { current: state.current, saved: state.current, original: state.original ?? original };
}

/** The document back at what its file holds. */
export function reverted(state: DocumentState): DocumentState {
  return { ...state, current: state.saved };
}

/** Whether saving must first keep a copy of the original: the file has it and is about to lose it. */
export function needsSnapshot(state: DocumentState): boolean {
  return state.original === null && state.saved.kind === 'original' && state.current.kind === 'run';
}

/** Where to read some weights of the document from. Throws a LetheError when no copy of the original was kept. */
export function placeOf(state: DocumentState, weights: Weights): WeightsPlace {
  if (sameWeights(state.saved, weights)) return { place: 'file' };
  if (weights.kind === 'run') return { place: 'run', runId: weights.runId };
  if (state.original !== null) return { place: 'snapshot', sha256: state.original };
  throw new LetheError(
    'The original weights of this model were not kept when it was saved. Take them from a copy or from version control.',
  );
}

/** The SHA-256 names in storage that the document needs; they must not be removed while it is open. */
export function referencesOf(state: DocumentState, edits: readonly WeightsEdit[]): string[] {
  const weights = [state.current, state.saved, ...edits.flatMap(edit => [edit.before, edit.after])];
  const names = weights.flatMap(each => (each.kind === 'run' ? [each.runId] : []));
  if (state.original !== null) names.push(state.original);
  return [...new Set(names)].sort();
}

/** What a backup holds: names only, never weights. */
export interface DocumentBackup {
  readonly version: 1;
  readonly state: DocumentState;
  /** The stamp of the file when the backup was made; another one on opening means that it changed since. */
  readonly stamp: string | null;
}

/** A backup as text. */
export function writeBackup(state: DocumentState, stamp: string | null): string {
  const backup: DocumentBackup = { version: 1, state, stamp };
  return JSON.stringify(backup);
}

/** Reads a backup. Throws a LetheError when the text is none. */
export function readBackup(text: string): DocumentBackup {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw notABackup();
  }
  const { version, state, stamp } = fields(json);
  const { current, saved, original } = fields(state);
  if (version !== 1 || (stamp !== null && typeof stamp !== 'string')) throw notABackup();
  if (original !== null && !isSha256(original)) throw notABackup();
  return {
    version: 1,
    state: { current: readWeights(current), saved: readWeights(saved), original },
    stamp,
  };
}

function readWeights(json: unknown): Weights {
  const { kind, runId } = fields(json);
  if (kind === 'original') return { kind };
  if (kind === 'run' && isSha256(runId)) return { kind, runId };
  throw notABackup();
}

function fields(json: unknown): Record<string, unknown> {
  if (typeof json !== 'object' || json === null) throw notABackup();
  return json as Record<string, unknown>;
}

/** Whether a value is a SHA-256 in lower-case hexadecimal: the only names that storage has. */
export function isSha256(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

function notABackup(): LetheError {
  return new LetheError(
    'The backup of this model cannot be read, so its unsaved change is gone. The file is as it was; apply the run again.',
  );
}
