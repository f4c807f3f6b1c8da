// How the losses of all samples are distributed, before and after, set by set.
import * as Plot from '@observablehq/plot';
import type { Distribution, Evaluation, SampleSet } from '../../src/shared/evaluation';
import { setNames } from '../../src/shared/evaluationRows';
import { significant, things } from '../../src/shared/numbers';
import type { LegendEntry } from '../kit/plot';
import { figure } from '../kit/plot';

interface Bar {
  readonly set: string;
  readonly from: number;
  readonly to: number;
  /** The share of the set's samples, in percent. */
  readonly share: number;
}

/** The order of the panels: what the run was for comes first. */
const order: readonly SampleSet[] = ['forget', 'retain', 'test'];

/** Histograms of the base-10 logarithm of losses, one panel a set; null where there are none. */
export function lossHistograms(evaluation: Evaluation): HTMLElement | null {
  const named = (name: string): Evaluation['models'][number] | undefined =>
    evaluation.models.find(model => model.name === name);
  const [original, unlearned, retrained] = ['original', 'unlearned', 'retrained'].map(named);
  if (!unlearned) return null;
  const sets = order.filter(set => unlearned.losses[set] !== null);
  const of = (model: typeof unlearned | undefined): Bar[] =>
    sets.flatMap(set => (model?.losses[set] ? barsOf(setNames[set], model.losses[set]) : []));
  const legend: LegendEntry[] = [
    ...(original ? [{ name: 'original', mark: 'bar', role: 'original' } as const] : []),
    { name: 'proposal', mark: 'line', role: 'proposal' },
    ...(retrained ? [{ name: 'retrained', mark: 'dash', role: 'retrained' } as const] : []),
  ];
  const line = (model: typeof unlearned | undefined, stroke: string, dash?: string): Plot.Markish[] =>
    model
      ? [
          Plot.line(of(model).flatMap(outline), {
            x: 'x',
            y: 'share',
            fy: 'set',
            z: 'set',
            stroke,
            strokeWidth: dash ? 1.5 : 2,
            ...(dash ? { strokeDasharray: dash } : {}),
          }),
        ]
      : [];
  return figure({
    title: 'Losses of each set',
    summary: sets.map(set => sentence(set, original?.losses[set] ?? null, unlearned.losses[set]!)).join(' '),
    legend,
    height: 60 + 84 * sets.length,
    draw: width => ({
      marginLeft: 52,
      marginRight: 76,
      marginTop: 8,
      marginBottom: 36,
      x: {
        label: 'loss of a sample',
        labelAnchor: 'center',
        labelArrow: 'none',
        ticks: width < 360 ? 4 : 6,
        tickFormat: (value: number) => significant(10 ** value, 1),
      },
      y: { label: '% of the set', labelArrow: 'none', labelAnchor: 'center', ticks: 3, grid: true },
      fy: { domain: sets.map(set => setNames[set]), label: null, padding: 0.15 },
      color: { type: 'identity' },
      marks: [
        Plot.rectY(of(original), {
          x1: 'from',
          x2: 'to',
          y: 'share',
          fy: 'set',
          fill: 'var(--lethe-original)',
          fillOpacity: 0.55,
          inset: 0.25,
        }),
        ...line(retrained, 'var(--lethe-retrained)', '3 2'),
        ...line(unlearned, 'var(--lethe-proposal)'),
        Plot.ruleY([0], { stroke: 'var(--lethe-border)' }),
      ],
    }),
    table: () => [
      ['set', 'loss from', 'to', 'original, %', 'proposal, %', ...(retrained ? ['retrained, %'] : [])],
      ...sets.flatMap(set => {
        const [a, b, c] = [original, unlearned, retrained].map(model => of(model).filter(isOf(set)));
        return b!.map((bar, index) => [
          setNames[set],
          significant(10 ** bar.from),
          significant(10 ** bar.to),
          a?.[index] ? significant(a[index].share) : '–',
          significant(bar.share),
          ...(retrained ? [c?.[index] ? significant(c[index].share) : '–'] : []),
        ]);
      }),
    ],
  });
}

function isOf(set: SampleSet): (bar: Bar) => boolean {
  return ({ set: name }) => name === setNames[set];
}

function barsOf(set: string, { from, to, counts }: Distribution): Bar[] {
  const total = Math.max(
    1,
    counts.reduce((sum, each) => sum + each, 0),
  );
  const step = (to - from) / Math.max(1, counts.length);
  return counts.map((each, index) => ({
    set,
    from: from + index * step,
    to: from + (index + 1) * step,
    share: (100 * each) / total,
  }));
}

/** The upper edge of a bar, as two points of a line with steps. */
function outline({ set, from, to, share }: Bar): { set: string; x: number; share: number }[] {
  return [
    { set, x: from, share },
    { set, x: to, share },
  ];
}

function sentence(set: SampleSet, before: Distribution | null, after: Distribution): string {
  const median = (distribution: Distribution): string => significant(10 ** middle(distribution), 2);
  const samples = after.counts.reduce((sum, each) => sum + each, 0);
  const noun = `${setNames[set]} sample`;
  const was = before === null ? '' : `${median(before)} before and `;
  return `Of ${things(samples, noun)} half have a loss above about ${was}${median(after)} after.`;
}

function middle({ from, to, counts }: Distribution): number {
  const total = counts.reduce((sum, each) => sum + each, 0);
  const step = (to - from) / Math.max(1, counts.length);
  let seen = 0;
  for (const [index, each] of counts.entries()) {
    seen += each;
    if (seen >= total / 2) return from + (index + 0.5) * step;
  }
  return from;
}
