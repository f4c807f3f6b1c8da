import type { Command } from 'commander';
import { evaluationRows } from '../shared/evaluationRows';
import { metricRows } from '../shared/metricRows';
import { alignedTable, print, printJson } from './output';

/** `lethe evaluate MODEL --recipe RECIPE [--json]` */
export function addEvaluate(program: Command): void {
  program
    .command('evaluate')
    .description('measure a model on the data of a recipe')
    .argument('<model>', 'an ONNX file or a TensorFlow.js model.json')
    .requiredOption('--recipe <file>', 'the recipe that names the data and what to forget')
    .option('--set <path=value...>', 'change a value of the recipe')
    .option('--json', 'print one JSON object')
    .action(async (model: string, options: { recipe: string; set?: string[]; json?: boolean }) => {
      const { evaluateRecipe } = await import('../job/evaluate');
      const { metrics, warnings, heads, evaluation } = await evaluateRecipe(
        model,
        options.recipe,
        options.set ?? [],
      );
      for (const warning of warnings) process.stderr.write(`${warning}\n`);
      if (options.json) return printJson({ metrics, model, heads, ...(evaluation && { evaluation }) });
      print(alignedTable(metricRows([{ name: 'model', metrics }])));
      if (!evaluation) return;
      print(`\n${alignedTable(evaluationRows(evaluation))}`);
      for (const note of evaluation.notes) print(note);
    });
}
