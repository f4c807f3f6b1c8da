// Brings a graph to one internal opset, so that differentiation rules know only that one. Works on the in-memory
// graph alone; saving patches the original file.
import { isFloating, type DType, type FloatType } from '../tensor/dtype';
import { castTensor, float32, floats, int64, zeros, type Tensor } from '../tensor/tensor';
import {
  isStored,
  type Attribute,
  type Graph,
  type OnnxModel,
  type OnnxNode,
  type StoredTensor,
} from './model';
import { intOf, mapGraphs, numberOf, numbersOf, without, withAttribute, withInt } from './attributes';
import { numberOf as numberOfType } from './dataTypes';
import { ModelError } from './errors';
import { inlineFunctions } from './inlineFunctions';
import { readTensor } from './readTensor';
import {
  batchLast,
  flatSoftmax,
  globalLpPool,
  groupScales,
  layerStatistics,
  rmsNormalization,
  swish,
  upsample,
  type Rewriter,
} from './rewrites';

/**
 * The opset of the standard domain that upgraded graphs are written in; newer ones are left. Before 22, shape
 * inference counts one window too many for some pooling with ceil_mode, and ONNX Runtime refuses what follows.
 */
export const internalOpset = 22;

/** How the names of constants begin that upgrading adds. */
export const upgradePrefix = 'lethe-upgrade/';

/**
 * A graph in the internal opset: no Constant nodes, all floating values that nodes give of one type, inference mode.
 * Stored tensors keep their types.
 */
export interface UpgradedGraph {
  readonly graph: Graph;
  /** Opsets to declare, the standard domain at `internalOpset` or later. */
  readonly opsets: ReadonlyMap<string, number>;
}

/**
 * Upgrades a model's graph. Constant nodes become initializers under the name of their output; values of all floating
 * types become `float`; Dropout and BatchNormalization are in inference mode. Throws a ModelError for an operator form
 * too old to be understood.
 */
export function upgradeGraph(model: OnnxModel, float: FloatType = 'float32'): UpgradedGraph {
  const opset = model.opsets.get('') ?? model.opsets.get('ai.onnx') ?? internalOpset;
  const opsets = new Map(model.opsets);
  opsets.delete('ai.onnx');
  opsets.set('', Math.max(opset, internalOpset));
  const inlined = inlineFunctions(model);
  return { graph: new Upgrade(model.path, opset, inlined.opsets, float).graph(inlined.graph), opsets };
}

class Upgrade implements Rewriter {
  private counter = 0;
  /** The element types that the file declares, by value. */
  private readonly types = new Map<string, DType>();
  /** The ranks of stored tensors. */
  private readonly ranks = new Map<string, number>();
  /** The opset of the node at hand: that of the function it came from, else the model's. */
  private opset: number;
  private extra = new Map<string, StoredTensor | Tensor>();

  constructor(
    private readonly path: string,
    private readonly modelOpset: number,
    private readonly opsets: ReadonlyMap<OnnxNode, number>,
    private readonly float: FloatType,
  ) {
    this.opset = modelOpset;
  }

  graph(graph: Graph): Graph {
    const outer = this.extra;
    this.extra = new Map();
    const initializers = new Map<string, StoredTensor | Tensor>();
    for (const [name, tensor] of graph.initializers) {
      initializers.set(name, tensor);
      this.types.set(name, tensor.dtype);
      this.ranks.set(name, tensor.dims.length);
    }
    for (const value of [...graph.inputs, ...graph.valueInfo, ...graph.outputs])
      if (value.typed !== false) this.types.set(value.name, value.dtype);
    const nodes = graph.nodes.flatMap(node => this.node(node));
    for (const [name, tensor] of this.extra) initializers.set(name, tensor);
    this.extra = outer;
    const widen = <T extends { dtype: DType }>(info: T): T => ({
      ...info,
      dtype: computedType(info.dtype, this.float),
    });
    return {
      name: graph.name,
      nodes,
      inputs: graph.inputs.filter(input => !graph.initializers.has(input.name)).map(widen),
      outputs: graph.outputs.map(widen),
      initializers,
      valueInfo: [],
    };
  }

