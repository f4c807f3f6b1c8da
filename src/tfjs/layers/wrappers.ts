// Layers around other layers: one applied at every step, and two recurrent ones that run both ways.
import { Untranslatable, type KnownValue, type Value } from '../emitter';
import type { JsonPlace } from '../json';
import type { LayerContext, LayerRule } from './layerContext';
import { isRecurrent, outputsOf, run } from './recurrent';

/** Applies a layer to every step of [N, T, …] as if it were a sample of its own. `ruleOf` knows the layers. */
export function timeDistributed(ruleOf: (className: string) => LayerRule | undefined): LayerRule {
  return (c, [input]) => {
    const x = c.e.plain(input!) as KnownValue;
    const { className, config } = layerIn(c, 'layer');
    const rule = ruleOf(className);
    if (!rule || isRecurrent(className))
      throw new Untranslatable(`wraps ${className}, which has no translation`);
    const [batch, steps, ...rest] = x.dims;
    if (steps === null || steps === undefined || rest.includes(null)) {
      throw new Untranslatable('needs to know how many steps there are, and the size of one');
    }
    const sizes = rest as number[];
    const flat = c.value(c.e.op('Reshape', [x.name, c.e.ints([-1, ...sizes])]), [null, ...sizes], {
      dtype: x.dtype,
      layout: 'plain',
    });
    const result = rule(c.inner(config, className, c.weightScope, 0), [flat]);
    const value = c.e.plain(Array.isArray(result) ? (result as readonly Value[])[0]! : (result as Value));
    const dims = value.dims!.slice(1);
    if (dims.includes(null)) throw new Untranslatable('needs to know the size of what each step gives');
    const name = c.e.op('Reshape', [value.name, c.e.ints([-1, steps, ...(dims as number[])])]);
    return c.value(name, [batch!, steps, ...dims], { dtype: value.dtype, layout: 'plain' });
  };
}

/** A recurrent layer in the order of time and one against it, brought together. */
export const bidirectional: LayerRule = (c, inputs) => {
  const { className, config } = layerIn(c, 'layer');
  if (!isRecurrent(className)) throw new Untranslatable(`wraps ${className}, which is not recurrent`);
  const name = config.at('name').text();
  const count = config.has('use_bias') && config.at('use_bias').value === false ? 2 : 3;
  const there = c.inner(config, className, `${c.weightScope}/forward_${name}`, 0);
  const back = c.inner(config, className, `${c.weightScope}/backward_${name}`, count);
  const [x, ...states] = inputs;
  const half = states.length / 2;
  const first = there.flag('go_backwards', false);
  const forward = run(there, [x!, ...states.slice(0, half)], first);
  const backward = run(back, [x!, ...states.slice(half)], !first);
  const sequences = there.flag('return_sequences', false);
  if (first && sequences) throw new Untranslatable('runs its first layer backwards');
  const [a, b] = sequences ? [forward.sequence, backward.sequence] : [forward.last, backward.last];
  const outputs = merged(c, a, b);
  const all = [...forward.states, ...backward.states];
  return outputs.length === 1
    ? outputsOf(there, outputs[0]!, all)
    : [...outputs, ...outputsOf(there, a, all).slice(1)];
};

function merged(c: LayerContext, a: KnownValue, b: KnownValue): KnownValue[] {
  const mode = c.config.at('merge_mode');
  if (mode.isAbsent && 'merge_mode' in (c.config.value as object)) return [a, b];
  const op = (type: string): KnownValue => ({ ...a, name: c.e.op(type, [a.name, b.name]) });
  switch (mode.isAbsent ? 'concat' : mode.text()) {
    case 'concat':
      return [
        {
          ...a,
          name: c.e.op('Concat', [a.name, b.name], { axis: -1 }),
          dims: [...a.dims.slice(0, -1), a.dims.at(-1)! * 2],
        },
      ];
    case 'sum':
      return [op('Add')];
    case 'mul':
      return [op('Mul')];
    case 'ave':
      return [{ ...a, name: c.e.op('Mul', [op('Add').name, c.e.scalar(0.5)]) }];
    default:
      throw new Untranslatable(`joins its two halves by "${mode.text()}"`);
  }
}

function layerIn(c: LayerContext, key: string): { className: string; config: JsonPlace } {
  const place = c.config.at(key);
  return { className: place.at('class_name').text(), config: place.at('config') };
}
