// The trade-off between runs: what is still fitted of the forgotten samples against how others are fitted.
import * as Plot from '@observablehq/plot';
import { tradeOff } from '../../src/shared/runComparison';
import type { Fit, TradeOff } from '../../src/shared/runComparison';
import { count, significant, things } from '../../src/shared/numbers';
import type { ModelMetrics } from '../../src/shared/report';
import type { LegendEntry } from '../kit/plot';
import { figure } from '../kit/plot';

/** A model in the plot. */
export interface TradeOffPoint {
  readonly name: string;
  readonly kind: 'run' | 'original' | 'retrained';
  readonly metrics: ModelMetrics;
  /** The run whose details are shown. */
  readonly active: boolean;
}

interface Placed extends TradeOffPoint {
  readonly x: number;
  readonly y: number;
}

/** All models of one forget set; null where no two numbers can be set against each other. */
export function tradeOffFigure(points: readonly TradeOffPoint[]): HTMLElement | null {
  const found = points.flatMap(point => {
    const at = tradeOff(point.metrics);
    return at === null ? [] : [{ point, at }];
  });
  const first = found[0]?.at;
  if (!first) return null;
  const percent = first.others.kind === 'accuracy';
  const scale = percent ? 100 : 1;
  const placed = found.map(({ point, at }): Placed => ({
    ...point,
    x: scale * at.forgotten.value,
    y: scale * at.others.value,
  }));
  const runs = placed.filter(({ kind }) => kind === 'run');
  const original = placed.find(({ kind }) => kind === 'original');
  const retrained = placed.find(({ kind }) => kind === 'retrained');
  const [xLabel, yLabel] = axisLabels(first);
  const legend: LegendEntry[] = [{ name: 'run', mark: 'dot', role: 'proposal' }];
  if (original) legend.push({ name: 'original', mark: 'bar', role: 'original' });
  if (retrained) legend.push({ name: 'retrained', mark: 'dash', role: 'retrained' });
  return figure({
    title: 'Trade-off',
    summary: summary(first, runs, original, retrained),
    legend,
    height: 240,
    draw: width => ({
      marginLeft: 48,
      marginRight: 16,
      marginTop: 12,
      marginBottom: 36,
      x: {
        ...axis(
          xLabel,
          placed.map(({ x }) => x),
          percent,
        ),
        ticks: width < 360 ? 4 : 6,
      },
      y: {
        ...axis(
          yLabel,
          placed.map(({ y }) => y),
          percent,
        ),
        grid: true,
        ticks: 5,
      },
      color: { type: 'identity' },
      marks: [
        ...(retrained ? crosshair(retrained) : []),
        ...(original
          ? [Plot.dot([original], { x: 'x', y: 'y', r: 5, symbol: 'square', fill: 'var(--lethe-original)' })]
          : []),
        Plot.dot(runs, {
          x: 'x',
          y: 'y',
          r: run => (run.active ? 6 : 4),
          fill: 'var(--lethe-proposal)',
          fillOpacity: run => (run.active ? 1 : 0.6),
          stroke: run => (run.active ? 'var(--vscode-foreground)' : 'var(--lethe-proposal)'),
        }),
        Plot.text(labelled(runs), {
          x: 'x',
          y: 'y',
          text: 'name',
          dy: -10,
          fill: 'var(--vscode-foreground)',
          stroke: 'var(--vscode-editor-background)',
          strokeWidth: 3,
        }),
      ],
    }),
    table: () => [
      ['model', xLabel, yLabel],
      ...placed.map(({ name, x, y }) => [name, significant(x), significant(y)]),
    ],
  });
}

function axisLabels({ forgotten, others, heldOut }: TradeOff): readonly [string, string] {
  const set = heldOut ? 'held-out' : 'retained';
  const unlabelled = (fit: Fit, samples: string): string =>
    fit.kind === 'accuracy'
      ? `${samples} samples as the original predicts, %`
      : `largest difference to the original on ${samples} samples`;
  if (forgotten.againstOriginal)
    return [
      unlabelled(forgotten, 'forgotten'),
      others.againstOriginal ? unlabelled(others, set) : labelledAxis(others, set),
    ];
  return [
    forgotten.kind === 'accuracy'
      ? 'labels to forget, still fitted, %'
      : 'largest error on forgotten samples',
    others.againstOriginal ? unlabelled(others, set) : labelledAxis(others, set),
  ];
}

function labelledAxis({ kind }: Fit, set: string): string {
  return kind === 'accuracy' ? `${set} accuracy, %` : `largest error on ${set} samples`;
}

/** An axis with some room around its values; shares stay within 0 and 100. */
function axis(label: string, values: readonly number[], percent: boolean): Plot.ScaleOptions {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const room = Math.max(0.08 * (most - least), percent ? 0.5 : 0.02 * Math.abs(most), 1e-9);
  const clip = (value: number): number => (percent ? Math.max(-1, Math.min(101, value)) : value);
  return {
    domain: [clip(least - room), clip(most + room)],
    label,
    labelAnchor: 'center',
    labelArrow: 'none',
    tickFormat: (value: number) => String(Number(value.toPrecision(4))),
  };
}

/** Where a retrained model lies: the aim, so dashed lines lead to it from both axes. */
function crosshair({ x, y }: Placed): Plot.Markish[] {
  const look = { stroke: 'var(--lethe-retrained)', strokeDasharray: '3 3', strokeOpacity: 0.7 };
  return [
    Plot.ruleX([x], look),
    Plot.ruleY([y], look),
    Plot.dot([{ x, y }], { x: 'x', y: 'y', r: 4, symbol: 'diamond2', stroke: 'var(--lethe-retrained)' }),
  ];
}

/** Names stand beside points while they have room; in a crowd only beside the active one. */
function labelled(runs: readonly Placed[]): readonly Placed[] {
  return runs.length <= 6 ? runs : runs.filter(({ active }) => active);
}

function summary(
  first: TradeOff,
  runs: readonly Placed[],
  original: Placed | undefined,
  retrained: Placed | undefined,
): string {
  const [xLabel, yLabel] = axisLabels(first);
  const say = ({ name, x, y }: Placed): string => `${name}: ${significant(x)} and ${significant(y)}`;
  return (
    `${things(runs.length, 'run')} by ${xLabel} (${count(first.forgotten.count)} samples) and ${yLabel} ` +
    `(${count(first.others.count)} samples). ` +
    [...runs, ...(original ? [original] : []), ...(retrained ? [retrained] : [])].map(say).join('; ') +
    '.'
  );
}
