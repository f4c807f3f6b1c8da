// The table from the operators of TensorFlow graphs to the ONNX operators that compute the same.
import type { Emitter, KnownValue, Value } from '../emitter';
import type { GraphNode } from './graphNode';
import { Untranslatable } from '../emitter';

/** What translates one operator: its inputs are values whose dims are known. */
export type OpRule = (c: OpContext, inputs: readonly KnownValue[]) => Value | readonly Value[];

/** An operator at hand. */
export interface OpContext {
  readonly e: Emitter;
  readonly node: GraphNode;
}

const identity: OpRule = (_, [x]) => x!;

const relu: OpRule = ({ e }, [x]) => ({ ...x!, name: e.op('Relu', [x!.name]) });

const matMul: OpRule = ({ e, node }, [a, b]) => {
  if (node.flag('transpose_a', false)) throw new Untranslatable('has transpose_a');
  const transposed = node.flag('transpose_b', false);
  const right = transposed ? e.rearranged(b!.name, [1, 0]) : b!.name;
  const dims = [a!.dims[0]!, b!.dims[transposed ? 0 : 1]!];
  return { name: e.op('MatMul', [e.plain(a!).name, right]), dtype: a!.dtype, dims, layout: 'plain' };
};

const biasAdd: OpRule = ({ e }, [x, bias]) => {
  const value = e.plain(x!);
  return { ...value, name: e.op('Add', [value.name, bias!.name]) };
};

const softmax: OpRule = ({ e }, [x]) => {
  const value = e.plain(x!);
  return { ...value, name: e.op('Softmax', [value.name], { axis: -1 }) };
};

const rules: Readonly<Record<string, OpRule>> = {
  BiasAdd: biasAdd,
  Identity: identity,
  MatMul: matMul,
  Relu: relu,
  Softmax: softmax,
};

/** The rule of an operator, or undefined where there is none. */
export function opRule(op: string): OpRule | undefined {
  return Object.hasOwn(rules, op) ? rules[op] : undefined;
}
