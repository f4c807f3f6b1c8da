// Writes media/recipe.schema.json, the JSON Schema of recipes, from the schema in src/shared/recipe.ts.
import { build } from 'esbuild';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root } from './ensure.mjs';

const bundle = join(root, 'dist', 'recipe-schema.cjs');
await build({
  absWorkingDir: root,
  entryPoints: ['src/shared/recipe.ts'],
  bundle: true,
  platform: 'node',
  format: 'cjs',
  outfile: bundle,
  logLevel: 'warning',
});
const { recipeJsonSchema } = createRequire(import.meta.url)(bundle);
mkdirSync(join(root, 'media'), { recursive: true });
writeFileSync(join(root, 'media', 'recipe.schema.json'), `${JSON.stringify(recipeJsonSchema(), null, 2)}\n`);
