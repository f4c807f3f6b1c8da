// Activations, by name in a layer's settings and as layers of their own.
import type { JsonPlace } from '../json';
import { Untranslatable, range, type Emitter, type KnownValue } from '../emitter';
import type { LayerContext, LayerRule } from './layerContext';

type Apply = (e: Emitter, x: string) => string;

/** Functions of single elements. */
const elementwise: Readonly<Record<string, Apply>> = {
  elu: (e, x) => e.op('Elu', [x]),
  gelu: (e, x) => e.op('Gelu', [x]),
  gelu_new: (e, x) => e.op('Gelu', [x], { approximate: 'tanh' }),
  hardSigmoid: (e, x) => e.op('HardSigmoid', [x], { alpha: { float: 0.2 }, beta: { float: 0.5 } }),
  linear: (_, x) => x,
  mish: (e, x) => e.op('Mish', [x]),
  relu: (e, x) => e.op('Relu', [x]),
  relu6: (e, x) => cappedRelu(e, x, 6),
  selu: (e, x) => e.op('Selu', [x]),
  sigmoid: (e, x) => e.op('Sigmoid', [x]),
  softplus: (e, x) => e.op('Softplus', [x]),
  softsign: (e, x) => e.op('Softsign', [x]),
  swish: (e, x) => e.op('Mul', [x, e.op('Sigmoid', [x])]),
  tanh: (e, x) => e.op('Tanh', [x]),
};

const otherNames: Readonly<Record<string, string>> = {
  hard_sigmoid: 'hardSigmoid',
  silu: 'swish',
};

/** The activation that a setting names (nothing: none), applied to a value. */
export function activated(c: LayerContext, value: KnownValue, key = 'activation'): KnownValue {
  if (!c.has(key)) return value;
  return applied(c, value, activationName(c.config.at(key)));
}

/** A name, or an object of a class without settings. */
export function activationName(place: JsonPlace): string {
  const kind = place.isObject ? place.at('class_name').text() : place.text();
  // Keras 3 wraps names of functions.
  const text = kind === 'function' ? place.at('config').text() : kind;
  return otherNames[text] ?? text;
}

/** A named activation applied to a value. Throws an Untranslatable for a name that TensorFlow.js does not know. */
export function applied(c: LayerContext, value: KnownValue, name: string): KnownValue {
  if (name === 'softmax' || name === 'logSoftmax' || name === 'log_softmax') {
    return alongAxis(c, name === 'softmax' ? 'Softmax' : 'LogSoftmax', value, value.dims.length - 1);
  }
  const apply = Object.hasOwn(elementwise, name) ? elementwise[name] : undefined;
  if (!apply) throw new Untranslatable(`has the activation "${name}", which has no translation`);
  return { ...value, name: apply(c.e, value.name) };
}

/** Softmax or LogSoftmax along an axis of the value's dims, in whatever layout it has. */
function alongAxis(c: LayerContext, op: string, value: KnownValue, axis: number): KnownValue {
  const rank = value.dims.length;
  const counted = axis < 0 ? axis + rank : axis;
  const physical =
    value.layout === 'plain' || counted === 0 ? counted : counted === rank - 1 ? 1 : counted + 1;
  return { ...value, name: c.e.op(op, [value.name], { axis: physical }) };
}

export const activation: LayerRule = (c, [x]) => activated(c, x!);

export const relu: LayerRule = (c, [x]) => {
  const most = c.has('max_value') ? c.float('max_value', 0) : null;
  if (c.float('negative_slope', 0) !== 0 || c.float('threshold', 0) !== 0) {
    throw new Untranslatable('has a negative slope or a threshold, which TensorFlow.js does not compute');
  }
  if (most === null) return { ...x!, name: c.e.op('Relu', [x!.name]) };
  return { ...x!, name: cappedRelu(c.e, x!.name, most) };
};

/** min(max(x, 0), most). One Clip would do, but its slope at 0 is 1 where TensorFlow.js has 0. */
function cappedRelu(e: Emitter, x: string, most: number): string {
  return e.op('Clip', [e.op('Relu', [x]), '', e.scalar(most)]);
}

export const softmax: LayerRule = (c, [x]) => alongAxis(c, 'Softmax', x!, c.int('axis', -1));

export const leakyRelu: LayerRule = (c, [x]) => {
  // Keras 3 has another name for it.
  const slope = c.has('alpha') ? c.float('alpha', 0.3) : c.float('negative_slope', 0.3);
  return { ...x!, name: c.e.op('LeakyRelu', [x!.name], { alpha: { float: slope } }) };
};

export const elu: LayerRule = (c, [x]) => ({
  ...x!,
  name: c.e.op('Elu', [x!.name], { alpha: { float: c.float('alpha', 1) } }),
});

export const thresholdedRelu: LayerRule = (c, [x]) => ({
  ...x!,
  name: c.e.op('ThresholdedRelu', [x!.name], { alpha: { float: c.float('theta', 1) } }),
});

/** A slope for every element behind the batch, or one along each shared axis. */
export const prelu: LayerRule = (c, [x]) => {
  const rank = x!.dims.length;
  const place = c.has('shared_axes') ? c.config.at('shared_axes') : null;
  const shared =
    place === null ? [] : place.isArray ? place.items().map(axis => axis.count()) : [place.count()];
  const dims = x!.dims.slice(1).map((size, axis) => (shared.includes(axis + 1) ? 1 : size));
  const [alpha] = c.weights([{ name: 'alpha', dims }]);
  const slope =
    x!.layout === 'plain' ? alpha!.name : c.e.rearranged(alpha!.name, [rank - 2, ...range(0, rank - 2)]);
  return { ...x!, name: c.e.op('PRelu', [x!.name, slope]) };
};
