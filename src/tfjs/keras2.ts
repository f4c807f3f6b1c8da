// Topologies of Keras 3 in the words of Keras 2, which are all that TensorFlow.js 4.22 understands.
import { mostNesting } from './limits';

type Json = Readonly<Record<string, unknown>>;

/** Whether a `modelTopology` comes from Keras 3. */
export function isKeras3(topology: unknown): boolean {
  const version = isRecord(topology) ? topology['keras_version'] : undefined;
  return typeof version === 'string' && version.startsWith('3.');
}

/**
 * The same topology with what Keras 3 writes otherwise: shapes of inputs (`batch_shape`), calls of layers (`args` with
 * tensors that know their history), types and functions as objects, some names. One of Keras 2 stays as it is.
 */
export function asKeras2(topology: unknown): unknown {
  return rewritten(topology, 0);
}

/**
 * The name of a weight without the names of the models that its layer lies in, which Keras 3 puts in front:
 * "functional/dense/kernel" is the weight "dense/kernel".
 */
export function layerWeightName(name: string, models: ReadonlySet<string>): string {
  const parts = name.split('/');
  while (parts.length > 2 && models.has(parts[0]!)) parts.shift();
  return parts.join('/');
}

/** The names of a model and of all models inside it. */
export function modelNames(topology: unknown): Set<string> {
  const found = new Set<string>();
  const visit = (model: unknown, depth: number): void => {
    const config = isRecord(model) ? model['config'] : undefined;
    if (!isRecord(config) || !Array.isArray(config['layers']) || depth > mostNesting) return;
    if (typeof config['name'] === 'string') found.add(config['name']);
    config['layers'].forEach(layer => visit(layer, depth + 1));
  };
  const inner = isRecord(topology) ? topology['model_config'] : undefined;
  visit(inner ?? topology, 0);
  return found;
}

/** Deeper than any topology goes; what lies deeper is left as it is. */
const mostDepth = 16 * mostNesting;

function rewritten(value: unknown, depth: number): unknown {
  if (depth > mostDepth) return value;
  if (Array.isArray(value)) return value.map(item => rewritten(item, depth + 1));
  if (!isRecord(value)) return value;
  const simple = simplified(value);
  if (!isRecord(simple)) return simple;
  const result: Record<string, unknown> = {};
  for (const [key, given] of Object.entries(simple)) {
    if (key === 'inbound_nodes' && Array.isArray(given)) result[key] = given.map(callOf);
    else if ((key === 'input_layers' || key === 'output_layers') && Array.isArray(given)) {
      // One tensor stands alone in Keras 3.
      result[key] = typeof given[0] === 'string' ? [given] : given;
    } else if (key === 'activation' || key === 'recurrent_activation') result[key] = activationOf(given);
    else result[key === 'batch_shape' ? 'batch_input_shape' : key] = rewritten(given, depth + 1);
  }
  if (result['class_name'] === 'LeakyReLU' && isRecord(result['config'])) {
    const { negative_slope: slope, ...rest } = result['config'];
    result['config'] = slope === undefined ? rest : { ...rest, alpha: slope };
  }
  return result;
}

/** A type policy as the name of its type; anything else as it is. */
function simplified(value: Json): unknown {
  const { class_name: kind, config } = value;
  return kind === 'DTypePolicy' && isRecord(config) ? config['name'] : value;
}

/** A function by its name; TensorFlow.js has one name for two of them. */
function activationOf(value: unknown): unknown {
  const name = isRecord(value) && value['class_name'] === 'function' ? value['config'] : value;
  return name === 'silu' ? 'swish' : name;
}

/** One call of a layer as a list of [layer, call, output, settings]. */
function callOf(call: unknown): unknown {
  if (!isRecord(call)) return call;
  const settings = isRecord(call['kwargs'])
    ? Object.fromEntries(Object.entries(call['kwargs']).filter(([, given]) => given !== null))
    : {};
  const refs: unknown[] = [];
  const visit = (value: unknown, depth: number): void => {
    if (Array.isArray(value) && depth < 4) value.forEach(item => visit(item, depth + 1));
    const config = isRecord(value) ? value['config'] : undefined;
    const history = isRecord(config) ? config['keras_history'] : undefined;
    if (Array.isArray(history)) refs.push([...history, settings]);
  };
  visit(call['args'], 0);
  return refs;
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
