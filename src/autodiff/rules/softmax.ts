// Rules of Softmax and LogSoftmax.
import type { Rule, RuleContext } from '../rule';

/** Softmax: dx = (dy − Σ dy·y) · y; its Jacobian is symmetric, so both directions are the same. */
export const softmaxRule: Rule = {
  inputs: [0],
  vjp: (c, [dy]) => [dy && softmaxProduct(c, dy)],
  jvp: (c, [dx]) => [dx && softmaxProduct(c, dx)],
};

function softmaxProduct(c: RuleContext, value: string): string {
  const { b } = c;
  const weighted = b.binary('Mul', value, c.out());
  const total = b.sum(weighted, [axisOf(c)], true);
  return b.binary('Sub', weighted, b.binary('Mul', c.out(), total));
}

/** LogSoftmax: dx = dy − softmax(x) Σ dy, and Jv = dx − Σ softmax(x) dx. */
export const logSoftmaxRule: Rule = {
  inputs: [0],
  vjp: (c, [dy]) => {
    if (!dy) return [];
    const { b } = c;
    return [b.binary('Sub', dy, b.binary('Mul', b.unary('Exp', c.out()), b.sum(dy, [axisOf(c)], true)))];
  },
  jvp: (c, [dx]) => {
    if (!dx) return [undefined];
    const { b } = c;
    return [b.binary('Sub', dx, b.sum(b.binary('Mul', b.unary('Exp', c.out()), dx), [axisOf(c)], true))];
  },
};

function axisOf(c: RuleContext): number {
  return c.axis('axis', -1, c.outDims().length);
}
