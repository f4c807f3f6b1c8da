// TensorFlow.js models in folders of their own, made and judged by TensorFlow.js itself.
import type * as tensorflowModule from '@tensorflow/tfjs';
import type { io, LayersModel } from '@tensorflow/tfjs';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** TensorFlow.js, loaded once. */
export async function tensorflow(): Promise<typeof tensorflowModule> {
  const { warn } = console;
  console.warn = () => undefined;
  try {
    const tf = await import('@tensorflow/tfjs');
    await tf.setBackend('cpu');
    await tf.ready();
    return tf;
  } finally {
    console.warn = warn;
  }
}

/** Saves a LayersModel as a folder, its weights cut into shards of at most `shardBytes`. Gives the path of its model.json. */
export async function saveLayers(
  model: LayersModel,
  folder: string,
  shardBytes = 4 * 2 ** 20,
): Promise<string> {
  const tf = await tensorflow();
  let artifacts: io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(given => {
      artifacts = given;
      return Promise.resolve({
        modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' as const },
      });
    }),
  );
  return writeArtifacts(artifacts!, folder, shardBytes);
}

/** Writes what TensorFlow.js gives a save handler as its files. */
export function writeArtifacts(artifacts: io.ModelArtifacts, folder: string, shardBytes: number): string {
  const { modelTopology, format, generatedBy, convertedBy, weightSpecs } = artifacts;
  const bytes = Buffer.from(artifacts.weightData as ArrayBuffer);
  const count = Math.max(1, Math.ceil(bytes.length / shardBytes));
  const paths = Array.from({ length: count }, (_, index) => `group1-shard${index + 1}of${count}.bin`);
  mkdirSync(folder, { recursive: true });
  paths.forEach((name, index) =>
    writeFileSync(join(folder, name), bytes.subarray(index * shardBytes, (index + 1) * shardBytes)),
  );
  const path = join(folder, 'model.json');
  const weightsManifest = [{ paths, weights: weightSpecs }];
  writeFileSync(path, JSON.stringify({ format, generatedBy, convertedBy, modelTopology, weightsManifest }));
  return path;
}
