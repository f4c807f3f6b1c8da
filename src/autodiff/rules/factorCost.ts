// Whether the Gram matrix of per-sample gradients is cheaper from factors by position than from the gradients.

/** One side of a factor: vectors of `size` at each position of a sample. */
export interface FactorSide {
  readonly positions: number;
  readonly size: number;
  /** How many of these vectors side by side make what multiplies the other side. */
  readonly shifts?: number;
}

/** What moving an element of a gradient to memory and back costs, in multiplications of its type. */
const traffic = 40;
/** What a pair of positions costs beyond its two products. */
const pairWork = 20;

/**
 * Whether factors pay for `columns` gradients Σ_t left[t] ⊗ right[t]. In multiplications in double precision (half of
 * one in single): factors take the products of all pairs of positions, then Gᵀv and Gα position by position; gradients
 * have to be formed, multiplied pair by pair, and moved.
 */
export function factorsPay(columns: number, left: FactorSide, right: FactorSide): boolean {
  const shifts = right.shifts ?? 1;
  const elements = left.size * right.size * shifts;
  const pairs = (side: FactorSide): number => (columns * side.positions) ** 2;
  const byFactors =
    pairs(left) * (left.size + pairWork * (shifts > 1 ? 2 : 1)) +
    pairs(right) * right.size +
    2 * columns * left.positions * elements;
  const byGradients = columns * elements * (left.positions / 2 + columns + traffic);
  return byFactors < byGradients;
}

/** A table and how many of its rows a sample picks. */
export interface TableUse {
  readonly rows: number;
  readonly width: number;
  readonly picks: number;
}

/** Ids travel as floats, which tell whole numbers apart up to here. */
const mostRows = 2 ** 24;
/** Numbers of explicit gradients that are too many to be held, whatever they cost. */
const mostElements = 2e8;

/** Whether ids and rows pay for `columns` gradients of a table, by the same count: equal ids select the products of rows. */
export function tablePays(columns: number, { rows, width, picks }: TableUse): boolean {
  const elements = columns * rows * width;
  const byFactors = (columns * picks) ** 2 * (width + pairWork);
  return rows <= mostRows && (elements > mostElements || byFactors < elements * (columns + traffic));
}
