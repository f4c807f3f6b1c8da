// Where the data fixtures lie, and what NumPy says they hold.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(__dirname, '..', '..', '..');

/** The path of a fixture made by test/fixtures/data/make-data.py. */
export function fixture(name: string): string {
  return join(root, 'test', 'fixtures', 'data', name);
}

/** The path of a file of a sample. */
export function sample(...parts: string[]): string {
  return join(root, 'samples', ...parts);
}

/** What make-data.py wrote down. */
export function expected<T>(key: string): T {
  return (JSON.parse(readFileSync(fixture('expected.json'), 'utf8')) as Record<string, T>)[key]!;
}

/** Every key of the expectations. */
export function expectedKeys(): string[] {
  return Object.keys(JSON.parse(readFileSync(fixture('expected.json'), 'utf8')) as object);
}

/** A folder for one suite, removed when the suite ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-data-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
