// Which classes are taken for which, before and after, on one set of samples.
import * as Plot from '@observablehq/plot';
import type { Confusion, Evaluation, SampleSet } from '../../src/shared/evaluation';
import { setNames } from '../../src/shared/evaluationRows';
import { count, things } from '../../src/shared/numbers';
import { h, replaceContent } from '../kit/dom';
import { figure, plainTable } from '../kit/plot';
import { dropdown } from '../kit/toolkit';

/** More classes than this make cells too small to tell apart: then the pairs are listed. */
const mostDrawn = 32;
/** Cells are numbered where there is room for the numbers. */
const mostNumbered = 10;
const mostListed = 30;

interface Cell {
  readonly model: 'before' | 'after';
  readonly label: string;
  readonly predicted: string;
  readonly count: number;
}

interface Pair {
  readonly label: number;
  readonly predicted: number;
  readonly before: number;
  readonly after: number;
}

/** The section; null for regressors and where no original was evaluated. `classes` are names by number. */
export function confusionSection(
  evaluation: Evaluation,
  classes: readonly string[] | null,
): HTMLElement | null {
  const [original, unlearned] = ['original', 'unlearned'].map(name =>
    evaluation.models.find(model => model.name === name),
  );
  const [before, after] = [original?.confusion, unlearned?.confusion];
  if (!before || !after) return null;
  const sets = (['forget', 'test', 'retain'] as const).filter(set => after[set]?.[0] && before[set]?.[0]);
  const [first] = sets;
  if (first === undefined) return null;
  const body = h('div');
  const show = (set: SampleSet): void => {
    replaceContent(body, matrices(setNames[set], before[set]![0]!, after[set]![0]!, classes));
  };
  show(first);
  return h(
    'section',
    { class: 'confusion' },
    h(
      'div',
      { class: 'confusion-head' },
      h('h3', null, 'Confusion'),
      dropdown(
        'Set of the confusion matrix',
        sets.map(set => ({ value: set, text: setNames[set] })),
        first,
        set => show(set as SampleSet),
      ),
    ),
    body,
  );
}

function matrices(
  set: string,
  before: Confusion,
  after: Confusion,
  classes: readonly string[] | null,
): HTMLElement {
  const nameOf = (index: number): string => classes?.[index] ?? String(index);
  const pairs = pairsOf(before, after);
  if (before.classes > mostDrawn) return pairTable(pairs, nameOf);
  const names = Array.from({ length: before.classes }, (_, index) => nameOf(index));
  const cells = (['before', 'after'] as const).flatMap(model =>
    pairs
      .filter(pair => pair[model] > 0)
      .map((pair): Cell => ({
        model,
        label: nameOf(pair.label),
        predicted: nameOf(pair.predicted),
        count: pair[model],
      })),
  );
  const most = cells.reduce((largest, cell) => Math.max(largest, cell.count), 1);
  const numbered = names.length <= mostNumbered;
  return figure({
    title: `${set}: label against what the model says`,
    summary: summary(set, pairs, nameOf),
    legend: [{ name: `darker: more samples, up to ${count(most)}`, mark: 'bar', role: 'proposal' }],
    height: 260,
    draw: () => ({
      marginLeft: Math.min(96, 28 + 6 * Math.max(...names.map(name => name.length))),
      marginRight: 8,
      marginTop: 24,
      marginBottom: 40,
      padding: 0.06,
      x: { domain: names, label: 'the model says', labelArrow: 'none', labelAnchor: 'center' },
      y: { domain: names, label: 'label', labelArrow: 'none', labelAnchor: 'center' },
      fx: { domain: ['before', 'after'], label: null, padding: 0.08 },
      color: { type: 'identity' },
      marks: [
        Plot.cell(
          names.flatMap(name => (['before', 'after'] as const).map(model => ({ model, name }))),
          { x: 'name', y: 'name', fx: 'model', fill: 'none', stroke: 'var(--lethe-border)' },
        ),
        Plot.cell(cells, { x: 'predicted', y: 'label', fx: 'model', fill: cell => shade(cell.count / most) }),
        ...(numbered
          ? [
              Plot.text(cells, {
                x: 'predicted',
                y: 'label',
                fx: 'model',
                text: cell => count(cell.count),
                fill: cell =>
                  cell.count / most > 0.3 ? 'var(--lethe-on-proposal)' : 'var(--vscode-foreground)',
                fontSize: 9,
              }),
            ]
          : []),
      ],
    }),
    table: () => [
      ['label', 'the model says', 'before', 'after'],
      ...pairs.map(pair => [
        nameOf(pair.label),
        nameOf(pair.predicted),
        count(pair.before),
        count(pair.after),
      ]),
    ],
  });
}

/** Pairs of a label and a class that occur in either model, the most frequent mistakes first. */
function pairsOf(before: Confusion, after: Confusion): Pair[] {
  const found = new Map<string, Pair>();
  for (const [model, { cells }] of [
    ['before', before],
    ['after', after],
  ] as const) {
    for (const [label, predicted, times] of cells) {
      const key = `${label} ${predicted}`;
      const known = found.get(key) ?? { label, predicted, before: 0, after: 0 };
      found.set(key, { ...known, [model]: times });
    }
  }
  const weight = (pair: Pair): number =>
    (pair.label === pair.predicted ? 0 : 1e12) + Math.max(pair.before, pair.after);
  return [...found.values()].sort((a, b) => weight(b) - weight(a));
}

function pairTable(pairs: readonly Pair[], nameOf: (index: number) => string): HTMLElement {
  const mistakes = pairs.filter(({ label, predicted }) => label !== predicted);
  return h(
    'div',
    null,
    plainTable(
      ['label → says', 'before', 'after'],
      mistakes
        .slice(0, mostListed)
        .map(pair => [
          `${nameOf(pair.label)} → ${nameOf(pair.predicted)}`,
          count(pair.before),
          count(pair.after),
        ]),
    ),
    mistakes.length > mostListed
      ? h('p', { class: 'muted' }, `The ${mostListed} most frequent of ${things(mistakes.length, 'pair')}.`)
      : null,
  );
}

function summary(set: string, pairs: readonly Pair[], nameOf: (index: number) => string): string {
  const total = (model: 'before' | 'after', right: boolean): number =>
    pairs
      .filter(({ label, predicted }) => (label === predicted) === right)
      .reduce((sum, pair) => sum + pair[model], 0);
  const all = total('after', true) + total('after', false);
  const [worst] = pairs.filter(({ label, predicted, after }) => label !== predicted && after > 0);
  const most = worst
    ? ` Most often ${nameOf(worst.label)} is now taken for ${nameOf(worst.predicted)}: ${count(worst.after)} times.`
    : '';
  return (
    `Of ${things(all, `${set} sample`)} the model said the label of ${count(total('before', true))} before and of ` +
    `${count(total('after', true))} after.${most}`
  );
}

/** From the background to the focus colour; square roots keep single mistakes visible beside a full diagonal. */
function shade(share: number): string {
  return `color-mix(in srgb, var(--lethe-proposal) ${Math.round(12 + 88 * Math.sqrt(share))}%, var(--vscode-editor-background))`;
}
