// Rules of ScatterND and ScatterElements: updates that take the place of elements, or are combined with them.
import { elementCount } from '../../tensor/tensor';
import { DifferentiationError, describeNode, type Rule, type RuleContext } from '../rule';
import { sumTangents } from './elementwise';
import { zeros } from './shape';

/** How an operator puts updates into their places, takes what stands there, and what these places are. */
interface Places {
  put(c: RuleContext, data: string, updates: string, reduction: string): string;
  take(c: RuleContext, data: string): string;
  /** The number of every place, for indices that are known. */
  numbers(c: RuleContext, indices: readonly number[]): number[];
}

/** ScatterND: what was overwritten gets nothing, the updates get what stands in their places. */
export const scatterNdRule: Rule = scatterRule({
  put: (c, data, updates, reduction) =>
    c.b.op('ScatterND', [data, c.in(1), updates], c.outDims(), { reduction }),
  take: (c, data) => c.b.op('GatherND', [data, c.in(1)], c.inDims(2)),
  numbers: (c, indices) => {
    const dims = c.inDims(0);
    const depth = c.inDims(1)[c.inDims(1).length - 1]!;
    return Array.from({ length: indices.length / depth }, (_, at) =>
      numberOf(indices.slice(at * depth, (at + 1) * depth), dims),
    );
  },
});

export const scatterElementsRule: Rule = scatterRule({
  put: (c, data, updates, reduction) =>
    c.b.op('ScatterElements', [data, c.in(1), updates], c.outDims(), { axis: c.int('axis', 0), reduction }),
  take: (c, data) => c.b.op('GatherElements', [data, c.in(1)], c.inDims(2), { axis: c.int('axis', 0) }),
  numbers: (c, indices) => {
    const [dims, placed] = [c.inDims(0), c.inDims(1)];
    const axis = c.axis('axis', 0, dims.length);
    return indices.map((index, at) => {
      const position = placed.map(
        (size, other) => Math.floor(at / elementCount(placed.slice(other + 1))) % size,
      );
      position[axis] = index;
      return numberOf(position, dims);
    });
  },
});

/** The number of a position, counted along leading axes; negative places count from the end. */
function numberOf(position: readonly number[], dims: readonly number[]): number {
  return position.reduce((sum, at, axis) => sum * dims[axis]! + (at < 0 ? at + dims[axis]! : at), 0);
}

function scatterRule(places: Places): Rule {
  const put = (c: RuleContext, updates: string): string =>
    places.put(c, zeros(c, c.inDims(0)), updates, 'none');
  return {
    inputs: [0, 2],
    vjp: (c, [dy]) => {
      if (!dy) return [];
      const { b } = c;
      const reduction = reductionOf(c, places);
      const given = (): string => places.take(c, dy);
      if (reduction === 'add') return [dy, undefined, c.wants(2) ? given() : undefined];
      if (reduction === 'none')
        return [
          c.wants(0) ? places.put(c, dy, zeros(c, c.inDims(2)), 'none') : undefined,
          undefined,
          c.wants(2) ? given() : undefined,
        ];
      if (reduction === 'mul')
        return [
          c.wants(0) ? b.binary('Mul', dy, factors(c, places)) : undefined,
          undefined,
          c.wants(2) ? b.binary('Mul', given(), places.take(c, c.in(0))) : undefined,
        ];
      const won = winners(c, places, reduction);
      return [
        c.wants(0) ? b.binary('Mul', dy, b.binary('Sub', b.scalar(1), put(c, won))) : undefined,
        undefined,
        c.wants(2) ? b.binary('Mul', given(), won) : undefined,
      ];
    },
    jvp: (c, [dx, , du]) => {
      if (!dx && !du) return [];
      const { b } = c;
      const reduction = reductionOf(c, places);
      if (reduction === 'none' || reduction === 'add')
        return [places.put(c, dx ?? zeros(c, c.inDims(0)), du ?? zeros(c, c.inDims(2)), reduction)];
      if (reduction === 'mul')
        return [
          sumTangents(c, [
            dx && b.binary('Mul', dx, factors(c, places)),
            du && put(c, b.binary('Mul', du, places.take(c, c.in(0)))),
          ]),
        ];
      const won = winners(c, places, reduction);
      return [
        sumTangents(c, [
          dx && b.binary('Mul', dx, b.binary('Sub', b.scalar(1), put(c, won))),
          du && put(c, b.binary('Mul', du, won)),
        ]),
      ];
    },
  };
}

/** The updates in their places, 1 elsewhere. */
function factors(c: RuleContext, places: Places): string {
  return places.put(c, c.b.expand(c.b.scalar(1), c.inDims(0)), c.in(2), 'none');
}

/** 1 for updates that beat what stands in their places, else 0: of equals what was there stays. */
function winners(c: RuleContext, places: Places, reduction: 'max' | 'min'): string {
  const there = places.take(c, c.in(0));
  const compare = reduction === 'max' ? 'Less' : 'Greater';
  return c.b.toFloat(c.b.op(compare, [there, c.in(2)], c.inDims(2)));
}

type Reduction = 'none' | 'add' | 'mul' | 'max' | 'min';

/** The reduction. Products and extremes are differentiated where no place is named twice, as the file shows. */
function reductionOf(c: RuleContext, places: Places): Reduction {
  const reduction = c.string('reduction', 'none') as Reduction;
  if (reduction === 'none' || reduction === 'add') return reduction;
  const indices = c.knownInts(1);
  const numbers = indices ? places.numbers(c, indices) : [];
  if (!indices || new Set(numbers).size < numbers.length)
    throw new DifferentiationError(
      `${describeNode(c.node)} reduces by ${reduction} at ${indices ? 'places that repeat' : 'places that depend on the data'}, ` +
        'which has no gradient rule. Freeze the parameters before it with "parameters": { "freeze": […] }.',
    );
  return reduction;
}
