// Writes media/recipe.schema.json, the JSON Schema of recipes, from the schema in src/shared/recipe.ts.
import { build } from 'esbuild';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './ensure.mjs';

const { outputFiles } = await build({
  absWorkingDir: root,
  entryPoints: ['src/shared/recipe.ts'],
  bundle: true,
  platform: 'node',
  format: 'cjs',
  write: false,
  logLevel: 'warning',
});
const bundle = { exports: {} };
new Function('module', 'exports', outputFiles[0].text)(bundle, bundle.exports);
const { recipeJsonSchema } = bundle.exports;
mkdirSync(join(root, 'media'), { recursive: true });
writeFileSync(join(root, 'media', 'recipe.schema.json'), `${JSON.stringify(recipeJsonSchema(), null, 2)}\n`);