  private node(original: OnnxNode): OnnxNode[] {
    const node = mapGraphs(original, graph => this.graph(graph));
    this.opset = this.opsets.get(original) ?? this.modelOpset;
    // Maps are no tensors: the reader takes what ZipMap makes them of.
    if (node.domain === 'ai.onnx.ml' && node.opType === 'ZipMap') return [];
    if (node.domain !== '' && node.domain !== 'ai.onnx') return [node];
    switch (node.opType) {
      case 'Constant':
        return this.constant(node);
      case 'Dropout':
        return this.dropout(node);
      case 'BatchNormalization':
        return [this.batchNormalization(node)];
      case 'Cast':
        return [this.toComputed(node, 'to')];
      case 'EyeLike':
        return [node.attributes.has('dtype') ? this.toComputed(node, 'dtype') : node];
      case 'CastLike':
        return [this.castLike(node)];
      case 'ConstantOfShape':
        return [this.constantOfShape(node)];
      case 'Softmax':
      case 'LogSoftmax':
      case 'Hardmax':
        return this.opset < 13 ? flatSoftmax(this, node) : [node];
      case 'Squeeze':
      case 'Unsqueeze':
        return [this.opset < 13 ? this.attributeToInput(node, 'axes', 1) : node];
      case 'Split':
        return [this.split(node)];
      case 'GroupNormalization':
        return this.groupNormalization(node);
      case 'LayerNormalization':
        return layerStatistics(this, node, this.ranks.get(node.inputs[1] ?? '') ?? null);
      case 'RMSNormalization':
        return rmsNormalization(this, node, this.ranks.get(node.inputs[1] ?? '') ?? null);
      case 'Swish':
        return swish(this, node);
      case 'GlobalLpPool':
        return globalLpPool(this, node);
      case 'GRU':
      case 'LSTM':
      case 'RNN':
        return batchLast(this, node);
      case 'ReduceSum':
        return [this.opset < 13 ? this.attributeToInput(node, 'axes', 1) : node];
      case 'ReduceL1':
      case 'ReduceL2':
      case 'ReduceLogSum':
      case 'ReduceLogSumExp':
      case 'ReduceMax':
      case 'ReduceMean':
      case 'ReduceMin':
      case 'ReduceProd':
      case 'ReduceSumSquare':
        return [this.opset < 18 ? this.attributeToInput(node, 'axes', 1) : node];
      case 'Reshape':
        return [this.opset < 5 ? this.attributeToInput(node, 'shape', 1) : node];
      case 'Clip':
        return [this.opset < 11 ? this.clip(node) : node];
      case 'Pad':
        return [this.opset < 11 ? this.pad(node) : node];
      case 'Slice':
        return [this.opset < 10 ? this.slice(node) : node];
      case 'TopK':
        return [this.opset < 10 ? this.attributeToInput(node, 'k', 1) : node];
      case 'Upsample':
        return [upsample(this, node)];
      case 'Resize':
        return [this.opset < 11 ? upsample(this, node) : node];
      case 'Scatter':
        return [{ ...node, opType: 'ScatterElements' }];
      case 'Add':
      case 'Sub':
      case 'Mul':
      case 'Div':
      case 'Pow':
        if (this.opset < 7 && intOf(node, 'broadcast', 0) === 1 && node.attributes.has('axis'))
          throw this.tooOld(node, 'broadcasts along an axis');
        return [without(node, ['broadcast', 'axis', 'consumed_inputs'])];
      default:
        return [without(node, ['consumed_inputs'])];
    }
  }

  /** Split into equal parts says how many since opset 18. */
  private split(node: OnnxNode): OnnxNode {
    const split = this.opset < 13 ? this.attributeToInput(node, 'split', 1) : node;
    return split.inputs[1] || split.attributes.has('num_outputs')
      ? split
      : withInt(split, 'num_outputs', split.outputs.length);
  }

  private constant(node: OnnxNode): OnnxNode[] {
    const output = node.outputs[0] ?? '';
    const attributes = node.attributes;
    const value = attributes.get('value');
    const numbers = attributes.get('value_floats') ?? attributes.get('value_float');
    if (value?.type === 'tensor') this.extra.set(output, value.value);
    else if ((numbers?.type === 'float' || numbers?.type === 'floats') && numbers.stored)
      this.extra.set(output, numbers.stored);
    else if (attributes.has('value_float'))
      this.extra.set(output, float32([], [numberOf(attributes.get('value_float'))]));
    else if (attributes.has('value_int'))
      this.extra.set(output, int64([], [numberOf(attributes.get('value_int'))]));
    else if (attributes.has('value_floats')) {
      const values = numbersOf(attributes.get('value_floats'));
      this.extra.set(output, float32([values.length], values));
    } else if (attributes.has('value_ints')) {
      const values = numbersOf(attributes.get('value_ints'));
      this.extra.set(output, int64([values.length], values));
    } else return [node]; // A string or sparse constant: ONNX Runtime deals with it.
    return [];
  }

  private dropout(node: OnnxNode): OnnxNode[] {
    const [data, mask] = node.outputs;
    const identity: OnnxNode = {
      ...node,
      opType: 'Identity',
      inputs: node.inputs.slice(0, 1),
      outputs: [data ?? ''],
      attributes: new Map(),
    };
    if (!mask) return [identity];
    // In inference the mask keeps everything: x == x, which NaN alone fails and a run refuses anyway.
    const equal: OnnxNode = {
      ...node,
      name: this.fresh(node, 'mask'),
      opType: 'Equal',
      inputs: [node.inputs[0] ?? '', node.inputs[0] ?? ''],
      outputs: [mask],
      attributes: new Map(),
    };
    return [identity, equal];
  }

  private batchNormalization(node: OnnxNode): OnnxNode {
    if (this.opset < 9 && intOf(node, 'spatial', 1) === 0) throw this.tooOld(node, 'has spatial = 0');
    return {
      ...without(node, ['spatial', 'is_test', 'consumed_inputs', 'training_mode']),
      outputs: node.outputs.slice(0, 1),
    };
  }

