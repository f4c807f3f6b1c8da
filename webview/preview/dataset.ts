// A host for looking at the dataset panel without VS Code: it answers from a file of real data that the page is given.
import type { DatasetViewState } from '../../src/shared/datasetViewProtocol';
import type { DatasetColumns, DatasetOverview, DatasetPredictions } from '../../src/shared/viewerProtocol';

/** What `dataset.mjs` puts into the page before this script runs. */
interface Scene {
  readonly overview: DatasetOverview;
  readonly columns: DatasetColumns;
  readonly predictions: DatasetPredictions | null;
  readonly forget: readonly number[];
  readonly state: 'ready' | 'empty' | 'loading' | 'error';
  readonly model: string | null;
  readonly restricted: boolean;
  readonly stale: boolean;
  /** Predictions never come, or fail with this sentence. */
  readonly predictionsFail: string | null;
  readonly predictionsWait: boolean;
  /** Grey values of all images, 0 to 255, in base64. */
  readonly pixels: string | null;
  readonly side: number;
  readonly values: readonly (readonly number[])[] | null;
}

declare global {
  interface Window {
    scene: Scene;
    /** Everything that the panel told the host. */
    told: { name: string; body: unknown }[];
    /** The samples whose cards it asked for, in turn. */
    asked: number[];
  }
}

const { scene } = window;
window.told = [];
window.asked = [];
const bytes = scene.pixels === null ? null : Uint8Array.from(atob(scene.pixels), char => char.charCodeAt(0));

function thumbnail(index: number): string | null {
  if (bytes === null) return null;
  const { side } = scene;
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = side;
  const context = canvas.getContext('2d')!;
  const image = context.createImageData(side, side);
  for (let at = 0; at < side * side; at++) {
    image.data.fill(bytes[index * side * side + at]!, 4 * at, 4 * at + 3);
    image.data[4 * at + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas.toDataURL();
}

function tell(name: string, body: unknown): void {
  window.postMessage({ lethe: 'event', name, body }, '*');
}

function state(): DatasetViewState {
  const { path } = scene.overview;
  if (scene.state === 'empty') return { kind: 'empty', hasModel: true };
  if (scene.state === 'loading') return { kind: 'loading', path };
  if (scene.state === 'error') {
    return {
      kind: 'error',
      path,
      message:
        'train.npz holds images of 28 × 28 values, and model.onnx expects 3 × 32 × 32. Open the data that this model was trained on, or name a resize in the recipe.',
    };
  }
  const { overview, model, restricted, stale } = scene;
  return { kind: 'ready', overview, model, restricted, stale };
}

async function answer(name: string, body: unknown): Promise<unknown> {
  switch (name) {
    case 'columns':
      return scene.columns;
    case 'predictions':
      if (scene.predictionsWait) return new Promise(() => undefined);
      if (scene.predictionsFail !== null) throw new Error(scene.predictionsFail);
      return scene.predictions;
    case 'cards':
      window.asked.push(...(body as { indices: number[] }).indices);
      return (body as { indices: number[] }).indices.map(index => ({
        index,
        thumbnail: thumbnail(index),
        problem: null,
        values: scene.values?.[index] ?? null,
      }));
    default:
      window.told.push({ name, body });
      return null;
  }
}

(window as unknown as { acquireVsCodeApi: unknown }).acquireVsCodeApi = () => ({
  getState: () => undefined,
  setState: () => undefined,
  postMessage(message: { lethe: string; id: number; name: string; body: unknown }) {
    // JSON, as in VS Code: what does not survive it must not be relied on.
    const { lethe, id, name, body } = JSON.parse(JSON.stringify(message)) as typeof message;
    if (lethe === 'event') {
      window.told.push({ name, body });
      if (name === 'ready') {
        tell('state', state());
        tell('forgetSet', scene.forget);
      }
      return;
    }
    answer(name, body).then(
      result =>
        window.postMessage({ lethe: 'answer', id, body: JSON.parse(JSON.stringify(result)) as unknown }, '*'),
      (error: unknown) =>
        window.postMessage({ lethe: 'failure', id, message: String((error as Error).message) }, '*'),
    );
  },
});
