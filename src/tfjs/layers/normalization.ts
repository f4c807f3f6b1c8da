// Normalisation layers in inference.
import { float32 } from '../../tensor/tensor';
import { Untranslatable, type KnownValue, type Size } from '../emitter';
import type { JsonPlace } from '../json';
import type { LayerContext, LayerRule } from './layerContext';

/** BatchNormalization with the means and variances of the file. */
export const batchNormalization: LayerRule = (c, [x]) => {
  const rank = x!.dims.length;
  const [axis, ...others] = axesOf(c, rank);
  if (axis === undefined || others.length > 0) throw new Untranslatable('normalises along several axes');
  const channels = x!.dims[axis]!;
  const dims = [channels];
  const [scale, center] = [c.flag('scale', true), c.flag('center', true)];
  const found = c.weights([
    ...(scale ? [{ name: 'gamma', dims }] : []),
    ...(center ? [{ name: 'beta', dims }] : []),
    { name: 'moving_mean', dims },
    { name: 'moving_variance', dims },
  ]);
  const [mean, variance] = found.slice(-2) as [KnownValue, KnownValue];
  const size = mean.dims[0]!;
  const gamma = scale ? found[0]!.name : constants(c, size, 1);
  const beta = center ? found[scale ? 1 : 0]!.name : constants(c, size, 0);
  const { value, restore } = axisSecond(c, x!, axis);
  const name = c.e.op('BatchNormalization', [value, gamma, beta, mean.name, variance.name], {
    epsilon: { float: c.float('epsilon', 1e-3) },
  });
  return restore(name);
};

/** The value with an axis behind the first, and the way back to the layer's output. */
function axisSecond(
  c: LayerContext,
  x: KnownValue,
  axis: number,
): { value: string; restore: (name: string) => KnownValue } {
  const rank = x.dims.length;
  if (axis === rank - 1 && rank > 2) {
    const moved = c.e.channelsFirst(x);
    return { value: moved.name, restore: name => ({ ...moved, name }) };
  }
  const plain = c.e.plain(x) as KnownValue;
  if (axis === 1) return { value: plain.name, restore: name => ({ ...plain, name }) };
  const perm = x.dims.map((_, at) => (at === axis ? 1 : at === 1 ? axis : at));
  return {
    value: c.e.rearranged(plain.name, perm),
    restore: name => ({ ...plain, name: c.e.rearranged(name, perm) }),
  };
}

/** LayerNormalization over the last axes. */
export const layerNormalization: LayerRule = (c, [input]) => {
  const x = c.e.plain(input!) as KnownValue;
  const rank = x.dims.length;
  const axes = axesOf(c, rank).sort((a, b) => a - b);
  if (axes.some((axis, index) => axis !== rank - axes.length + index)) {
    throw new Untranslatable('normalises along axes that are not the last ones');
  }
  const dims = axes.map(axis => x.dims[axis]!);
  const [scale, center] = [c.flag('scale', true), c.flag('center', true)];
  const found = c.weights([
    ...(scale ? [{ name: 'gamma', dims }] : []),
    ...(center ? [{ name: 'beta', dims }] : []),
  ]);
  const gamma = scale ? found[0]!.name : constants(c, known(dims), 1, dims);
  const beta = center ? [found[scale ? 1 : 0]!.name] : [];
  const name = c.e.op('LayerNormalization', [x.name, gamma, ...beta], {
    axis: axes[0]!,
    epsilon: { float: c.float('epsilon', 1e-3) },
  });
  return { ...x, name };
};

/** The axes that a layer normalises along, counted from the front. */
function axesOf(c: LayerContext, rank: number): number[] {
  const one = (place: JsonPlace): number => {
    const axis = place.integer();
    return axis < 0 ? axis + rank : axis;
  };
  if (!c.has('axis')) return [rank - 1];
  const place = c.config.at('axis');
  return place.isArray ? place.items().map(one) : [one(place)];
}

function constants(c: LayerContext, count: number, value: number, dims: readonly Size[] = [count]): string {
  return c.e.constant(float32(dims as number[], Array<number>(count).fill(value)));
}

function known(dims: readonly Size[]): number {
  if (dims.includes(null)) throw new Untranslatable('needs to know the sizes it normalises over');
  return dims.reduce<number>((product, dim) => product * dim!, 1);
}
