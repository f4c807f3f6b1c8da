// Decodes graphs, nodes, attributes and declared types of an ONNX file.
import type { DType } from '../tensor/dtype';
import { dtypeOf, unsupportedName } from './dataTypes';
import { ModelError } from './errors';
import type { ExternalFiles } from './externalData';
import type {
  Attribute,
  DeclaredDim,
  Graph,
  ModelFunction,
  OnnxNode,
  StoredTensor,
  ValueInfo,
} from './model';
import { FloatPlaces } from './floatPlaces';
import { decodeTensor } from './tensorHeader';
import type { WireReader, WireType } from './wire';

/** What all decoders share. */
export interface DecodeContext {
  readonly reader: WireReader;
  readonly externals: ExternalFiles;
}

/** A value as declared; `problem` says why its type is not a tensor that Lethe knows. */
export interface DeclaredValue extends ValueInfo {
  readonly problem?: string;
}

/** A graph whose inputs and outputs may still have types that Lethe does not know. */
export interface DecodedGraph extends Graph {
  readonly inputs: readonly DeclaredValue[];
  readonly outputs: readonly DeclaredValue[];
}

/** The standard domain has two spellings. */
export function canonicalDomain(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}

/** A GraphProto. Throws a ModelError for sparse or duplicate initializers. */
export function decodeGraph(context: DecodeContext, wire: WireType): DecodedGraph {
  const { reader } = context;
  let name = '';
  const nodes: OnnxNode[] = [];
  const inputs: DeclaredValue[] = [];
  const outputs: DeclaredValue[] = [];
  const valueInfo: DeclaredValue[] = [];
  const initializers = new Map<string, StoredTensor>();
  reader.message(wire, (field, type) => {
    switch (field) {
      case 1:
        nodes.push(decodeNode(context, type));
        return;
      case 2:
        name = reader.string(type);
        return;
      case 5: {
        const tensor = decodeTensor(reader, type, context.externals, `initializer ${initializers.size}`);
        if (initializers.has(tensor.name)) {
          throw reader.damaged(`The graph "${name}" has two initializers named "${tensor.name}".`);
        }
        initializers.set(tensor.name, tensor);
        return;
      }
      case 11:
        inputs.push(decodeValue(context, type));
        return;
      case 12:
        outputs.push(decodeValue(context, type));
        return;
      case 13:
        valueInfo.push(decodeValue(context, type));
        return;
      case 15:
        throw sparse(reader, 'an initializer');
      default:
        reader.skip(type);
    }
  });
  return {
    name,
    nodes,
    inputs,
    outputs,
    initializers,
    valueInfo: valueInfo.filter(value => value.typed !== false),
  };
}

function decodeNode(context: DecodeContext, wire: WireType): OnnxNode {
  const { reader } = context;
  reader.countItem();
  let name = '';
  let opType = '';
  let domain = '';
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, Attribute>();
  reader.message(wire, (field, type) => {
    switch (field) {
      case 1:
        inputs.push(reader.string(type));
        return;
      case 2:
        outputs.push(reader.string(type));
        return;
      case 3:
        name = reader.string(type);
        return;
      case 4:
        opType = reader.string(type);
        return;
      case 5:
        decodeAttribute(context, type, attributes, outputs[0] ?? name);
        return;
      case 7:
        domain = canonicalDomain(reader.string(type));
        return;
      default:
        reader.skip(type);
    }
  });
  if (opType === '') throw reader.damaged(`The node "${name || outputs[0] || '?'}" names no operator.`);
  return { name, opType, domain, inputs, outputs, attributes };
}

/** The kinds of attributes by the number in their `type` field. */
const attributeKinds = new Map<number, Attribute['type']>([
  [1, 'float'],
  [2, 'int'],
  [3, 'string'],
  [4, 'tensor'],
  [5, 'graph'],
  [6, 'floats'],
  [7, 'ints'],
  [8, 'strings'],
  [9, 'tensors'],
  [10, 'graphs'],
  [13, 'type'],
]);

