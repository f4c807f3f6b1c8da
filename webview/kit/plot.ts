// Observable Plot under VS Code's colours and a strict content policy, with words and a table behind every picture.
import * as Plot from '@observablehq/plot';
import { h, replaceContent, svg, uniqueId } from './dom';
import type { Child } from './dom';
import './plot.css';

/** A plot with what it says in words. */
export interface FigureOptions {
  readonly title: string;
  /** The plot in one or two sentences, for screen readers and as the figure's caption. */
  readonly summary: string;
  /** Names and looks of what is drawn. */
  readonly legend?: readonly LegendEntry[];
  readonly height: number;
  /** Draws at a width in pixels; called again when the width changes. */
  readonly draw: (width: number) => Plot.PlotOptions;
  /** The numbers behind the picture: a header and rows. */
  readonly table: () => readonly (readonly string[])[];
}

/** One entry of a legend; the classes are those of plot.css. */
export interface LegendEntry {
  readonly name: string;
  readonly mark: 'bar' | 'line' | 'dash' | 'dot' | 'ring' | 'diamond';
  /** A role of base.css: "original", "proposal", "forgotten", … */
  readonly role: string;
}

/** A figure that fits the width it is given. Focusable; its summary is its description. */
export function figure(options: FigureOptions): HTMLElement {
  const captionId = uniqueId('caption');
  const canvas = h('div', { class: 'figure-canvas', style: { height: `${options.height}px` } });
  const element = h(
    'figure',
    {
      class: 'figure',
      attributes: { tabindex: 0, role: 'group', 'aria-label': options.title, 'aria-describedby': captionId },
    },
    h(
      'div',
      { class: 'figure-head' },
      h('h3', { class: 'figure-title' }, options.title),
      options.legend ? legend(options.legend) : null,
    ),
    canvas,
    h('p', { class: 'visually-hidden', attributes: { id: captionId } }, options.summary),
    dataTable(options),
  );
  let drawnAt = 0;
  new ResizeObserver(() => {
    const width = Math.floor(canvas.clientWidth);
    if (width === drawnAt || width < 40) return;
    drawnAt = width;
    replaceContent(canvas, drawPlot({ ...options.draw(width), width, height: options.height }));
  }).observe(canvas);
  return element;
}

/** A plot as an element whose style sheet is ours: the policy forbids the one that Plot would bring along. */
function drawPlot(options: Plot.PlotOptions): Element {
  const drawn = Plot.plot({
    ...options,
    className: 'plot',
    style: { fontFamily: 'inherit', fontSize: 'inherit', background: 'none', overflow: 'visible' },
  });
  for (const sheet of drawn.querySelectorAll('style')) sheet.remove();
  drawn.setAttribute('aria-hidden', 'true');
  return drawn;
}

function legend(entries: readonly LegendEntry[]): HTMLElement {
  return h(
    'span',
    { class: 'legend', attributes: { 'aria-hidden': 'true' } },
    ...entries.map(entry => h('span', { class: 'legend-entry' }, swatch(entry), entry.name)),
  );
}

function swatch(entry: LegendEntry): SVGSVGElement {
  const role = `mark-${entry.role}`;
  const marks: Record<LegendEntry['mark'], () => SVGElement> = {
    bar: () => svg('rect', { class: role, x: 1, y: 2, width: 10, height: 8 }),
    line: () => svg('line', { class: `stroke ${role}`, x1: 0, x2: 12, y1: 6, y2: 6 }),
    dash: () => svg('line', { class: `stroke dash ${role}`, x1: 0, x2: 12, y1: 6, y2: 6 }),
    dot: () => svg('circle', { class: role, cx: 6, cy: 6, r: 4 }),
    ring: () => svg('circle', { class: `stroke ${role}`, cx: 6, cy: 6, r: 3.5 }),
    diamond: () => svg('path', { class: role, d: 'M6 1.5 10.5 6 6 10.5 1.5 6Z' }),
  };
  return svg('svg', { class: 'swatch', width: 12, height: 12 }, marks[entry.mark]());
}

/** The numbers, folded away until they are asked for. */
function dataTable(options: FigureOptions): HTMLElement {
  const holder = h('div', { class: 'figure-table', attributes: { tabindex: 0, role: 'region' } });
  holder.setAttribute('aria-label', `${options.title}: numbers`);
  const details = h('details', { class: 'figure-numbers' }, h('summary', null, 'Numbers'), holder);
  details.addEventListener('toggle', () => {
    if (details.open && holder.childElementCount === 0) {
      const [header = [], ...rows] = options.table();
      holder.append(plainTable(header, rows));
    }
  });
  return details;
}

/** A table that is small enough to stand as a whole. The first column names the row. */
export function plainTable(
  header: readonly string[],
  rows: readonly (readonly (string | Child)[])[],
  look = 'numbers',
): HTMLElement {
  return h(
    'table',
    { class: `plain-table ${look}` },
    h('thead', null, h('tr', null, ...header.map(text => h('th', { attributes: { scope: 'col' } }, text)))),
    h(
      'tbody',
      null,
      ...rows.map(row =>
        h(
          'tr',
          null,
          ...row.map((cell, index) =>
            index === 0 ? h('th', { attributes: { scope: 'row' } }, cell) : h('td', null, cell),
          ),
        ),
      ),
    ),
  );
}
