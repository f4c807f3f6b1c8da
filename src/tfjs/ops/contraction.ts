// Products of matrices.
import { Untranslatable, type KnownValue, type Size } from '../emitter';
import { fusedWork } from './convolution';
import { activated } from './elementwise';
import { broadcast, inOrder, plain, requireTypes, type OpContext, type OpRule } from './opContext';

/** A · B of matrices, either of them transposed, with a bias where there is one. */
function product(c: OpContext, a: KnownValue, b: KnownValue, bias?: KnownValue): KnownValue {
  const [transA, transB] = [c.node.flag('transpose_a', false), c.node.flag('transpose_b', false)];
  requireTypes([a, b], ['float32']);
  const [left, right] = [inOrder(c, a), inOrder(c, b)];
  if (left.dims.length !== 2 || right.dims.length !== 2) return batched(c, left, right, transA, transB);
  const [inner, outer] = [left.dims[transA ? 0 : 1]!, right.dims[transB ? 1 : 0]!];
  if (inner !== null && outer !== null && inner !== outer)
    throw new Untranslatable(`multiplies matrices whose sizes ${inner} and ${outer} do not fit`);
  const dims = [left.dims[transA ? 1 : 0]!, right.dims[transB ? 0 : 1]!];
  if (!bias && !transA && !transB) return plain(dims, c.e.op('MatMul', [left.name, right.name]));
  const settings = { ...(transA ? { transA: 1 } : {}), ...(transB ? { transB: 1 } : {}) };
  const inputs = [left.name, right.name, ...(bias ? [bias.name] : [])];
  return plain(dims, c.e.op('Gemm', inputs, settings));
}

function batched(c: OpContext, a: KnownValue, b: KnownValue, transA: boolean, transB: boolean): KnownValue {
  const [left, right] = [transA ? swapped(c, a) : a, transB ? swapped(c, b) : b];
  if (left.dims.length < 2 || right.dims.length < 2)
    throw new Untranslatable('multiplies values that are no matrices');
  const batch = broadcast(left.dims.slice(0, -2), right.dims.slice(0, -2));
  const dims: Size[] = [...batch, left.dims.at(-2)!, right.dims.at(-1)!];
  return plain(dims, c.e.op('MatMul', [left.name, right.name]));
}

/** The last two axes exchanged. */
function swapped({ e }: OpContext, x: KnownValue): KnownValue {
  const rank = x.dims.length;
  const perm = x.dims.map((_, axis) => (axis === rank - 1 ? rank - 2 : axis === rank - 2 ? rank - 1 : axis));
  return plain(
    perm.map(axis => x.dims[axis]!),
    e.rearranged(x.name, perm),
    x.dtype,
  );
}

export const matMul: OpRule = (c, [a, b]) => product(c, a!, b!);

export const batchMatMul: OpRule = (c, [a, b]) => {
  requireTypes([a!, b!], ['float32']);
  return batched(c, inOrder(c, a!), inOrder(c, b!), c.node.flag('adj_x', false), c.node.flag('adj_y', false));
};

export const fusedMatMul: OpRule = (c, [a, b, ...rest]) => {
  const { bias, activation } = fusedWork(c);
  const result = product(c, a!, b!, bias ? rest[0] : undefined);
  return activated(c, result, activation, rest[bias ? 1 : 0]);
};

export const einsum: OpRule = (c, inputs) => {
  requireTypes(inputs, ['float32']);
  const equation = c.node.text('equation', '').replaceAll(' ', '');
  const [terms = '', result] = equation.split('->');
  const labels = terms.split(',');
  if (result === undefined || equation.includes('.') || labels.length !== inputs.length) {
    throw new Untranslatable(`has the equation "${equation}", which has no translation`);
  }
  const values = inputs.map(input => inOrder(c, input));
  const sizes = new Map<string, Size>();
  labels.forEach((term, index) => {
    if (term.length !== values[index]!.dims.length)
      throw new Untranslatable(`has the equation "${equation}", which does not fit its inputs`);
    [...term].forEach((label, axis) => sizes.set(label, sizes.get(label) ?? values[index]!.dims[axis]!));
  });
  const name = c.e.op(
    'Einsum',
    values.map(value => value.name),
    { equation },
  );
  return plain(
    [...result].map(label => sizes.get(label) ?? null),
    name,
  );
};
