// `npm run bench`: installs what is missing, builds, and compares Lethe with PyTorch. Slow results never fail.
import { ensureInstalled, nodeBinary, run } from './ensure.mjs';

ensureInstalled();
const node = nodeBinary();
// What the build says goes to stderr, so that --json prints one object on stdout.
run(node, ['scripts/build.mjs', '--tests'], { stdio: ['ignore', 2, 2] });
run(node, ['--enable-source-maps', 'dist/bench/speed.bench.js', ...process.argv.slice(2)]);
