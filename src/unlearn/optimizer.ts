// Optimisers: one step on the parameters, in place, with moments that live as long as the optimiser.
import type { ParameterValues } from '../runtime/contracts';
import { LetheError } from '../shared/errors';
import type { FloatArray } from '../tensor/dtype';
import { allocateFloats, floatTypeOf } from '../tensor/tensor';

/** A run whose parameters stopped being finite. */
export class DivergedError extends LetheError {
  override readonly name = 'DivergedError';
}

/** 1 where an element may change; a parameter that is not named may change as a whole. */
export type Mask = ReadonlyMap<string, Uint8Array>;

/** An optimiser. */
export interface Optimizer {
  /**
   * Moves the parameters along −gradient, with `factor` times the learning rate. Throws a DivergedError that names the
   * step (counted from 1) and the tensor.
   */
  update(values: ParameterValues, gradients: ParameterValues, factor?: number): void;
  /** The moments by a name of their own, and the steps done, to be handed to `restore`. */
  save(): { readonly step: number; readonly moments: ReadonlyMap<string, FloatArray> };
  restore(step: number, moments: ReadonlyMap<string, FloatArray>): void;
}

/** Settings that all optimisers share. */
export interface OptimizerSettings {
  readonly optimizer: 'adamw' | 'adam' | 'sgd';
  readonly learningRate: number;
  /**
   * Decoupled for adamw and sgd: θ ← θ − η·decay·θ before the step. For adam it is a penalty: decay·θ is added to the
   * gradient, as in PyTorch's Adam.
   */
  readonly weightDecay: number;
  /** Of sgd: the velocity v ← momentum·v + gradient takes the gradient's place; 0 without. */
  readonly momentum?: number | undefined;
  /** Elements outside stay exactly as they are: no gradient, no decay. */
  readonly mask?: Mask;
}

/** The optimiser of a recipe. */
export function createOptimizer(settings: OptimizerSettings): Optimizer {
  return settings.optimizer === 'sgd' ? new Sgd(settings) : new Adam(settings);
}

/** Moments by kind and parameter, in its type, made when they are first needed. */
class Moments {
  readonly all = new Map<string, FloatArray>();

  of(kind: string, parameter: string, theta: FloatArray): FloatArray {
    const key = `${kind}/${parameter}`;
    let moment = this.all.get(key);
    if (!moment) this.all.set(key, (moment = allocateFloats(floatTypeOf(theta), theta.length)));
    return moment;
  }

  restore(moments: ReadonlyMap<string, FloatArray>): void {
    this.all.clear();
    for (const [key, data] of moments) this.all.set(key, data.slice());
  }
}

/** Adam (Kingma & Ba, 2015) and AdamW (Loshchilov & Hutter, 2019) with β = 0.9, 0.999 and ε = 1e-8. */
class Adam implements Optimizer {
  private readonly moments = new Moments();
  private step = 0;

  constructor(private readonly settings: OptimizerSettings) {}

  update(values: ParameterValues, gradients: ParameterValues, factor = 1): void {
    this.step++;
    const { weightDecay, mask, optimizer } = this.settings;
    const learningRate = factor * this.settings.learningRate;
    const [beta1, beta2, epsilon] = [0.9, 0.999, 1e-8];
    const decoupled = optimizer === 'adamw';
    const keep = decoupled ? 1 - learningRate * weightDecay : 1;
    const penalty = decoupled ? 0 : weightDecay;
    const rate = learningRate / (1 - beta1 ** this.step);
    const correction = 1 / Math.sqrt(1 - beta2 ** this.step);
    for (const [name, gradient] of gradients) {
      const theta = values.get(name) as FloatArray;
      const first = this.moments.of('first', name, theta);
      const second = this.moments.of('second', name, theta);
      const open = mask?.get(name);
      let sum = 0;
      for (let index = 0; index < theta.length; index++) {
        if (open && open[index] === 0) continue;
        const g = gradient[index]! + penalty * theta[index]!;
        const m = (first[index] = beta1 * first[index]! + (1 - beta1) * g);
        const v = (second[index] = beta2 * second[index]! + (1 - beta2) * g * g);
        sum += theta[index] = keep * theta[index]! - (rate * m) / (Math.sqrt(v) * correction + epsilon);
      }
      requireFinite(sum, name, this.step);
    }
  }

  save(): { step: number; moments: ReadonlyMap<string, FloatArray> } {
    return { step: this.step, moments: this.moments.all };
  }

  restore(step: number, moments: ReadonlyMap<string, FloatArray>): void {
    this.step = step;
    this.moments.restore(moments);
  }
}

/** Stochastic gradient descent, plain or with momentum. */
class Sgd implements Optimizer {
  private readonly moments = new Moments();
  private step = 0;

  constructor(private readonly settings: OptimizerSettings) {}

  update(values: ParameterValues, gradients: ParameterValues, factor = 1): void {
    this.step++;
    const { weightDecay, momentum = 0, mask } = this.settings;
    const learningRate = factor * this.settings.learningRate;
    const keep = 1 - learningRate * weightDecay;
    for (const [name, gradient] of gradients) {
      const theta = values.get(name) as FloatArray;
      const velocity = momentum > 0 ? this.moments.of('velocity', name, theta) : null;
      const open = mask?.get(name);
      let sum = 0;
      for (let index = 0; index < theta.length; index++) {
        if (open && open[index] === 0) continue;
        let direction = gradient[index]!;
        if (velocity) direction = velocity[index] = momentum * velocity[index]! + direction;
        sum += theta[index] = keep * theta[index]! - learningRate * direction;
      }
      requireFinite(sum, name, this.step);
    }
  }

  save(): { step: number; moments: ReadonlyMap<string, FloatArray> } {
    return { step: this.step, moments: this.moments.all };
  }

  restore(step: number, moments: ReadonlyMap<string, FloatArray>): void {
    this.step = step;
    this.moments.restore(moments);
  }
}

/** A sum over a tensor is finite unless one of its elements is not (or they are near the end of the range). */
function requireFinite(sum: number, name: string, step: number): void {
  if (Number.isFinite(sum)) return;
  throw new DivergedError(
    `The run diverged: in optimiser step ${step} the parameter ${name} stopped being finite. ` +
      'Lower method.learningRate. The model was left as it was.',
  );
}
