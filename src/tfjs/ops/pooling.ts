// Pooling, normalisation and resizing of maps.
import { Untranslatable, type KnownValue, type Size } from '../emitter';
import { inOrder, knownIntegers, physicalAxis, plain, requireTypes, type OpRule } from './opContext';
import { windowsOf } from './windows';

function pooling(op: 'AveragePool' | 'MaxPool'): OpRule {
  return (c, [x]) => {
    requireTypes([x!], ['float32']);
    const all = c.node.ints('ksize');
    const kernel = all.slice(1, -1);
    if (all.length !== x!.dims.length || all[0] !== 1 || all.at(-1) !== 1) {
      throw new Untranslatable(
        `pools windows of [${all.join(', ')}] over a value with ${x!.dims.length} axes`,
      );
    }
    const { attributes, output } = windowsOf(c, x!, kernel);
    const name = c.e.op(op, [c.e.channelsFirst(x!).name], { ...attributes, kernel_shape: kernel });
    return { ...x!, name, dims: [x!.dims[0]!, ...output, x!.dims.at(-1)!], layout: 'channels-first' };
  };
}

export const averagePool = pooling('AveragePool');
export const maxPool = pooling('MaxPool');

/** (x − mean) / √(variance + ε) · scale + offset by channels. Only the first of the operator's outputs is used in inference. */
export const batchNormalization: OpRule = (c, [x, ...statistics]) => {
  requireTypes([x!], ['float32']);
  if (c.node.flag('is_training', false))
    throw new Untranslatable('normalises by the statistics of the batch');
  const format = c.node.text('data_format', 'NHWC');
  if (format !== 'NHWC') throw new Untranslatable(`has the data_format ${format}, which has no translation`);
  const epsilon = { epsilon: { float: c.node.float('epsilon', 1e-4) } };
  const inputs = [c.e.channelsFirst(x!).name, ...statistics.slice(0, 4).map(({ name }) => name)];
  return { ...x!, name: c.e.op('BatchNormalization', inputs, epsilon), layout: 'channels-first' };
};

export const localResponseNormalization: OpRule = (c, [x]) => {
  const radius = c.node.int('depth_radius', 5);
  const size = 2 * radius + 1;
  const settings = {
    size,
    // ONNX divides α by the size of the window, TensorFlow does not.
    alpha: { float: c.node.float('alpha', 1) * size },
    beta: { float: c.node.float('beta', 0.5) },
    bias: { float: c.node.float('bias', 1) },
  };
  return { ...x!, name: c.e.op('LRN', [c.e.channelsFirst(x!).name], settings), layout: 'channels-first' };
};

function resizing(mode: 'linear' | 'nearest'): OpRule {
  return (c, [x, size]) => {
    requireTypes([x!], ['float32']);
    const corners = c.node.flag('align_corners', false);
    const centers = c.node.flag('half_pixel_centers', false);
    const nearest = corners ? 'round_prefer_ceil' : 'floor';
    const centred = mode === 'linear' ? 'half_pixel' : 'tf_half_pixel_for_nn';
    const target = knownIntegers(c, size, 'size');
    const settings = {
      mode,
      coordinate_transformation_mode: corners ? 'align_corners' : centers ? centred : 'asymmetric',
      ...(mode === 'nearest' ? { nearest_mode: nearest } : {}),
    };
    const source = c.e.channelsFirst(x!).name;
    // Sizes of the map alone, with the attribute for it, are misread where ONNX Runtime moves a Transpose past a Resize.
    const kept = c.e.op('Shape', [source], { start: 0, end: 2 });
    const sizes = c.e.op('Concat', [kept, c.e.ints(target)], { axis: 0 });
    const name = c.e.op('Resize', [source, '', '', sizes], settings);
    return { ...x!, name, dims: [x!.dims[0]!, ...target, x!.dims[3]!], layout: 'channels-first' };
  };
}

export const resizeBilinear = resizing('linear');
export const resizeNearest = resizing('nearest');

/** Blocks of channels become blocks of the map, and back. */
export function blocks(op: 'DepthToSpace' | 'SpaceToDepth'): OpRule {
  return (c, [x]) => {
    const size = c.node.int('block_size', 2);
    const [batch, height, width, channels] = x!.dims as [Size, Size, Size, Size];
    const scaled = (value: Size, up: boolean, by = size): Size =>
      value && (up ? value * by : Math.floor(value / by));
    const up = op === 'DepthToSpace';
    const dims = [batch, scaled(height, up), scaled(width, up), scaled(channels, !up, size * size)];
    // Both write the channels of a block one pixel after the other.
    const name = c.e.op(op, [c.e.channelsFirst(x!).name], { blocksize: size });
    return { ...x!, name, dims, layout: 'channels-first' };
  };
}

