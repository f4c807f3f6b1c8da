// Checks a receipt against the files it names: hashes, metrics and, on request, the whole run again.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { evaluateModel } from '../evaluate/metrics';
import { diffModels } from '../evaluate/weightDiff';
import { openModel } from '../tfjs/openModel';
import { CancelledError, LetheError, messageOf } from '../shared/errors';
import type { ModelMetrics } from '../shared/report';
import { sha256OfFile } from './hashing';
import { computesAlike, currentEnvironment } from './machine';
import { openJob } from './openJob';
import { hashSamples, type FileHash, type ModelHash, type Receipt } from './receipt';
import { recipeFromJson, type LoadedRecipe } from './recipeFile';
import { runRecipe, type JobHooks } from './runJob';
import { parseReceipt } from './receiptSchema';

/** One thing that was checked. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** What `lethe verify --json` prints. */
export interface Verification {
  readonly ok: boolean;
  readonly checks: readonly Check[];
}

/** How far numbers may differ on another machine, relative to their size. */
const tolerance = 1e-4;

/**
 * Recomputes what a receipt claims. With `replay` the job runs again into a temporary folder and its model is
 * compared. A claim that does not hold is a failed check; throws a LetheError only when the receipt cannot be read, and a
 * CancelledError.
 */
export async function verifyReceipt(path: string, replay: boolean, hooks: JobHooks): Promise<Verification> {
  const receipt = readReceipt(path);
  const folder = dirname(resolve(path));
  const alike = computesAlike(receipt, currentEnvironment());
  const checks: Check[] = [];
  const check = async (name: string, action: () => string | Promise<string>): Promise<void> => {
    if (hooks.signal.aborted) throw new CancelledError();
    try {
      checks.push({ name, ok: true, detail: await action() });
    } catch (error) {
      if (error instanceof CancelledError) throw error;
      if (!(error instanceof LetheError) && !isFileError(error)) throw error;
      checks.push({ name, ok: false, detail: messageOf(error) });
    }
  };
  const loaded = (): LoadedRecipe => loadedFrom(receipt, folder, basename(path));
  const measured = async (model: ModelHash, claimed: ModelMetrics): Promise<string> => {
    const job = await openJob(loaded(), resolve(folder, model.path));
    try {
      const values = job.engine.initialValues();
      return compareMetrics(
        await evaluateModel(job.engine, values, job.data, job.heads, hooks.signal),
        claimed,
        alike,
      );
    } finally {
      await job.engine.close();
    }
  };

  await check('original model', () => checkModel(receipt.model.before, folder));
  await check('unlearned model', () => checkModel(receipt.model.after, folder));
  const { reference } = receipt;
  if (reference) await check('reference model', () => checkModel(reference, folder));
  for (const [index, other] of (receipt.references ?? []).entries())
    await check(`reference model ${index + 2}`, () => checkModel(other, folder));
  if (receipt.recipe.path !== '') await check('recipe', () => checkFile(receipt.recipe, folder));
  await check('forgotten samples', () => checkSamples(receipt, loaded()));
  await check('metrics of the original', () => measured(receipt.model.before, receipt.metrics.before));
  await check('metrics of the unlearned model', () => measured(receipt.model.after, receipt.metrics.after));
  const referenceMetrics = receipt.metrics.reference;
  if (reference && referenceMetrics) {
    await check('metrics of the reference', () => measured(reference, referenceMetrics));
  }
  if (replay) await check('replay', () => checkReplay(receipt, loaded(), folder, alike, hooks));
  return { ok: checks.every(({ ok }) => ok), checks };
}

function readReceipt(path: string): Receipt {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown cause';
    throw new LetheError(`The receipt ${path} cannot be read (${code}). Check the path.`);
  }
  return parseReceipt(text, path);
}

function checkFile(file: FileHash, folder: string): string {
  const path = resolve(folder, file.path);
  let sha256: string;
  try {
    sha256 = sha256OfFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new LetheError(code === 'ENOENT' ? `${path} is not there.` : `${path} cannot be read (${code}).`);
  }
  if (sha256 !== file.sha256) {
    throw new LetheError(`${path} has the SHA-256 ${sha256}, but the receipt says ${file.sha256}.`);
  }
  return `${file.path} has the SHA-256 ${sha256}.`;
}

function checkModel(model: ModelHash, folder: string): string {
  return [model, ...model.external].map(file => checkFile(file, folder)).join(' ');
}

