// Gather: rows of a table, and its gradients. A table of many rows is never written out sample by sample.
import { elementCount } from '../../tensor/tensor';
import type { GraphBuilder } from '../builder';
import type { Rule, RuleContext, TableFactor } from '../rule';
import { tablePays } from './factorCost';

/** Gather: the cotangent is added back into the rows it came from. */
export const gatherRule: Rule = {
  inputs: [0],
  vjp: (c, [dy]) => {
    if (!dy) return [];
    if (c.perSample(0)) {
      const factor = tableFactor(c, dy);
      return [factor && c.b.reshape(explicitTable(c.b, factor), [c.b.dims(dy)[0]!, ...c.inDims(0)])];
    }
    const data = c.inDims(0);
    const axis = c.axis('axis', 0, data.length);
    const indices = c.inDims(1);
    const [before, size, after] = [
      elementCount(data.slice(0, axis)),
      data[axis]!,
      elementCount(data.slice(axis + 1)),
    ];
    const picks = elementCount(indices);
    // Gathered axis first, so that one row of updates belongs to one index.
    const rows = c.b.reshape(c.b.transpose(c.b.reshape(dy, [before, picks, after]), [1, 0, 2]), [
      picks,
      before * after,
    ]);
    const sum = addRows(c.b, positiveIndices(c, [picks, 1], size), rows, size);
    const back = c.b.transpose(c.b.reshape(sum, [size, before, after]), [1, 0, 2]);
    return [c.b.reshape(back, data)];
  },
  jvp: (c, [dx]) => [dx && c.again({ 0: dx })],
  outer: (c, input, dy, columns) => {
    if (input !== 0) return undefined;
    const [rows, ...rest] = c.inDims(0) as [number, ...number[]];
    const use = { rows, width: elementCount(rest), picks: elementCount(c.inDims(1).slice(1)) };
    return tablePays(columns, use) ? tableFactor(c, dy) : undefined;
  },
};

/** Ids and rows of a table's per-sample gradients. None where the indices do not follow the samples. */
function tableFactor(c: RuleContext, dy: string): TableFactor | undefined {
  const data = c.inDims(0);
  const samples = c.b.dims(dy)[0]!;
  const indices = c.inDims(1);
  if (c.axis('axis', 0, data.length) !== 0 || indices[0] !== samples) return undefined;
  const [size, width] = [data[0]!, elementCount(data.slice(1))];
  const picks = elementCount(indices.slice(1));
  return {
    ids: positiveIndices(c, [samples, picks], size),
    rows: c.b.reshape(dy, [samples, picks, width]),
    size,
  };
}

/** The per-sample gradients that a table's factors stand for: [samples, size, width]. */
export function explicitTable(b: GraphBuilder, { ids, rows, size }: TableFactor): string {
  const [samples, picks, width] = b.dims(rows) as [number, number, number];
  const offsets = b.tensor({
    dtype: 'int64',
    dims: [samples, 1],
    data: BigInt64Array.from({ length: samples }, (_, sample) => BigInt(sample * size)),
  });
  const places = b.reshape(b.op('Add', [ids, offsets], [samples, picks]), [samples * picks, 1]);
  const sum = addRows(b, places, b.reshape(rows, [samples * picks, width]), samples * size);
  return b.reshape(sum, [samples, size, width]);
}

/**
 * [size, width] with every row of `rows` added where `indices` [count, 1] says. By ScatterElements: the ScatterND of
 * ONNX Runtime adds in parallel and loses rows that share an index.
 */
export function addRows(b: GraphBuilder, indices: string, rows: string, size: number): string {
  const [picks, width] = b.dims(rows) as [number, number];
  const target = b.expand(b.scalar(0), [size, width]);
  return b.op('ScatterElements', [target, b.expand(indices, [picks, width]), rows], [size, width], {
    axis: 0,
    reduction: 'add',
  });
}

/** The indices as int64 in the given dims, negative ones counted from the end. */
function positiveIndices(c: RuleContext, dims: readonly number[], size: number): string {
  const given = c.b.reshape(c.b.cast(c.in(1), 7), dims);
  const negative = c.b.op('Less', [given, c.b.ints([0])], dims);
  return c.b.op('Where', [negative, c.b.op('Add', [given, c.b.ints([size])], dims), given], dims);
}
