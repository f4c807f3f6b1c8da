// Lines over a shared axis: losses by step, errors by width.
import { escape, legend, plot, polyline, px, scale, ticks, xAxis, yAxis } from './svg';

/** One line; `kind` is its class in the stylesheet. */
export interface Curve {
  readonly name: string;
  readonly kind: string;
  readonly points: readonly (readonly [number, number])[];
  /** Whether each point gets a dot. */
  readonly dots?: boolean;
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
  /** Whether dots carry their curve's name as a tip. */
  readonly tips?: boolean;
  readonly say?: (value: number) => string;
  readonly summary: string;
}

/** Curves on common axes. */
export function curvePlot(curves: readonly Curve[], options: CurveOptions): string {
  const width = 620;
  const left = 64;
  const key = legend(curves, left, 12, width - left - 20);
  const area = { left, top: key.height + 28, right: width - 20, bottom: key.height + 28 + 220 };
  const along = (log: boolean | undefined) => (value: number) => (log ? Math.log10(value) : value);
  const [tx, ty] = [along(options.x.log), along(options.y.log)];
  const moved = curves.map(curve => ({
    ...curve,
    points: curve.points
      .map(([a, b]) => [tx(a), ty(b)] as const)
      .filter(([a, b]) => Number.isFinite(a) && Number.isFinite(b)),
  }));
  const all = moved.flatMap(({ points }) => points);
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
              `<circle class="dot ${kind}" cx="${px(a)}" cy="${px(b)}" r="3.5">${options.tips ? `<title>${escape(name)}</title>` : ''}</circle>`,
          )
          .join('')
      : '';
    return polyline(places, kind) + marks;
  });
  const axes =
    xAxis(area, ticks(xDomain), x, powers(options.x.log), options.x.title) +
    yAxis(area, ticks(yDomain), y, powers(options.y.log), options.y.title);
  return plot(width, area.bottom + 38, options.summary, key.marks + axes + lines.join(''));
}
