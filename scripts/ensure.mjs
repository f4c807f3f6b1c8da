// Installs the project's packages when they are missing or older than the lock file, and builds what is stale.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Runs a command in the project's root with the terminal's streams; ends the process with its code on failure. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (result.error) {
    console.error(`${command} could not be started: ${result.error.message}`);
    process.exit(1);
  }
  if (result.status !== 0) process.exit(result.status ?? 1);
}

/** Runs npm itself, the same one that started this script where there is one. */
export function npm(args, options = {}) {
  const cli = process.env.npm_execpath;
  const output = { stdio: ['ignore', 2, 2], ...options };
  if (cli && existsSync(cli)) run(process.execPath, [cli, ...args], output);
  else run('npm', args, { ...output, shell: process.platform === 'win32' });
}

/** Installs node_modules when it does not match package-lock.json. */
export function ensureInstalled() {
  const stamp = join(root, 'node_modules', '.lethe-lock');
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  console.error('Installing packages (npm ci) …');
  npm(['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  writeFileSync(stamp, lock);
}

/** The Node that npm scripts run: version 22 from the `node` package, else the one running now. */
export function nodeBinary() {
  const own = join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'node.cmd' : 'node');
  return existsSync(own) ? own : process.execPath;
}
