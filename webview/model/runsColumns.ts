// The columns of the table of runs.
import type { RunInfo } from '../../src/shared/modelViewProtocol';
import { count, significant, things } from '../../src/shared/numbers';
import type { ModelMetrics } from '../../src/shared/report';
import { closeness, fitOf, fitText } from '../../src/shared/runComparison';
import type { Fit } from '../../src/shared/runComparison';
import { h, icon } from '../kit/dom';
import type { TableColumn } from '../kit/tableOptions';

/** A run, or one of the two models that runs are compared with. */
export interface RunRow {
  readonly key: string;
  readonly name: string;
  readonly kind: 'run' | 'original' | 'retrained';
  readonly metrics: ModelMetrics;
  readonly run: RunInfo | null;
  readonly standing: 'applied' | 'proposed' | null;
  readonly retrained: ModelMetrics | null;
}

const marks = { applied: 'pass-filled', proposed: 'circle-filled' } as const;

/** The columns; `values` where the model gives numbers rather than classes. */
export function runsColumns(values: boolean): readonly TableColumn<RunRow>[] {
  const how = values ? 'Largest error' : 'Accuracy';
  return [
    {
      key: 'name',
      title: 'run',
      width: 'minmax(128px, 1.6fr)',
      text: row => (row.standing ? `${row.name}, ${row.standing}` : row.name),
      draw: row =>
        h(
          'span',
          { class: `run-name ${row.kind === 'run' ? '' : 'muted'}` },
          icon(row.standing ? marks[row.standing] : row.kind === 'run' ? 'circle-outline' : 'dash'),
          h('span', { class: 'vtable-text' }, row.name),
          row.standing ? h('span', { class: 'visually-hidden' }, `, ${row.standing}`) : null,
        ),
      tipOf: row =>
        row.kind === 'run'
          ? `${row.name}${row.standing ? `, ${row.standing}` : ''}`
          : row.kind === 'original'
            ? 'The model before unlearning'
            : 'The model retrained without the forgotten samples that the recipe names',
      value: row => row.name,
    },
    fit('forgotten', values ? 'forgotten error' : 'still fitted, %', {
      tip: values ? 'Largest error on the forgotten samples' : 'Labels to forget that the model still fits',
      from: 0,
      of: metrics => metrics.forget,
    }),
    fit('heldOut', values ? 'held-out error' : 'held-out, %', {
      tip: `${how} on data that the model was not trained on`,
      from: 0,
      of: metrics => metrics.test,
    }),
    fit('retained', values ? 'retained error' : 'retained, %', {
      tip: `${how} on the samples that were to stay`,
      from: 480,
      of: metrics => metrics.retain,
    }),
    number('auc', 'AUC', {
      tip: 'Membership inference: how often a forgotten sample has a lower loss than a held-out one',
      width: '56px',
      from: 560,
      value: row => row.metrics.membershipAuc,
      text: value => value.toFixed(3),
    }),
    number('cost', 'cost, %', {
      tip: 'Gradient evaluations, as a share of what retraining takes',
      width: '64px',
      from: 640,
      value: row => row.run?.result.cost.share ?? null,
      text: value => significant(100 * value, 2),
    }),
    number('closeness', 'to retrained', {
      tip: 'Closeness to the retrained model, 1 is equal: the product of 1 − |difference of accuracies| over the three sets',
      width: '88px',
      from: 740,
      value: row =>
        row.retrained === null || row.kind === 'retrained' ? null : closeness(row.metrics, row.retrained),
      text: value => value.toFixed(3),
    }),
    number('seconds', 'time, s', {
      tip: 'How long the run took',
      width: '64px',
      from: 820,
      value: row => row.run?.result.seconds ?? null,
      text: value => significant(value, value < 10 ? 2 : 3),
    }),
    number('seed', 'seed', {
      tip: 'The seed of everything random',
      width: '48px',
      from: 890,
      value: row => row.run?.seed ?? null,
      text: value => String(value),
    }),
    {
      key: 'created',
      title: 'ended',
      width: '104px',
      from: 1020,
      text: row => (row.run ? timeText(row.run.created) : ''),
      tipOf: row => (row.run ? new Date(row.run.created).toLocaleString() : ''),
      value: row => row.run?.created ?? null,
      largestFirst: true,
    },
  ];
}

/** The day and the minute, in the reader's own way. */
export function timeText(milliseconds: number): string {
  return new Date(milliseconds).toLocaleString(undefined, {
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
  });
}

function fit(
  key: string,
  title: string,
  cell: {
    readonly tip: string;
    readonly from: number;
    readonly of: (metrics: ModelMetrics) => ModelMetrics['test'];
  },
): TableColumn<RunRow> {
  const read = (row: RunRow): Fit | null => fitOf(cell.of(row.metrics));
  return {
    key,
    title,
    tip: cell.tip,
    width: 'minmax(88px, 0.8fr)',
    align: 'end',
    look: 'number',
    from: cell.from,
    largestFirst: true,
    text: row => fitText(read(row)),
    tipOf: row => {
      const found = read(row);
      if (found === null) return 'Not measured';
      const samples = things(found.count, 'sample');
      const unlabelled = found.againstOriginal ? ' without labels, against what the original predicts' : '';
      return found.kind === 'accuracy'
        ? `${count(found.value * found.count)} of ${samples}${unlabelled}`
        : `${samples}${unlabelled}`;
    },
    value: row => read(row)?.value ?? null,
  };
}

function number(
  key: string,
  title: string,
  cell: {
    readonly tip: string;
    readonly width: string;
    readonly from: number;
    readonly value: (row: RunRow) => number | null;
    readonly text: (value: number) => string;
  },
): TableColumn<RunRow> {
  return {
    key,
    title,
    tip: cell.tip,
    width: cell.width,
    align: 'end',
    look: 'number',
    from: cell.from,
    text: row => {
      const value = cell.value(row);
      return value === null ? '–' : cell.text(value);
    },
    value: cell.value,
  };
}
