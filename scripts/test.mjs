// `npm test`: installs what is missing, builds, lints, runs every test on Node, then those in a real VS Code.
// Arguments go to the mocha of the Node tests; LETHE_SKIP_VSCODE=1 leaves VS Code out and says so.
import { join } from 'node:path';
import { ensureInstalled, nodeBinary, root, run } from './ensure.mjs';

ensureInstalled();
const node = nodeBinary();
run(node, ['scripts/build.mjs', '--tests']);
if (!process.env.LETHE_SKIP_LINT) {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  run(node, [tsc, '--noEmit']);
  run(node, [tsc, '--noEmit', '-p', 'webview']);
  run(node, [join(root, 'node_modules/eslint/bin/eslint.js'), '.']);
}
console.log('\nNode: every room below the extension');
run(node, [
  '--enable-source-maps',
  join(root, 'node_modules/mocha/bin/mocha.js'),
  ...['--timeout', '120000', '--reporter', 'dot'],
  ...['--ignore', 'dist/test/vscode/**', '--ignore', 'dist/test/journey/**'],
  'dist/test/**/*.test.js',
  ...process.argv.slice(2),
]);

if (process.env.LETHE_SKIP_VSCODE === '1') {
  console.error(
    '\n*** LETHE_SKIP_VSCODE=1: the suite inside VS Code and the journey were NOT run. The extension is untested. ***\n',
  );
} else {
  run(node, ['scripts/vscodeTests.mjs'], { env: { ...process.env, LETHE_SKIP_BUILD: '1' } });
}
