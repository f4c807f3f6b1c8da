// Random cases of Gemm and MatMul.
import type { Random } from '../../../src/tensor/random';
import { node, normals, oneOf, sizes, type Case } from '../harness';

/** Gemm with every form of transposition, and with C absent or of every shape that broadcasts. */
export function gemmCase(random: Random, index: number): Case {
  const [rows, inner, columns] = sizes(random, 3, 1, 5) as [number, number, number];
  const [transA, transB] = [index & 1, (index >> 1) & 1];
  const c = [undefined, [], [1], [columns], [1, columns], [rows, 1], [rows, columns], [1, 1]][index % 8];
  const attributes = {
    transA: transA ? 1 : undefined,
    transB: transB ? 1 : oneOf(random, [0, undefined]),
    alpha: index % 3 ? { float: random.normal() } : undefined,
    beta: index % 5 ? { float: random.normal() } : undefined,
  };
  return {
    title: `${rows}×${inner}×${columns}, C ${c ? `[${c.join()}]` : 'absent'}, ${JSON.stringify(attributes)}`,
    nodes: [node('Gemm', c ? ['a', 'b', 'c'] : ['a', 'b'], ['y'], attributes)],
    opset: c ? oneOf(random, [7, 9, 11, 13]) : oneOf(random, [11, 13]),
    args: {
      a: normals(random, transA ? [inner, rows] : [rows, inner]),
      b: normals(random, transB ? [columns, inner] : [inner, columns]),
      ...(c ? { c: normals(random, c) } : {}),
    },
    output: 'y',
    differences: 'exact',
  };
}

/** MatMul of ranks 1 to 4 on either side, leading axes broadcast. */
export function matmulCase(random: Random, index: number): Case {
  const [rankA, rankB] = [(index % 4) + 1, (Math.floor(index / 4) % 4) + 1];
  const [rows, inner, columns] = sizes(random, 3, 1, 4) as [number, number, number];
  const lead = sizes(random, 2, 1, 3);
  const leadOf = (rank: number): number[] =>
    lead.slice(2 - Math.max(0, rank - 2)).map(size => (random.integer(3) === 0 ? 1 : size));
  const a = rankA === 1 ? [inner] : [...leadOf(rankA), rows, inner];
  const b = rankB === 1 ? [inner] : [...leadOf(rankB), inner, columns];
  return {
    title: `[${a.join()}] @ [${b.join()}]`,
    nodes: [node('MatMul', ['a', 'b'], ['y'])],
    opset: oneOf(random, [9, 13]),
    args: { a: normals(random, a), b: normals(random, b) },
    output: 'y',
    differences: 'exact',
  };
}
