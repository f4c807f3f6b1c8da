// Random cases of convolutions.
import type { Random } from '../../../src/tensor/random';
import { between, node, normals, oneOf, sizes, type Case } from '../harness';

/** Conv in one to three dimensions; the index walks through the forms, the random numbers fill them in. */
export function convCase(random: Random, index: number): Case {
  const rank = (index % 3) + 1;
  const autoPad = oneOf(random, ['NOTSET', 'NOTSET', 'NOTSET', 'VALID', 'SAME_UPPER', 'SAME_LOWER']);
  const same = autoPad.startsWith('SAME');
  const depthwise = index % 5 === 3;
  const group = depthwise ? between(random, 2, 3) : oneOf(random, [1, 1, 2, 3]);
  const inner = depthwise ? 1 : between(random, 1, 2);
  const outputs = group * between(random, 1, 2);
  const kernel = sizes(random, rank, 1, rank === 3 ? 2 : 3);
  // ONNX Runtime takes no dilation together with SAME padding.
  const dilations = same ? kernel.map(() => 1) : kernel.map(() => oneOf(random, [1, 1, 2]));
  const strides = kernel.map(() => oneOf(random, index % 7 === 5 ? [3, 4] : [1, 1, 2, 3]));
  const pads = [...kernel, ...kernel].map(() => (index % 4 === 0 ? 0 : between(random, 0, 3)));
  const spatial = kernel.map((size, axis) => {
    const reach = dilations[axis]! * (size - 1) + 1;
    const padded = autoPad === 'NOTSET' ? pads[axis]! + pads[axis + rank]! : 0;
    return Math.max(1, reach - padded) + between(random, 0, rank === 3 ? 3 : 5);
  });
  const x = [between(random, 1, 3), group * inner, ...spatial];
  const bias = index % 3 !== 1;
  const attributes = {
    group,
    strides: oneOf(random, [true, false]) || strides.some(stride => stride !== 1) ? strides : undefined,
    dilations: dilations.some(dilation => dilation !== 1) ? dilations : undefined,
    kernel_shape: oneOf(random, [kernel, undefined]),
    ...(autoPad === 'NOTSET' ? { pads: index % 4 === 0 ? undefined : pads } : { auto_pad: autoPad }),
  };
  return {
    title: `x ${x.join('×')}, kernel ${kernel.join('×')}, ${JSON.stringify(attributes)}${bias ? ', bias' : ''}`,
    nodes: [node('Conv', bias ? ['x', 'w', 'b'] : ['x', 'w'], ['y'], attributes)],
    opset: oneOf(random, [7, 11, 21]),
    args: {
      x: normals(random, x),
      w: normals(random, [outputs, inner, ...kernel]),
      ...(bias ? { b: normals(random, [outputs]) } : {}),
    },
    output: 'y',
    differences: 'exact',
  };
}
