// Finds what the outputs of a TensorFlow.js model end in by watching the kernels that run.
import type * as tensorflow from '@tensorflow/tfjs';
import type { Tensorflow } from './tfjsLibrary';

/** The Softmax, LogSoftmax or Sigmoid that an output ends in; the tensors can be differentiated. */
export interface TracedEnding {
  readonly kind: 'softmax' | 'log-softmax' | 'sigmoid';
  /** What it is applied to, in the shape of the output. */
  readonly logits: tensorflow.Tensor;
  /** log p in the shape of the output, where elements move after a softmax: its class axis may have moved as well. */
  readonly logarithms?: tensorflow.Tensor;
}

interface KernelRun {
  readonly kernel: string;
  readonly inputs: Readonly<Record<string, tensorflow.Tensor>>;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly output: tensorflow.Tensor;
}

/** Kernels that only move elements. */
const moves: readonly string[] = ['Cast', 'ExpandDims', 'Identity', 'Reshape', 'Transpose'];

/** More moves than any model has after its last activation. */
const mostMoves = 64;

/**
 * The kernels that ran during one forward pass. It must run where gradients are taken, since fused kernels hide
 * activations elsewhere. Dispose it when its endings are no longer needed: it keeps their logits.
 */
export class KernelTrace {
  private readonly runs = new Map<number, KernelRun>();
  private readonly kept: tensorflow.Tensor[] = [];

  constructor(private readonly tf: Tensorflow) {}

  /** Does some work and notes every kernel of it. */
  watch<T>(work: () => T): T {
    const engine = this.tf.engine();
    const run = engine.runKernel;
    const note = this.note.bind(this);
    // Every operation looks the function up on the engine, so an own property is in its way.
    engine.runKernel = function <R extends tensorflow.Tensor | tensorflow.Tensor[]>(
      ...call: Parameters<typeof run>
    ): R {
      const result = run.apply(engine, call) as R;
      if (!Array.isArray(result)) note(call[0], call[1], call[2], result);
      return result;
    } as typeof run;
    try {
      return work();
    } finally {
      engine.runKernel = run;
    }
  }

  /** What an output of that work ends in; null for anything else. */
  endingOf(output: tensorflow.Tensor): TracedEnding | null {
    const chain: KernelRun[] = [];
    let run = this.runs.get(output.id);
    while (run && moves.includes(run.kernel) && chain.length < mostMoves) {
      const [source] = Object.values(run.inputs);
      if (!source || (run.kernel === 'Cast' && source.dtype !== 'float32')) return null;
      if (run.kernel !== 'Identity' && run.kernel !== 'Cast') chain.unshift(run);
      run = this.runs.get(source.id);
    }
    const found = run && this.activation(run);
    if (!found) return null;
    const logits = chain.reduce((value, move) => this.moved(value, move), found.logits);
    if (found.kind === 'sigmoid' || chain.length === 0) return { kind: found.kind, logits };
    const logarithms = chain.reduce(
      (value, move) => this.moved(value, move),
      this.tf.logSoftmax(found.logits),
    );
    return { kind: found.kind, logits, logarithms };
  }

  dispose(): void {
    for (const tensor of this.kept) tensor.dispose();
    this.kept.length = 0;
    this.runs.clear();
  }

  private note(
    kernel: string,
    inputs: object,
    attributes: object | undefined,
    output: tensorflow.Tensor,
  ): void {
    const run = {
      kernel,
      inputs: inputs as KernelRun['inputs'],
      attributes: (attributes ?? {}) as KernelRun['attributes'],
      output,
    };
    this.runs.set(output.id, run);
    const source = this.candidate(run);
    if (source && !source.kept) this.kept.push(this.tf.keep(source));
  }

  /** The operand of a kernel that may turn out to be logits; it must outlive the layer that it was computed in. */
  private candidate({ kernel, inputs }: KernelRun): tensorflow.Tensor | undefined {
    if (kernel === 'Softmax' || kernel === 'LogSoftmax') return inputs['logits'];
    if (kernel === 'Sigmoid') return inputs['x'];
    return kernel === 'Sub' && this.isMaximumOf(inputs['b'], inputs['a']) ? inputs['a'] : undefined;
  }

  private activation(run: KernelRun): { kind: TracedEnding['kind']; logits: tensorflow.Tensor } | null {
    const logits = run.kernel === 'Sub' ? this.underLogSoftmax(run) : this.candidate(run);
    if (!logits) return null;
    if (run.kernel === 'Sigmoid') return { kind: 'sigmoid', logits };
    return { kind: run.kernel === 'Softmax' ? 'softmax' : 'log-softmax', logits };
  }

  /** x of (x − max x) − log Σ exp (x − max x), which is how tf.logSoftmax computes. */
  private underLogSoftmax(run: KernelRun): tensorflow.Tensor | undefined {
    const shifted = run.inputs['a'];
    const log = this.before(run.inputs['b'], 'Log');
    const sum = log && this.before(log.inputs['x'], 'Sum');
    const exp = sum && this.before(sum.inputs['x'], 'Exp');
    if (!exp || !shifted || exp.inputs['x']?.id !== shifted.id) return undefined;
    const shift = this.before(shifted, 'Sub');
    return shift && this.candidate(shift);
  }

  private isMaximumOf(value: tensorflow.Tensor | undefined, of: tensorflow.Tensor | undefined): boolean {
    const max = this.before(value, 'Max');
    return (
      max !== undefined && of !== undefined && this.through(max.inputs['x'])?.id === this.through(of)?.id
    );
  }

  /** The run of a kernel that gave a value, past reshapes. */
  private before(value: tensorflow.Tensor | undefined, kernel: string): KernelRun | undefined {
    const source = this.through(value);
    const run = source && this.runs.get(source.id);
    return run?.kernel === kernel ? run : undefined;
  }

  private through(value: tensorflow.Tensor | undefined): tensorflow.Tensor | undefined {
    let current = value;
    for (let step = 0; step < mostMoves; step++) {
      const run = current && this.runs.get(current.id);
      if (!run || !['Cast', 'Identity', 'Reshape'].includes(run.kernel)) return current;
      current = run.inputs['x'];
    }
    return current;
  }

  private moved(value: tensorflow.Tensor, move: KernelRun): tensorflow.Tensor {
    return move.kernel === 'Transpose'
      ? this.tf.transpose(value, move.attributes['perm'] as number[])
      : this.tf.reshape(value, move.output.shape);
  }
}
