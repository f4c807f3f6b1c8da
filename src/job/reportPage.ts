// The report of a run as data (report.json) and as one page that needs nothing else (report.html).
import type { ModelDistance } from '../evaluate/weightDiff';
import type { EngineKind, HeadLoss } from '../runtime/contracts';
import { comparedColumns, percentage } from '../shared/comparison';
import type { Evaluation } from '../shared/evaluation';
import { evaluationRows } from '../shared/evaluationRows';
import { metricRows } from '../shared/metricRows';
import { projectionNotes } from '../shared/projectionNotes';
import { proposalSentence } from '../shared/proposalText';
import type { RunResult } from '../shared/report';
import type { Environment } from './machine';
import { escape, plotStyle } from './plots/svg';
import { reportFigures } from './reportPlots';

/** What `report.json` holds. */
export interface Report {
  readonly version: 1;
  readonly created: string;
  readonly environment: Environment;
  /** As given, with overrides applied. */
  readonly recipe: unknown;
  readonly samples: {
    readonly train: number;
    readonly retained: number;
    readonly forgotten: number;
    readonly test: number | null;
  };
  readonly heads: readonly HeadLoss[];
  readonly threads: number;
  /** What computed. */
  readonly engine: EngineKind;
  readonly warnings: readonly string[];
  readonly result: RunResult;
  /** The mean loss of the run's batches, thinned out; steps count from 1. */
  readonly history: readonly { readonly step: number; readonly loss: number }[];
  readonly weights: ModelDistance;
}

const engineNames: Readonly<Record<EngineKind, string>> = {
  onnxruntime: 'ONNX Runtime',
  tfjs: 'TensorFlow.js in plain JavaScript',
  'tfjs-node': 'TensorFlow.js with tfjs-node',
};

/** The report as a page. Everything in it that came from files is escaped; there is no script. */
export function reportPage(report: Report): string {
  const { result } = report;
  const { evaluation } = result;
  const rows = metricRows(comparedColumns(result));
  const sections = [
    `<h1>What changed</h1>`,
    `<p class="lead">${escape(proposalSentence(result))}</p>`,
    paragraph(
      `${result.method} made the model forget ${report.samples.forgotten} of ${report.samples.train} samples in ` +
        `${result.seconds.toFixed(1)} s, at ${percentage(result.cost.share)} of the cost of retraining ` +
        `(${result.cost.sampleGradients} sample gradients).`,
    ),
    ...(report.warnings.length > 0 ? ['<h2>Warnings</h2>', ...report.warnings.map(paragraph)] : []),
    ...(evaluation && evaluation.notes.length > 0
      ? [
          '<h2>How far this reaches</h2>',
          `<ul>${evaluation.notes.map(note => `<li>${escape(note)}</li>`).join('')}</ul>`,
        ]
      : []),
    '<h2>Figures</h2>',
    table(rows[0]!, rows.slice(1)),
    ...(evaluation ? furtherSection(evaluation) : []),
    ...reportFigures(result, report.weights, report.history, classNames(report.recipe)).map(
      ({ heading, text, svg }) =>
        `<figure><figcaption><h2>${escape(heading)}</h2>${paragraph(text)}</figcaption>${svg}</figure>`,
    ),
    details(
      'Weights, tensor by tensor',
      table(
        ['tensor', 'norm before', 'norm after', 'distance', 'relative', 'largest change'],
        [...report.weights.tensors, { name: 'all', ...report.weights.total }].map(distance => [
          distance.name,
          figure(distance.normA),
          figure(distance.normB),
          figure(distance.delta),
          distance.relative === null ? '–' : figure(distance.relative),
          figure(distance.maxAbs),
        ]),
      ),
    ),
    ...projectionSection(result),
    '<h2>How it was made</h2>',
    table(
      ['', ''],
      [
        ['finished', report.created],
        ['Lethe', report.environment.versions.lethe],
        ['ONNX Runtime', report.environment.versions.onnxruntime],
        ['Node', report.environment.versions.node],
        ['processor', `${report.environment.cpu} (${report.environment.instructionSet})`],
        ['computed by', engineNames[report.engine]],
        ['threads', String(report.threads)],
        ['loss', report.heads.map(head => `${head.loss} on ${head.output}`).join(', ')],
      ],
    ),
    details('Recipe', `<pre>${escape(JSON.stringify(report.recipe, null, 2))}</pre>`),
  ];
  return page(sections.join('\n'));
}

