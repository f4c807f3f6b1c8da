// Models that others trained, from the npm package nsfwjs: its bundles as the files they were made of.
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { ModelFile } from './rewriting';

/** A LayersModel of MobileNetV2, one of Inception v3, and a GraphModel of MobileNetV2; weights as uint8. */
export type RealModel = 'mobilenet_v2' | 'inception_v3' | 'mobilenet_v2_mid';

/** Writes a model into a folder; gives the path of its model.json. */
export function unpackModel(name: RealModel, folder: string): string {
  const require = createRequire(__filename);
  const bundles = join(dirname(require.resolve('nsfwjs')), '..', 'models', name);
  const load = (file: string): unknown => {
    const loaded = require(join(bundles, `${file}.min.js`)) as { default?: unknown };
    return loaded.default ?? loaded;
  };
  const file = load('model') as ModelFile;
  mkdirSync(folder, { recursive: true });
  for (const path of file.weightsManifest.flatMap(({ paths }) => paths)) {
    writeFileSync(join(folder, path), Buffer.from(load(path) as string, 'base64'));
  }
  const target = join(folder, 'model.json');
  writeFileSync(target, JSON.stringify(file));
  return target;
}
