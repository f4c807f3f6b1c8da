// Runs the built command line in a folder of its own.
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The project's folder. */
export const root = join(__dirname, '..', '..', '..');

/** How a command ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A temporary folder with copies of samples, and jobs of its own. */
export class Workplace {
  readonly folder = mkdtempSync(join(tmpdir(), 'lethe-cli-'));
  private readonly home = mkdtempSync(join(tmpdir(), 'lethe-home-'));

  constructor(...samples: readonly ('mnist-mislabelled' | 'mnist-tfjs' | 'sine-poisoned')[]) {
    for (const sample of samples) {
      const generated = (source: string): boolean => !/[\\/]unlearned(\.[^\\/]*)?$/.test(source);
      cpSync(join(root, 'samples', sample), this.at(sample), { recursive: true, filter: generated });
    }
  }

  at(...names: readonly string[]): string {
    return join(this.folder, ...names);
  }

  /** The folders of jobs that are there. */
  jobs(): string[] {
    try {
      return readdirSync(join(this.home, 'jobs')).map(name => join(this.home, 'jobs', name));
    } catch {
      return [];
    }
  }

  /** Starts `lethe` with arguments; `shell` is put before the command in a POSIX shell. */
  start(args: readonly string[], shell?: string): { child: ChildProcess; ended: Promise<Ended> } {
    const command = [process.execPath, join(root, 'dist', 'cli.js'), ...args];
    const options = { cwd: this.folder, env: { ...process.env, LETHE_HOME: this.home } };
    const child =
      shell === undefined
        ? spawn(command[0]!, command.slice(1), options)
        : spawn('/bin/sh', ['-c', `${shell}; exec "$@"`, 'sh', ...command], options);
    const ended = new Promise<Ended>((resolve, reject) => {
      let [stdout, stderr] = ['', ''];
      child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      child.on('error', reject);
      child.on('close', code => resolve({ code, stdout, stderr }));
    });
    return { child, ended };
  }

  /** Runs `lethe` to its end. */
  lethe(...args: readonly string[]): Promise<Ended> {
    return this.start(args).ended;
  }

  /** Every file below the folder, hidden ones too, with the SHA-256 of its bytes. */
  snapshot(): Map<string, string> {
    const names = readdirSync(this.folder, { recursive: true }).map(String).sort();
    return new Map(
      names
        .filter(name => statSync(this.at(name)).isFile())
        .map(name => [
          name,
          createHash('sha256')
            .update(readFileSync(this.at(name)))
            .digest('hex'),
        ]),
    );
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
    rmSync(this.home, { recursive: true, force: true });
  }
}
