import type { Command } from 'commander';
import { print, printJson } from './output';

/** `lethe diagnose MODEL --recipe RECIPE [--json]` */
export function addDiagnose(program: Command): void {
  program
    .command('diagnose')
    .description('say, before a run, whether a model interpolates and which methods can move it')
    .argument('<model>', 'an ONNX file')
    .requiredOption('--recipe <file>', 'the recipe that names the data and what to forget')
    .option('--set <path=value...>', 'change a value of the recipe')
    .option('--json', 'print one JSON object')
    .action(async (model: string, options: { recipe: string; set?: string[]; json?: boolean }) => {
      const { diagnoseRecipe } = await import('../job/diagnose');
      const { diagnosis, warnings } = await diagnoseRecipe(model, options.recipe, options.set ?? []);
      for (const warning of warnings) process.stderr.write(`${warning}\n`);
      if (options.json) printJson({ ...diagnosis, model, warnings });
      else print(diagnosis.summary.join('\n'));
    });
}
