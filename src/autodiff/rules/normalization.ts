// The rule of BatchNormalization in inference mode: an affine map a channel, with fixed mean and variance.
import type { Rule, RuleContext } from '../rule';
import { sumTangents } from './elementwise';

/** y = (x − mean) / √(variance + ε) · scale + bias, channel by channel (axis 1). */
export const batchNormalizationRule: Rule = {
  inputs: [0, 1, 2],
  vjp: (c, [dy]) => {
    if (!dy) return [];
    const axes = c
      .inDims(0)
      .map((_, axis) => axis)
      .filter(axis => axis !== 1);
    return [
      c.wants(0) ? c.b.binary('Mul', dy, factor(c)) : undefined,
      c.wants(1) ? c.sumBatch(c.b.binary('Mul', dy, normalised(c)), axes, 1) : undefined,
      c.wants(2) ? c.sumBatch(dy, axes, 2) : undefined,
    ];
  },
  jvp: (c, [dx, dscale, dbias]) => [
    sumTangents(c, [
      dx && c.b.binary('Mul', dx, factor(c)),
      dscale && c.b.binary('Mul', normalised(c), byChannel(c, dscale)),
      dbias && byChannel(c, dbias),
    ]),
  ],
};

/** A value of one number a channel with axes to broadcast along. */
function byChannel(c: RuleContext, value: string): string {
  const rank = c.inDims(0).length;
  return c.b.reshape(value, [c.b.dims(value)[0]!, ...Array.from({ length: Math.max(0, rank - 2) }, () => 1)]);
}

function deviation(c: RuleContext): string {
  const shifted = c.b.binary('Add', c.in(4), c.b.scalar(c.float('epsilon', 1e-5)));
  return byChannel(c, c.b.unary('Sqrt', shifted));
}

function factor(c: RuleContext): string {
  return c.b.binary('Div', byChannel(c, c.in(1)), deviation(c));
}

function normalised(c: RuleContext): string {
  return c.b.binary('Div', c.b.binary('Sub', c.in(0), byChannel(c, c.in(3))), deviation(c));
}