async function checkSamples(receipt: Receipt, loaded: LoadedRecipe): Promise<string> {
  const job = await openJob(loaded);
  try {
    const claimed = new Map(receipt.forgotten.samples.map(({ index, sha256 }) => [index, sha256]));
    const present = await hashSamples(job.data.train, job.data.forgotten, receipt.forgotten.salt);
    for (const { index, sha256 } of present.samples) {
      if (!claimed.has(index))
        throw new LetheError(`Sample ${index} is to be forgotten, but the receipt does not list it.`);
      if (claimed.get(index) !== sha256) {
        throw new LetheError(
          `Sample ${index} of ${job.data.train.dataset.path} is not the one that the receipt lists.`,
        );
      }
      claimed.delete(index);
    }
    const extra = [...claimed.keys()][0];
    if (extra !== undefined)
      throw new LetheError(`The receipt lists sample ${extra}, which the recipe does not forget.`);
    return `${present.samples.length} samples are those that the receipt lists.`;
  } finally {
    await job.engine.close();
  }
}

/** The recipe of the receipt; the file itself is checked apart. */
function loadedFrom(receipt: Receipt, folder: string, name: string, changes: object = {}): LoadedRecipe {
  const given = receipt.recipe.content as { readonly budget?: { readonly sampleGradients?: number } };
  const { threads, engine } = receipt;
  const same = { threads, ...(engine === undefined ? {} : { engine }) };
  // Seconds are worth something else on every machine: what they were converted to is what the run had.
  const budget = receipt.budget && {
    budget: {
      ...given.budget,
      seconds: undefined,
      sampleGradients: Math.min(given.budget?.sampleGradients ?? Infinity, receipt.budget.sampleGradients),
    },
  };
  const content = { ...given, ...same, ...budget, ...changes };
  return recipeFromJson(content, resolve(folder, receipt.recipe.base), name);
}

/**
 * Compares metrics number by number: equal where the machine, the programs and the threads are the same, else within
 * the tolerance.
 */
export function compareMetrics(found: ModelMetrics, claimed: ModelMetrics, exact: boolean): string {
  const numbers = flatten(claimed);
  const others = flatten(found);
  for (const key of new Set([...numbers.keys(), ...others.keys()])) {
    const [a, b] = [numbers.get(key) ?? null, others.get(key) ?? null];
    if (a === b) continue;
    const close =
      a !== null && b !== null && Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a), Math.abs(b));
    if (exact || !close) throw new LetheError(`${key} is ${b}, but the receipt says ${a}.`);
  }
  return exact
    ? `All ${numbers.size} numbers are equal.`
    : `All ${numbers.size} numbers agree within ${tolerance}.`;
}

function flatten(value: object, prefix = ''): Map<string, number | null> {
  const result = new Map<string, number | null>();
  for (const [key, inner] of Object.entries(value) as [string, unknown][]) {
    if (typeof inner === 'number' || inner === null) result.set(prefix + key, inner);
    else if (typeof inner === 'object') {
      for (const [path, number] of flatten(inner, `${prefix}${key}.`)) result.set(path, number);
    }
  }
  return result;
}

async function checkReplay(
  receipt: Receipt,
  original: LoadedRecipe,
  folder: string,
  alike: boolean,
  hooks: JobHooks,
): Promise<string> {
  const temporary = mkdtempSync(join(tmpdir(), 'lethe-replay-'));
  try {
    const after = openModel(resolve(folder, receipt.model.after.path));
    // The same file name, because an ONNX model names its data files after itself.
    const output = join(temporary, after.format === 'onnx' ? basename(after.path) : 'model');
    const loaded = loadedFrom(receipt, folder, 'the recipe of the receipt', {
      output,
      report: join(temporary, 'replay.report'),
      // Only the model is compared.
      evaluation: 'basic',
    });
    const result = await runRecipe({ ...loaded, base: original.base }, hooks);
    const replayed = parseReceipt(readFileSync(result.receipt, 'utf8'), result.receipt);
    const same =
      replayed.model.after.sha256 === receipt.model.after.sha256 &&
      replayed.model.after.external.every(
        (file, index) => file.sha256 === receipt.model.after.external[index]?.sha256,
      );
    if (same) return 'The run gives the same model, bit by bit.';
    const { relative } = diffModels(after, openModel(output)).total;
    const distance = relative === null ? 'not to be compared' : relative.toExponential(1);
    if (alike || relative === null || relative > tolerance) {
      throw new LetheError(
        `The run gives another model: the relative distance of all weights is ${distance}.`,
      );
    }
    return `The run gives the same model within ${tolerance} (relative distance ${distance}); the machine or the programs differ.`;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function isFileError(error: unknown): boolean {
  return typeof (error as NodeJS.ErrnoException | undefined)?.code === 'string';
}
