// Translates a LayersModel: its layers, one call after the other, by the table of layers.
import { ModelError } from '../onnx/errors';
import type { ValueInfo } from '../onnx/model';
import type { Untranslated } from '../onnx/openedModel';
import type { DType } from '../tensor/dtype';
import { Emitter, Untranslatable, type Size, type Value } from './emitter';
import type { JsonPlace } from './json';
import { LayerContext, WeightFinder } from './layers/layerContext';
import { layerRule } from './layers/table';
import {
  modelClasses,
  modelOf,
  readTopology,
  shapeKeys,
  type LayerEntry,
  type TensorRef,
  type Topology,
} from './layers/topology';
import { isKeras3, modelNames } from './keras2';
import { mostNesting } from './limits';
import type { StoredWeight } from './manifest';
import type { ModelJson } from './modelJson';
import { namedOutputs, translateStep, type Translation } from './translation';

/**
 * Translates a LayersModel. Throws a ModelError for a topology that is damaged: layers that are not there, circles,
 * settings of the wrong kind. A layer without translation is listed, not thrown.
 */
export function translateLayers(json: ModelJson, weights: ReadonlyMap<string, StoredWeight>): Translation {
  const { className, config } = modelOf(json.root.at('modelTopology'));
  if (!modelClasses.includes(className)) {
    throw new ModelError(
      json.path,
      `Its model is a ${className}, and Lethe knows Sequential and Functional ones.`,
      'Save it as a LayersModel.',
    );
  }
  const topology = readTopology(className, config);
  const inputs = topology.inputs.map(ref => inputOf(layerNamed(json, topology, ref), json));
  const outputNames = unique(
    topology.outputs.map(({ layer }) => layer),
    inputs.map(({ name }) => name),
  );
  const e = new Emitter(weights, [...inputs.map(({ name }) => name), ...outputNames]);
  const source = json.root.at('modelTopology').value;
  const models = isKeras3(source) ? modelNames(source) : new Set<string>();
  const walk = new Walk(json, e, new WeightFinder(weights.keys(), models));
  const given = inputs.map(({ name, dtype, dims }): Value => ({
    name,
    dtype,
    dims: dims as Size[] | null,
    layout: 'plain',
  }));
  const outputs = walk.model(topology, given, 0);
  return {
    outputs: namedOutputs(
      e,
      outputs.map((value, index) => ({ name: outputNames[index]!, value })),
    ),
    nodes: e.nodes,
    initializers: e.initializers,
    inputs,
    operators: walk.operators,
    untranslated: walk.untranslated,
  };
}

class Walk {
  readonly operators = new Map<string, number>();
  readonly untranslated: Untranslated[] = [];

  constructor(
    private readonly json: ModelJson,
    private readonly e: Emitter,
    private readonly finder: WeightFinder,
  ) {}

  /** The outputs of a model for given inputs. */
  model(topology: Topology, inputs: readonly Value[], depth: number): Value[] {
    if (depth > mostNesting) throw this.damaged(`Models lie inside models more than ${mostNesting} deep.`);
    const values = new Map<string, readonly Value[]>();
    topology.inputs.forEach((ref, index) => {
      const value = inputs[index];
      if (!value)
        throw this.damaged(
          `A model inside it takes ${topology.inputs.length} inputs, but gets ${inputs.length}.`,
        );
      values.set(`${ref.layer} ${ref.call}`, [value]);
    });
    for (const { layer, call } of this.inOrder(topology)) {
      const key = `${layer.name} ${call}`;
      if (values.has(key)) continue;
      const refs = layer.calls[call]!;
      const operands = refs.map(ref => this.output(values, ref));
      values.set(key, this.call(layer, refs, operands, depth));
    }
    return topology.outputs.map(ref => this.output(values, ref));
  }

  private output(values: ReadonlyMap<string, readonly Value[]>, { layer, call, output }: TensorRef): Value {
    const found = values.get(`${layer} ${call}`) ?? [];
    const value = found[output] ?? (found[0]?.dims === null ? found[0] : undefined);
    if (!value)
      throw this.damaged(
        `Output ${output} of call ${call} of the layer "${layer}" is used, but there is none.`,
      );
    return value;
  }

