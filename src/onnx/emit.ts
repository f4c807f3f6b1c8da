// Serialises a graph to the bytes of an ONNX model, for ONNX Runtime and for tests.
import { create, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  FunctionProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
  type AttributeProto,
  type FunctionProto,
  type GraphProto,
  type NodeProto,
  type OperatorSetIdProto,
  type TensorProto,
  type TypeProto,
  type ValueInfoProto,
} from 'onnx-buf';
import { fromBinary } from '@bufbuild/protobuf';
import type { Tensor } from '../tensor/tensor';
import { numberOf } from './dataTypes';
import {
  isStored,
  type Attribute,
  type Graph,
  type ModelFunction,
  type OnnxNode,
  type StoredTensor,
  type ValueInfo,
} from './model';
import { readTensor } from './readTensor';

/** What a model says besides its graph. */
export interface EmitOptions {
  /** Opset version by domain; the standard domain is ''. */
  readonly opsets: ReadonlyMap<string, number>;
  /** The version of the file format; 8 (ONNX 1.10 and later, functions included) unless given. */
  readonly irVersion?: number;
  readonly functions?: readonly ModelFunction[];
}

/**
 * The graph as the bytes of an ONNX model. Stored tensors are read first; every tensor is written as raw_data.
 * Throws a ModelError when a stored tensor cannot be read (string tensors among them).
 */
export function emitModel(graph: Graph, options: EmitOptions): Uint8Array {
  const model = create(ModelProtoSchema, {
    irVersion: BigInt(options.irVersion ?? 8),
    producerName: 'lethe',
    graph: graphProto(graph),
    opsetImport: opsetProtos(options.opsets),
    functions: (options.functions ?? []).map(functionProto),
  });
  return toBinary(ModelProtoSchema, model);
}

function opsetProtos(opsets: ReadonlyMap<string, number>): OperatorSetIdProto[] {
  return [...opsets].map(([domain, version]) =>
    create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) }),
  );
}

function graphProto(graph: Graph): GraphProto {
  return create(GraphProtoSchema, {
    name: graph.name || 'graph',
    node: graph.nodes.map(nodeProto),
    initializer: [...graph.initializers].map(([name, tensor]) => tensorProto(tensor, name)),
    input: graph.inputs.map(valueProto),
    output: graph.outputs.map(valueProto),
    valueInfo: graph.valueInfo.map(valueProto),
  });
}

function nodeProto(node: OnnxNode): NodeProto {
  return create(NodeProtoSchema, {
    name: node.name,
    opType: node.opType,
    domain: node.domain,
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: [...node.attributes].map(([name, attribute]) => attributeProto(name, attribute)),
  });
}

function functionProto(definition: ModelFunction): FunctionProto {
  return create(FunctionProtoSchema, {
    name: definition.name,
    domain: definition.domain,
    input: [...definition.inputs],
    output: [...definition.outputs],
    attribute: [...definition.attributes],
    attributeProto: [...definition.attributeDefaults].map(([name, value]) => attributeProto(name, value)),
    node: definition.nodes.map(nodeProto),
    opsetImport: opsetProtos(definition.opsets),
  });
}

function attributeProto(name: string, attribute: Attribute): AttributeProto {
  const types = AttributeProto_AttributeType;
  switch (attribute.type) {
    case 'int':
      return create(AttributeProtoSchema, { name, type: types.INT, i: toInt64(attribute.value) });
    case 'float':
      return create(AttributeProtoSchema, { name, type: types.FLOAT, f: attribute.value });
    case 'string':
      return create(AttributeProtoSchema, { name, type: types.STRING, s: utf8(attribute.value) });
    case 'ints':
      return create(AttributeProtoSchema, { name, type: types.INTS, ints: attribute.value.map(toInt64) });
    case 'floats':
      return create(AttributeProtoSchema, { name, type: types.FLOATS, floats: [...attribute.value] });
    case 'strings':
      return create(AttributeProtoSchema, { name, type: types.STRINGS, strings: attribute.value.map(utf8) });
    case 'tensor':
      return create(AttributeProtoSchema, { name, type: types.TENSOR, t: tensorProto(attribute.value, '') });
    case 'tensors': {
      const tensors = attribute.value.map(tensor => tensorProto(tensor, ''));
      return create(AttributeProtoSchema, { name, type: types.TENSORS, tensors });
    }
    case 'graph':
      return create(AttributeProtoSchema, { name, type: types.GRAPH, g: graphProto(attribute.value) });
    case 'graphs':
      return create(AttributeProtoSchema, {
        name,
        type: types.GRAPHS,
        graphs: attribute.value.map(graphProto),
      });
    case 'type': {
      const tp = fromBinary(TypeProtoSchema, attribute.value);
      return create(AttributeProtoSchema, { name, type: types.TYPE_PROTO, tp });
    }
    case 'reference':
      return create(AttributeProtoSchema, { name, refAttrName: attribute.value, type: types.UNDEFINED });
  }
}

/** Numbers beyond the range of int64 become its ends. */
function toInt64(value: number): bigint {
  if (value >= 2 ** 63) return 2n ** 63n - 1n;
  if (value <= -(2 ** 63)) return -(2n ** 63n);
  return BigInt(Math.trunc(value));
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function tensorProto(tensor: StoredTensor | Tensor, name: string): TensorProto {
  const { dtype, dims, data } = isStored(tensor) ? readTensor(tensor) : tensor;
  // Elements lie in memory as ONNX stores them: every machine Lethe runs on is little-endian.
  const rawData = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  return create(TensorProtoSchema, {
    name,
    dataType: numberOf(dtype),
    dims: dims.map(dim => BigInt(dim)),
    rawData,
  });
}

function valueProto(value: ValueInfo): ValueInfoProto {
  const proto = create(ValueInfoProtoSchema, { name: value.name });
  if (value.typed !== false) proto.type = tensorType(value);
  return proto;
}

function tensorType(value: ValueInfo): TypeProto {
  const tensor = create(TypeProto_TensorSchema, { elemType: numberOf(value.dtype) });
  if (value.dims !== null) {
    const dim = value.dims.map(size =>
      create(
        TensorShapeProto_DimensionSchema,
        size === null
          ? {}
          : typeof size === 'number'
            ? { value: { case: 'dimValue', value: BigInt(size) } }
            : { value: { case: 'dimParam', value: size } },
      ),
    );
    tensor.shape = create(TensorShapeProtoSchema, { dim });
  }
  return create(TypeProtoSchema, { value: { case: 'tensorType', value: tensor } });
}
