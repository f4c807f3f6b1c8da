// Convolutions: channels last in TensorFlow, behind the batch in ONNX.
import { Untranslatable, type KnownValue, type Size } from '../emitter';
import { activated } from './elementwise';
import { requireTypes, type OpContext, type OpRule } from './opContext';
import { windowsOf } from './windows';

/** The sizes of a weight. Throws an Untranslatable where they are not known. */
function sizesOf(weight: KnownValue, rank: number): number[] {
  if (weight.dims.length !== rank || weight.dims.some(size => size === null)) {
    throw new Untranslatable(`has a filter with ${weight.dims.length} axes, where ${rank} are needed`);
  }
  return weight.dims as number[];
}

/** A convolution over two or three axes with a filter [k…, in / group, out], and a bias where there is one. */
function convolved(c: OpContext, x: KnownValue, filter: KnownValue, bias?: KnownValue): KnownValue {
  const rank = x.dims.length;
  const sizes = sizesOf(filter, rank);
  const [inputs, outputs] = [sizes[rank - 2]!, sizes[rank - 1]!];
  const channels = x.dims[rank - 1];
  if (channels === null || channels! % inputs !== 0) {
    throw new Untranslatable(
      `has a filter for ${inputs} channels, but ${channels ?? 'an unknown number'} come`,
    );
  }
  const kernel = sizes.slice(0, -2);
  const { attributes, output } = windowsOf(c, x, kernel);
  const weight = c.e.rearranged(filter.name, [rank - 1, rank - 2, ...kernel.map((_, axis) => axis)]);
  return run(
    c,
    x,
    weight,
    bias,
    { ...attributes, kernel_shape: kernel, group: channels! / inputs },
    output,
    outputs,
  );
}

/** A convolution of every channel on its own, with a filter [h, w, in, multiplier]. */
function depthwise(c: OpContext, x: KnownValue, filter: KnownValue, bias?: KnownValue): KnownValue {
  const [height, width, channels, multiplier] = sizesOf(filter, 4) as [number, number, number, number];
  if (x.dims[3] !== channels) {
    throw new Untranslatable(
      `has a filter for ${channels} channels, but ${x.dims[3] ?? 'an unknown number'} come`,
    );
  }
  const { attributes, output } = windowsOf(c, x, [height, width]);
  const moved = c.e.rearranged(filter.name, [2, 3, 0, 1]);
  const weight = c.e.op('Reshape', [moved, c.e.ints([channels * multiplier, 1, height, width])]);
  const settings = { ...attributes, kernel_shape: [height, width], group: channels };
  return run(c, x, weight, bias, settings, output, channels * multiplier);
}

function run(
  c: OpContext,
  x: KnownValue,
  weight: string,
  bias: KnownValue | undefined,
  settings: Parameters<OpContext['e']['op']>[2],
  output: readonly Size[],
  channels: number,
): KnownValue {
  requireTypes([x], ['float32']);
  const inputs = [c.e.channelsFirst(x).name, weight, ...(bias ? [bias.name] : [])];
  const name = c.e.op('Conv', inputs, settings);
  return { name, dtype: 'float32', dims: [x.dims[0]!, ...output, channels], layout: 'channels-first' };
}

export const convolution: OpRule = (c, [x, filter]) => convolved(c, x!, filter!);

export const depthwiseConvolution: OpRule = (c, [x, filter]) => depthwise(c, x!, filter!);

/** The kinds of work that a fused operator does after its product. */
export function fusedWork({ node }: OpContext): { bias: boolean; activation: string } {
  const work = node.texts('fused_ops').map(name => name.toLowerCase());
  if (work.some(name => name.startsWith('fusedbatchnorm'))) {
    throw new Untranslatable('has a batch normalisation fused into it, which has no translation');
  }
  const activations = work.filter(name => name !== 'biasadd' && name !== 'noop');
  if (activations.length > 1)
    throw new Untranslatable(`has the activations ${activations.join(', ')} fused into it`);
  return { bias: work.includes('biasadd'), activation: activations[0] ?? '' };
}

function fused(of: typeof convolved): OpRule {
  return (c, [x, filter, ...rest]) => {
    const { bias, activation } = fusedWork(c);
    const result = of(c, x!, filter!, bias ? rest[0] : undefined);
    return activated(c, result, activation, rest[bias ? 1 : 0]);
  };
}

export const fusedConvolution = fused(convolved);
export const fusedDepthwiseConvolution = fused(depthwise);

/** The adjoint of a convolution, which decoders upsample with: inputs are the size of the result, the filter, dy. */
export const transposedConvolution: OpRule = (c, [size, filter, dy]) => {
  const [height, width, outputs, inputs] = sizesOf(filter!, 4) as [number, number, number, number];
  const elements = c.integers.of(size!);
  const target = elements?.slice(1, 3);
  const source = dy!.dims.slice(1, 3);
  if (dy!.dims[3] !== inputs)
    throw new Untranslatable(`has a filter for ${inputs} channels, but ${dy!.dims[3] ?? '?'} come`);
  if (!target || [...target, ...source].some(known => known === null)) {
    throw new Untranslatable('computes the size of its result from the data');
  }
  const kernel = [height, width];
  const strides = c.node.ints('strides').slice(1, 3);
  if (c.node.ints('dilations').some(dilation => dilation !== 1)) throw new Untranslatable('has dilations');
  const same = c.node.text('padding', 'VALID').toUpperCase() === 'SAME';
  // The windows of the convolution that this one undoes: what they reach beyond its input is padding.
  const excess = kernel.map((reach, axis) => (source[axis]! - 1) * strides[axis]! + reach - target[axis]!);
  const total = excess.map(pad => Math.max(0, pad));
  const before = total.map(pad => (same ? Math.floor(pad / 2) : 0));
  const settings = {
    strides,
    kernel_shape: kernel,
    pads: [...before, ...total.map((pad, axis) => pad - before[axis]!)],
    output_padding: excess.map(pad => Math.max(0, -pad)),
  };
  const weight = c.e.rearranged(filter!.name, [3, 2, 0, 1]);
  const name = c.e.op('ConvTranspose', [c.e.channelsFirst(dy!).name, weight], settings);
  return { name, dtype: 'float32', dims: [dy!.dims[0]!, ...target, outputs], layout: 'channels-first' };
};

/** A sum with one number a channel. */
export const biasAdd: OpRule = (c, [x, bias]) => {
  requireTypes([x!], ['float32', 'int32']);
  const rank = x!.dims.length;
  const name =
    x!.layout === 'plain'
      ? bias!.name
      : c.e.op('Reshape', [bias!.name, c.e.ints([bias!.dims[0] ?? -1, ...Array<number>(rank - 2).fill(1)])]);
  return { ...x!, name: c.e.op('Add', [x!.name, name]) };
};
