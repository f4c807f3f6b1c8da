import { strict as assert } from 'node:assert';
import { choleskyOf } from '../../src/tensor/cholesky';
import { Random } from '../../src/tensor/random';

describe('choleskyOf', () => {
  it('solves with a random Gram matrix', () => {
    const random = new Random(1);
    const size = 40;
    const rows = Array.from({ length: size }, () => Float64Array.from({ length: 60 }, () => random.normal()));
    const matrix = new Float64Array(size * size);
    rows.forEach((a, row) =>
      rows.forEach((b, column) => {
        matrix[row * size + column] = a.reduce((sum, value, index) => sum + value * b[index]!, 0);
      }),
    );
    const x = Float64Array.from({ length: size }, () => random.normal());
    const b = x.map((_, row) =>
      x.reduce((sum, value, column) => sum + matrix[row * size + column]! * value, 0),
    );
    const { pivots, solve } = choleskyOf(matrix, size);
    solve(b).forEach((value, index) => assert.ok(Math.abs(value - x[index]!) < 1e-8));
    assert.ok(pivots.every(pivot => pivot > 0));
    assert.equal(pivots[0], matrix[0]);
  });

  it('names the row where a matrix is not positive definite', () => {
    assert.throws(() => choleskyOf(Float64Array.of(1, 2, 2, 1), 2), /row 1/);
  });
});
