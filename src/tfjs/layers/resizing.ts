// Layers that put a margin around maps, cut one off, or enlarge them.
import { Untranslatable, range } from '../emitter';
import { float32 } from '../../tensor/tensor';
import type { LayerContext, LayerRule } from './layerContext';
import { fromMaps, mapsOf } from './spatial';

/** Zeros around maps. */
export function zeroPadding(rank: number): LayerRule {
  return (c, [x]) => {
    const maps = mapsOf(c, x!, rank);
    const margins = marginsOf(c, 'padding', rank, 1);
    const pads = [0, 0, ...margins.map(([before]) => before), 0, 0, ...margins.map(([, after]) => after)];
    const name = c.e.op('Pad', [maps.name, c.e.ints(pads)], { mode: 'constant' });
    const space = maps.space.map((size, axis) =>
      size === null ? null : size + margins[axis]![0] + margins[axis]![1],
    );
    return fromMaps(c, x!, { ...maps, name, space });
  };
}

/** Maps without a margin. */
export function cropping(rank: number): LayerRule {
  return (c, [x]) => {
    const maps = mapsOf(c, x!, rank);
    const margins = marginsOf(c, 'cropping', rank, 0);
    // Beyond any size, so that nothing is cut off where the margin behind is 0.
    const end = 2 ** 31 - 1;
    const name = c.e.op('Slice', [
      maps.name,
      c.e.ints(margins.map(([before]) => before)),
      c.e.ints(margins.map(([, after]) => (after === 0 ? end : -after))),
      c.e.ints(range(2, 2 + rank)),
    ]);
    const space = maps.space.map((size, axis) =>
      size === null ? null : size - margins[axis]![0] - margins[axis]![1],
    );
    if (space.some(size => size !== null && size <= 0)) throw new Untranslatable('cuts everything off');
    return fromMaps(c, x!, { ...maps, name, space });
  };
}

/** Maps enlarged by whole numbers, by repetition or bilinear interpolation. */
export function upSampling(rank: number): LayerRule {
  return (c, [x]) => {
    const maps = mapsOf(c, x!, rank);
    const size = c.ints('size', rank, 2);
    const kind = c.text('interpolation', 'nearest');
    if (kind !== 'nearest' && kind !== 'bilinear') {
      throw new Untranslatable(`has the interpolation "${kind}", which TensorFlow.js does not compute`);
    }
    const scales = c.e.constant(float32([rank + 2], [1, 1, ...size]));
    const name = c.e.op('Resize', [maps.name, '', scales], {
      mode: kind === 'nearest' ? 'nearest' : 'linear',
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: 'floor',
    });
    const space = maps.space.map((length, axis) => (length === null ? null : length * size[axis]!));
    return fromMaps(c, x!, { ...maps, name, space });
  };
}

/** What is before and behind each spatial axis: one number, one for each axis, or two for each. */
function marginsOf(c: LayerContext, key: string, rank: number, fallback: number): [number, number][] {
  if (!c.has(key)) return Array.from({ length: rank }, () => [fallback, fallback]);
  const place = c.config.at(key);
  if (!place.isArray) {
    const all = place.count();
    return Array.from({ length: rank }, () => [all, all]);
  }
  const items = place.items();
  const twoOfOneAxis = rank === 1 && items.length === 2;
  if (twoOfOneAxis) return [[items[0]!.count(), items[1]!.count()]];
  if (items.length !== rank) throw place.wrong(`a number or ${rank} of them`);
  return items.map(item => {
    if (!item.isArray) return [item.count(), item.count()];
    const [before, after, ...others] = item.items();
    if (!before || !after || others.length > 0) throw item.wrong('two numbers');
    return [before.count(), after.count()];
  });
}
