// Rules of operators that combine several values element by element: powers, extremes, sums, choices.
import type { Rule, RuleContext } from '../rule';
import { sumTangents } from './elementwise';

/** Pow: x^e has the derivatives e·x^(e−1) and x^e·ln x; the second where x is positive only. */
export const powRule: Rule = {
  inputs: [0, 1],
  vjp: (c, [dy]) => {
    if (!dy) return [];
    return [
      c.wants(0) ? c.unbroadcast(c.b.binary('Mul', dy, byBase(c)), 0) : undefined,
      c.wants(1) ? c.unbroadcast(c.b.binary('Mul', dy, byExponent(c)), 1) : undefined,
    ];
  },
  jvp: (c, [dx, de]) => [
    sumTangents(c, [dx && c.b.binary('Mul', dx, byBase(c)), de && c.b.binary('Mul', de, byExponent(c))]),
  ],
};

function byBase(c: RuleContext): string {
  // An exponent may be an integer tensor; its type is not known here.
  const [x, e] = [c.in(0), c.b.toFloat(c.in(1))];
  const lower = c.b.binary('Sub', e, c.b.scalar(1));
  return c.b.binary('Mul', c.b.op('Pow', [x, lower], c.outDims()), e);
}

function byExponent(c: RuleContext): string {
  const { b } = c;
  const x = c.in(0);
  const positive = b.op('Greater', [x, b.scalar(0)], c.inDims(0));
  const log = b.unary('Log', b.op('Where', [positive, x, b.scalar(1)], c.inDims(0)));
  return b.binary('Mul', c.out(), log);
}

/** Max and Min of any number of values: the cotangent goes to the first of equal extremes. */
export const extremeRule: Rule = {
  inputs: 'all',
  vjp: (c, [dy]) => {
    if (!dy) return [];
    const shares = firstExtremes(c);
    return shares.map((share, index) =>
      c.wants(index) ? c.unbroadcast(c.b.binary('Mul', dy, share), index) : undefined,
    );
  },
  jvp: (c, tangents) => {
    const shares = firstExtremes(c);
    return [
      sumTangents(
        c,
        tangents.map((tangent, index) => tangent && c.b.binary('Mul', tangent, shares[index] as string)),
      ),
    ];
  },
};

/** For each input 1 where it is the first to equal the result, 0 elsewhere. */
function firstExtremes(c: RuleContext): string[] {
  const { b } = c;
  const dims = c.outDims();
  let rest = b.expand(b.scalar(1), dims);
  return c.node.inputs.map((_, index) => {
    const equal = b.toFloat(b.op('Equal', [c.in(index), c.out()], dims));
    const share = b.binary('Mul', rest, equal);
    rest = b.binary('Sub', rest, share);
    return share;
  });
}

/** Sum and Mean of any number of values. */
export const sumRule: Rule = sumOf(() => 1);
export const meanRule: Rule = sumOf(c => 1 / c.node.inputs.length);

function sumOf(factor: (c: RuleContext) => number): Rule {
  return {
    inputs: 'all',
    vjp: (c, [dy]) =>
      c.node.inputs.map((_, index) =>
        dy && c.wants(index) ? c.b.scale(c.unbroadcast(dy, index), factor(c)) : undefined,
      ),
    jvp: (c, tangents) => {
      const total = sumTangents(c, tangents);
      return [total && c.b.scale(total, factor(c))];
    },
  };
}

/** Where: the cotangent goes to the value that was chosen. */
export const whereRule: Rule = {
  inputs: [1, 2],
  vjp: (c, [dy]) => {
    if (!dy) return [];
    const { b } = c;
    const zero = b.scalar(0);
    return [
      undefined,
      c.wants(1) ? c.unbroadcast(b.op('Where', [c.in(0), dy, zero], c.outDims()), 1) : undefined,
      c.wants(2) ? c.unbroadcast(b.op('Where', [c.in(0), zero, dy], c.outDims()), 2) : undefined,
    ];
  },
  jvp: (c, [, dx, dy]) => {
    if (!dx && !dy) return [undefined];
    const zero = c.b.scalar(0);
    return [c.b.op('Where', [c.in(0), dx ?? zero, dy ?? zero], c.outDims())];
  },
};

/** Mod with fmod = 1, x − y·trunc(x/y); the derivative by y is −trunc(x/y). */
export const modRule: Rule = {
  inputs: [0, 1],
  vjp: (c, [dy]) =>
    dy
      ? [
          c.wants(0) ? c.unbroadcast(dy, 0) : undefined,
          c.wants(1) ? c.unbroadcast(c.b.binary('Mul', dy, c.b.unary('Neg', quotient(c))), 1) : undefined,
        ]
      : [],
  jvp: (c, [dx, dy]) => [sumTangents(c, [dx, dy && c.b.unary('Neg', c.b.binary('Mul', quotient(c), dy))])],
};

/** The whole quotient (x − mod) / y, rounded against the rounding of the division. */
function quotient(c: RuleContext): string {
  return c.b.unary('Round', c.b.binary('Div', c.b.binary('Sub', c.in(0), c.out()), c.in(1)));
}
