// Horizontal bars, with a whisker for a standard deviation where there is one.
import { label, plot, px, scale, ticks, xAxis } from './svg';

/** One bar. */
export interface Bar {
  readonly name: string;
  readonly value: number;
  readonly deviation?: number;
  /** Its class in the stylesheet. */
  readonly kind: string;
}

/** Bars from 0 on one axis. */
export function barPlot(
  bars: readonly Bar[],
  options: {
    readonly most: number;
    readonly title: string;
    readonly say: (value: number) => string;
    readonly summary: string;
    readonly names?: number;
  },
): string {
  const width = 620;
  const left = options.names ?? 150;
  const area = { left, top: 8, right: width - 60, bottom: 8 + 20 * bars.length };
  const x = scale([0, options.most], [left, area.right]);
  const marks = bars.map(({ name, value, deviation, kind }, index) => {
    const y = area.top + 20 * index + 4;
    const end = x(Math.min(options.most, value));
    const whisker =
      deviation === undefined
        ? ''
        : `<line class="whisker" x1="${px(x(Math.max(0, value - deviation)))}" x2="${px(x(Math.min(options.most, value + deviation)))}" y1="${y + 6}" y2="${y + 6}"/>`;
    const said = deviation === undefined ? end : Math.max(end, x(Math.min(options.most, value + deviation)));
    return (
      label(name.length > 28 ? `…${name.slice(-27)}` : name, left - 8, y + 10, 'end') +
      `<rect class="bar ${kind}" x="${left}" y="${y}" width="${px(Math.max(0, end - left))}" height="12"/>` +
      whisker +
      label(options.say(value), said + 6, y + 10, 'start', 'tick')
    );
  });
  const axis = xAxis(area, ticks([0, options.most]), x, options.say, options.title);
  return plot(width, area.bottom + 38, options.summary, axis + marks.join(''));
}
