// K⁺b against closed forms; the pivoted Cholesky path against projections of the eigenvalue path.
import assert from 'node:assert/strict';
import { gramSolver } from '../../src/tensor/pseudoInverse';
import { Random } from '../../src/tensor/random';

/** A matrix as columns. */
type Columns = readonly Float64Array[];

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] as number), 0);
}

function normals(random: Random, rows: number): Float64Array {
  return Float64Array.from({ length: rows }, () => random.normal());
}

function gramOf(columns: Columns): Float64Array {
  return Float64Array.from(columns.flatMap(a => columns.map(b => dot(a, b))));
}

/** Gα. */
function combine(columns: Columns, alpha: Float64Array): Float64Array {
  const sum = new Float64Array(columns[0]!.length);
  columns.forEach((column, index) => column.forEach((value, row) => (sum[row]! += value * alpha[index]!)));
  return sum;
}

/** The part of a vector inside the span of the columns, by the solver under test. */
function projection(
  columns: Columns,
  vector: Float64Array,
  cutOff?: number,
): { inside: Float64Array; rank: number } {
  const solver = gramSolver(gramOf(columns), columns.length, cutOff);
  const alpha = solver.solve(columns.map(column => dot(column, vector)));
  return { inside: combine(columns, alpha), rank: solver.rank };
}

/** The same by Gram–Schmidt, twice, over columns known to be independent. */
function exactProjection(independent: Columns, vector: Float64Array): Float64Array {
  const basis: Float64Array[] = [];
  for (const column of independent) {
    let rest = column.map(value => value / Math.sqrt(dot(column, column)));
    for (let round = 0; round < 2; round++)
      for (const one of basis) {
        const along = dot(one, rest);
        rest = rest.map((value, index) => value - along * one[index]!);
      }
    const size = Math.sqrt(dot(rest, rest));
    basis.push(rest.map(value => value / size));
  }
  return combine(
    basis,
    Float64Array.from(basis, one => dot(one, vector)),
  );
}

function distance(a: Float64Array, b: Float64Array): number {
  const difference = a.map((value, index) => value - b[index]!);
  return Math.sqrt(dot(difference, difference));
}

describe('solving with a Gram matrix', () => {
  it('solves a 2 × 2 system as its closed form does', () => {
    const solver = gramSolver([2, 1, 1, 3], 2);
    assert.equal(solver.rank, 2);
    const [first, second] = solver.solve([5, -4]);
    assert.ok(Math.abs(first! - 19 / 5) < 1e-13);
    assert.ok(Math.abs(second! - -13 / 5) < 1e-13);
    assert.ok(Math.abs(solver.largest - (1 + 1 / Math.sqrt(6))) < 1e-13);
  });

  it('takes the least solution of equal columns', () => {
    const solver = gramSolver(new Array<number>(9).fill(4), 3);
    assert.equal(solver.rank, 1);
    for (const value of solver.solve([6, 6, 6])) assert.ok(Math.abs(value - 0.5) < 1e-13);
  });

  it('gives a zero column no weight', () => {
    const solver = gramSolver([0, 0, 0, 4], 2);
    assert.equal(solver.rank, 1);
    assert.deepEqual([...solver.solve([7, 8])], [0, 2]);
    const nothing = gramSolver([0, 0, 0, 0], 2);
    assert.equal(nothing.rank, 0);
    assert.equal(nothing.largest, 0);
    assert.deepEqual([...nothing.solve([1, 1])], [0, 0]);
  });

  for (const [name, copies] of [
    ['eigenvalues', 1],
    ['pivoted Cholesky', 8],
  ] as const) {
    // 48 columns of rank 40, or as often as it takes to be more than the eigendecomposition takes on.
    it(`projects onto the span of dependent, ill-scaled columns by ${name}`, () => {
      for (let seed = 0; seed < 3; seed++) {
        const random = new Random(40 + seed);
        const rows = 120;
        const independent = Array.from({ length: 40 }, () => normals(random, rows));
        const mixed = Array.from({ length: 8 }, () => combine(independent, normals(random, 40)));
        const columns = Array.from({ length: copies }, () => [...independent, ...mixed])
          .flat()
          .map((column, index) => {
            const scale = 10 ** ((index % 13) - 6);
            return column.map(value => value * scale);
          });
        assert.equal(columns.length > 300, name === 'pivoted Cholesky');
        const vector = normals(random, rows);
        const { inside, rank } = projection(random.shuffle(columns), vector);
        assert.equal(rank, 40);
        const error = distance(inside, exactProjection(independent, vector));
        assert.ok(error < 1e-8 * Math.sqrt(dot(vector, vector)), `off by ${error}`);
      }
    });
  }

  it('gives the same projection by both paths', () => {
    const random = new Random(7);
    const rows = 400;
    const few = Array.from({ length: 290 }, () => normals(random, rows));
    // The same span with 20 columns more, each a sum of others.
    const many = [
      ...few,
      ...Array.from({ length: 20 }, (_, index) =>
        few[index]!.map((value, row) => value - 3 * few[index + 9]![row]!),
      ),
    ];
    const vector = normals(random, rows);
    const [byEigenvalues, byCholesky] = [projection(few, vector), projection(many, vector)];
    assert.deepEqual([byEigenvalues.rank, byCholesky.rank], [290, 290]);
    const size = Math.sqrt(dot(vector, vector));
    assert.ok(distance(byEigenvalues.inside, byCholesky.inside) < 1e-9 * size);
    // What is left is orthogonal to every column.
    const rest = vector.map((value, row) => value - byCholesky.inside[row]!);
    for (const column of many)
      assert.ok(Math.abs(dot(rest, column)) < 1e-9 * size * Math.sqrt(dot(column, column)));
  });

  it('finds the largest eigenvalue of the scaled matrix on both paths', () => {
    const random = new Random(3);
    const columns = Array.from({ length: 150 }, () => normals(random, 160));
    const one = gramSolver(gramOf(columns), 150).largest;
    // Every column three times: the eigenvalues of the scaled matrix triple.
    const three = gramSolver(gramOf([...columns, ...columns, ...columns]), 450).largest;
    assert.ok(Math.abs(three / (3 * one) - 1) < 0.02, `${three} and ${3 * one}`);
  });

  it('drops directions below the cut-off', () => {
    const [a, b] = [Float64Array.of(1, 0), Float64Array.of(1, 1e-3)];
    assert.equal(projection([a, b], Float64Array.of(0, 1), 1e-10).rank, 2);
    const dropped = projection([a, b], Float64Array.of(0, 1), 1e-4);
    assert.equal(dropped.rank, 1);
    assert.ok(distance(dropped.inside, Float64Array.of(0, 0)) < 1e-3);
  });
});
