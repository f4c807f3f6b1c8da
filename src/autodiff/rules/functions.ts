// Rules of elementwise functions: y = f(x), both directions multiply by f'(x).
import type { Rule, RuleContext } from '../rule';
import { gate, unaryRule, zeroGate } from './elementwise';

/** 1 where a comparison of x with a number holds, 0 elsewhere. */
function where(
  c: RuleContext,
  opType: 'Greater' | 'Less' | 'GreaterOrEqual' | 'LessOrEqual',
  bound: number,
): string {
  const x = c.in(0);
  // The blocked layout and ONNX Runtime's vector kernels take this form, but no comparison.
  if (opType === 'Greater' && bound === 0) return gate(c, x);
  return c.b.toFloat(c.b.op(opType, [x, c.b.scalar(bound)], c.b.dims(x)));
}

/** a where the mask is 1, b where it is 0; a and b must be finite. */
function blend(c: RuleContext, mask: string, a: string, b: string): string {
  return c.b.binary('Add', c.b.binary('Mul', mask, c.b.binary('Sub', a, b)), c.b.expand(b, c.inDims(0)));
}

function oneMinus(c: RuleContext, value: string): string {
  return c.b.op('Sub', [c.b.scalar(1), value], c.b.dims(value));
}

function onePlus(c: RuleContext, value: string): string {
  return c.b.binary('Add', value, c.b.scalar(1));
}

function square(c: RuleContext, value: string): string {
  return c.b.binary('Mul', value, value);
}

function reciprocal(c: RuleContext, value: string): string {
  return c.b.unary('Reciprocal', value);
}

export const absRule = unaryRule(c => c.b.unary('Sign', c.in(0)));
export const expRule = unaryRule(c => c.out());
export const logRule = unaryRule(c => reciprocal(c, c.in(0)));
export const sqrtRule = unaryRule(c => c.b.scale(reciprocal(c, c.out()), 0.5));
export const reciprocalRule = unaryRule(c => c.b.unary('Neg', square(c, c.out())));
export const sinRule = unaryRule(c => c.b.unary('Cos', c.in(0)));
export const cosRule = unaryRule(c => c.b.unary('Neg', c.b.unary('Sin', c.in(0))));
export const tanRule = unaryRule(c => onePlus(c, square(c, c.out())));
export const sinhRule = unaryRule(c => c.b.unary('Cosh', c.in(0)));
export const coshRule = unaryRule(c => c.b.unary('Sinh', c.in(0)));
export const asinRule = unaryRule(c => reciprocal(c, c.b.unary('Sqrt', oneMinus(c, square(c, c.in(0))))));
export const acosRule = unaryRule(c =>
  c.b.unary('Neg', reciprocal(c, c.b.unary('Sqrt', oneMinus(c, square(c, c.in(0)))))),
);
export const atanRule = unaryRule(c => reciprocal(c, onePlus(c, square(c, c.in(0)))));
export const asinhRule = unaryRule(c => reciprocal(c, c.b.unary('Sqrt', onePlus(c, square(c, c.in(0))))));
export const acoshRule = unaryRule(c =>
  reciprocal(c, c.b.unary('Sqrt', c.b.binary('Sub', square(c, c.in(0)), c.b.scalar(1)))),
);
export const atanhRule = unaryRule(c => reciprocal(c, oneMinus(c, square(c, c.in(0)))));

/** erf'(x) = 2/√π · exp(−x²). */
export const erfRule = unaryRule(c =>
  c.b.scale(c.b.unary('Exp', c.b.unary('Neg', square(c, c.in(0)))), 2 / Math.sqrt(Math.PI)),
);

/** Softplus: the derivative of log(1 + e^x) is the sigmoid. */
export const softplusRule = unaryRule(c => c.b.unary('Sigmoid', c.in(0)));

/** Softsign: x / (1 + |x|) has the derivative 1 / (1 + |x|)². */
export const softsignRule = unaryRule(c => reciprocal(c, square(c, onePlus(c, c.b.unary('Abs', c.in(0))))));

/** Elu: 1 above 0, y + α below. */
export const eluRule = unaryRule(c => {
  const alpha = c.float('alpha', 1);
  const below = c.b.binary('Add', c.out(), c.b.scalar(alpha));
  return blend(c, where(c, 'Greater', 0), c.b.scalar(1), below);
});

/** Celu: 1 above 0, exp(x/α) = y/α + 1 below. */
export const celuRule = unaryRule(c => {
  const below = onePlus(c, c.b.scale(c.out(), 1 / c.float('alpha', 1)));
  return blend(c, where(c, 'Greater', 0), c.b.scalar(1), below);
});

/** Selu: γ above 0, y + γα below. */
export const seluRule = unaryRule(c => {
  const [alpha, gamma] = [c.float('alpha', 1.6732632), c.float('gamma', 1.050701)];
  const below = c.b.binary('Add', c.out(), c.b.scalar(gamma * alpha));
  return blend(c, where(c, 'Greater', 0), c.b.scalar(gamma), below);
});