/** Softmax or LogSoftmax along the last axis. */
export function softmax(op: 'LogSoftmax' | 'Softmax'): OpRule {
  return (c, [x]) => {
    requireTypes([x!], ['float32']);
    return { ...x!, name: c.e.op(op, [x!.name], { axis: physicalAxis(x!, x!.dims.length - 1) }) };
  };
}

/** SpaceToBatchND: blocks of the map become samples. */
export const spaceToBatch: OpRule = (c, [x, block, paddings]) => {
  const sizes = knownIntegers(c, block, 'block shape');
  const pads = knownIntegers(c, paddings, 'paddings');
  const value = inOrder(c, x!);
  const [batch, ...rest] = value.dims;
  const spatial = rest.slice(0, sizes.length);
  const others = rest.slice(sizes.length);
  if ([...spatial, ...others].some(size => size === null))
    throw new Untranslatable('needs a map whose size is known');
  const before = sizes.map((_, axis) => pads[2 * axis]!);
  const after = sizes.map((_, axis) => pads[2 * axis + 1]!);
  const none = others.map(() => 0);
  const padded = c.e.op('Pad', [value.name, c.e.ints([0, ...before, ...none, 0, ...after, ...none])]);
  const inner = spatial.map((size, axis) => (size! + before[axis]! + after[axis]!) / sizes[axis]!);
  if (inner.some(size => !Number.isInteger(size)))
    throw new Untranslatable('pads to sizes that its blocks do not divide');
  const split = c.e.op('Reshape', [
    padded,
    c.e.ints([-1, ...inner.flatMap((size, axis) => [size, sizes[axis]!]), ...(others as number[])]),
  ]);
  const rank = 1 + 2 * sizes.length + others.length;
  const odd = sizes.map((_, axis) => 2 + 2 * axis);
  const even = sizes.map((_, axis) => 1 + 2 * axis);
  const tail = others.map((_, axis) => rank - others.length + axis);
  const moved = c.e.rearranged(split, [...odd, 0, ...even, ...tail]);
  const dims = [batch && batch * sizes.reduce((all, size) => all * size, 1), ...inner, ...others];
  return plain(dims as Size[], c.e.op('Reshape', [moved, c.e.ints([-1, ...inner, ...(others as number[])])]));
};

/** BatchToSpaceND: the other way round. */
export const batchToSpace: OpRule = (c, [x, block, crops]) => {
  const sizes = knownIntegers(c, block, 'block shape');
  const cuts = knownIntegers(c, crops, 'crops');
  const value: KnownValue = inOrder(c, x!);
  const [batch, ...rest] = value.dims;
  const spatial = rest.slice(0, sizes.length);
  const others = rest.slice(sizes.length);
  if ([...spatial, ...others].some(size => size === null))
    throw new Untranslatable('needs a map whose size is known');
  const count = sizes.length;
  const split = c.e.op('Reshape', [
    value.name,
    c.e.ints([...sizes, -1, ...(spatial as number[]), ...(others as number[])]),
  ]);
  const woven = sizes.flatMap((_, axis) => [count + 1 + axis, axis]);
  const tail = others.map((_, axis) => 2 * count + 1 + axis);
  const moved = c.e.rearranged(split, [count, ...woven, ...tail]);
  const full = spatial.map((size, axis) => size! * sizes[axis]!);
  const joined = c.e.op('Reshape', [moved, c.e.ints([-1, ...full, ...(others as number[])])]);
  const starts = sizes.map((_, axis) => cuts[2 * axis]!);
  const ends = full.map((size, axis) => size - cuts[2 * axis + 1]!);
  const axes = sizes.map((_, axis) => axis + 1);
  const name = c.e.op('Slice', [joined, c.e.ints(starts), c.e.ints(ends), c.e.ints(axes)]);
  const samples = batch && batch / sizes.reduce((all, size) => all * size, 1);
  return plain([samples ?? null, ...ends.map((end, axis) => end - starts[axis]!), ...others], name);
};
