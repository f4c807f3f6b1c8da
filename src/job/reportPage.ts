// The report of a run as data (report.json) and as one page that needs nothing else (report.html).
import type { ModelDistance } from '../evaluate/weightDiff';
import type { HeadLoss } from '../runtime/contracts';
import { comparedColumns, percentage } from '../shared/comparison';
import { metricRows } from '../shared/metricRows';
import { projectionNotes } from '../shared/projectionNotes';
import type { RunResult } from '../shared/report';
import type { Environment } from './machine';

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
  readonly warnings: readonly string[];
  readonly result: RunResult;
  readonly weights: ModelDistance;
}

/** The report as a page. Everything in it that came from files is escaped; there is no script. */
export function reportPage(report: Report): string {
  const { result } = report;
  const rows = metricRows(comparedColumns(result));
  const sections = [
    `<h1>What changed</h1>`,
    paragraph(
      `${result.method} made the model forget ${report.samples.forgotten} of ${report.samples.train} samples in ` +
        `${result.seconds.toFixed(1)} s, at ${percentage(result.cost.share)} of the cost of retraining ` +
        `(${result.cost.sampleGradients} sample gradients).`,
    ),
    table(rows[0]!, rows.slice(1)),
    ...(report.warnings.length > 0 ? ['<h2>Warnings</h2>', ...report.warnings.map(paragraph)] : []),
    '<h2>Weights</h2>',
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
        ['threads', String(report.threads)],
        ['loss', report.heads.map(head => `${head.loss} on ${head.output}`).join(', ')],
      ],
    ),
    `<pre>${escape(JSON.stringify(report.recipe, null, 2))}</pre>`,
  ];
  return page(sections.join('\n'));
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

/** Text as HTML, for element content and quoted attributes. */
export function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
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
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .9rem .25rem 0; text-align: right; border-bottom: 1px solid #8884; }
tr > :first-child { text-align: left; font-weight: 500; overflow-wrap: anywhere; }
pre { padding: 1rem; overflow: auto; background: #8881; }
</style>
</head>
<body>
${body}
</body>
</html>
`;
}
