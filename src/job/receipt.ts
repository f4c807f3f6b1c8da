// The receipt of a run: hashes, versions and numbers by which others can check what was done.
import { randomBytes } from 'node:crypto';
import { basename, dirname, relative } from 'node:path';
import type { EngineKind } from '../runtime/contracts';
import type { BoundDataset } from '../data/dataset';
import { hashSample } from '../data/sampleHash';
import type { OnnxModel } from '../onnx/model';
import type { Certificate, ConvertedBudget, ModelMetrics, ProjectionRecord, RunCost } from '../shared/report';
import { sha256OfFile } from './hashing';
import type { Environment } from './machine';
import type { LoadedRecipe } from './recipeFile';

/** A file by its name and SHA-256. Paths are relative to the receipt's folder. */
export interface FileHash {
  readonly path: string;
  readonly sha256: string;
}

/** A model file with the data files beside it. */
export interface ModelHash extends FileHash {
  readonly external: readonly FileHash[];
}

/** What `receipt.json` holds. */
export interface Receipt extends Environment {
  readonly version: 1;
  /** When the run ended, ISO 8601 in UTC. */
  readonly created: string;
  readonly model: { readonly before: ModelHash; readonly after: ModelHash };
  readonly reference: ModelHash | null;
  /** Further retrained models; absent in older receipts. */
  readonly references?: readonly ModelHash[];
  readonly recipe: FileHash & {
    /** The folder its relative paths are relative to, itself relative to the receipt's folder. */
    readonly base: string;
    readonly assignments: readonly string[];
    /** The recipe with the assignments applied. */
    readonly content: unknown;
  };
  readonly forgotten: {
    /** Hexadecimal; hashed before each sample, so that equal samples cannot be told across receipts. */
    readonly salt: string;
    readonly samples: readonly { readonly index: number; readonly sha256: string }[];
  };
  readonly threads: number;
  /** What computed; absent in older receipts, which ONNX Runtime computed. */
  readonly engine?: EngineKind;
  readonly seed: number;
  readonly method: string;
  readonly metrics: {
    readonly before: ModelMetrics;
    readonly after: ModelMetrics;
    readonly reference: ModelMetrics | null;
  };
  readonly projections: readonly ProjectionRecord[];
  /** The `method` that auto chose. */
  readonly chosen?: Readonly<Record<string, unknown>>;
  readonly certificate?: Certificate;
  /** A replay runs with these sample gradients in place of the seconds. */
  readonly budget?: ConvertedBudget;
  readonly cost: RunCost;
  readonly seconds: number;
}

/** Hashes a model and its data files; `from` is where they lie now, `to` where they will lie. */
export function hashModel(
  files: readonly { readonly from: string; readonly to: string }[],
  receiptFolder: string,
): ModelHash {
  const hashes = files.map(({ from, to }) => ({
    path: portable(relative(receiptFolder, to)),
    sha256: sha256OfFile(from),
  }));
  return { ...hashes[0]!, external: hashes.slice(1) };
}

/** The files of a model where they are. */
export function filesOf(model: OnnxModel): { from: string; to: string }[] {
  return [model.path, ...model.externalFiles].map(path => ({ from: path, to: path }));
}

/** The salted hashes of samples, in the order of `indices`. A fresh salt unless one is given. */
export async function hashSamples(
  data: BoundDataset,
  indices: readonly number[],
  salt: string = randomBytes(16).toString('hex'),
): Promise<Receipt['forgotten']> {
  const samples: { index: number; sha256: string }[] = [];
  const chunk = 64;
  for (let start = 0; start < indices.length; start += chunk) {
    const part = indices.slice(start, start + chunk);
    const batch = await data.dataset.read(part);
    part.forEach((index, position) =>
      samples.push({ index, sha256: hashSample(batch, position, Buffer.from(salt, 'hex')) }),
    );
  }
  return { salt, samples };
}

/** What a receipt says about a recipe. */
export function describeRecipe(loaded: LoadedRecipe, receiptFolder: string): Receipt['recipe'] {
  return {
    path: loaded.file === null ? '' : portable(relative(receiptFolder, loaded.file)),
    sha256: loaded.sha256,
    base: portable(relative(receiptFolder, loaded.file === null ? loaded.base : dirname(loaded.file))),
    assignments: loaded.assignments,
    content: loaded.json,
  };
}

/** A short name for a model in messages. */
export function shortName(hash: FileHash): string {
  return basename(hash.path);
}

function portable(path: string): string {
  return path.replaceAll('\\', '/');
}
