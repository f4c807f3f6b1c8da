// Rules of elementwise operators. A unary one is its derivative; both directions multiply by it.
import type { Rule, RuleContext } from '../rule';

/** The rule of y = f(x) from f'(x), given as a graph value with the dims of x. */
export function unaryRule(derivative: (c: RuleContext) => string): Rule {
  const times = (c: RuleContext, values: readonly (string | undefined)[]): (string | undefined)[] => {
    const value = values[0];
    return [value && c.b.binary('Mul', value, derivative(c))];
  };
  return { inputs: [0], vjp: times, jvp: times };
}

/** The rule of operators whose derivative is zero or undefined: nothing flows. */
export const constantRule: Rule = { inputs: [], vjp: () => [], jvp: () => [undefined] };

/** The rule of operators that hand their first input on unchanged. */
export const identityRule: Rule = {
  inputs: [0],
  vjp: (_, [dy]) => [dy],
  jvp: (_, [dx]) => [dx],
};

/** ReLU, by the 0/1 gate of its result. */
export const reluRule = unaryRule(c => gate(c, c.out()));

/** 1 where a value is positive, 0 where it is not. HardSigmoid is the fastest of four forms, for float32 alone. */
export function gate(c: RuleContext, y: string): string {
  if (c.b.float === 'float64') return c.b.toFloat(c.b.op('Greater', [y, c.b.scalar(0)], c.b.dims(y)));
  return c.b.unary('HardSigmoid', y, { alpha: { float: 1e38 }, beta: { float: 0 } });
}

/** 1 where a value that is never negative is 0, 0 elsewhere. */
export function zeroGate(c: RuleContext, y: string): string {
  if (c.b.float === 'float64') return c.b.toFloat(c.b.op('Equal', [y, c.b.scalar(0)], c.b.dims(y)));
  return c.b.unary('HardSigmoid', y, { alpha: { float: -1e38 }, beta: { float: 1 } });
}

/** Sigmoid: y(1 − y). */
export const sigmoidRule = unaryRule(c => {
  const y = c.out();
  return c.b.binary('Mul', y, c.b.op('Sub', [c.b.scalar(1), y], c.outDims()));
});

/** Tanh: 1 − y² as 4·σ(2x)·σ(−2x), which keeps its digits where y is close to ±1. */
export const tanhRule = unaryRule(c => {
  const doubled = c.b.scale(c.in(0), 2);
  const [up, down] = [c.b.unary('Sigmoid', doubled), c.b.unary('Sigmoid', c.b.unary('Neg', doubled))];
  return c.b.scale(c.b.binary('Mul', up, down), 4);
});

export const negRule: Rule = {
  inputs: [0],
  vjp: (c, [dy]) => [dy && c.b.unary('Neg', dy)],
  jvp: (c, [dx]) => [dx && c.b.unary('Neg', dx)],
};

export const addRule: Rule = {
  inputs: [0, 1],
  vjp: (c, [dy]) => [0, 1].map(index => (dy && c.wants(index) ? c.unbroadcast(dy, index) : undefined)),
  jvp: (c, tangents) => [sumTangents(c, tangents)],
};

export const subRule: Rule = {
  inputs: [0, 1],
  vjp: (c, [dy]) =>
    dy
      ? [
          c.wants(0) ? c.unbroadcast(dy, 0) : undefined,
          c.wants(1) ? c.b.unary('Neg', c.unbroadcast(dy, 1)) : undefined,
        ]
      : [],
  jvp: (c, [da, db]) => [sumTangents(c, [da, db && c.b.unary('Neg', db)])],
};

export const mulRule: Rule = {
  inputs: [0, 1],
  vjp: (c, [dy]) =>
    [0, 1].map(index =>
      dy && c.wants(index) ? c.unbroadcast(c.b.binary('Mul', dy, c.in(1 - index)), index) : undefined,
    ),
  jvp: (c, tangents) => [
    sumTangents(
      c,
      tangents.map((tangent, index) => tangent && c.b.binary('Mul', tangent, c.in(1 - index))),
    ),
  ],
};

export const divRule: Rule = {
  inputs: [0, 1],
  vjp: (c, [dy]) => {
    if (!dy) return [];
    const quotient = c.b.binary('Div', dy, c.in(1));
    return [
      c.wants(0) ? c.unbroadcast(quotient, 0) : undefined,
      c.wants(1) ? c.unbroadcast(c.b.unary('Neg', c.b.binary('Mul', quotient, c.out())), 1) : undefined,
    ];
  },
  jvp: (c, [da, db]) => [
    sumTangents(c, [
      da && c.b.binary('Div', da, c.in(1)),
      db && c.b.unary('Neg', c.b.binary('Div', c.b.binary('Mul', c.out(), db), c.in(1))),
    ]),
  ],
};

/** The sum of the tangents that are there, broadcast to the dims of the result. */
export function sumTangents(c: RuleContext, tangents: readonly (string | undefined)[]): string | undefined {
  const present = tangents.filter(tangent => tangent !== undefined);
  if (present.length === 0) return undefined;
  const [first, ...rest] = present as [string, ...string[]];
  return c.b.expand(
    rest.reduce((total, tangent) => c.b.binary('Add', total, tangent), first),
    c.outDims(),
  );
}
