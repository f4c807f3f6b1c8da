import type { Command } from 'commander';
import { print, printJson } from './output';
import { ProgressLine } from './progressLine';

/** `lethe verify RECEIPT [--replay] [--json]` */
export function addVerify(program: Command): void {
  program
    .command('verify')
    .description('check a receipt: hashes, metrics and, with --replay, the whole run')
    .argument('<receipt>', 'the receipt.json of a report')
    .option('--replay', 'run the job again and compare the model')
    .option('--json', 'print one JSON object')
    .action(async (receipt: string, options: { replay?: boolean; json?: boolean }) => {
      const { verifyReceipt } = await import('../job/verify');
      const abort = new AbortController();
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort());
      const line = new ProgressLine(process.stderr);
      const { ok, checks } = await verifyReceipt(receipt, options.replay ?? false, {
        progress: update => line.show(update),
        log: text => line.log(text),
        signal: abort.signal,
      }).finally(() => line.end());
      if (options.json) printJson({ ok, checks });
      else
        for (const check of checks) print(`${check.ok ? 'holds ' : 'FAILS '} ${check.name}: ${check.detail}`);
      if (!ok) {
        const failed = checks.filter(check => !check.ok).map(check => check.name);
        process.stderr.write(
          `${receipt} does not hold: ${failed.join(', ')}. The checks above say what differs.\n`,
        );
        process.exitCode = 1;
      }
    });
}
