// Rules of reductions over axes.
import { elementCount } from '../../tensor/tensor';
import { DifferentiationError, describeNode, type Rule, type RuleContext } from '../rule';

/** The axes that a reduction runs over, counted from the front; those of the input that `axes` leaves out otherwise. */
function axesOf(c: RuleContext): readonly number[] {
  const rank = c.inDims(0).length;
  const all = c.inDims(0).map((_, axis) => axis);
  if (!c.has(1)) return c.int('noop_with_empty_axes', 0) === 1 ? [] : all;
  const axes = c.knownInts(1);
  if (!axes)
    throw new DifferentiationError(
      `${describeNode(c.node)} computes its axes from the data, which has no gradient rule. Export the model with ` +
        'constant axes.',
    );
  if (axes.length === 0) return c.int('noop_with_empty_axes', 0) === 1 ? [] : all;
  return axes.map(axis => (axis < 0 ? axis + rank : axis));
}

/** The input's dims with 1 on the reduced axes. */
function keptDims(c: RuleContext): number[] {
  const axes = axesOf(c);
  return c.inDims(0).map((dim, axis) => (axes.includes(axis) ? 1 : dim));
}

/** A value of the result's dims with the reduced axes put back as 1. */
function kept(c: RuleContext, value: string): string {
  return c.b.reshape(value, keptDims(c));
}

/** The sum of a value of the input's dims over the reduced axes, in the result's dims. */
function reduce(c: RuleContext, value: string): string {
  return c.b.reshape(c.b.sum(value, axesOf(c), true), c.outDims());
}

/** The rule of a reduction from ∂y/∂x, given with the input's dims or dims that broadcast to them. */
function reductionRule(derivative: (c: RuleContext) => string): Rule {
  return {
    inputs: [0],
    vjp: (c, [dy]) => [dy && c.b.expand(c.b.binary('Mul', kept(c, dy), derivative(c)), c.inDims(0))],
    jvp: (c, [dx]) => [dx && reduce(c, c.b.binary('Mul', dx, derivative(c)))],
  };
}

export const reduceSumRule: Rule = {
  inputs: [0],
  vjp: (c, [dy]) => [dy && c.b.expand(kept(c, dy), c.inDims(0))],
  jvp: (c, [dx]) => [dx && reduce(c, dx)],
};

export const reduceMeanRule = reductionRule(c =>
  c.b.scalar(elementCount(keptDims(c)) / elementCount(c.inDims(0))),
);

export const reduceSumSquareRule = reductionRule(c => c.b.scale(c.in(0), 2));

export const reduceL1Rule = reductionRule(c => c.b.unary('Sign', c.in(0)));

/** x / ‖x‖; 0 where the norm is 0. */
export const reduceL2Rule = reductionRule(c => {
  const norm = kept(c, c.out());
  const zero = c.b.toFloat(c.b.op('Equal', [norm, c.b.scalar(0)], keptDims(c)));
  return c.b.binary('Div', c.in(0), c.b.binary('Add', norm, zero));
});

/** log Σx: 1 / Σx = e^(−y). */
export const reduceLogSumRule = reductionRule(c => c.b.unary('Exp', c.b.unary('Neg', kept(c, c.out()))));

/** log Σe^x: the softmax e^(x−y). */
export const reduceLogSumExpRule = reductionRule(c =>
  c.b.unary('Exp', c.b.binary('Sub', c.in(0), kept(c, c.out()))),
);

/** The product of the others; written so that zeros among the factors are exact. */
export const reduceProdRule = reductionRule(c => {
  const { b } = c;
  const dims = c.inDims(0);
  const isZero = b.op('Equal', [c.in(0), b.scalar(0)], dims);
  const zero = b.toFloat(isZero);
  const safe = b.op('Where', [isZero, b.scalar(1), c.in(0)], dims);
  const product = b.op('ReduceProd', [safe, b.ints(axesOf(c))], keptDims(c), {
    keepdims: 1,
    noop_with_empty_axes: 1,
  });
  const zeros = b.sum(zero, axesOf(c), true);
  // How many zeros are among the other factors: none leaves the product of the others, any makes it 0.
  const others = b.binary('Sub', b.expand(zeros, dims), zero);
  const none = b.toFloat(b.op('Equal', [others, b.scalar(0)], dims));
  return b.binary('Mul', none, b.binary('Div', b.expand(product, dims), safe));
});

/** ReduceMax and ReduceMin: equal extremes share the cotangent evenly. */
export const reduceExtremeRule = reductionRule(c => shareOfExtreme(c, axesOf(c), kept(c, c.out())));

/** GlobalMaxPool: the maximum over all spatial axes. */
export const globalMaxPoolRule: Rule = {
  inputs: [0],
  vjp: (c, [dy]) => [dy && c.b.binary('Mul', dy, shareOfExtreme(c, spatialAxes(c), c.out()))],
  jvp: (c, [dx]) => [
    dx && c.b.sum(c.b.binary('Mul', dx, shareOfExtreme(c, spatialAxes(c), c.out())), spatialAxes(c), true),
  ],
};

function spatialAxes(c: RuleContext): number[] {
  return c
    .inDims(0)
    .map((_, axis) => axis)
    .slice(2);
}

/** 1 / (number of extremes) where x is the extreme, 0 elsewhere. */
function shareOfExtreme(c: RuleContext, axes: readonly number[], extreme: string): string {
  const mask = c.b.toFloat(c.b.op('Equal', [c.in(0), extreme], c.inDims(0)));
  return c.b.binary('Div', mask, c.b.sum(mask, axes, true));
}
