// Certified removal for the last layer of a classifier: the exact minimiser without the forgotten samples, and noise.
import { withDefaults } from '../shared/recipe';
import type { Certificate } from '../shared/report';
import type { Dense } from '../tensor/leastNorm';
import { trustRegionNewton, type Smooth } from '../tensor/newton';
import { layerData, layerWeights, setLayerWeights, UnsuitableModelError } from './features';
import type { Method } from './method';

/** Defaults: a ridge as small as a weight decay, ε at the end of the range in which the noise formula holds. */
export const certifiedRemovalDefaults = {
  ridge: 0.001,
  epsilon: 1,
  delta: 1e-5,
  tolerance: 1e-8,
} as const;

/**
 * Certified removal for the last layer (in the spirit of Guo et al., *Certified Data Removal from Machine Learning Models*,
 * ICML 2020, and Guo & Cao, 2026). With the features φ(x) before the last layer fixed, the retained loss
 * J_r(W) = mean cross-entropy + (μ/2)‖W‖² (bias included, μ = `ridge`) is μ-strongly convex. Trust-region Newton steps in
 * float64 bring it to W̃ with ‖W̃ − W_r*‖ ≤ ‖∇J_r(W̃)‖/μ = Δ; Gaussian noise of deviation σ = Δ√(2 ln(1.25/δ))/ε, ε ≤ 1,
 * makes W̃ and W_r* (ε, δ)-indistinguishable (Dwork & Roth, 2014, theorem A.1). The gradient that is certified is that of
 * the weights as they are stored, in float32, before the noise. Only the last layer given fixed features is covered: the
 * features were trained on the forgotten samples. No ε is given where there is no ridge or no convergence.
 * Cost: a forward pass over the retained samples; the rest is linear algebra. Choose it where a bound must be shown.
 */
export const certifiedRemoval: Method = {
  name: 'certified-removal',
  needsLabels:
    'its result is to owe nothing to the forgotten samples, which predictions of the original would bring back',
  async run(context) {
    const settings = withDefaults(context.settings, certifiedRemovalDefaults);
    const { engine, heads, values } = context;
    const [head] = heads;
    const structure = head && engine.outputStructure(head.output);
    const reason =
      heads.length !== 1 || head?.loss !== 'cross-entropy'
        ? 'it is for one output with the loss cross-entropy'
        : engine.finalActivation(head.output) === 'sigmoid'
          ? 'its output ends in a sigmoid, whose classes are no distribution'
          : typeof structure === 'string'
            ? structure
            : null;
    if (!head || reason !== null || typeof structure !== 'object')
      throw new UnsuitableModelError(
        `The method certified-removal cannot serve this model: ${reason}. minnorm-og and shrink serve any model.`,
      );
    const layer = structure.layers.at(-1)!;
    const data = await layerData(context, values, { loss: head, place: 0 }, layer, context.retained);
    if (!(data.labels instanceof Int32Array) || data.labels.length !== data.features.rows)
      throw new UnsuitableModelError(
        'The method certified-removal needs one class number for each sample. shrink and minnorm-og take other labels too.',
      );
    const start = layerWeights(values, layer);
    const biased = layer.bias !== null;
    const loss = new RidgeCrossEntropy(data.features, data.labels, layer.out, biased, settings.ridge);
    const found = trustRegionNewton(loss, start.data, settings.tolerance);
    setLayerWeights(values, layer, { ...start, data: found.x });
    // What is certified is what is stored: float32 weights have a gradient of their own.
    const stored = layerWeights(values, layer);
    const gradient = norm(loss.evaluate(stored.data).gradient);
    const certificate = certify(gradient, found.converged, settings);
    if (certificate.noise > 0)
      setLayerWeights(values, layer, {
        ...stored,
        data: stored.data.map(value => value + certificate.noise * context.random.normal()),
      });
    context.note?.(
      `Newton's method took ${found.iterations} steps to a gradient of ${gradient.toExponential(1)}. ${certificate.statement}`,
    );
    context.recordCertificate?.(certificate);
  },
};