  /** Its statistics are float32 unless it says so: ONNX Runtime writes the operator out with casts. */
  private groupNormalization(node: OnnxNode): OnnxNode[] {
    const exact = this.float === 'float64' ? withInt(node, 'stash_type', numberOfType('float64')) : node;
    return this.opset < 21 ? groupScales(this, exact) : [exact];
  }

  /** A cast to the type of another value, where the file says what that is. */
  private castLike(node: OnnxNode): OnnxNode {
    const dtype = this.types.get(node.inputs[1] ?? '');
    if (dtype === undefined) return node;
    const to = numberOfType(computedType(dtype, this.float));
    return {
      ...node,
      opType: 'Cast',
      inputs: node.inputs.slice(0, 1),
      attributes: new Map<string, Attribute>([['to', { type: 'int', value: to }]]),
    };
  }

  private constantOfShape(node: OnnxNode): OnnxNode {
    const value = node.attributes.get('value');
    const tensor = value?.type === 'tensor' ? materialise(value.value) : zeros('float32', [1]);
    return withAttribute(node, 'value', {
      type: 'tensor',
      value: castTensor(tensor, computedType(tensor.dtype, this.float)),
    });
  }

  /** A type attribute that names a floating type names the one that is computed in. */
  private toComputed(node: OnnxNode, name: string): OnnxNode {
    const to = intOf(node, name, 1);
    return withInt(node, name, floatTypes.includes(to) ? numberOfType(this.float) : to);
  }

  private attributeToInput(node: OnnxNode, name: string, position: number): OnnxNode {
    const attribute = node.attributes.get(name);
    const bare = without(node, [name, 'consumed_inputs']);
    if (!attribute) return bare;
    const values = attribute.type === 'int' ? [attribute.value] : numbersOf(attribute);
    return { ...bare, inputs: this.withInput(bare, position, this.ints(node, name, values)) };
  }

  private clip(node: OnnxNode): OnnxNode {
    const bound = (name: string): string => {
      const attribute = node.attributes.get(name);
      return attribute?.type === 'float' ? this.store(node, name, float32([], [attribute.value])) : '';
    };
    return {
      ...without(node, ['min', 'max', 'consumed_inputs']),
      inputs: [node.inputs[0] ?? '', bound('min'), bound('max')],
    };
  }

  private pad(node: OnnxNode): OnnxNode {
    const pads = numbersOf(node.attributes.get('pads') ?? node.attributes.get('paddings'));
    const value = node.attributes.get('value');
    return {
      ...without(node, ['pads', 'paddings', 'value']),
      inputs: [
        node.inputs[0] ?? '',
        this.ints(node, 'pads', pads),
        this.store(node, 'value', float32([], [value?.type === 'float' ? value.value : 0])),
      ],
    };
  }

  private slice(node: OnnxNode): OnnxNode {
    const starts = numbersOf(node.attributes.get('starts'));
    const axes = node.attributes.get('axes');
    return {
      ...without(node, ['starts', 'ends', 'axes']),
      inputs: [
        node.inputs[0] ?? '',
        this.ints(node, 'starts', starts),
        this.ints(node, 'ends', numbersOf(node.attributes.get('ends'))),
        this.ints(node, 'axes', axes ? numbersOf(axes) : starts.map((_, axis) => axis)),
      ],
    };
  }

  private withInput(node: OnnxNode, position: number, name: string): string[] {
    const inputs = [...node.inputs];
    while (inputs.length < position) inputs.push('');
    inputs[position] = name;
    return inputs;
  }

  /** A constant number for a node. */
  number(node: OnnxNode, hint: string, value: number): string {
    return this.store(node, hint, floats(this.float, [], [value]));
  }

  /** A constant list of integers for a node. */
  ints(node: OnnxNode, hint: string, values: readonly number[]): string {
    return this.store(node, hint, int64([values.length], values));
  }

  /** A constant for a node. */
  store(node: OnnxNode, hint: string, tensor: Tensor): string {
    const name = this.fresh(node, hint);
    this.extra.set(name, tensor);
    return name;
  }

  /** A name for a value that a rewritten node needs. */
  fresh(node: OnnxNode, hint: string): string {
    return `${upgradePrefix}${this.counter++}_${node.opType}_${hint}`;
  }

  private tooOld(node: OnnxNode, what: string): ModelError {
    return new ModelError(
      this.path,
      `${node.opType} (node ${node.name || node.outputs[0]}) ${what}, a form that ONNX gave up after opset ${this.opset}.`,
      'Export the model again at opset 11 or later.',
    );
  }
}

/** The type that a value of this type is computed in, in a graph whose floating values are `float`. */
export function computedType(dtype: DType, float: FloatType = 'float32'): DType {
  return isFloating(dtype) ? float : dtype;
}

/** A tensor with its elements in memory, as it is stored. */
export function materialise(tensor: StoredTensor | Tensor): Tensor {
  return isStored(tensor) ? readTensor(tensor) : tensor;
}

/** ONNX data type numbers of float32, float16, float64 and bfloat16. */
const floatTypes: readonly number[] = [1, 10, 11, 16];
