// Rules of normalisations whose statistics come from the sample itself: layer, instance and group normalisation and
// their kin. All of them are x̂ = (x − mean) · r over some axes, then a scale and a bias that broadcast.
import { elementCount } from '../../tensor/tensor';
import { DifferentiationError, describeNode, type Rule, type RuleContext } from '../rule';
import { sumTangents } from './elementwise';

/** How a node normalises: over which axes of which view of its input, and how scale and bias broadcast to that view. */
interface Normalisation {
  /** The dims of the view of x. */
  readonly view: readonly number[];
  /** The axes of the view that statistics run over. */
  readonly axes: readonly number[];
  readonly epsilon: number;
  /** The dims in which scale and bias broadcast to x; null where the node has none. */
  readonly affine: readonly number[] | null;
}

function normalisationRule(of: (c: RuleContext) => Normalisation, inputs: readonly number[]): Rule {
  return {
    inputs,
    vjp: (c, [dy]) => {
      if (!dy) return [];
      const n = of(c);
      const { normal, inverse } = normalise(c, n);
      const scaled = n.affine ? c.b.binary('Mul', dy, c.b.reshape(c.in(1), n.affine)) : dy;
      return [
        c.wants(0) ? c.b.reshape(centred(c, n, scaled, normal, inverse), c.inDims(0)) : undefined,
        n.affine && c.wants(1)
          ? affineGradient(c, n, c.b.binary('Mul', dy, asInput(c, normal)), 1)
          : undefined,
        n.affine && c.wants(2) ? affineGradient(c, n, dy, 2) : undefined,
      ];
    },
    jvp: (c, [dx, dscale, dbias]) => {
      const n = of(c);
      const { normal, inverse } = normalise(c, n);
      const moved = dx && c.b.reshape(centred(c, n, dx, normal, inverse), c.inDims(0));
      return [
        sumTangents(c, [
          moved && (n.affine ? c.b.binary('Mul', moved, c.b.reshape(c.in(1), n.affine)) : moved),
          dscale && n.affine
            ? c.b.binary('Mul', asInput(c, normal), c.b.reshape(dscale, n.affine))
            : undefined,
          dbias && n.affine ? c.b.reshape(dbias, n.affine) : undefined,
        ]),
      ];
    },
  };
}

/** x̂ and 1/σ in the view. */
function normalise(c: RuleContext, n: Normalisation): { normal: string; inverse: string } {
  const { b } = c;
  const x = b.reshape(c.in(0), n.view);
  const shifted = b.binary('Sub', x, mean(c, n, x));
  const variance = mean(c, n, b.binary('Mul', shifted, shifted));
  const inverse = b.unary('Reciprocal', b.unary('Sqrt', b.binary('Add', variance, b.scalar(n.epsilon))));
  return { normal: b.binary('Mul', shifted, inverse), inverse };
}

function mean(c: RuleContext, n: Normalisation, value: string): string {
  const count = elementCount(n.axes.map(axis => n.view[axis]!));
  return c.b.scale(c.b.sum(value, n.axes, true), 1 / count);
}

/** (g − mean g − x̂ · mean(g x̂)) / σ: the symmetric Jacobian of x̂, applied either way. */
function centred(c: RuleContext, n: Normalisation, value: string, normal: string, inverse: string): string {
  const { b } = c;
  const g = b.reshape(value, n.view);
  const along = b.binary('Mul', normal, mean(c, n, b.binary('Mul', g, normal)));
  const rest = b.binary('Sub', b.binary('Sub', g, mean(c, n, g)), along);
  return b.binary('Mul', rest, inverse);
}

function asInput(c: RuleContext, normal: string): string {
  return c.b.reshape(normal, c.inDims(0));
}

/** The sum of a cotangent over what a scale or bias was broadcast along; sample by sample axis 0 stays. */
function affineGradient(c: RuleContext, n: Normalisation, value: string, index: number): string {
  const dims = c.inDims(0);
  const affine = n.affine as readonly number[];
  const offset = dims.length - affine.length;
  const axes = dims
    .map((_, axis) => axis)
    .filter(axis => (axis < offset || affine[axis - offset] === 1) && !(axis === 0 && c.perSample(index)));
  const target = c.inDims(index);
  const summed = c.b.sum(value, axes, true);
  return c.b.reshape(summed, c.perSample(index) ? [dims[0]!, ...target] : target);
}

/** LayerNormalization over the axes from `axis` on; scale and bias broadcast from the right. */
export const layerNormalizationRule = normalisationRule(
  c => {
    const dims = c.inDims(0);
    const axis = c.axis('axis', -1, dims.length);
    return {
      view: dims,
      axes: dims.map((_, at) => at).slice(axis),
      epsilon: c.float('epsilon', 1e-5),
      affine: c.inDims(1),
    };
  },
  [0, 1, 2],
);

