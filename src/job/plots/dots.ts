// Dots on a line: one row a figure, one mark a model.
import { label, legend, plot, px, scale, ticks, xAxis } from './svg';

/** One row; a value for each series, null where there is none. */
export interface DotRow {
  readonly name: string;
  readonly values: readonly (number | null)[];
}

/** A series by its name and its class in the stylesheet. */
export interface DotSeries {
  readonly name: string;
  readonly kind: string;
}

/** How a row of dots is drawn. */
export interface DotOptions {
  readonly domain: readonly [number, number];
  readonly title: string;
  readonly say: (value: number) => string;
  readonly summary: string;
  /** Pixels for the names of the rows. */
  readonly names?: number;
}

/** Dots by row and series over one axis. */
export function dotPlot(rows: readonly DotRow[], series: readonly DotSeries[], options: DotOptions): string {
  const width = 620;
  const names = options.names ?? 90;
  const key = legend(series, names, 12, width - names);
  const area = {
    left: names,
    top: key.height + 12,
    right: width - 20,
    bottom: key.height + 12 + 30 * rows.length,
  };
  const x = scale(options.domain, [area.left + 8, area.right - 8]);
  const marks = rows.map((row, index) => {
    const y = area.top + 30 * index + 15;
    return (
      label(row.name, area.left - 10, y + 4, 'end') +
      row.values
        .map((value, place) => {
          if (value === null) return '';
          const at = x(Math.max(options.domain[0], Math.min(options.domain[1], value)));
          const { kind, name } = series[place]!;
          // The dashed ring of the retrained model lies around what hits it.
          const radius = kind === 'retrained' ? 8 : 5;
          return `<circle class="dot ${kind}" cx="${px(at)}" cy="${px(y)}" r="${radius}"${kind === 'retrained' ? ' fill-opacity="0"' : ''}><title>${name}: ${options.say(value)}</title></circle>`;
        })
        .join('')
    );
  });
  const axis = xAxis(area, ticks(options.domain), x, options.say, options.title);
  return plot(width, area.bottom + 38, options.summary, key.marks + axis + marks.join(''));
}
