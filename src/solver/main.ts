// The solver process: `node solver.js JOB-FOLDER`. It parses, differentiates, runs and evaluates, so that a crash
// of native code or a lack of memory ends a job and nothing else.
import { JobFolder } from '../client/jobFolder';
import { SolverServer } from './server';

async function main(): Promise<void> {
  const path = process.argv[2];
  if (path === undefined) {
    console.error('usage: solver JOB-FOLDER');
    process.exit(2);
  }
  // A terminal's Ctrl-C and hang-up belong to the client, which asks for cancellation itself.
  process.on('SIGINT', () => undefined);
  process.on('SIGHUP', () => undefined);
  const folder = new JobFolder(path);
  folder.lock();
  const server = new SolverServer(folder, {
    run: async (request, hooks) => {
      const { runJob } = await import('../job/runJob');
      return runJob(request.recipe, request.assignments, hooks);
    },
    inspect: async (path, stats) => {
      const { inspectModel } = await import('../job/inspect');
      return inspectModel(path, stats);
    },
  });
  await server.serve();
  process.exit(0);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