/** InstanceNormalization over the spatial axes; scale and bias by channel. */
export const instanceNormalizationRule = normalisationRule(
  c => {
    const dims = c.inDims(0);
    return {
      view: dims,
      axes: dims.map((_, axis) => axis).slice(2),
      epsilon: c.float('epsilon', 1e-5),
      affine: [dims[1]!, ...dims.slice(2).map(() => 1)],
    };
  },
  [0, 1, 2],
);

/** GroupNormalization (opset 21: scale and bias by channel) over the channels of a group and all spatial axes. */
export const groupNormalizationRule = normalisationRule(
  c => {
    const [samples, channels, ...spatial] = c.inDims(0) as [number, number, ...number[]];
    const groups = c.int('num_groups', 1);
    if (c.inDims(1)[0] !== channels)
      throw new DifferentiationError(
        `${describeNode(c.node)} scales by group, a form that ONNX gave up in opset 21. Export the model again.`,
      );
    return {
      view: [samples, groups, (channels / groups) * elementCount(spatial)],
      axes: [2],
      epsilon: c.float('epsilon', 1e-5),
      affine: [channels, ...spatial.map(() => 1)],
    };
  },
  [0, 1, 2],
);

/** MeanVarianceNormalization over its axes, without scale; ONNX adds 1e-9 to σ. */
export const meanVarianceNormalizationRule = normalisationRule(
  c => {
    const dims = c.inDims(0);
    const axes = (c.ints('axes') ?? [0, 2, 3]).map(axis => (axis < 0 ? axis + dims.length : axis));
    return { view: dims, axes, epsilon: 0, affine: null };
  },
  [0],
);

/** LpNormalization: x / ‖x‖ along an axis, p = 1 or 2. */
export const lpNormalizationRule: Rule = {
  inputs: [0],
  vjp: (c, [dy]) => {
    if (!dy) return [];
    const { norm, slope, axis } = lpNorm(c);
    const along = c.b.sum(c.b.binary('Mul', dy, c.out()), [axis], true);
    return [c.b.binary('Div', c.b.binary('Sub', dy, c.b.binary('Mul', slope, along)), norm)];
  },
  jvp: (c, [dx]) => {
    if (!dx) return [undefined];
    const { norm, slope, axis } = lpNorm(c);
    const along = c.b.sum(c.b.binary('Mul', slope, dx), [axis], true);
    return [c.b.binary('Div', c.b.binary('Sub', dx, c.b.binary('Mul', c.out(), along)), norm)];
  },
};

/** ‖x‖ and its derivative. */
function lpNorm(c: RuleContext): { norm: string; slope: string; axis: number } {
  const { b } = c;
  const axis = c.axis('axis', -1, c.inDims(0).length);
  if (c.int('p', 2) === 1)
    return { norm: b.sum(b.unary('Abs', c.in(0)), [axis], true), slope: b.unary('Sign', c.in(0)), axis };
  const norm = b.unary('Sqrt', b.sum(b.binary('Mul', c.in(0), c.in(0)), [axis], true));
  return { norm, slope: c.out(), axis };
}

/** LRN: y = x · s^(−β) with s = bias + α/n · Σ x² over a window of channels. */
export const lrnRule: Rule = {
  inputs: [0],
  vjp: (c, [dy]) => [dy && responseJacobian(c, dy, true)],
  jvp: (c, [dx]) => [dx && responseJacobian(c, dx, false)],
};

function responseJacobian(c: RuleContext, value: string, transposed: boolean): string {
  const { b } = c;
  const [alpha, beta, bias] = [c.float('alpha', 1e-4), c.float('beta', 0.75), c.float('bias', 1)];
  const size = c.int('size', 1);
  const x = c.in(0);
  const squares = channelSum(c, b.binary('Mul', x, x), size, false);
  const s = b.binary('Add', b.scale(squares, alpha / size), b.scalar(bias));
  const power = (exponent: number): string => b.op('Pow', [s, b.scalar(exponent)], c.inDims(0));
  const direct = b.binary('Mul', value, power(-beta));
  const bend = b.binary('Mul', x, power(-beta - 1));
  const spread = transposed
    ? b.binary('Mul', x, channelSum(c, b.binary('Mul', value, bend), size, true))
    : b.binary('Mul', bend, channelSum(c, b.binary('Mul', x, value), size, false));
  return b.binary('Sub', direct, b.scale(spread, (2 * alpha * beta) / size));
}

/** The sum over a window of `size` channels, ⌊(size − 1)/2⌋ of them before; mirrored for the adjoint. */
function channelSum(c: RuleContext, value: string, size: number, mirrored: boolean): string {
  const { b } = c;
  const dims = c.inDims(0);
  const [samples, channels] = dims as [number, number];
  const [few, many] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)];
  const [before, after] = mirrored ? [many, few] : [few, many];
  const flat = b.reshape(value, [samples, channels, elementCount(dims.slice(2))]);
  const padded = b.pad(flat, [0, before, 0], [0, after, 0]);
  const parts = Array.from({ length: size }, (_, at) => b.slice(padded, [1], [at], [at + channels]));
  return b.reshape(b.total(parts), dims);
}
