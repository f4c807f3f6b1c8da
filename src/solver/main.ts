// The solver process: `node solver.js JOB-FOLDER` does a job, `node solver.js view` answers an editor. It parses, differentiates, runs and evaluates, so that a crash
// of native code or a lack of memory ends a job and nothing else.
import { Console } from 'node:console';
import { JobFolder } from '../client/jobFolder';
import { SolverServer } from './server';

async function main(): Promise<void> {
  const path = process.argv[2];
  if (path === undefined) {
    console.error('usage: solver JOB-FOLDER | view');
    process.exit(2);
  }
  if (path === 'view') return view();
  // A terminal's Ctrl-C and hang-up belong to the client, which asks for cancellation itself.
  process.on('SIGINT', () => undefined);
  process.on('SIGHUP', () => undefined);
  const folder = new JobFolder(path);
  folder.lock();
  const server = new SolverServer(folder, {
    run: async (request, hooks) => {
      const { runJob } = await import('../job/runJob');
      const seconds = Number(process.env['LETHE_CHECKPOINT_SECONDS'] ?? '');
      return runJob(request.recipe, request.assignments, {
        ...hooks,
        checkpoints: {
          folder: folder.path,
          ...(request.resumeFrom === undefined ? {} : { resumeFrom: request.resumeFrom }),
          ...(seconds > 0 ? { interval: 1000 * seconds } : {}),
        },
      });
    },
    inspect: async (path, stats) => {
      const { inspectModel } = await import('../job/inspect');
      return inspectModel(path, stats);
    },
  });
  await server.serve();
  process.exit(0);
}

/** Answers an editor over standard input and output until the input ends. */
async function view(): Promise<void> {
  // Standard output carries the channel, so anything else that is written goes to the log.
  globalThis.console = new Console(process.stderr);
  process.stdout.on('error', () => process.exit(0));
  const { serveViewer } = await import('./viewer');
  await serveViewer(process.stdin, process.stdout);
  process.exit(0);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
