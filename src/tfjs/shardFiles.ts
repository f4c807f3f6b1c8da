// The files that hold the weights of a model.json: which it may name, and how large they are.
import { readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path';
import { ModelError, systemCode } from '../onnx/errors';
import { isPlainRelative } from '../onnx/externalData';
import { stampOf, statRegular } from '../onnx/files';
import type { FileStamp } from '../onnx/model';

/** A weight file. `name` is how the manifest writes it, `path` is absolute with links resolved. */
export interface Shard {
  readonly name: string;
  readonly path: string;
  readonly size: number;
}

/** The weight files of one model. */
export class ShardFiles {
  private readonly byPath = new Map<string, FileStamp>();
  readonly shards: Shard[] = [];
  readonly warnings: string[] = [];

  constructor(private readonly model: string) {}

  get stamps(): FileStamp[] {
    return [...this.byPath.values()];
  }

  /**
   * The shard of a path in the manifest. Throws a ModelError when it leaves the model's folder, is no regular file, is
   * not there, or is named twice.
   */
  open(name: string): Shard {
    const quoted = JSON.stringify(name);
    if (!isPlainRelative(name)) {
      throw this.refuse(
        `lists the weight file ${quoted}, which is not a plain path inside the model's folder.`,
        'Save the model again, or open only models you trust.',
      );
    }
    const folder = realpathSync(dirname(this.model));
    let path: string;
    try {
      path = realpathSync(join(folder, name));
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      throw this.refuse(
        `lists the weight file ${quoted}, which is not there${this.others()}.`,
        'Copy every file of the model into one folder, under the names they were saved with.',
      );
    }
    const inside = relative(folder, path);
    if (inside === '' || inside.split(sep).includes('..') || isAbsolute(inside)) {
      throw this.refuse(
        `lists the weight file ${quoted}, a link that leads out of the model's folder.`,
        'Put the weight file itself into the folder.',
      );
    }
    if (path === realpathSync(this.model) || this.byPath.has(path)) {
      throw this.refuse(
        `lists the weight file ${quoted}, ${this.byPath.has(path) ? 'which it lists already' : 'which is that file itself'}.`,
        'Save the model again.',
      );
    }
    const stats = statRegular(path);
    if (stats.nlink > 1) {
      this.warnings.push(
        `The weight file ${quoted} has ${stats.nlink} names on the disk (hard links), so saving over this model is ` +
          'refused; save into another folder, or replace the file by a copy of its own.',
      );
    }
    this.byPath.set(path, stampOf(path, stats));
    const shard = { name, path, size: stats.size };
    this.shards.push(shard);
    return shard;
  }

  /** Warns of files beside the listed ones that look like shards of the same model. */
  warnOfUnlisted(): void {
    const listed = new Set(this.shards.map(({ path }) => path));
    const folders = new Set(this.shards.map(({ path }) => dirname(path)));
    for (const folder of folders) {
      for (const name of readdirSync(folder)) {
        if (!shardName.test(name) || listed.has(join(folder, name))) continue;
        this.warnings.push(
          `The file ${JSON.stringify(name)} looks like a weight file, but ${basename(this.model)} does not list it; it is not used.`,
        );
      }
    }
  }

  private others(): string {
    const found = readdirSync(dirname(this.model)).filter(name => name.endsWith('.bin'));
    if (found.length === 0) return '';
    return ` (the folder has ${found
      .slice(0, 3)
      .map(name => JSON.stringify(name))
      .join(', ')}${found.length > 3 ? ', …' : ''})`;
  }

  private refuse(problem: string, remedy: string): ModelError {
    return new ModelError(this.model, `It ${problem}`, remedy);
  }
}

/** How TensorFlow.js names shards. */
const shardName = /shard-?\d+of\d+(\.bin)?$/;