function decodeAttribute(
  context: DecodeContext,
  wire: WireType,
  target: Map<string, Attribute>,
  owner: string,
): void {
  const { reader } = context;
  reader.countItem();
  let name = '';
  let kind = 0;
  let single: Attribute | undefined;
  const ints: number[] = [];
  const floats: number[] = [];
  const places = new FloatPlaces(reader);
  const strings: string[] = [];
  const tensors: StoredTensor[] = [];
  const graphs: Graph[] = [];
  const set = (attribute: Attribute): void => {
    if (single) throw reader.damaged(`The attribute "${name}" of "${owner}" has more than one value.`);
    single = attribute;
  };
  const place = reader.message(wire, (field, type) => {
    switch (field) {
      case 1:
        name = reader.string(type);
        return;
      case 2:
        set({ type: 'float', value: reader.float(type) });
        return places.addOne();
      case 3:
        return set({ type: 'int', value: reader.integer(type) });
      case 4:
        return set({ type: 'string', value: reader.string(type) });
      case 5:
        return set({
          type: 'tensor',
          value: decodeTensor(reader, type, context.externals, `${name} of ${owner}`),
        });
      case 6:
        return set({ type: 'graph', value: decodeGraph(context, type) });
      case 7: {
        const before = floats.length;
        reader.floats(type, floats);
        return places.add(type, floats.length - before);
      }
      case 8:
        return reader.integers(type, ints);
      case 9:
        strings.push(reader.string(type));
        return;
      case 10:
        tensors.push(decodeTensor(reader, type, context.externals, `${name} of ${owner}`));
        return;
      case 11:
        graphs.push(decodeGraph(context, type));
        return;
      case 14:
        return set({ type: 'type', value: reader.bytes(type) });
      case 20:
        kind = reader.integer(type);
        return;
      case 21:
        return set({ type: 'reference', value: reader.string(type) });
      case 22:
      case 23:
        throw sparse(reader, `the attribute "${name}" of "${owner}"`);
      default:
        reader.skip(type);
    }
  });
  const lists: Attribute[] = [
    { type: 'ints', value: ints },
    { type: 'floats', value: floats },
    { type: 'strings', value: strings },
    { type: 'tensors', value: tensors },
    { type: 'graphs', value: graphs },
  ];
  target.set(
    name,
    places.withPlace(name, chooseAttribute(single, lists, kind), { file: reader.file, ...place }),
  );
}

/** The value that was stored; an empty one of the declared kind where none was. Old files declare no kind. */
function chooseAttribute(
  single: Attribute | undefined,
  lists: readonly Attribute[],
  kind: number,
): Attribute {
  const declared = attributeKinds.get(kind);
  const matching = lists.find(list => list.type === declared);
  if (matching) return matching;
  if (single && (declared === undefined || single.type === declared || single.type === 'reference'))
    return single;
  const filled = lists.find(list => (list.value as readonly unknown[]).length > 0);
  if (declared === undefined && filled) return filled;
  if (declared === 'float') return { type: 'float', value: 0 };
  if (declared === 'string') return { type: 'string', value: '' };
  // Writers of proto3 leave out values that are zero.
  return single ?? { type: 'int', value: 0 };
}

function sparse(reader: WireReader, where: string): ModelError {
  return new ModelError(
    reader.file,
    `The file stores ${where} as a sparse tensor, which Lethe does not read.`,
    'Export the model with dense weights.',
  );
}

function decodeValue(context: DecodeContext, wire: WireType): DeclaredValue {
  const { reader } = context;
  reader.countItem();
  let name = '';
  let declared: Omit<DeclaredValue, 'name'> = untyped('declares no type');
  reader.message(wire, (field, type) => {
    if (field === 1) name = reader.string(type);
    else if (field === 2) declared = decodeType(reader, type);
    else reader.skip(type);
  });
  return { name, ...declared };
}

