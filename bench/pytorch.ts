// A long-lived Python process that runs PyTorch's side of the benchmark, so that noise of the machine hits both.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';

/** What PyTorch runs with. */
export interface PyTorchSetting {
  readonly python: string;
  readonly version: string;
  readonly threads: number;
  /** The file of its BLAS library, null where that could not be found out. */
  readonly blas: string | null;
  /** The value of OPENBLAS_CORETYPE, null where OpenBLAS chooses its kernels itself. */
  readonly coreType: string | null;
}

/** Times of one command in milliseconds, and the norm of the last result. */
export interface Timing {
  readonly times: readonly number[];
  readonly norm: number;
}

/** PyTorch, ready for commands. */
export class PyTorch {
  private constructor(
    private readonly child: ChildProcess,
    private readonly lines: Interface,
    readonly setting: PyTorchSetting,
  ) {}

  /** Whether it multiplies matrices with the reference BLAS, several times slower than OpenBLAS. */
  get slow(): boolean {
    return /\/libblas\.so/.test(this.setting.blas ?? '') && !this.setting.blas?.includes('openblas');
  }

  /** Starts it with the first Python that can import torch; null when there is none. */
  static async start(threads: number): Promise<PyTorch | null> {
    for (const python of ['/usr/bin/python3', 'python3']) {
      if (spawnSync(python, ['-c', 'import torch, numpy'], { stdio: 'ignore' }).status !== 0) continue;
      // OpenBLAS falls back to slow kernels on CPUs that are newer than it is.
      const coreType = hasAvx512() ? 'SkylakeX' : null;
      const environment = {
        ...process.env,
        OMP_NUM_THREADS: `${threads}`,
        OPENBLAS_NUM_THREADS: `${threads}`,
      };
      const child = spawn(python, [join(__dirname, '../../bench/pytorch.py')], {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: coreType ? { ...environment, OPENBLAS_CORETYPE: coreType } : environment,
      });
      const lines = createInterface({ input: child.stdout });
      const torch = new PyTorch(child, lines, { python, version: '', threads, blas: null, coreType });
      const started = await torch.ask<{ version: string; threads: number; blas: string | null }>({
        do: 'start',
        threads,
      });
      const openBlas = started.blas?.includes('openblas') ?? false;
      return new PyTorch(child, lines, { python, coreType: openBlas ? coreType : null, ...started });
    }
    return null;
  }

  /** Has a model and its batch loaded from .npy files in `folder`; `kind` is its class, by default the task's name. */
  async load(task: string, folder: string, kind = task): Promise<void> {
    await this.ask({ do: 'load', task, folder, kind });
  }

  /** Lets go of a model. */
  async unload(task: string): Promise<void> {
    await this.ask({ do: 'unload', task });
  }

  /** Times gradient steps. */
  step(task: string, repeat: number): Promise<Timing> {
    return this.ask({ do: 'step', task, repeat });
  }

  /** Times projections by the paper's procedure. */
  projection(task: string, repeat: number, samples: number, strength: number): Promise<Timing> {
    return this.ask({ do: 'projection', task, repeat, samples, strength });
  }

  /** What a projection by the paper's procedure takes in milliseconds, scaled up from parts of it. */
  async projectionInPart(task: string, samples: number): Promise<number> {
    return (await this.ask<{ estimate: number }>({ do: 'projection-in-part', task, samples })).estimate;
  }

  close(): void {
    this.lines.close();
    this.child.stdin?.end();
  }

  private ask<T>(command: object): Promise<T> {
    return new Promise((resolve, reject) => {
      const ended = (): void => reject(new Error('The Python process ended during the benchmark.'));
      this.child.once('exit', ended);
      this.lines.once('line', line => {
        this.child.off('exit', ended);
        resolve(JSON.parse(line) as T);
      });
      this.child.stdin?.write(`${JSON.stringify(command)}\n`);
    });
  }
}

function hasAvx512(): boolean {
  try {
    return /\bavx512f\b/.test(readFileSync('/proc/cpuinfo', 'utf8'));
  } catch {
    return false;
  }
}
