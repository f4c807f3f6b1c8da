// `npm test`: installs what is missing, builds, lints, and runs every test. Arguments go to mocha.
import { ensureInstalled, nodeBinary, root, run } from './ensure.mjs';
import { join } from 'node:path';

ensureInstalled();
const node = nodeBinary();
run(node, ['scripts/build.mjs', '--tests']);
if (!process.env.LETHE_SKIP_LINT) run(node, [join(root, 'node_modules/typescript/bin/tsc'), '--noEmit']);
if (!process.env.LETHE_SKIP_LINT) run(node, [join(root, 'node_modules/eslint/bin/eslint.js'), '.']);
const extra = process.argv.slice(2);
run(node, [
  '--enable-source-maps',
  join(root, 'node_modules/mocha/bin/mocha.js'),
  '--timeout',
  '120000',
  '--reporter',
  'dot',
  'dist/test/**/*.test.js',
  ...extra,
]);
