// The command line: parses arguments, runs one command, turns errors into one sentence and an exit code.
import { Command, CommanderError } from 'commander';
import { version } from '../../package.json';
import { CancelledError, LetheError, UsageError } from '../shared/errors';
import { missingPackage } from '../shared/missingPackage';
import { addDiagnose } from './diagnose';
import { addDiff } from './diff';
import { addEvaluate } from './evaluate';
import { addGradients } from './gradients';
import { addInspect } from './inspect';
import { addPredict } from './predict';
import { addRun } from './run';
import { addVerify } from './verify';

async function main(): Promise<number> {
  const program = new Command('lethe')
    .description('Makes a trained model forget chosen training samples, and shows what that changed.')
    .version(version)
    .exitOverride()
    .showHelpAfterError('Run it with --help to see what it takes.');
  for (const add of [
    addInspect,
    addPredict,
    addGradients,
    addRun,
    addEvaluate,
    addDiagnose,
    addDiff,
    addVerify,
  ])
    add(program);
  try {
    await program.parseAsync();
    return typeof process.exitCode === 'number' ? process.exitCode : 0;
  } catch (error) {
    return report(error);
  }
}

/** Says what went wrong on stderr and gives the exit code. */
function report(error: unknown): number {
  // Commander has written its own sentence; asking for help or the version is no error.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof CancelledError) {
    process.stderr.write(`${error.message}\n`);
    return 130;
  }
  if (error instanceof LetheError) {
    process.stderr.write(`${error.message}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
  const missing = missingPackage(error);
  if (missing) {
    process.stderr.write(`${missing.message}\n`);
    return 1;
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`This is a defect of Lethe, please report it:\n${stack}\n`);
  return 1;
}

// A reader that closed the pipe early (`lethe … | head`) has what it wanted.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

// Commands that can stop in good order listen themselves; the others write nothing until they are done.
process.on('SIGINT', () => {
  if (process.listenerCount('SIGINT') > 1) return;
  process.stderr.write(`${new CancelledError().message}\n`);
  process.exit(130);
});

void main().then(code => {
  process.exitCode = code;
});
