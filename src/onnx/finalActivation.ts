// Recognises the Softmax, LogSoftmax or Sigmoid that ends a model, so that losses can start from its logits.
import { elementCount, elementReader } from '../tensor/tensor';
import { isFloating } from '../tensor/dtype';
import { dtypeOf } from './dataTypes';
import { isStored, type Graph, type OnnxModel, type OnnxNode } from './model';
import { readTensor } from './readTensor';

/** What ends a model. `output` = kind(`logits`), elementwise or along `axis`, in the shape of the logits. */
export interface FinalActivation {
  readonly kind: 'softmax' | 'log-softmax' | 'sigmoid';
  /** The name of the value it is applied to. */
  readonly logits: string;
  /** The class axis; negative (from the end) where the rank is not known, null for sigmoid. */
  readonly axis: number | null;
}

/**
 * The activation that an output of the model ends in, or null. Looks through Identity, Dropout, casts between floating
 * types and reshapes that change nothing, and knows Log(Softmax) and a softmax spelt out as Exp, ReduceSum and Div.
 * A softmax of an opset before 13, which ran over all axes from `axis` on, is given only where that is one axis.
 */
export function finalActivation(
  model: Pick<OnnxModel, 'graph' | 'opsets'>,
  output: string,
): FinalActivation | null {
  return new Search(model.graph, model.opsets.get('') ?? 13).from(output);
}

/** More steps than any exporter puts after its softmax; a hostile graph may be a circle. */
const mostSteps = 64;

class Search {
  private readonly producers = new Map<string, OnnxNode>();

  constructor(
    private readonly graph: Graph,
    private readonly opset: number,
  ) {
    for (const node of graph.nodes) for (const name of node.outputs) if (name) this.producers.set(name, node);
  }

  from(output: string, underLog = false): FinalActivation | null {
    const node = this.producer(this.throughNothing(output));
    if (!node) return null;
    const logits = node.inputs[0] ?? '';
    switch (node.opType) {
      case 'Sigmoid':
        return { kind: 'sigmoid', logits, axis: null };
      case 'Softmax':
        return this.along('softmax', node);
      case 'LogSoftmax':
        return this.along('log-softmax', node);
      case 'Div':
        return this.speltOut(node);
      case 'Log': {
        const inner = underLog ? null : this.from(logits, true);
        return inner?.kind === 'softmax' ? { ...inner, kind: 'log-softmax' } : null;
      }
      default:
        return null;
    }
  }

  /** The producer of a value that is its first output. */
  private producer(name: string): OnnxNode | undefined {
    const node = this.producers.get(name);
    return node?.domain === '' && node.outputs[0] === name ? node : undefined;
  }

  /** Goes back over nodes that do not change their input. */
  private throughNothing(output: string): string {
    let name = output;
    for (let step = 0; step < mostSteps; step++) {
      const node = this.producer(name);
      if (!node || !this.changesNothing(node)) return name;
      name = node.inputs[0] ?? '';
    }
    return name;
  }

  private changesNothing(node: OnnxNode): boolean {
    switch (node.opType) {
      case 'Identity':
      case 'Dropout':
        return true;
      case 'Cast': {
        const to = dtypeOf(integer(node, 'to', 0));
        return to !== undefined && isFloating(to);
      }
      case 'Flatten':
        return integer(node, 'axis', 1) === 1 && this.rank(node.inputs[0] ?? '') === 2;
      default:
        return false;
    }
  }

  private along(kind: 'softmax' | 'log-softmax', node: OnnxNode): FinalActivation | null {
    const logits = node.inputs[0] ?? '';
    const axis = integer(node, 'axis', this.opset < 13 ? 1 : -1);
    const rank = this.rank(node.outputs[0] ?? '') ?? this.rank(logits);
    const counted = axis < 0 && rank !== null ? axis + rank : axis;
    if (this.opset < 13 && axis !== -1) {
      if (rank === null) return null;
      const dims = this.dims(node.outputs[0] ?? '') ?? this.dims(logits);
      const following = dims
        ? dims.slice(counted + 1)
        : Array<null>(Math.max(0, rank - counted - 1)).fill(null);
      if (!following.every(dim => dim === 1)) return null;
    }
    return { kind, logits, axis: counted };
  }

  /** exp(x − max) / Σ exp(x − max). */
  private speltOut(node: OnnxNode): FinalActivation | null {
    const [top = '', bottom = ''] = node.inputs;
    const exp = this.producer(top);
    const sum = this.producer(bottom);
    if (exp?.opType !== 'Exp' || sum?.opType !== 'ReduceSum' || sum.inputs[0] !== top) return null;
    const axis = this.reducedAxis(sum);
    if (axis === null) return null;
    const shifted = exp.inputs[0] ?? '';
    const sub = this.producer(shifted);
    const [x = '', shift = ''] = sub?.inputs ?? [];
    const max = this.producer(shift);
    const isShift =
      sub?.opType === 'Sub' &&
      max?.opType === 'ReduceMax' &&
      max.inputs[0] === x &&
      this.reducedAxis(max) === axis;
    const rank = this.rank(top) ?? this.rank(node.outputs[0] ?? '');
    return {
      kind: 'softmax',
      logits: isShift ? x : shifted,
      axis: axis < 0 && rank !== null ? axis + rank : axis,
    };
  }

  /** The one axis that a reduction runs over, keeping it; null for anything else. */
  private reducedAxis(node: OnnxNode): number | null {
    if (integer(node, 'keepdims', 1) !== 1) return null;
    const attribute = node.attributes.get('axes');
    if (attribute?.type === 'ints') return attribute.value.length === 1 ? attribute.value[0]! : null;
    const tensor = this.constant(node.inputs[1] ?? '');
    if (!tensor || (tensor.dtype !== 'int64' && tensor.dtype !== 'int32') || elementCount(tensor.dims) !== 1)
      return null;
    return elementReader(isStored(tensor) ? readTensor(tensor) : tensor)(0);
  }

  private constant(name: string): ReturnType<Graph['initializers']['get']> {
    const value = this.producer(name)?.attributes.get('value');
    return this.graph.initializers.get(name) ?? (value?.type === 'tensor' ? value.value : undefined);
  }

  private dims(name: string): Graph['inputs'][number]['dims'] {
    const declared = [...this.graph.outputs, ...this.graph.valueInfo, ...this.graph.inputs];
    return declared.find(value => value.name === name)?.dims ?? null;
  }

  /** The rank of a value: as declared, else from what made it. */
  private rank(name: string): number | null {
    let current = name;
    for (let step = 0; step < mostSteps; step++) {
      const dims = this.dims(current);
      if (dims) return dims.length;
      const node = this.producer(current);
      switch (node?.opType) {
        case 'Gemm':
        case 'Flatten':
          return 2;
        case 'Conv':
          return this.graph.initializers.get(node.inputs[1] ?? '')?.dims.length ?? null;
        case 'Identity':
        case 'Dropout':
        case 'Cast':
        case 'Softmax':
        case 'LogSoftmax':
        case 'Relu':
        case 'Exp':
          current = node.inputs[0] ?? '';
          break;
        default:
          return null;
      }
    }
    return null;
  }
}

function integer(node: OnnxNode, name: string, otherwise: number): number {
  const attribute = node.attributes.get(name);
  return attribute?.type === 'int' ? attribute.value : otherwise;
}
