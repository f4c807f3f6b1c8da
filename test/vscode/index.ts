// What VS Code runs inside its extension host: every suite of this folder, each test by its name on the console.
import { appendFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'node:util';
import Mocha from 'mocha';

/**
 * Runs the suites; rejects with how many tests failed. `LETHE_GREP` narrows them. The report goes to the file that
 * `LETHE_TEST_REPORT` names (the console of an extension host is full of others' lines), else to the console.
 */
export async function run(): Promise<void> {
  const report = process.env['LETHE_TEST_REPORT'];
  if (report) {
    Mocha.reporters.Base.consoleLog = (...parts: unknown[]) =>
      appendFileSync(report, `${format(...parts)}\n`);
  }
  const mocha = new Mocha({ ui: 'bdd', color: false, timeout: 120_000, reporter: 'spec' });
  const suites = readdirSync(__dirname).filter(name => name.endsWith('.test.js'));
  if (suites.length === 0) throw new Error(`There are no suites in ${__dirname}.`);
  for (const name of suites.sort()) mocha.addFile(join(__dirname, name));
  const only = process.env['LETHE_GREP'];
  if (only) mocha.grep(only);
  await new Promise<void>((resolve, reject) => {
    mocha.run(failures => (failures === 0 ? resolve() : reject(new Error(`${failures} tests failed.`))));
  });
}
