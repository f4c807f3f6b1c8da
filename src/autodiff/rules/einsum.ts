// The rule of Einsum: every gradient is another einsum of the cotangent and the other operands.
import { DifferentiationError, describeNode, type Rule, type RuleContext } from '../rule';
import { sumTangents } from './elementwise';

export const einsumRule: Rule = {
  inputs: 'all',
  vjp: (c, [dy]) => {
    if (!dy) return [];
    const { terms, output } = parse(c);
    return terms.map((term, index) =>
      c.wants(index) ? gradient(c, dy, terms, output, term, index) : undefined,
    );
  },
  jvp: (c, tangents) => [
    sumTangents(
      c,
      tangents.map((tangent, index) => tangent && c.again({ [index]: tangent })),
    ),
  ],
};

interface Equation {
  readonly terms: readonly string[];
  readonly output: string;
}

/**
 * The equation with an explicit result and without ellipsis. Throws a DifferentiationError for a repeated index, and
 * for axes under an ellipsis that broadcast.
 */
function parse(c: RuleContext): Equation {
  const equation = spelled(c, c.string('equation', '').replace(/\s/g, ''));
  const [left = '', right] = equation.split('->');
  const terms = left.split(',');
  if (equation.includes('...') || terms.some(term => new Set(term).size !== term.length))
    throw new DifferentiationError(
      `${describeNode(c.node)} has the equation ${equation}; a repeated index within one operand, and axes that broadcast ` +
        'under an ellipsis, have no gradient rule. Write the equation without them.',
    );
  const letters = [...left.replace(/,/g, '')];
  // Without an arrow, the result has the indices that occur once, in alphabetical order.
  const implicit = [...new Set(letters)]
    .filter(letter => letters.filter(other => other === letter).length === 1)
    .sort()
    .join('');
  return { terms, output: right ?? implicit };
}

/** The equation with letters for an ellipsis, where all operands that have one agree on its axes. */
function spelled(c: RuleContext, equation: string): string {
  if (!equation.includes('...') || !equation.includes('->')) return equation;
  const [left = '', right = ''] = equation.split('->');
  const free = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'].filter(letter => !equation.includes(letter));
  const hidden = left.split(',').flatMap((term, index) => {
    if (!term.includes('...')) return [];
    const start = term.indexOf('...');
    const dims = c.inDims(index);
    return [dims.slice(start, start + dims.length - (term.length - 3)).join()];
  });
  if (new Set(hidden).size !== 1) return equation;
  const letters = free.slice(0, hidden[0] === '' ? 0 : hidden[0]!.split(',').length).join('');
  return `${left.replaceAll('...', letters)}->${right.replace('...', letters)}`;
}

function gradient(
  c: RuleContext,
  dy: string,
  terms: readonly string[],
  output: string,
  term: string,
  index: number,
): string | undefined {
  const { b } = c;
  const dims = c.inDims(index);
  const others = terms.map((_, at) => at).filter(at => at !== index);
  const available = output + others.map(at => terms[at]).join('');
  // The batch stays when the gradient is wanted sample by sample: it must be the first index of the result.
  const batch = c.perSample(index) ? output[0] : undefined;
  if (c.perSample(index) && (batch === undefined || term.includes(batch))) return undefined;
  const kept = (batch ?? '') + [...term].filter(letter => available.includes(letter)).join('');
  const sizes = new Map<string, number>();
  [...output].forEach((letter, axis) => sizes.set(letter, b.dims(dy)[axis]!));
  for (const at of others) [...terms[at]!].forEach((letter, axis) => sizes.set(letter, c.inDims(at)[axis]!));
  const equation = `${[output, ...others.map(at => terms[at])].join(',')}->${kept}`;
  const result = b.op(
    'Einsum',
    [dy, ...others.map(at => c.in(at))],
    [...kept].map(letter => sizes.get(letter)!),
    { equation },
  );
  // An index that only this operand has was summed over: its gradient is the same everywhere along it.
  const lead = batch === undefined ? [] : [sizes.get(batch)!];
  const open = [...lead, ...[...term].map((letter, axis) => (kept.includes(letter) ? dims[axis]! : 1))];
  return b.expand(b.reshape(result, open), [...lead, ...dims]);
}
