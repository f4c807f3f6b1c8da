// Bundles every entry point into dist/ with esbuild; `--tests` bundles the tests as well, `--production` leaves the
// source maps out.
import { build } from 'esbuild';
import { chmodSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './ensure.mjs';

const sourcemap = !process.argv.includes('--production');

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  sourcemap,
  logLevel: 'warning',
  // Native packages resolve their binaries relative to themselves, so they stay outside the bundle.
  external: ['onnxruntime-node', 'sharp', 'vscode'],
};

/** TensorFlow.js lies in a file of its own, which is read only where a model needs it. */
const tensorflowApart = {
  name: 'tensorflow-apart',
  setup(bundle) {
    bundle.onResolve({ filter: /^@tensorflow\/tfjs$/ }, () => ({ path: './tfjs.js', external: true }));
  },
};

/** All files below `folder` whose name ends with `suffix`, relative to the root. */
function filesBelow(folder, suffix) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true })
    .filter(name => name.endsWith(suffix))
    .map(name => join(folder, name));
}

/** The entry points of `candidates` that exist. */
function existing(candidates) {
  return Object.fromEntries(Object.entries(candidates).filter(([, file]) => existsSync(join(root, file))));
}

await build({
  ...common,
  entryPoints: existing({
    cli: 'src/cli/main.ts',
    solver: 'src/solver/main.ts',
    extension: 'src/extension/main.ts',
  }),
  plugins: [tensorflowApart],
  outdir: 'dist',
});
// Third-party code through and through: its source map would only be large.
await build({
  ...common,
  sourcemap: false,
  minify: true,
  mainFields: ['module', 'main'],
  entryPoints: { tfjs: '@tensorflow/tfjs' },
  outdir: 'dist',
});
await build({
  absWorkingDir: root,
  bundle: true,
  platform: 'browser',
  target: 'es2022',
  format: 'iife',
  sourcemap,
  minify: true,
  logLevel: 'warning',
  loader: { '.ttf': 'file' },
  entryPoints: existing({ model: 'webview/model/main.ts', dataset: 'webview/dataset/main.ts' }),
  outdir: 'dist/webview',
});
chmodSync(join(root, 'dist', 'cli.js'), 0o755);

if (process.argv.includes('--tests')) {
  await build({
    ...common,
    packages: 'external',
    entryPoints: [
      ...filesBelow('test', '.test.ts'),
      ...filesBelow('bench', '.bench.ts'),
      join('test', 'vscode', 'index.ts'),
    ],
    outbase: '.',
    outdir: 'dist',
  });
}
