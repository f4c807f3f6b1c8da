import type { Command } from 'commander';
import { alignedTable, figure, print, printJson } from './output';

/** `lethe diff A B [--json]` */
export function addDiff(program: Command): void {
  program
    .command('diff')
    .description('compare the weights of two models, tensor by tensor')
    .argument('<a>', 'an ONNX file or a TensorFlow.js model.json')
    .argument('<b>', 'another version of it')
    .option('--json', 'print one JSON object')
    .action(async (a: string, b: string, options: { json?: boolean }) => {
      const [{ diffModels }, { openModel }] = await Promise.all([
        import('../evaluate/weightDiff'),
        import('../tfjs/openModel'),
      ]);
      const { tensors, total } = diffModels(openModel(a), openModel(b));
      if (options.json) return printJson({ tensors, total });
      const rows = [...tensors, { name: 'all', ...total }].map(one => [
        one.name,
        figure(one.normA),
        figure(one.normB),
        figure(one.delta),
        figure(one.relative),
        figure(one.maxAbs),
      ]);
      print(
        alignedTable([
          ['tensor', 'norm of A', 'norm of B', 'distance', 'relative', 'largest change'],
          ...rows,
        ]),
      );
    });
}
