// Tensors whose bytes lie in other files: which files a model may name, and which part of them.
import { realpathSync } from 'node:fs';
import { dirname, isAbsolute, join, posix, relative, sep, win32 } from 'node:path';
import { ModelError, systemCode } from './errors';
import { stampOf, statRegular } from './files';
import type { FileStamp, PayloadRange } from './model';

/** A file that holds tensor bytes, beside or below the model. */
interface ExternalFile {
  readonly path: string;
  readonly size: number;
}

/** The external files of one model. Each location is checked once. */
export class ExternalFiles {
  private readonly byLocation = new Map<string, ExternalFile>();
  private readonly stamps = new Map<string, FileStamp>();
  readonly warnings: string[] = [];

  constructor(private readonly model: string) {}

  /** Absolute paths with symbolic links resolved, in the order of first use. */
  get paths(): string[] {
    return [...this.stamps.keys()];
  }

  get fileStamps(): FileStamp[] {
    return [...this.stamps.values()];
  }

  /**
   * The byte range that a tensor's external_data entries describe. `bytes` is what its dims and type need.
   * Throws a ModelError for locations outside the model's folder and for ranges outside the file.
   */
  range(tensor: string, entries: ReadonlyMap<string, string>, bytes: number): PayloadRange {
    const location = entries.get('location') ?? '';
    const offset = this.number(tensor, entries, 'offset') ?? 0;
    const length = this.number(tensor, entries, 'length') ?? bytes;
    if (length !== bytes) {
      throw this.refuse(tensor, `says its external data has ${length} bytes, but its dims need ${bytes}.`);
    }
    const file = this.file(tensor, location);
    if (offset + length > file.size) {
      throw this.refuse(
        tensor,
        `needs bytes ${offset} to ${offset + length} of "${location}", which has only ${file.size}.`,
        'The data file is cut short or belongs to another model; copy it again.',
      );
    }
    return { file: file.path, offset, length, tagBytes: 0 };
  }

  private file(tensor: string, location: string): ExternalFile {
    const known = this.byLocation.get(location);
    if (known) return known;
    const file = this.open(tensor, location);
    this.byLocation.set(location, file);
    return file;
  }

  private open(tensor: string, location: string): ExternalFile {
    const quoted = JSON.stringify(location);
    if (!isPlainRelative(location)) {
      throw this.refuse(
        tensor,
        `keeps its bytes in ${quoted}, which is not a plain path inside the model's folder.`,
      );
    }
    const folder = realpathSync(dirname(this.model));
    let path: string;
    try {
      path = realpathSync(join(folder, location));
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      throw this.refuse(
        tensor,
        `keeps its bytes in ${quoted}, which cannot be found beside the model.`,
        'Copy that file into the model’s folder.',
      );
    }
    const inside = relative(folder, path);
    if (inside === '' || inside.split(sep).includes('..') || isAbsolute(inside)) {
      throw this.refuse(
        tensor,
        `keeps its bytes in ${quoted}, a link that leads out of the model's folder.`,
        'Put the data file itself into the folder.',
      );
    }
    const stats = statRegular(path);
    if (stats.nlink > 1 && !this.stamps.has(path)) {
      this.warnings.push(
        `The data file ${quoted} has ${stats.nlink} names on the disk (hard links), so saving over this model is ` +
          'refused; save under another name, or replace the file by a copy of its own.',
      );
    }
    this.stamps.set(path, stampOf(path, stats));
    return { path, size: stats.size };
  }

  private number(tensor: string, entries: ReadonlyMap<string, string>, key: string): number | undefined {
    const text = entries.get(key);
    if (text === undefined) return undefined;
    const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : NaN;
    if (!Number.isSafeInteger(value)) {
      throw this.refuse(
        tensor,
        `has the external ${key} ${JSON.stringify(text)}, which is no number of bytes.`,
      );
    }
    return value;
  }

  private refuse(
    tensor: string,
    problem: string,
    remedy = 'Export the model again, or open only models you trust.',
  ): ModelError {
    return new ModelError(this.model, `The tensor "${tensor}" ${problem}`, remedy);
  }
}

/** Whether a location is a relative path without drive, scheme, parent folders or odd characters. */
export function isPlainRelative(location: string): boolean {
  if (
    location === '' ||
    location.includes('\0') ||
    posix.isAbsolute(location) ||
    win32.isAbsolute(location)
  ) {
    return false;
  }
  // A colon early on is a drive or a scheme (http:, file:) or an NTFS stream.
  if (/^[^/\\]*:/.test(location)) return false;
  return !location.split(/[/\\]/).includes('..');
}
