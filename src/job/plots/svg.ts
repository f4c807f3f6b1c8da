// Plain SVG for pages and files: escaping, scales, axes and the frame that every plot has.

/** Text as HTML or SVG, for element content and quoted attributes. */
export function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** Where the marks of a plot go; pixels from the upper left corner. */
export interface Area {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** A linear scale from a domain to pixels. */
export function scale(
  [from, to]: readonly [number, number],
  [start, end]: readonly [number, number],
): (value: number) => number {
  const span = to === from ? 1 : to - from;
  return value => start + ((value - from) / span) * (end - start);
}

/** Round numbers that cover a domain, about `count` of them: steps of 1, 2 or 5 times a power of ten. */
export function ticks([from, to]: readonly [number, number], count = 5): number[] {
  const rough = Math.max(1e-300, to - from) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find(factor => factor * power >= rough * 0.999) ?? 10);
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(to / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) =>
    Number(((first + index) * step).toPrecision(12)),
  );
}

/** A number in an attribute: two decimals are finer than a pixel. */
export function px(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** A word in a plot; `anchor` as SVG has it. */
export function label(
  text: string,
  x: number,
  y: number,
  anchor: 'start' | 'middle' | 'end' = 'start',
  kind = 'label',
): string {
  return `<text class="${kind}" x="${px(x)}" y="${px(y)}" text-anchor="${anchor}">${escape(text)}</text>`;
}

/** The horizontal axis with its grid lines, tick labels and title. */
export function xAxis(
  area: Area,
  at: readonly number[],
  x: (value: number) => number,
  say: (value: number) => string,
  title: string,
): string {
  return [
    ...at.map(
      value =>
        `<line class="grid" x1="${px(x(value))}" x2="${px(x(value))}" y1="${area.top}" y2="${area.bottom}"/>` +
        label(say(value), x(value), area.bottom + 14, 'middle', 'tick'),
    ),
    label(title, (area.left + area.right) / 2, area.bottom + 30, 'middle', 'title'),
  ].join('');
}

/** The vertical axis with its grid lines, tick labels and a title above. */
export function yAxis(
  area: Area,
  at: readonly number[],
  y: (value: number) => number,
  say: (value: number) => string,
  title: string,
): string {
  return [
    ...at.map(
      value =>
        `<line class="grid" x1="${area.left}" x2="${area.right}" y1="${px(y(value))}" y2="${px(y(value))}"/>` +
        label(say(value), area.left - 6, y(value) + 4, 'end', 'tick'),
    ),
    label(title, area.left - 6, area.top - 8, 'start', 'title'),
  ].join('');
}

/** A line through points; `kind` is its class. */
export function polyline(points: readonly (readonly [number, number])[], kind: string): string {
  return `<polyline class="line ${kind}" points="${points.map(([x, y]) => `${px(x)},${px(y)}`).join(' ')}"/>`;
}

/** A key of marks and names in a row; wraps at `width`. Gives the marks and how high they are. */
export function legend(
  entries: readonly { readonly kind: string; readonly name: string }[],
  left: number,
  top: number,
  width: number,
): { readonly marks: string; readonly height: number } {
  let [x, y] = [left, top];
  const marks = entries.map(({ kind, name }) => {
    const wide = 26 + 6.6 * name.length + 14;
    if (x > left && x + wide > left + width) [x, y] = [left, y + 18];
    const mark =
      `<line class="line ${kind}" x1="${px(x)}" x2="${px(x + 18)}" y1="${px(y)}" y2="${px(y)}"/>` +
      label(name, x + 24, y + 4);
    x += wide;
    return mark;
  });
  return { marks: marks.join(''), height: y - top + 18 };
}

/** A whole plot; `summary` says in words what it shows. */
export function plot(width: number, height: number, summary: string, body: string): string {
  return (
    `<svg class="plot" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${px(height)}" width="${width}" ` +
    `height="${px(height)}" role="img" tabindex="0" aria-label="${escape(summary)}"><title>${escape(summary)}</title>${body}</svg>`
  );
}

/** The look of plots, for light and dark; the same in a page and in a file of its own. */
export const plotStyle = `
.plot { --ink: #1f2328; --muted: #59636e; --grid: #d9dee3; --back: #fff; --original: #7a828b; --proposal: #0969da;
  --forgotten: #c4590a; --retained: #2f81c5; --held-out: #0b7f83; font: 12px system-ui, sans-serif; max-width: 100%; height: auto; }
@media (prefers-color-scheme: dark) { .plot { --ink: #e6edf3; --muted: #9aa4af; --grid: #343b44; --back: #0d1117;
  --original: #9aa4af; --proposal: #58a6ff; --forgotten: #f0883e; --retained: #79c0ff; --held-out: #4ac6c9; } }
.plot text { fill: var(--ink); } .plot .tick, .plot .title { fill: var(--muted); font-size: 11px; }
.plot .grid { stroke: var(--grid); stroke-width: 1; } .plot .line { fill: none; stroke-width: 2; }
.plot .original { stroke: var(--original); } .plot .proposal { stroke: var(--proposal); }
.plot .retrained { stroke: var(--ink); stroke-dasharray: 4 3; } .plot .forgotten { stroke: var(--forgotten); }
.plot .retained { stroke: var(--retained); } .plot .held-out { stroke: var(--held-out); }
.plot .dot { fill: var(--back); stroke-width: 2; } .plot .dot.original { fill: var(--original); }
.plot .dot.proposal { fill: var(--proposal); } .plot .bar { stroke: none; } .plot .bar.proposal { fill: var(--proposal); }
.plot .bar.forgotten { fill: var(--forgotten); } .plot .bar.retained { fill: var(--retained); }
.plot .bar.original { fill: var(--original); } .plot .whisker { stroke: var(--ink); stroke-width: 1.5; }
.plot .cell.ink { fill: var(--ink); } .plot .cell.more { fill: var(--forgotten); } .plot .cell.less { fill: var(--retained); }
.plot .border, .plot .ring { stroke: var(--ink); stroke-width: 1.25; } .plot .ring { fill: var(--back); }
.plot .over { paint-order: stroke; stroke: var(--back); stroke-width: 3px; }
.plot .tint-0 { fill: var(--retained); fill-opacity: 0.3; } .plot .tint-1 { fill: var(--forgotten); fill-opacity: 0.3; }
.plot .tint-2 { fill: #a371f7; fill-opacity: 0.3; } .plot .tint-3 { fill: var(--held-out); fill-opacity: 0.3; }
.plot .tint-4 { fill: #bf8700; fill-opacity: 0.3; } .plot .tint-none { fill: none; }
.plot .leader { fill: none; stroke: var(--muted); stroke-width: 0.75; stroke-dasharray: 1 2; }
.plot .frame { fill: none; stroke: var(--grid); }
`;

/** A plot as a file of its own, with the look inside. */
export function standalone(svg: string): string {
  return svg.replace('</title>', `</title><style>${plotStyle}</style>`);
}
