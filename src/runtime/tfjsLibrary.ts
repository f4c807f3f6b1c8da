// TensorFlow.js, loaded when it is first needed: its native accelerator where that works, else plain JavaScript.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type * as tensorflow from '@tensorflow/tfjs';
import { RuntimeFailure } from './session';
import { registerKerasLayers } from './tfjsKerasLayers';

/** The exports of `@tensorflow/tfjs`, which `@tensorflow/tfjs-node` has as well. */
export type Tensorflow = typeof tensorflow;

/** What computes: plain JavaScript, or the TensorFlow library inside tfjs-node. */
export type TfjsKind = 'tfjs' | 'tfjs-node';

/** A TensorFlow.js that passed its self-check. */
export interface TfjsLibrary {
  readonly tf: Tensorflow;
  readonly kind: TfjsKind;
  /** A sentence that says which one computes, and why not the other. */
  readonly note: string;
  /** Makes its kernels those of the process, which may hold both. */
  activate(): Promise<void>;
}

/** Where tfjs-node comes from; tests put their own in. */
export interface NativeSource {
  /** Gives the module. Throws an error whose message is the end of the sentence "tfjs-node cannot be used: …". */
  load(): Tensorflow;
}

const loaded = new Map<string, Promise<TfjsLibrary>>();

/**
 * Loads TensorFlow.js once a process. `auto` takes tfjs-node where it is installed and computes right, else plain
 * TensorFlow.js. Throws a RuntimeFailure when tfjs-node is asked for by name and cannot be used.
 */
export function loadTfjs(wanted: 'auto' | TfjsKind): Promise<TfjsLibrary> {
  let library = loaded.get(wanted);
  if (!library) loaded.set(wanted, (library = chooseTfjs(wanted, installedNative)));
  return library;
}

/** `loadTfjs` without memory, with a source for tfjs-node. */
export async function chooseTfjs(wanted: 'auto' | TfjsKind, native: NativeSource): Promise<TfjsLibrary> {
  if (wanted === 'tfjs') return plain('TensorFlow.js computes in plain JavaScript, as asked.');
  try {
    const tf = native.load();
    await tf.ready();
    const library = libraryOf(tf, 'tfjs-node', 'tensorflow', `TensorFlow.js computes with tfjs-node.`);
    await library.activate();
    selfCheck(tf);
    return library;
  } catch (error) {
    const reason = firstSentence(error);
    if (wanted === 'tfjs-node')
      throw new RuntimeFailure(
        `@tensorflow/tfjs-node cannot be used: ${reason} Repair it, or choose the engine auto or tfjs.`,
      );
    return plain(
      `TensorFlow.js computes in plain JavaScript, which is slow, because @tensorflow/tfjs-node cannot be used: ${reason}`,
    );
  }
}

async function plain(note: string): Promise<TfjsLibrary> {
  const tf: Tensorflow = await import('@tensorflow/tfjs');
  // Without this it prints an advertisement for tfjs-node among our own lines.
  tf.enableProdMode();
  const library = libraryOf(tf, 'tfjs', 'cpu', note);
  await library.activate();
  selfCheck(tf);
  return library;
}

function libraryOf(tf: Tensorflow, kind: TfjsKind, backend: string, note: string): TfjsLibrary {
  registerKerasLayers(tf);
  return {
    tf,
    kind,
    note,
    async activate() {
      if (tf.getBackend() === backend) return;
      if (!(await tf.setBackend(backend)))
        throw new RuntimeFailure(
          `The backend ${backend} of TensorFlow.js cannot be started. Choose another engine.`,
        );
    },
  };
}

/** tfjs-node as npm has installed it beside Lethe, or on NODE_PATH. */
const installedNative: NativeSource = {
  load() {
    const require = createRequire(__filename);
    let entry: string;
    try {
      entry = require.resolve('@tensorflow/tfjs-node');
    } catch {
      throw new Error('it is not installed.');
    }
    // npm may install it without its binary; its own error for that is a page long.
    if (!hasBinary(dirname(dirname(entry)))) throw new Error('its native library is missing.');
    restoreUtil(require('node:util') as Record<string, unknown>);
    // TensorFlow greets on standard error unless it is told not to.
    process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
    return require(entry) as Tensorflow;
  },
};

function hasBinary(folder: string): boolean {
  const abi = process.versions['napi'] ?? '';
  for (let version = Number(abi); version > 0; version--)
    if (existsSync(join(folder, 'lib', `napi-v${version}`, 'tfjs_binding.node'))) return true;
  return false;
}

/** Puts back two functions that Node 23 took out of `util`; kernels of tfjs-node 4.22 call them. */
export function restoreUtil(util: Record<string, unknown>): void {
  util['isArray'] ??= Array.isArray;
  util['isNullOrUndefined'] ??= (value: unknown): boolean => value === null || value === undefined;
}

/**
 * Computes the gradient of a small convolution followed by a dense layer and compares it with numbers known in closed
 * form. Throws an error that says which number is wrong.
 */
export function selfCheck(tf: Tensorflow): void {
  const close = (what: string, found: ArrayLike<number>, expected: readonly number[]): void => {
    expected.forEach((value, index) => {
      if (!(Math.abs((found[index] ?? NaN) - value) <= 1e-4 * Math.abs(value)))
        throw new Error(`its self-check failed: ${what} is ${found[index]} where ${value} is right.`);
    });
  };
  tf.tidy(() => {
    // x is 1 … 9 in three rows. With k = [1, 0; 0, −1] each of the four windows gives x_ij − x_(i+1)(j+1) = −4.
    const x = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 3, 3, 1]);
    const kernel = tf.tensor4d([1, 0, 0, -1], [2, 2, 1, 1]);
    const weights = tf.tensor2d([1, 2, 3, 4], [4, 1]);
    const layers = (k: tensorflow.Tensor, w: tensorflow.Tensor): tensorflow.Tensor => {
      const convolved = tf.conv2d(x, k as tensorflow.Tensor4D, 1, 'valid');
      return tf.matMul(convolved.reshape([1, 4]), w).sum();
    };
    const { value, grads } = tf.valueAndGrads(layers)([kernel, weights]);
    close('an output', value.dataSync(), [-40]);
    // By the kernel: Σ_ij w_ij x_(i+a)(j+b).
    close('a gradient', grads[0]!.dataSync(), [37, 47, 67, 77]);
    close('a gradient', grads[1]!.dataSync(), [-4, -4, -4, -4]);
  });
}

/** What went wrong, in one line that ends with a full stop. */
function firstSentence(error: unknown): string {
  const [line = ''] = (error instanceof Error ? error.message : String(error)).trim().split('\n');
  return line.trim().replace(/\.?$/, '.');
}