export const leakyReluRule = unaryRule(c => {
  const alpha = c.float('alpha', 0.01);
  return c.b.binary('Add', c.b.scale(where(c, 'Greater', 0), 1 - alpha), c.b.scalar(alpha));
});

export const thresholdedReluRule = unaryRule(c => where(c, 'Greater', c.float('alpha', 1)));

/** HardSigmoid: α strictly between the two ends. */
export const hardSigmoidRule = unaryRule(c =>
  hardSigmoidSlope(c, c.float('alpha', 0.2), c.float('beta', 0.5)),
);

function hardSigmoidSlope(c: RuleContext, alpha: number, beta: number): string {
  const line = c.b.binary('Add', c.b.scale(c.in(0), alpha), c.b.scalar(beta));
  const dims = c.inDims(0);
  const above = c.b.toFloat(c.b.op('Greater', [line, c.b.scalar(0)], dims));
  const below = c.b.toFloat(c.b.op('Less', [line, c.b.scalar(1)], dims));
  return c.b.scale(c.b.binary('Mul', above, below), alpha);
}

/** HardSwish: x · HardSigmoid(x; 1/6, 1/2). */
export const hardSwishRule = unaryRule(c => {
  const hard = c.b.unary('HardSigmoid', c.in(0), { alpha: { float: 1 / 6 }, beta: { float: 0.5 } });
  return c.b.binary('Add', hard, c.b.binary('Mul', c.in(0), hardSigmoidSlope(c, 1 / 6, 0.5)));
});

/** Mish: x · tanh(softplus(x)). */
export const mishRule = unaryRule(c => {
  const t = c.b.unary('Tanh', c.b.unary('Softplus', c.in(0)));
  const slope = c.b.binary('Mul', oneMinus(c, square(c, t)), c.b.unary('Sigmoid', c.in(0)));
  return c.b.binary('Add', t, c.b.binary('Mul', c.in(0), slope));
});

/** Gelu: x · Φ(x), or its tanh approximation as the attribute says. */
export const geluRule = unaryRule(c => {
  const x = c.in(0);
  if (c.string('approximate', 'none') === 'tanh') {
    const [k, cubic] = [Math.sqrt(2 / Math.PI), 0.044715];
    const squared = square(c, x);
    const inner = c.b.scale(c.b.binary('Mul', x, onePlus(c, c.b.scale(squared, cubic))), k);
    const t = c.b.unary('Tanh', inner);
    const slope = c.b.scale(onePlus(c, c.b.scale(squared, 3 * cubic)), k);
    const bend = c.b.binary('Mul', c.b.binary('Mul', x, oneMinus(c, square(c, t))), slope);
    return c.b.scale(c.b.binary('Add', onePlus(c, t), bend), 0.5);
  }
  const cumulative = c.b.scale(onePlus(c, c.b.unary('Erf', c.b.scale(x, Math.SQRT1_2))), 0.5);
  const density = c.b.scale(c.b.unary('Exp', c.b.scale(square(c, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return c.b.binary('Add', cumulative, c.b.binary('Mul', x, density));
});

/**
 * Clip: 1 between the bounds (both included, as PyTorch counts them), where the result is x; 0 outside. From 0 to 6 it is
 * a ReLU6, whose bounds count as outside: a channel that is dead lies on 0 with all its elements.
 */
export const clipRule = unaryRule(c => {
  if (!c.has(1) && !c.has(2)) return c.b.expand(c.b.scalar(1), c.inDims(0));
  const bound = (index: number): number => Number(c.b.constants.get(c.node.inputs[index] ?? '')?.data[0]);
  if (bound(1) === 0 && bound(2) === 6) {
    const below = c.b.op('Sub', [c.b.scalar(6), c.out()], c.outDims());
    return gate(c, c.b.binary('Mul', c.out(), below));
  }
  const moved = c.b.unary('Abs', c.b.binary('Sub', c.out(), c.in(0)));
  return zeroGate(c, moved);
});

/** PRelu: x above 0, slope · x below; the slope is a parameter that broadcasts. */
export const preluRule: Rule = {
  inputs: [0, 1],
  vjp: (c, [dy]) => {
    if (!dy) return [];
    const positive = where(c, 'Greater', 0);
    return [
      c.wants(0) ? c.b.binary('Mul', dy, preluSlope(c, positive)) : undefined,
      c.wants(1)
        ? c.unbroadcast(c.b.binary('Mul', dy, c.b.binary('Mul', c.in(0), oneMinus(c, positive))), 1)
        : undefined,
    ];
  },
  jvp: (c, [dx, ds]) => {
    const positive = where(c, 'Greater', 0);
    const parts = [
      dx && c.b.binary('Mul', dx, preluSlope(c, positive)),
      ds && c.b.binary('Mul', c.b.binary('Mul', c.in(0), oneMinus(c, positive)), ds),
    ].filter(part => part !== undefined);
    return [parts.length === 0 ? undefined : c.b.total(parts)];
  },
};

function preluSlope(c: RuleContext, positive: string): string {
  return c.b.binary('Add', positive, c.b.binary('Mul', oneMinus(c, positive), c.in(1)));
}
