// Which TensorFlow.js computes: tfjs-node where it computes right, else plain TensorFlow.js, and what is said of it.
import assert from 'node:assert/strict';
import { RuntimeFailure } from '../../src/runtime/session';
import { chooseTfjs, loadTfjs, restoreUtil, selfCheck, type Tensorflow } from '../../src/runtime/tfjsLibrary';

/** Plain TensorFlow.js whose matrix product is changed, as a broken native library would be. */
async function withProduct(change: (tf: Tensorflow) => Tensorflow['matMul']): Promise<Tensorflow> {
  const { tf } = await loadTfjs('tfjs');
  return { ...tf, matMul: change(tf), setBackend: () => Promise.resolve(true) };
}

describe('the choice of a TensorFlow.js', () => {
  it('is the plain one where it is asked for', async () => {
    const library = await loadTfjs('tfjs');
    assert.equal(library.kind, 'tfjs');
    assert.match(library.note, /plain JavaScript, as asked/);
    selfCheck(library.tf);
  });

  it('falls back to the plain one and says why', async () => {
    const library = await chooseTfjs('auto', {
      load: () => {
        throw new Error('it has the flu\n    at a place in its sources');
      },
    });
    assert.equal(library.kind, 'tfjs');
    assert.equal(
      library.note,
      'TensorFlow.js computes in plain JavaScript, which is slow, because @tensorflow/tfjs-node cannot be used: it has the flu.',
    );
  });

  it('takes tfjs-node where it computes right', async () => {
    const tf = await withProduct(({ matMul }) => matMul);
    const library = await chooseTfjs('auto', { load: () => tf });
    assert.equal(library.kind, 'tfjs-node');
    assert.equal(library.note, 'TensorFlow.js computes with tfjs-node.');
  });

  it('leaves a tfjs-node that computes wrong', async () => {
    const tf = await withProduct(
      ({ matMul, mul }) =>
        ((a: Parameters<typeof matMul>[0], b: Parameters<typeof matMul>[1]) =>
          mul(matMul(a, b), 1.01)) as typeof matMul,
    );
    const library = await chooseTfjs('auto', { load: () => tf });
    assert.equal(library.kind, 'tfjs');
    assert.match(library.note, /its self-check failed: an output is -40\.4\d* where -40 is right\./);
  });

  it('refuses where tfjs-node is asked for by name and is not there', async () => {
    await assert.rejects(
      chooseTfjs('tfjs-node', {
        load: () => {
          throw new Error('it is not installed.');
        },
      }),
      (error: unknown) =>
        error instanceof RuntimeFailure &&
        error.message ===
          '@tensorflow/tfjs-node cannot be used: it is not installed. Repair it, or choose the engine auto or tfjs.',
    );
  });

  it('puts the functions back that later versions of Node lack', () => {
    const util: Record<string, unknown> = {};
    restoreUtil(util);
    const { isArray, isNullOrUndefined } = util as Record<string, (value: unknown) => boolean>;
    assert.deepEqual([isArray!([]), isArray!('text')], [true, false]);
    assert.deepEqual([null, undefined, 0].map(isNullOrUndefined!), [true, true, false]);
    const own = (): boolean => false;
    const present = { isArray: own, isNullOrUndefined: own };
    restoreUtil(present);
    assert.equal(present.isArray, own);
  });
});
