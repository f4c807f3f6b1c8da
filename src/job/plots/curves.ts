// Lines over a shared axis: losses by step, errors by width.
import { escape, label, legend, plot, polyline, px, scale, ticks, xAxis, yAxis, type Area } from './svg';

/** One line; `kind` is its class in the stylesheet. */
export interface Curve {
  readonly name: string;
  readonly kind: string;
  readonly points: readonly (readonly [number, number])[];
  /** Whether each point gets a dot. */
  readonly dots?: boolean;
  /** The point that a name beside the plot leads to; the last where absent. */
  readonly labelAt?: readonly [number, number];
}

/** How curves are drawn. Log axes take positive numbers only; others are left out there. */
export interface CurveOptions {
  readonly x: { readonly title: string; readonly log?: boolean };
  readonly y: {
    readonly title: string;
    readonly log?: boolean;
    readonly from?: number;
    readonly to?: number;
  };
  /** Whether names stand beside the plot, each with a line to its curve, instead of in a key: for more curves than colours. */
  readonly labels?: boolean;
  readonly say?: (value: number) => string;
  readonly summary: string;
}

/** Curves on common axes. */
export function curvePlot(curves: readonly Curve[], options: CurveOptions): string {
  const width = 620;
  const left = 64;
  const key = options.labels ? { marks: '', height: 0 } : legend(curves, left, 12, width - left - 20);
  const tall = Math.max(220, options.labels ? labelStep * curves.length : 0);
  const right = width - (options.labels ? labelWidth : 20);
  const area = { left, top: key.height + 28, right, bottom: key.height + 28 + tall };
  const along = (log: boolean | undefined) => (value: number) => (log ? Math.log10(value) : value);
  const [tx, ty] = [along(options.x.log), along(options.y.log)];
  const moved = curves.map(curve => ({
    ...curve,
    points: curve.points
      .map(([a, b]) => [tx(a), ty(b)] as const)
      .filter(([a, b]) => Number.isFinite(a) && Number.isFinite(b)),
  }));
  const all = moved.flatMap(({ points, labelAt }) =>
    labelAt ? [...points, [tx(labelAt[0]), ty(labelAt[1])] as const] : points,
  );
  const domain = (values: readonly number[], from?: number, to?: number): readonly [number, number] => {
    const low = from ?? Math.min(...values);
    const high = to ?? Math.max(...values);
    return low < high ? [low, high] : [low - 0.5, low + 0.5];
  };
  const xDomain = domain(all.map(([a]) => a));
  const yDomain = domain(
    all.map(([, b]) => b),
    options.y.from,
    options.y.to,
  );
  const x = scale(xDomain, [area.left + 6, area.right - 6]);
  const y = scale(yDomain, [area.bottom - 6, area.top + 6]);
  const plain = options.say ?? ((value: number) => String(value));
  const powers = (log: boolean | undefined) => (value: number) =>
    log ? String(Number((10 ** value).toPrecision(2))) : plain(value);
  const lines = moved.map(({ name, kind, points, dots }) => {
    const places = points.map(([a, b]): [number, number] => [
      x(a),
      y(Math.min(yDomain[1], Math.max(yDomain[0], b))),
    ]);
    const marks = dots
      ? places
          .map(
            ([a, b]) =>
              `<circle class="dot ${kind}" cx="${px(a)}" cy="${px(b)}" r="3.5"><title>${escape(name)}</title></circle>`,
          )
          .join('')
      : '';
    return polyline(places, kind) + marks;
  });
  const axes =
    xAxis(area, ticks(xDomain), x, powers(options.x.log), options.x.title) +
    yAxis(area, ticks(yDomain), y, powers(options.y.log), options.y.title);
  const ends = moved.flatMap(({ name, points, labelAt }): Labelled[] => {
    const at = labelAt ? ([tx(labelAt[0]), ty(labelAt[1])] as const) : points.at(-1);
    return at ? [{ name, x: x(at[0]), y: y(Math.min(yDomain[1], Math.max(yDomain[0], at[1]))) }] : [];
  });
  const labels = options.labels ? beside(ends, area) : '';
  return plot(width, area.bottom + 38, options.summary, key.marks + axes + labels + lines.join(''));
}

const labelStep = 15;
const labelWidth = 190;

interface Labelled {
  readonly name: string;
  readonly x: number;
  readonly y: number;
}

/** Names in a column to the right, in the order of their points, pushed apart until none covers another. */
function beside(ends: readonly Labelled[], area: Area): string {
  const sorted = [...ends].sort((a, b) => a.y - b.y);
  const places: number[] = [];
  for (const { y } of sorted) places.push(Math.max(y, (places.at(-1) ?? -Infinity) + labelStep));
  // Those pushed below the plot push back.
  let floor = area.bottom;
  for (let index = places.length - 1; index >= 0; index--) {
    places[index] = Math.min(places[index]!, floor);
    floor = places[index]! - labelStep;
  }
  return sorted
    .map(({ name, x, y }, index) => {
      const at = places[index]!;
      const leader = `<polyline class="leader" points="${px(x)},${px(y)} ${px(area.right + 6)},${px(at)} ${px(area.right + 12)},${px(at)}"/>`;
      return leader + label(name, area.right + 16, at + 4);
    })
    .join('');
}