function certify(
  gradient: number,
  converged: boolean,
  settings: { readonly ridge: number; readonly epsilon: number; readonly delta: number },
): Certificate {
  const { ridge, epsilon, delta } = settings;
  const scope =
    'It is for the last layer given fixed features; features that were trained on the forgotten samples are not covered.';
  const failed =
    ridge === 0
      ? 'there is no ridge (method.ridge is 0), so the loss is not strongly convex'
      : !converged
        ? 'the minimisation did not converge'
        : null;
  if (failed !== null)
    return {
      epsilon: null,
      delta,
      noise: 0,
      bound: ridge > 0 ? gradient / ridge : 0,
      statement: `No ε is given, because ${failed}. ${scope}`,
    };
  const bound = gradient / ridge;
  const noise = (bound * Math.sqrt(2 * Math.log(1.25 / delta))) / epsilon;
  return {
    epsilon,
    delta,
    noise,
    bound,
    statement:
      `The certificate of removal: ε = ${epsilon}, δ = ${delta}, by Gaussian noise of deviation ${noise.toExponential(2)} on ` +
      `weights within ${bound.toExponential(2)} of the minimiser without the forgotten samples. ${scope}`,
  };
}

/** Mean cross-entropy of a linear layer plus (μ/2)‖W‖²; W is [in (+ 1), classes] in row-major order. */
class RidgeCrossEntropy implements Smooth {
  private readonly probabilities: Float64Array;
  private readonly labelled: number;

  constructor(
    private readonly features: Dense,
    private readonly labels: Int32Array,
    private readonly classes: number,
    private readonly biased: boolean,
    private readonly ridge: number,
  ) {
    this.probabilities = new Float64Array(features.rows * classes);
    this.labelled = Math.max(1, labels.filter(label => label >= 0).length);
  }

  evaluate(x: Float64Array): { value: number; gradient: Float64Array } {
    const { classes, labels } = this;
    let value = 0;
    const logits = this.times(x);
    const errors = new Float64Array(logits.length);
    for (let row = 0; row < this.features.rows; row++) {
      const own = logits.subarray(row * classes, (row + 1) * classes);
      const largest = Math.max(...own);
      let sum = 0;
      for (const logit of own) sum += Math.exp(logit - largest);
      const label = labels[row]!;
      for (let at = 0; at < classes; at++) {
        const p = Math.exp(own[at]! - largest) / sum;
        this.probabilities[row * classes + at] = p;
        if (label >= 0) errors[row * classes + at] = (p - (at === label ? 1 : 0)) / this.labelled;
      }
      if (label >= 0) value += (largest + Math.log(sum) - own[label]!) / this.labelled;
    }
    const gradient = this.transposedTimes(errors);
    for (let at = 0; at < x.length; at++) {
      gradient[at]! += this.ridge * x[at]!;
      value += 0.5 * this.ridge * x[at]! * x[at]!;
    }
    return { value, gradient };
  }

  curvature(direction: Float64Array): Float64Array {
    const { classes, probabilities, labels } = this;
    const moved = this.times(direction);
    for (let row = 0; row < this.features.rows; row++) {
      const start = row * classes;
      let mean = 0;
      for (let at = 0; at < classes; at++) mean += probabilities[start + at]! * moved[start + at]!;
      const weight = labels[row]! >= 0 ? 1 / this.labelled : 0;
      for (let at = 0; at < classes; at++)
        moved[start + at] = weight * probabilities[start + at]! * (moved[start + at]! - mean);
    }
    const product = this.transposedTimes(moved);
    for (let at = 0; at < direction.length; at++) product[at]! += this.ridge * direction[at]!;
    return product;
  }

  /** Φ̃ W. */
  private times(x: Float64Array): Float64Array {
    const { features, classes } = this;
    const { rows, columns, data } = features;
    const result = new Float64Array(rows * classes);
    for (let row = 0; row < rows; row++)
      for (let inner = 0; inner <= columns; inner++) {
        const factor = inner < columns ? data[row * columns + inner]! : this.biased ? 1 : 0;
        if (factor === 0) continue;
        for (let at = 0; at < classes; at++) result[row * classes + at]! += factor * x[inner * classes + at]!;
      }
    return result;
  }

  /** Φ̃ᵀ E. */
  private transposedTimes(errors: Float64Array): Float64Array {
    const { features, classes } = this;
    const { rows, columns, data } = features;
    const result = new Float64Array((columns + (this.biased ? 1 : 0)) * classes);
    for (let row = 0; row < rows; row++)
      for (let inner = 0; inner <= columns; inner++) {
        const factor = inner < columns ? data[row * columns + inner]! : this.biased ? 1 : 0;
        if (factor === 0) continue;
        for (let at = 0; at < classes; at++)
          result[inner * classes + at]! += factor * errors[row * classes + at]!;
      }
    return result;
  }
}

function norm(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}
