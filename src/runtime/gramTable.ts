// K, b and v − Gα of a table that samples look rows up in: only the rows that were looked up are touched.
import type { GraphBuilder } from '../autodiff/builder';
import { numberOf } from '../onnx/dataTypes';
import { tableSlice, type TableFactors } from './factors';
import {
  inPrecision,
  scaledBy,
  sideBySide,
  timesTransposed,
  toDouble,
  type Coefficients,
  type Emission,
} from './gramEmission';

/** K_ij = Σ_ts [id_it = id_js] δ_it · δ_js, and b_i = Σ_t v[id_it] · δ_it. */
export function tableShares(e: Emission, factor: TableFactors, vector: string): string[] {
  const { b, columns } = e;
  const [, picks, width] = factor.rightDims as [number, number, number];
  const given = toDouble(b, givenRows(e, factor));
  const ids = b.reshape(e.input(factor.left, factor.leftDims), [columns * picks, 1]);
  const others = b.reshape(ids, [1, columns * picks]);
  const slice = tableSlice(factor, columns);
  const parts: string[] = [];
  for (let start = 0; start < columns; start += slice) {
    const end = Math.min(columns, start + slice);
    const cut = (value: string): string => b.slice(value, [0], [start * picks], [end * picks]);
    const pairs = b.binary(
      'Mul',
      timesTransposed(b, cut(given), given),
      sameId(b, cut(ids), others, 'float64'),
    );
    parts.push(b.sum(b.reshape(pairs, [end - start, picks, columns, picks]), [1, 3]));
  }
  const looked = b.op('Gather', [tableOf(b, factor, vector), wholeIds(e, factor)], [columns * picks, width]);
  const terms = b.binary('Mul', toDouble(b, looked), given);
  return [sideBySide(e, b.concat(parts, 0), b.sum(b.reshape(terms, [columns, picks * width]), [1]))];
}

/** v with −α_i δ_it added to its row id_it. */
export function tableRest(e: Emission, factor: TableFactors, vector: string, alpha: Coefficients): string {
  const { b, columns } = e;
  const [, picks, width] = factor.rightDims as [number, number, number];
  const double = alpha.parts === null;
  const given = b.reshape(givenRows(e, factor), [columns, picks * width]);
  const scaled = b.reshape(scaledBy(b, given, alpha), [columns * picks, width]);
  const rows = b.unary('Neg', scaled);
  const places = b.expand(b.reshape(wholeIds(e, factor), [columns * picks, 1]), [columns * picks, width]);
  const table = inPrecision(b, tableOf(b, factor, vector), double);
  const rest = b.op('ScatterElements', [table, places, rows], b.dims(table), { axis: 0, reduction: 'add' });
  const flat = b.reshape(rest, [factor.rows * width]);
  return double && b.float !== 'float64' ? b.toFloat(flat) : flat;
}

/** 1 where the ids of a row and of a column are the same, else 0. */
export function sameId(b: GraphBuilder, rows: string, columns: string, type: 'float32' | 'float64'): string {
  const dims = [b.dims(rows)[0] as number, b.dims(columns)[1] as number];
  return b.cast(b.op('Equal', [rows, columns], dims), numberOf(type));
}

function givenRows(e: Emission, factor: TableFactors): string {
  const [, picks, width] = factor.rightDims as [number, number, number];
  return e.b.reshape(e.input(factor.right, factor.rightDims), [e.columns * picks, width]);
}

function wholeIds(e: Emission, factor: TableFactors): string {
  const ids = e.b.reshape(e.input(factor.left, factor.leftDims), [e.columns * factor.leftDims[1]!]);
  return e.b.cast(ids, numberOf('int64'));
}

function tableOf(b: GraphBuilder, factor: TableFactors, vector: string): string {
  return b.reshape(vector, [factor.rows, factor.rightDims[2]!]);
}
