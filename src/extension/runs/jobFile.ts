// What an editor writes into a job's folder, so that a window that was loaded anew knows what the job is.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MethodSettings } from '../../shared/recipe';
import type { DatasetBinding } from '../dataset/binding';

/** A job as its window ordered it. */
export interface JobOrder {
  readonly version: 1;
  /** The workspace that the job belongs to. */
  readonly workspace: string;
  /** Absolute path of the recipe. */
  readonly recipe: string;
  /** `path=value` assignments on top of it. */
  readonly assignments: readonly string[];
  /** Absolute path of the model. */
  readonly model: string;
  /** The method's name, to be shown. */
  readonly method: string;
  /** The method with its settings; absent in orders of earlier versions. */
  readonly settings?: MethodSettings;
  /** How many samples it forgets; null where only the recipe knows. */
  readonly samples: number | null;
  /** The storage folder that becomes the run; null where the recipe names its own output. */
  readonly pending: string | null;
  readonly binding: DatasetBinding;
}

const fileName = 'editor.json';

/** Writes the order into a job's folder. */
export function writeOrder(folder: string, order: JobOrder): void {
  writeFileSync(join(folder, fileName), JSON.stringify(order), { mode: 0o600 });
}

/** The order in a job's folder; null for a job that no editor ordered. */
export function readOrder(folder: string): JobOrder | null {
  try {
    const order = JSON.parse(readFileSync(join(folder, fileName), 'utf8')) as JobOrder;
    return order.version === 1 ? order : null;
  } catch {
    return null;
  }
}
