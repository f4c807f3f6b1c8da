// The engines of an editor's viewer: a few at a time, used by one question after the other.
import { describeParameters } from '../autodiff/parameters';
import { openModel } from '../tfjs/openModel';
import type { ModelEngine, ParameterValues } from '../runtime/contracts';
import { openEngine } from '../runtime/openEngine';
import { defaultThreads } from './threads';
import { CancelledError, throwIfCancelled } from '../shared/errors';
import { modelStamp } from './viewModel';

/** Engines kept open: a model and what a run made of it. */
const kept = 2;

/** Parameters that all of them together may have; a larger model is kept alone. */
const keptParameters = 200_000_000;

/** A model ready to be run with the weights of its file. */
export interface OpenEngine {
  readonly engine: ModelEngine;
  readonly values: ParameterValues;
}

/** Engines by the path and state of their model files. */
export class EnginePool {
  private readonly engines = new Map<string, OpenEngine>();
  private queue: Promise<unknown> = Promise.resolve();

  /** What tells a state of a model file from others. Throws a ModelError. */
  key(path: string): string {
    const model = openModel(path);
    return `${modelStamp(model)} ${model.path}`;
  }

  /**
   * Runs `work` with the engine of a model file as it is now, after all work that came before: engines share threads
   * and memory. Throws a ModelError, and a CancelledError at once when the signal is aborted before its turn.
   */
  use<T>(path: string, signal: AbortSignal, work: (open: OpenEngine) => Promise<T>): Promise<T> {
    let begun = false;
    const result = this.queue.then(async () => {
      throwIfCancelled(signal);
      begun = true;
      return work(await this.open(path));
    });
    this.queue = result.catch(() => undefined);
    return new Promise<T>((resolve, reject) => {
      const leave = (): void => void (begun || reject(new CancelledError()));
      signal.addEventListener('abort', leave, { once: true });
      result.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
    });
  }

  private async open(path: string): Promise<OpenEngine> {
    const key = this.key(path);
    const known = this.engines.get(key);
    if (known) {
      this.engines.delete(key);
      this.engines.set(key, known);
      return known;
    }
    // Room is made first, so that memory never holds more models than are kept.
    const wanted = describeParameters(openModel(path)).parameters.reduce((sum, { count }) => sum + count, 0);
    for (const [oldest, { engine }] of this.engines) {
      if (this.engines.size < kept && wanted + this.parameterCount() <= keptParameters) break;
      this.engines.delete(oldest);
      await engine.close();
    }
    const engine = await openEngine(path, { threads: defaultThreads() });
    const opened = { engine, values: engine.initialValues() };
    this.engines.set(key, opened);
    return opened;
  }

  private parameterCount(): number {
    return [...this.engines.values()]
      .flatMap(({ engine }) => engine.parameters)
      .reduce((sum, { count }) => sum + count, 0);
  }
}