  private call(
    layer: LayerEntry,
    refs: readonly TensorRef[],
    operands: readonly Value[],
    depth: number,
  ): readonly Value[] {
    const { className, name, config } = layer;
    if (modelClasses.includes(className)) {
      return this.model(readTopology(className, config), operands, depth + 1);
    }
    this.operators.set(className, (this.operators.get(className) ?? 0) + 1);
    const weights = [...this.e.weightNames()].filter(weight => weight.startsWith(`${name}/`));
    return translateStep(
      this.e,
      { op: className, node: name, weights },
      operands,
      this.untranslated,
      known => {
        const rule = layerRule(className);
        if (!rule) throw new Untranslatable('has no translation');
        const settings = refs
          .map(ref => ref.settings)
          .find(place => place && place.keys().some(key => place.has(key)));
        if (settings && settings.keys().some(key => settings.has(key) && !harmlessSettings.includes(key))) {
          throw new Untranslatable(`is called with settings (${settings.keys().join(', ')})`);
        }
        const result = rule(new LayerContext(this.e, className, config, name, this.finder), known);
        return Array.isArray(result) ? (result as readonly Value[]) : [result as Value];
      },
    );
  }

  /** The calls of layers that the outputs depend on, each after those it takes its inputs from. */
  private inOrder(topology: Topology): { layer: LayerEntry; call: number }[] {
    const ordered: { layer: LayerEntry; call: number }[] = [];
    const state = new Map<string, 'open' | 'done'>(
      topology.inputs.map(ref => [`${ref.layer} ${ref.call}`, 'done']),
    );
    const byName = new Map(topology.layers.map(layer => [layer.name, layer]));
    const stack = [...topology.outputs].reverse();
    while (stack.length > 0) {
      const { layer: name, call } = stack.at(-1)!;
      const key = `${name} ${call}`;
      const layer = byName.get(name);
      if (!layer) throw this.damaged(`The layer "${name}", which another one refers to, is not there.`);
      if (state.get(key) === undefined) {
        const refs = layer.calls[call];
        if (!refs)
          throw this.damaged(
            `Call ${call} of the layer "${name}" is used, but it has ${layer.calls.length}.`,
          );
        state.set(key, 'open');
        for (const ref of [...refs].reverse()) {
          const inner = `${ref.layer} ${ref.call}`;
          if (state.get(inner) === 'open')
            throw this.damaged(`The layers "${ref.layer}" and "${name}" form a circle.`);
          if (state.get(inner) === undefined) stack.push(ref);
        }
        continue;
      }
      stack.pop();
      if (state.get(key) === 'open') ordered.push({ layer, call });
      state.set(key, 'done');
    }
    return ordered;
  }

  private damaged(problem: string): ModelError {
    return new ModelError(this.json.path, problem, 'Save or convert the model again.');
  }
}

/** What a call may say besides its inputs without changing the result in inference. */
const harmlessSettings: readonly string[] = ['training'];

function layerNamed(json: ModelJson, topology: Topology, ref: TensorRef): LayerEntry {
  const layer = topology.layers.find(({ name }) => name === ref.layer);
  if (layer) return layer;
  throw new ModelError(
    json.path,
    `Its input layer "${ref.layer}" is not there.`,
    'Save or convert the model again.',
  );
}

/** Keras' names of element types, and ours. */
const types: Readonly<Record<string, DType>> = {
  float32: 'float32',
  float16: 'float32',
  float64: 'float32',
  int32: 'int32',
  int64: 'int32',
  bool: 'bool',
};

function inputOf({ name, config }: LayerEntry, json: ModelJson): ValueInfo {
  const key = shapeKeys.find(candidate => config.has(candidate));
  if (key === undefined) {
    throw new ModelError(
      json.path,
      `The input "${name}" does not say its shape.`,
      'Build the model with the shape of its input before saving it.',
    );
  }
  const dims = config
    .at(key)
    .items()
    .map(dim => (dim.isAbsent ? null : dim.count()));
  const place = config.has('dtype') ? config.at('dtype') : null;
  const declared = place === null ? 'float32' : typeOf(place);
  const dtype = Object.hasOwn(types, declared) ? types[declared] : undefined;
  if (!dtype) {
    throw new ModelError(
      json.path,
      `The input "${name}" has the type ${declared}, which Lethe does not feed.`,
      'Export the model without its text processing.',
    );
  }
  return { name, dtype, dims };
}

/** A name, or in Keras 3 a policy that holds one. */
function typeOf(place: JsonPlace): string {
  return place.isObject ? place.at('config').at('name').text() : place.text();
}

/** Names made distinct from each other and from some that are taken, by a number at the end. */
function unique(names: readonly string[], taken: readonly string[]): string[] {
  const used = new Set(taken);
  return names.map(name => {
    let result = name;
    for (let copy = 1; used.has(result); copy++) result = `${name}_${copy}`;
    used.add(result);
    return result;
  });
}