function furtherSection(evaluation: Evaluation): string[] {
  const rows = evaluationRows(evaluation);
  if (rows.length < 2) return [];
  const attack = evaluation.models.find(model => model.attack)?.attack;
  const relearned = evaluation.models.flatMap(({ name, relearn }) => (relearn ? [{ name, ...relearn }] : []));
  return [
    '<h2>Closeness and membership</h2>',
    table(rows[0]!, rows.slice(1)),
    ...(attack
      ? [
          paragraph(
            `The membership attack is a logistic regression on ${attack.features.join(', ')} that tells forgotten from held-out ` +
              `samples: ${attack.splits} balanced draws of ${attack.samplesPerKind} of each, half to train and half to score; ` +
              'mean ± standard deviation over the draws, 50 % is chance. The aim is what a retrained model has.',
          ),
        ]
      : []),
    ...relearned.map(({ name, steps, limit, cost, batchSize, learningRate }) =>
      paragraph(
        `Relearning the forgotten samples takes ${name} ${steps === null ? `more than ${limit}` : steps} steps (AdamW, ${learningRate}, ` +
          `batches of ${batchSize}); measuring that cost ${cost} sample gradients, which the cost above leaves out.`,
      ),
    ),
  ];
}

/** The names of classes that the recipe gives, if any. */
function classNames(recipe: unknown): readonly string[] | null {
  const names = (recipe as { data?: { classes?: unknown } } | null)?.data?.classes;
  return Array.isArray(names) && names.every(name => typeof name === 'string') ? names : null;
}

function details(summary: string, content: string): string {
  return `<details><summary>${escape(summary)}</summary>${content}</details>`;
}

function projectionSection(result: RunResult): string[] {
  if (result.projections.length === 0) return [];
  return [
    '<h2>Projections</h2>',
    ...projectionNotes(result.projections).map(paragraph),
    table(
      ['epoch', 'step', 'columns', 'rank', 'residual', 'strength'],
      result.projections.map(one => [
        String(one.epoch + 1),
        String(one.step + 1),
        String(one.columns),
        one.rank === null ? '–' : String(one.rank),
        one.residual.toExponential(1),
        figure(one.strength),
      ]),
    ),
  ];
}

function figure(value: number): string {
  return String(Number(value.toPrecision(4)));
}

function paragraph(text: string): string {
  return `<p>${escape(text)}</p>`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], tag: 'th' | 'td'): string =>
    `<tr>${cells.map((cell, index) => `<${index === 0 ? 'th' : tag}>${escape(cell)}</${index === 0 ? 'th' : tag}>`).join('')}</tr>`;
  const header = head.some(cell => cell !== '') ? `<thead>${row(head, 'th')}</thead>` : '';
  return `<table>${header}<tbody>${rows.map(cells => row(cells, 'td')).join('\n')}</tbody></table>`;
}

function page(body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>Lethe: what changed</title>
<style>
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; background: #fff; color: #1f2328; }
@media (prefers-color-scheme: dark) { body { background: #0d1117; color: #e6edf3; } }
h1 { font-size: 1.6rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .25rem; } .lead { font-size: 1.1rem; }
figure { margin: 0; } figcaption p { margin: 0 0 .5rem; max-width: 44rem; }
table { border-collapse: collapse; margin: .5rem 0 1rem; font-variant-numeric: tabular-nums; display: block; overflow-x: auto; }
th, td { padding: .25rem .9rem .25rem 0; text-align: right; border-bottom: 1px solid #8884; }
tr > :first-child { text-align: left; font-weight: 500; overflow-wrap: anywhere; }
thead th { font-weight: 500; opacity: .75; } summary { cursor: pointer; margin: 1.5rem 0 0; font-weight: 500; }
pre { padding: 1rem; overflow: auto; background: #8881; }
${plotStyle}
</style>
</head>
<body>
${body}
</body>
</html>
`;
}
