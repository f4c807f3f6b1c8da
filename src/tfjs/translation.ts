// What translating a model.json gives, for layers and for graphs alike.
import type { OnnxNode, StoredTensor, ValueInfo } from '../onnx/model';
import type { Untranslated } from '../onnx/openedModel';
import type { Tensor } from '../tensor/tensor';
import type { Emitter, KnownValue, Value } from './emitter';
import { Untranslatable } from './emitter';

/** A model as an ONNX graph in the internal opset. */
export interface Translation {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: ReadonlyMap<string, StoredTensor | Tensor>;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /** Layers and operators of the file by kind with their number. */
  readonly operators: ReadonlyMap<string, number>;
  readonly untranslated: readonly Untranslated[];
}

/** The domain of nodes that stand for what has no translation; they cannot be run. */
export const placeholderDomain = 'tfjs';

/** Whether the dims of all values are known. */
export function allKnown(values: readonly Value[]): values is KnownValue[] {
  return values.every(value => value.dims !== null);
}

/**
 * Translates one layer or operator. Where that is impossible, a node that only names it takes its place and is listed in
 * `untranslated`; what follows such a node becomes a sum, so that it still shows on which weights an output depends.
 */
export function translateStep(
  e: Emitter,
  step: { readonly op: string; readonly node: string; readonly weights: readonly string[] },
  inputs: readonly Value[],
  untranslated: Untranslated[],
  translate: (known: readonly KnownValue[]) => readonly Value[],
): readonly Value[] {
  const operands = (): string[] => [
    ...inputs.map(({ name }) => name),
    ...step.weights.flatMap(name => e.weight(name)?.name ?? []),
  ];
  const unknown = (name: string): Value[] => [{ name, dtype: 'float32', dims: null, layout: 'plain' }];
  e.scope = step.node;
  if (!allKnown(inputs)) return unknown(e.op('Sum', operands()));
  try {
    return e.attempt(() => translate(inputs));
  } catch (error) {
    if (!(error instanceof Untranslatable)) throw error;
    untranslated.push({ op: step.op, node: step.node, problem: error.message });
    return unknown(e.op(step.op, operands(), {}, placeholderDomain));
  }
}

/** The outputs of the graph under the names that the file gives them. */
export function namedOutputs(
  e: Emitter,
  outputs: readonly { readonly name: string; readonly value: Value }[],
): ValueInfo[] {
  e.scope = '';
  return outputs.map(({ name, value }) => {
    const plain = value.dims === null ? value : e.plain(value);
    e.nodes.push({
      name,
      opType: 'Identity',
      domain: '',
      inputs: [plain.name],
      outputs: [name],
      attributes: new Map(),
    });
    return { name, dtype: plain.dtype, dims: plain.dims };
  });
}
