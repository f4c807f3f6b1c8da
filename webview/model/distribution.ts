// Histograms of weights as figures: of one model, of two over the same bins, and of their difference.
import * as Plot from '@observablehq/plot';
import { count, significant } from '../../src/shared/numbers';
import type { Histogram } from '../../src/shared/viewerProtocol';
import { figure } from '../kit/plot';

interface Bin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

const margins = { marginLeft: 52, marginRight: 8, marginTop: 8, marginBottom: 34 };

/** The values of one tensor. */
export function valuesFigure(name: string, values: Histogram): HTMLElement {
  const bins = binsOf(values);
  return figure({
    title: 'Distribution of values',
    summary: `${name}: ${spread(values)}`,
    height: 180,
    draw: () => ({
      ...margins,
      ...axes('value', bins),
      marks: [bars(bins, () => 'var(--lethe-original)'), Plot.ruleY([0], { stroke: 'var(--lethe-border)' })],
    }),
    table: () => table(['value from', 'to', 'elements'], bins, bin => [count(bin.count)]),
  });
}

/** The changes of one tensor: blue where weights became smaller, orange where larger. */
export function changeFigure(name: string, change: Histogram): HTMLElement {
  const bins = binsOf(change);
  const reach = Math.max(Math.abs(change.from), Math.abs(change.to));
  return figure({
    title: 'Change of the weights',
    summary: `Differences after minus before in ${name}: ${spread(change)}`,
    legend: [
      { name: 'smaller', mark: 'bar', role: 'less' },
      { name: 'larger', mark: 'bar', role: 'more' },
    ],
    height: 180,
    draw: () => ({
      ...margins,
      ...axes('Δ = after − before', bins),
      marks: [
        bars(bins, bin => divergingColor((bin.from + bin.to) / 2 / reach)),
        Plot.ruleY([0], { stroke: 'var(--lethe-border)' }),
        Plot.ruleX([0], { stroke: 'var(--vscode-foreground)' }),
      ],
    }),
    table: () => table(['Δ from', 'to', 'elements'], bins, bin => [count(bin.count)]),
  });
}

/** The values before and after, over the same bins. */
export function beforeAfterFigure(name: string, before: Histogram, after: Histogram): HTMLElement {
  const [old, fresh] = [binsOf(before), binsOf(after)];
  return figure({
    title: 'Values before and after',
    summary: `${name} before: ${spread(before)} After: ${spread(after)}`,
    legend: [
      { name: 'original', mark: 'bar', role: 'original' },
      { name: 'proposal', mark: 'line', role: 'proposal' },
    ],
    height: 180,
    draw: () => ({
      ...margins,
      ...axes('value', [...old, ...fresh]),
      marks: [
        bars(old, () => 'var(--lethe-original)', 0.55),
        Plot.lineY(outline(fresh), { x: 'x', y: 'y', stroke: 'var(--lethe-proposal)', strokeWidth: 2 }),
        Plot.ruleY([0], { stroke: 'var(--lethe-border)' }),
      ],
    }),
    table: () =>
      table(['value from', 'to', 'before', 'after'], old, (bin, index) => [
        count(bin.count),
        count(fresh[index]?.count ?? 0),
      ]),
  });
}

/** From −1 (blue) over the background to 1 (orange); never so faint that a bar disappears. */
function divergingColor(place: number): string {
  const tone = place < 0 ? 'var(--lethe-less)' : 'var(--lethe-more)';
  const share = Math.min(1, Math.abs(place)).toFixed(3);
  const strength = `calc(var(--lethe-faintest) + (100% - var(--lethe-faintest)) * ${share})`;
  return `color-mix(in oklab, ${tone} ${strength}, var(--vscode-editor-background))`;
}

/** Counts stand on a square-root scale: the tails are what unlearning moves, and a linear one would hide them. */
function axes(label: string, bins: readonly Bin[]): Plot.PlotOptions {
  return {
    x: { label, labelAnchor: 'center', labelArrow: 'none', ticks: 5, tickFormat: tick },
    y: {
      label: 'elements (√ scale)',
      labelAnchor: 'center',
      labelArrow: 'none',
      type: 'sqrt',
      ticks: countTicks(bins),
      grid: true,
      tickFormat: tick,
    },
    color: { type: 'identity' },
  };
}

/** Whole counts that stand about evenly on a square-root scale. */
function countTicks(bins: readonly Bin[]): number[] {
  const most = bins.reduce((largest, bin) => Math.max(largest, bin.count), 0);
  const round = (value: number): number => Math.round(Number(value.toPrecision(1)));
  return [...new Set([0, 1 / 16, 1 / 4, 9 / 16, 1].map(share => round(share * most)))];
}

/** Tick labels with a true minus and no trailing zeros. */
function tick(value: number): string {
  return significant(value)
    .replace(/(\.\d*?)0+(?=e|$)/, '$1')
    .replace(/\.(?=e|$)/, '');
}

function bars(bins: readonly Bin[], color: (bin: Bin) => string, opacity = 1): Plot.Markish {
  return Plot.rectY(
    bins.filter(bin => bin.count > 0),
    { x1: 'from', x2: 'to', y: 'count', fill: color, fillOpacity: opacity, inset: 0.25 },
  );
}

/** The upper edge of a histogram as a line with steps. */
function outline(bins: readonly Bin[]): { x: number; y: number }[] {
  const last = bins.at(-1);
  const first = bins[0];
  if (!first || !last) return [];
  return [
    { x: first.from, y: 0 },
    ...bins.flatMap(bin => [
      { x: bin.from, y: bin.count },
      { x: bin.to, y: bin.count },
    ]),
    { x: last.to, y: 0 },
  ];
}

function binsOf({ from, to, counts }: Histogram): Bin[] {
  const width = (to - from) / Math.max(1, counts.length);
  return counts.map((amount, index) => ({
    from: from + index * width,
    to: from + (index + 1) * width,
    count: amount,
  }));
}

function table(
  header: readonly string[],
  bins: readonly Bin[],
  cells: (bin: Bin, index: number) => readonly string[],
): string[][] {
  return [
    [...header],
    ...bins.map((bin, index) => [significant(bin.from), significant(bin.to), ...cells(bin, index)]),
  ];
}

/** A histogram in a sentence. */
function spread(histogram: Histogram): string {
  const total = histogram.counts.reduce((sum, each) => sum + each, 0);
  const most = Math.max(0, ...histogram.counts);
  const peak = binsOf(histogram)[histogram.counts.indexOf(most)];
  const range = `${count(total)} elements from ${significant(histogram.from)} to ${significant(histogram.to)}`;
  if (!peak || total === 0) return `${range}.`;
  return `${range}, most (${count(most)}) between ${significant(peak.from)} and ${significant(peak.to)}.`;
}
