// The layers of a model and how they are connected, from the JSON of Keras 2 (TensorFlow.js, topology v2) or Keras 3.
import type { JsonPlace } from '../json';

/** Which output of which call of which layer. */
export interface TensorRef {
  readonly layer: string;
  readonly call: number;
  readonly output: number;
  /** What the call says besides its inputs, where that is anything. */
  readonly settings: JsonPlace | null;
}

/** A layer: its class, settings and calls, each with its inputs in order. */
export interface LayerEntry {
  readonly name: string;
  readonly className: string;
  readonly config: JsonPlace;
  readonly calls: readonly (readonly TensorRef[])[];
}

/** A model as a graph of layers. */
export interface Topology {
  readonly layers: readonly LayerEntry[];
  readonly inputs: readonly TensorRef[];
  readonly outputs: readonly TensorRef[];
}

/** Classes of layers that are models themselves. */
export const modelClasses: readonly string[] = ['Model', 'Functional', 'Sequential'];

/** The class and the settings of the model in a `modelTopology`. */
export function modelOf(topology: JsonPlace): { className: string; config: JsonPlace } {
  const place = topology.has('model_config') ? topology.at('model_config') : topology;
  return { className: place.at('class_name').text(), config: place.at('config') };
}

/** The layers of a model. Throws a ModelError where the JSON is damaged. */
export function readTopology(className: string, config: JsonPlace): Topology {
  if (className === 'Sequential') return sequential(config);
  const layers = config.at('layers').items().map(readLayer);
  const shifted = new Set(layers.filter(layer => isShifted(layer, layers, config)).map(({ name }) => name));
  const shift = (ref: TensorRef): TensorRef =>
    shifted.has(ref.layer) ? { ...ref, call: ref.call - 1 } : ref;
  return {
    layers: layers.map(layer => ({ ...layer, calls: layer.calls.map(call => call.map(shift)) })),
    inputs: refsOf(config.at('input_layers')),
    outputs: refsOf(config.at('output_layers')).map(shift),
  };
}

/**
 * Models inside models count their own making as call 0 in some versions of Keras and not in others. They do where a
 * reference goes beyond the calls that there are.
 */
function isShifted(layer: LayerEntry, layers: readonly LayerEntry[], config: JsonPlace): boolean {
  if (!modelClasses.includes(layer.className)) return false;
  const refs = [...layers.flatMap(({ calls }) => calls.flat()), ...refsOf(config.at('output_layers'))];
  const used = refs.filter(ref => ref.layer === layer.name).map(ref => ref.call);
  return used.length > 0 && !used.includes(0) && used.includes(layer.calls.length);
}

function readLayer(place: JsonPlace): LayerEntry {
  const config = place.at('config');
  const name = place.has('name') ? place.at('name').text() : config.at('name').text();
  return {
    name,
    className: place.at('class_name').text(),
    config,
    calls: place.has('inbound_nodes') ? place.at('inbound_nodes').items().map(readCall) : [],
  };
}

/** One call: a list of [layer, call, output, settings] (Keras 2), or args and kwargs (Keras 3). */
function readCall(place: JsonPlace): TensorRef[] {
  if (!place.isObject) return refsOf(place);
  const found: TensorRef[] = [];
  const settings = place.has('kwargs') ? place.at('kwargs') : null;
  const visit = (value: JsonPlace, depth: number): void => {
    if (depth > 4) throw value.wrong('the inputs of a layer');
    if (value.isArray) value.items().forEach(item => visit(item, depth + 1));
    else if (
      value.isObject &&
      value.has('class_name') &&
      value.at('class_name').value === '__keras_tensor__'
    ) {
      found.push({ ...readRef(value.at('config').at('keras_history')), settings });
    }
  };
  visit(place.at('args'), 0);
  return found;
}

/** A reference, or a list of references, or (Keras 3) names of layers. */
function refsOf(place: JsonPlace): TensorRef[] {
  const items = place.items();
  if (items.length > 0 && typeof items[0]!.value === 'string' && typeof items[1]?.value === 'number') {
    return [readRef(place)];
  }
  return items.map(readRef);
}

function readRef(place: JsonPlace): TensorRef {
  const parts = place.items();
  const part = (index: number): JsonPlace => {
    const found = parts[index];
    if (!found) throw place.wrong('the name of a layer, the number of a call and the number of an output');
    return found;
  };
  const settings = parts[3];
  return {
    layer: part(0).text(),
    call: part(1).count(),
    output: part(2).count(),
    settings: settings?.isObject ? settings : null,
  };
}

/** A chain of layers; where it does not begin with an input layer, its first layer says the shape of the input. */
function sequential(config: JsonPlace): Topology {
  const places = (config.isArray ? config : config.at('layers')).items();
  if (places.length === 0) throw (config.isArray ? config : config.at('layers')).wrong('a list of layers');
  const layers = places.map(readLayer);
  const first = layers[0]!;
  const all: LayerEntry[] = [...layers];
  if (first.className !== 'InputLayer') {
    const shapeHolder = firstWithShape(first) ?? config;
    all.unshift({ name: `${first.name}_input`, className: 'InputLayer', config: shapeHolder, calls: [] });
  }
  const ref = (layer: LayerEntry): TensorRef => ({ layer: layer.name, call: 0, output: 0, settings: null });
  return {
    layers: all.map((layer, index) => ({ ...layer, calls: index === 0 ? [] : [[ref(all[index - 1]!)]] })),
    inputs: [ref(all[0]!)],
    outputs: [ref(all.at(-1)!)],
  };
}

/** The settings that say the shape of what a layer takes: its own, or those of the first layer inside it. */
function firstWithShape(layer: LayerEntry, depth = 0): JsonPlace | undefined {
  if (shapeKeys.some(key => layer.config.has(key))) return layer.config;
  if (!modelClasses.includes(layer.className) || depth > 8) return undefined;
  const inside = (layer.config.isArray ? layer.config : layer.config.at('layers')).items()[0];
  return inside && firstWithShape(readLayer(inside), depth + 1);
}

/** The settings that hold the shape of an input, in the order in which they are looked at. */
export const shapeKeys: readonly string[] = ['batch_input_shape', 'batch_shape', 'build_input_shape'];
