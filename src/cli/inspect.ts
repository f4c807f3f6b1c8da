import type { Command } from 'commander';
import { formatText, type ModelInspection } from '../shared/inspection';
import { alignedTable, figure, print, printJson } from './output';

/** `lethe inspect MODEL [--stats] [--json]` */
export function addInspect(program: Command): void {
  program
    .command('inspect')
    .description('show a model: inputs, outputs, parameters, and what cannot be trained and why')
    .argument('<model>', 'an ONNX file or a TensorFlow.js model.json')
    .option('--stats', 'add norm, min, max, mean and std of every parameter')
    .option('--json', 'print one JSON object')
    .action(async (model: string, options: { stats?: boolean; json?: boolean }) => {
      const { inspectModel } = await import('../job/inspect');
      const inspection = inspectModel(model, options.stats ?? false);
      if (options.json) printJson(inspection);
      else print(describe(inspection, options.stats ?? false));
    });
}

function describe(inspection: ModelInspection, stats: boolean): string {
  const { parameters, unsupported } = inspection;
  const trainable = parameters.filter(parameter => parameter.trainable);
  const elements = trainable.reduce((sum, { count }) => sum + count, 0);
  const values = [
    ...inspection.inputs.map(value => ['input', value] as const),
    ...inspection.outputs.map(value => ['output', value] as const),
  ];
  const header = [
    'parameter',
    'type',
    'shape',
    'elements',
    'trained',
    ...(stats ? ['norm', 'min', 'max', 'mean', 'std'] : []),
  ];
  const sections = [
    `${formatText(inspection)}${inspection.producer ? `, by ${inspection.producer}` : ''}`,
    alignedTable(
      values.map(([kind, { name, dtype, dims }]) => [kind, name, dtype, shape(dims)]),
      [0, 1, 2, 3],
    ),
    alignedTable(
      [
        header,
        ...parameters.map(parameter => [
          parameter.name,
          parameter.dtype,
          shape(parameter.dims),
          String(parameter.count),
          parameter.trainable ? 'yes' : `no: ${parameter.reason}`,
          ...(stats
            ? [parameter.norm, parameter.min, parameter.max, parameter.mean, parameter.std].map(figure)
            : []),
        ]),
      ],
      [0, 1, 2, 4],
    ),
    `${trainable.length} of ${parameters.length} parameters can be trained (${elements} elements).`,
    ...(inspection.computed.reason === null ? [] : [inspection.computed.reason]),
    ...(unsupported.length > 0
      ? [
          alignedTable(
            [
              ['operator that stands in the way', 'node', 'parameter'],
              ...unsupported.map(({ op, node, parameter }) => [op, node, parameter]),
            ],
            [0, 1, 2],
          ),
        ]
      : []),
  ];
  return sections.join('\n\n');
}

function shape(dims: readonly (number | string | null)[] | null): string {
  return dims === null ? 'not declared' : `[${dims.map(dim => dim ?? '?').join(', ')}]`;
}
