// Reads an ONNX file: everything but the tensors' bytes, which stay in the file until they are needed.
import { existsSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  decodeFunction,
  decodeGraph,
  decodeOpset,
  type DecodeContext,
  type DecodedGraph,
  type DeclaredValue,
} from './decode';
import { ModelError } from './errors';
import { ExternalFiles } from './externalData';
import { readFully, stampOf, withFile } from './files';
import { recoverSave } from './journal';
import { defaultLimits, type ReadLimits } from './limits';
import type { Graph, ModelFunction, OnnxModel, OnnxNode, ValueInfo } from './model';
import { looksLike } from './sniff';
import { decodeEntry } from './tensorHeader';
import { WireReader } from './wire';

/**
 * Reads the model in `path`. Tensor payloads are not read: a stored tensor says where its bytes lie (`readTensor`
 * gets them). Throws a ModelError that names the file, the place and the remedy when it is no model, is damaged,
 * exceeds the limits, or refers to files outside its folder. Completes a save that was interrupted (`recoverSave`);
 * writes nothing else.
 */
export function readModel(path: string, limits: Partial<ReadLimits> = {}): OnnxModel {
  const file = resolve(path);
  recoverSave(existsSync(file) ? realpathSync(file) : file);
  return withFile(file, (descriptor, stats) => {
    if (stats.size === 0)
      throw new ModelError(file, 'The file is empty.', 'Export or download the model again.');
    const reader = new WireReader(file, descriptor, stats.size, { ...defaultLimits, ...limits });
    try {
      return decodeModel(reader, stampOf(file, stats));
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      const head = new Uint8Array(Math.min(stats.size, 512));
      readFully(file, descriptor, head, 0);
      const likeness = looksLike(head);
      if (likeness === null) throw error;
      throw new ModelError(
        file,
        `This is not an ONNX model; it looks like ${likeness}.`,
        'Choose an ONNX file.',
      );
    }
  });
}

function decodeModel(reader: WireReader, stamp: OnnxModel['stamps'][number]): OnnxModel {
  const externals = new ExternalFiles(reader.file);
  const context: DecodeContext = { reader, externals };
  let irVersion = 0;
  let graph: DecodedGraph | null = null;
  const producer = ['', ''];
  const opsets = new Map<string, number>();
  const metadata = new Map<string, string>();
  const functions: ModelFunction[] = [];
  reader.fields((field, wire) => {
    switch (field) {
      case 1:
        irVersion = reader.integer(wire);
        return;
      case 2:
      case 3:
        producer[field - 2] = reader.string(wire);
        return;
      case 7:
        if (graph) throw reader.damaged('The file holds two graphs.');
        graph = decodeGraph(context, wire);
        return;
      case 8:
        return decodeOpset(reader, wire, opsets);
      case 14:
        return decodeEntry(reader, wire, metadata);
      case 25:
        functions.push(decodeFunction(context, wire));
        return;
      default:
        reader.skip(wire);
    }
  });
  // The assignment happens in a closure, which TypeScript does not follow.
  const decoded = graph as DecodedGraph | null;
  if (!decoded) throw reader.damaged('The file holds no graph, so it is no ONNX model.');
  if (irVersion < 1) throw reader.damaged('The file does not say which version of ONNX it is (ir_version).');
  checkOpsets(reader.file, decoded, functions, opsets);
  const warnings: string[] = [...externals.warnings];
  return {
    path: reader.file,
    irVersion,
    opsets,
    producer: producer.filter(part => part !== '').join(' '),
    metadata,
    graph: mainGraph(reader.file, decoded, warnings),
    functions,
    externalFiles: externals.paths,
    stamps: [stamp, ...externals.fileStamps],
    warnings,
  };
}

/** Holds the inputs and outputs of the main graph to tensors of known types. */
function mainGraph(file: string, graph: DecodedGraph, warnings: string[]): Graph {
  for (const input of graph.inputs) {
    if (input.typed === false) {
      throw new ModelError(
        file,
        `The input "${input.name}" ${input.problem}, and Lethe feeds only tensors of known types.`,
        'Export the model with float, integer or boolean tensors as inputs.',
      );
    }
  }
  const outputs: ValueInfo[] = [];
  for (const output of graph.outputs) {
    const inferred = output.typed === false ? typedOutput(graph, output) : output;
    const zipped = inferred ? undefined : behindZipMap(graph, output);
    if (inferred) outputs.push(inferred);
    else if (zipped) {
      outputs.push(zipped);
      warnings.push(
        `The output "${output.name}" ${output.problem}, so Lethe takes "${zipped.name}", the tensor that it is made of.`,
      );
    } else warnings.push(`The output "${output.name}" ${output.problem}, so Lethe leaves it out.`);
  }
  if (outputs.length === 0) {
    throw new ModelError(
      file,
      'The model has no output that is a tensor.',
      'Export it with its predictions as a tensor.',
    );
  }
  return { ...graph, outputs };
}

/** An output that declares no type, with the type that value_info gives it. */
function typedOutput(graph: DecodedGraph, output: DeclaredValue): ValueInfo | undefined {
  return graph.valueInfo.find(value => value.name === output.name);
}

/** The tensor of probabilities that scikit-learn's exporter turns into maps from class names. */
function behindZipMap(graph: DecodedGraph, output: DeclaredValue): ValueInfo | undefined {
  const node = graph.nodes.find(({ opType, outputs }) => opType === 'ZipMap' && outputs[0] === output.name);
  const name = node?.inputs[0];
  if (!name) return undefined;
  return graph.valueInfo.find(value => value.name === name) ?? { name, dtype: 'float32', dims: null };
}

function checkOpsets(
  file: string,
  graph: Graph,
  functions: readonly ModelFunction[],
  opsets: ReadonlyMap<string, number>,
): void {
  const remedy = 'Export the model again with a current exporter.';
  for (const [domain, version] of opsets) {
    if (version < 1)
      throw new ModelError(
        file,
        `The operators of "${domain}" have the impossible version ${version}.`,
        remedy,
      );
  }
  const standard = graph.nodes.find((node: OnnxNode) => node.domain === '');
  if (opsets.has('') || (!standard && functions.length === 0 && graph.nodes.length > 0)) return;
  throw new ModelError(
    file,
    'The file does not say which version of the ONNX operators it uses (opset_import).',
    remedy,
  );
}
