// Random initialisation of a model from its graph: what retraining, and training from scratch, start from.
import type { ModelEngine, ParameterValues } from '../runtime/contracts';
import type { RoleOfParameter } from '../runtime/roles';
import type { FloatArray, FloatType } from '../tensor/dtype';
import { allocateFloats, elementCount } from '../tensor/tensor';
import type { Random } from '../tensor/random';

/** How biases start: at zero, or uniform on ±1/√fanIn as PyTorch's Linear and Conv layers do. */
export type BiasStart = 'zeros' | 'uniform';

/**
 * Fresh values for every trainable parameter, by its use in the graph:
 * - weights of MatMul, Gemm, Conv, ConvTranspose, Einsum: normal with deviation gain/√fanIn, gain √2 before ReLU and its
 *   kin, 5/3 before tanh, else 1 (He et al., *Delving Deep into Rectifiers*, 2015);
 * - biases: zeros (or `uniform`, which low-dimensional regression needs: with zeros all kinks lie at 0);
 * - scales of norms: ones; slopes of PReLU: 0.25; embeddings: standard normal; recurrent weights: uniform on ±1/√hidden;
 * - batch normalisation: its stored mean and variance are those of the trained model and stay frozen, as everywhere in
 *   Lethe. Its scale and shift start at √(variance + ε) and the mean, so that it begins as the identity and fresh
 *   features are not rescaled by statistics that are not theirs. Training from there is therefore training *with
 *   frozen statistics*, not the batch-statistics training of a framework; whoever compares the two should say so.
 *
 * Parameters whose use is not recognised keep the deviation 1/√(elements of one row).
 */
export function initialise(
  engine: ModelEngine,
  random: Random,
  biases: BiasStart = 'zeros',
): ParameterValues {
  return new Map(
    engine.parameterRoles().map(each => [each.name, startOf(each, engine.float, random, biases)]),
  );
}

function startOf(
  { dims, role }: RoleOfParameter,
  float: FloatType,
  random: Random,
  biases: BiasStart,
): FloatArray {
  const values = allocateFloats(float, elementCount(dims));
  const uniform = (bound: number): FloatArray => values.map(() => bound * (2 * random.uniform() - 1));
  const normal = (deviation: number): FloatArray => values.map(() => deviation * random.normal());
  switch (role.kind) {
    case 'weight':
      return normal(role.gain / Math.sqrt(Math.max(1, role.fanIn)));
    case 'bias':
      return biases === 'uniform' && role.fanIn > 0 ? uniform(1 / Math.sqrt(role.fanIn)) : values;
    case 'scale':
      return values.fill(1);
    case 'slope':
      return values.fill(0.25);
    case 'embedding':
      return normal(1);
    case 'recurrent':
      return uniform(1 / Math.sqrt(Math.max(1, role.hidden)));
    case 'frozen-scale':
      return values.map((_, index) => Math.sqrt((role.variance[index] ?? 1) + role.epsilon));
    case 'frozen-shift':
      return values.map((_, index) => role.mean[index] ?? 0);
    case 'other':
      return normal(1 / Math.sqrt(Math.max(1, elementCount(dims.slice(1)))));
  }
}
