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

interface Layer {
  class_name: string;
  config: Record<string, unknown>;
}

/** Lets MobileNetV2 take pictures of another size; the pooling of its last maps, of 1/32 of that, goes with it. */
export function resized(size: number): (file: ModelFile) => void {
  return file => {
    const { layers } = (file.modelTopology as { model_config: { config: { layers: Layer[] } } }).model_config
      .config;
    layers[0]!.config['batch_input_shape'] = [null, size, size, 3];
    const pool = layers.find(layer => layer.class_name === 'AveragePooling2D')!;
    pool.config['pool_size'] = pool.config['strides'] = [size / 32, size / 32];
  };
}
