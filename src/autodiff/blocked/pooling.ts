// Pooling in the blocked layout.
import type { RuleContext } from '../rule';
import { kernelOffsets, windowsOf } from '../rules/window';
import type { Windows } from '../windows';
import type { Blocks } from './blocks';
import { interleave } from './convolution';

/** MaxPool of a blocked value. */
export function maxPool(k: Blocks, c: RuleContext): string | null {
  return pool(k, c, 'MaxPool', {});
}

/** AveragePool of a blocked value. */
export function averagePool(k: Blocks, c: RuleContext): string | null {
  return pool(k, c, 'AveragePool', { count_include_pad: c.int('count_include_pad', 0) });
}

function pool(
  k: Blocks,
  c: RuleContext,
  opType: string,
  extra: Readonly<Record<string, number>>,
): string | null {
  const kernel = c.ints('kernel_shape');
  if (kernel?.length !== 2 || c.int('ceil_mode', 0) !== 0) return null;
  const w = windowsOf(c, kernel);
  if (opType === 'AveragePool' && w.dilations.some(dilation => dilation > 1)) return null;
  const [samples, channels] = c.outDims() as [number, number];
  return k.op(opType, [k.blocked(c.in(0))], [samples, k.padded(channels), ...w.output], {
    kernel_shape: w.kernel,
    strides: w.strides,
    ...(opType === 'MaxPool' ? { dilations: w.dilations } : {}),
    pads: [...w.before, ...w.after],
    ...extra,
  });
}

/** The cotangent of max pooling over windows that tile the input: to the first maximum of each window. */
export function tileGradient(k: Blocks, x: string, y: string, dy: string, w: Windows): string | null {
  const { b, size } = k;
  if (w.kernel.length !== 2 || !k.has(x) || x === dy) return null;
  const [source, pooled] = [k.blocked(x), k.blocked(y)];
  const [samples, channels] = b.dims(source) as [number, number];
  const lead = samples * (channels / size);
  const target = [samples, channels, ...w.output];
  const split = b.reshape(source, [lead, ...w.input, size]);
  const parts: string[][] = w.kernel[0] ? Array.from({ length: w.kernel[0] }, () => []) : [];
  const offsets = kernelOffsets(w.kernel) as [number, number][];
  let rest = k.blocked(dy);
  offsets.forEach(([row, column], index) => {
    if (index === offsets.length - 1) {
      parts[row]!.push(rest);
      return;
    }
    const ends = [row, column].map((start, axis) => start + (w.output[axis]! - 1) * w.kernel[axis]! + 1);
    const seen = b.reshape(b.slice(split, [1, 2], [row, column], ends, w.kernel), target);
    const isMaximum = b.unary('HardSigmoid', b.binary('Sub', pooled, seen), {
      alpha: { float: -1e38 },
      beta: { float: 1 },
    });
    const part = b.binary('Mul', rest, isMaximum);
    parts[row]!.push(part);
    rest = b.binary('Sub', rest, part);
  });
  const covered = w.output.map((count, axis) => count * w.kernel[axis]!);
  const joined = b.reshape(interleave(k, parts, [samples, channels, ...covered]), [lead, ...covered, size]);
  const missing = w.input.map((count, axis) => count - covered[axis]!);
  return b.reshape(b.pad(joined, [0, 0, 0, 0], [0, ...missing, 0]), b.dims(source));
}
