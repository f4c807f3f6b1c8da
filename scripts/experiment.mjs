// `npm run experiment -- NAME`: installs what is missing, builds, and runs an experiment of the papers.
import { ensureInstalled, nodeBinary, run } from './ensure.mjs';

ensureInstalled();
const node = nodeBinary();
run(node, ['scripts/build.mjs', '--tests'], { stdio: ['ignore', 2, 2] });
run(node, ['--enable-source-maps', 'dist/bench/experiments/run.bench.js', ...process.argv.slice(2)]);