function untyped(problem: string): Omit<DeclaredValue, 'name'> {
  return { dtype: 'float32', dims: null, typed: false, problem };
}

/** What a TypeProto holds besides tensors, by field number. */
const otherTypes = new Map([
  [4, 'a sequence'],
  [5, 'a map'],
  [8, 'a sparse tensor'],
  [9, 'an optional value'],
]);

function decodeType(reader: WireReader, wire: WireType): Omit<DeclaredValue, 'name'> {
  let result = untyped('declares no type');
  reader.message(wire, (field, type) => {
    const other = otherTypes.get(field);
    if (field === 1) result = decodeTensorType(reader, type);
    else {
      if (other) result = untyped(`is ${other}`);
      reader.skip(type);
    }
  });
  return result;
}

function decodeTensorType(reader: WireReader, wire: WireType): Omit<DeclaredValue, 'name'> {
  let elementType = 0;
  let dims: DeclaredDim[] | null = null;
  reader.message(wire, (field, type) => {
    if (field === 1) elementType = reader.integer(type);
    else if (field === 2) dims = decodeShape(reader, type);
    else reader.skip(type);
  });
  const dtype: DType | undefined = dtypeOf(elementType);
  if (dtype === undefined) {
    return untyped(
      elementType === 0 ? 'declares no type' : `has the element type ${unsupportedName(elementType)}`,
    );
  }
  return { dtype, dims };
}

function decodeShape(reader: WireReader, wire: WireType): DeclaredDim[] {
  const dims: DeclaredDim[] = [];
  reader.message(wire, (field, type) => {
    if (field !== 1) {
      reader.skip(type);
      return;
    }
    let dim: DeclaredDim = null;
    reader.message(type, (part, partType) => {
      if (part === 1) dim = reader.integer(partType);
      else if (part === 2) dim = reader.string(partType) || null;
      else reader.skip(partType);
    });
    // Some exporters write -1 for a free size.
    dims.push(typeof dim === 'number' && dim < 0 ? null : dim);
    if (dims.length > reader.limits.rank) {
      throw reader.damaged(
        `The shape before byte ${reader.position} has more than ${reader.limits.rank} dims.`,
      );
    }
  });
  return dims;
}

/** A FunctionProto. */
export function decodeFunction(context: DecodeContext, wire: WireType): ModelFunction {
  const { reader } = context;
  reader.countItem();
  let name = '';
  let domain = '';
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: string[] = [];
  const attributeDefaults = new Map<string, Attribute>();
  const nodes: OnnxNode[] = [];
  const opsets = new Map<string, number>();
  reader.message(wire, (field, type) => {
    switch (field) {
      case 1:
        name = reader.string(type);
        return;
      case 4:
        inputs.push(reader.string(type));
        return;
      case 5:
        outputs.push(reader.string(type));
        return;
      case 6:
        attributes.push(reader.string(type));
        return;
      case 7:
        nodes.push(decodeNode(context, type));
        return;
      case 9:
        decodeOpset(reader, type, opsets);
        return;
      case 10:
        domain = canonicalDomain(reader.string(type));
        return;
      case 11:
        decodeAttribute(context, type, attributeDefaults, name);
        return;
      default:
        reader.skip(type);
    }
  });
  return { domain, name, inputs, outputs, attributes, attributeDefaults, nodes, opsets };
}

/** An OperatorSetIdProto. Throws a ModelError for a second version of the same domain. */
export function decodeOpset(reader: WireReader, wire: WireType, opsets: Map<string, number>): void {
  let domain = '';
  let version = 0;
  reader.message(wire, (field, type) => {
    if (field === 1) domain = canonicalDomain(reader.string(type));
    else if (field === 2) version = reader.integer(type);
    else reader.skip(type);
  });
  const known = opsets.get(domain);
  if (known !== undefined && known !== version) {
    throw reader.damaged(
      `The file asks for the versions ${known} and ${version} of the operators of "${domain}".`,
    );
  }
  opsets.set(domain, version);
}
