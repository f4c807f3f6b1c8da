// Optimisers: one step on the parameters, in place, with moments that live as long as the optimiser.
import type { ParameterValues } from '../runtime/contracts';
import { LetheError } from '../shared/errors';

/** A run whose parameters stopped being finite. */
export class DivergedError extends LetheError {
  override readonly name = 'DivergedError';
}

/** An optimiser. `step` counts from 1. */
export interface Optimizer {
  /** Moves the parameters along −gradient. Throws a DivergedError that names the step and the tensor. */
  update(values: ParameterValues, gradients: ParameterValues): void;
}

/** Settings that all optimisers share. Weight decay is decoupled: θ ← θ − η·decay·θ before the step. */
export interface OptimizerSettings {
  readonly optimizer: 'adamw' | 'sgd';
  readonly learningRate: number;
  readonly weightDecay: number;
}

/** The optimiser of a recipe. */
export function createOptimizer(settings: OptimizerSettings): Optimizer {
  return settings.optimizer === 'adamw' ? new AdamW(settings) : new Sgd(settings);
}

/** AdamW (Loshchilov & Hutter, 2019) with β = 0.9, 0.999 and ε = 1e-8. */
class AdamW implements Optimizer {
  private readonly moments = new Map<string, { first: Float32Array; second: Float32Array }>();
  private step = 0;

  constructor(private readonly settings: OptimizerSettings) {}

  update(values: ParameterValues, gradients: ParameterValues): void {
    this.step++;
    const { learningRate, weightDecay } = this.settings;
    const [beta1, beta2, epsilon] = [0.9, 0.999, 1e-8];
    const keep = 1 - learningRate * weightDecay;
    const rate = learningRate / (1 - beta1 ** this.step);
    const correction = 1 / Math.sqrt(1 - beta2 ** this.step);
    for (const [name, gradient] of gradients) {
      const theta = values.get(name) as Float32Array;
      let moments = this.moments.get(name);
      if (!moments) {
        moments = { first: new Float32Array(theta.length), second: new Float32Array(theta.length) };
        this.moments.set(name, moments);
      }
      const { first, second } = moments;
      let sum = 0;
      for (let index = 0; index < theta.length; index++) {
        const g = gradient[index]!;
        const m = (first[index] = beta1 * first[index]! + (1 - beta1) * g);
        const v = (second[index] = beta2 * second[index]! + (1 - beta2) * g * g);
        sum += theta[index] = keep * theta[index]! - (rate * m) / (Math.sqrt(v) * correction + epsilon);
      }
      requireFinite(sum, name, this.step);
    }
  }
}

/** Plain stochastic gradient descent. */
class Sgd implements Optimizer {
  private step = 0;

  constructor(private readonly settings: OptimizerSettings) {}

  update(values: ParameterValues, gradients: ParameterValues): void {
    this.step++;
    const { learningRate, weightDecay } = this.settings;
    const keep = 1 - learningRate * weightDecay;
    for (const [name, gradient] of gradients) {
      const theta = values.get(name) as Float32Array;
      let sum = 0;
      for (let index = 0; index < theta.length; index++)
        sum += theta[index] = keep * theta[index]! - learningRate * gradient[index]!;
      requireFinite(sum, name, this.step);
    }
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
