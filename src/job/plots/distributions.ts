// Distributions of losses or confidences on the three sets, one small plot a model, all on the same axes.
import { sampleSets, type BySet, type Distribution } from '../../shared/evaluation';
import { setNames } from '../../shared/evaluationRows';
import { label, legend, plot, polyline, scale, ticks, xAxis } from './svg';

/** The class of each set in the stylesheet. */
const kinds = { retain: 'retained', forget: 'forgotten', test: 'held-out' } as const;

/** Steps of the share of samples in each bin. */
export function distributionPlot(
  models: readonly { readonly name: string; readonly sets: BySet<Distribution> }[],
  title: string,
  say: (value: number) => string,
  summary: string,
): string {
  const width = 620;
  const height = 96;
  const left = 20;
  const shown = sampleSets.filter(set => models.some(({ sets }) => sets[set] !== null));
  const key = legend(
    shown.map(set => ({ kind: kinds[set], name: setNames[set] })),
    left,
    12,
    width,
  );
  const first = models[0]!.sets.retain;
  const domain = [first.from, first.to] as const;
  const shares = (distribution: Distribution): number[] => {
    const all = distribution.counts.reduce((sum, count) => sum + count, 0);
    return distribution.counts.map(count => count / Math.max(1, all));
  };
  const highest = Math.max(
    ...models.flatMap(({ sets }) => shown.flatMap(set => (sets[set] ? shares(sets[set]) : []))),
  );
  const x = scale(domain, [left, width - 20]);
  const rows = models.map(({ name, sets }, index) => {
    const top = key.height + 20 + index * height;
    const bottom = top + height - 22;
    const y = scale([0, highest], [bottom, top + 12]);
    const last = index === models.length - 1;
    const area = { left, top, right: width - 20, bottom };
    const axis = xAxis(area, ticks(domain), x, last ? say : () => '', last ? title : '');
    const lines = shown.map(set => {
      const distribution = sets[set];
      if (!distribution) return '';
      const each = shares(distribution);
      const step = (distribution.to - distribution.from) / each.length;
      const points = each.flatMap((share, bin): [number, number][] => [
        [x(distribution.from + bin * step), y(share)],
        [x(distribution.from + (bin + 1) * step), y(share)],
      ]);
      return polyline(points, kinds[set]);
    });
    return axis + lines.join('') + label(name, width - 24, top + 4, 'end');
  });
  const bottom = key.height + 20 + models.length * height + 20;
  return plot(width, bottom, summary, key.marks + rows.join(''));
}
