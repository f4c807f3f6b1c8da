// Histograms as small as a word, for rows of tables.
import type { Histogram } from '../../src/shared/viewerProtocol';
import { svg } from './dom';
import './sparkline.css';

/** How the bars are coloured: one tone, or blue below zero and orange above. */
export type SparkTone = 'plain' | 'diverging';

/**
 * A histogram of `width` × `height` pixels. Heights grow with the square root of counts, so that tails stay visible
 * beside the peak. A tick marks zero where the range holds it.
 */
export function sparkline(histogram: Histogram, tone: SparkTone, width = 120, height = 18): SVGSVGElement {
  const { from, to, counts } = histogram;
  const most = Math.max(1, ...counts);
  const step = width / Math.max(1, counts.length);
  const drawing = svg('svg', {
    class: `spark spark-${tone}`,
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    'aria-hidden': 'true',
  });
  for (const [index, amount] of counts.entries()) {
    if (amount === 0) continue;
    const tall = Math.max(1, (height - 2) * Math.sqrt(amount / most));
    const middle = from + ((index + 0.5) / counts.length) * (to - from);
    drawing.append(
      svg('rect', {
        class: Math.abs(middle) < (to - from) / counts.length / 2 ? 'zero' : middle < 0 ? 'less' : 'more',
        x: (index * step).toFixed(2),
        y: (height - 1 - tall).toFixed(2),
        width: Math.max(0.5, step - 0.5).toFixed(2),
        height: tall.toFixed(2),
      }),
    );
  }
  drawing.append(svg('line', { class: 'base', x1: 0, x2: width, y1: height - 0.5, y2: height - 0.5 }));
  if (from < 0 && to > 0) {
    const x = ((0 - from) / (to - from)) * width;
    drawing.append(svg('line', { class: 'origin', x1: x, x2: x, y1: height - 4, y2: height }));
  }
  return drawing;
}

/** A bar of a share between 0 and 1, for magnitudes in rows. */
export function shareBar(share: number, width = 56): SVGSVGElement {
  const filled = Math.max(0, Math.min(1, share)) * width;
  return svg(
    'svg',
    { class: 'share-bar', width, height: 6, viewBox: `0 0 ${width} 6`, 'aria-hidden': 'true' },
    svg('rect', { class: 'track', x: 0.5, y: 0.5, width: width - 1, height: 5 }),
    svg('rect', { class: 'fill', x: 0, y: 0, width: filled.toFixed(2), height: 6 }),
  );
}
