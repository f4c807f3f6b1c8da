// Both layouts give the same gradients and projections, the same bits on every run, and their memory back.
import assert from 'node:assert/strict';
import type { ParameterValues } from '../../src/runtime/contracts';
import type { Engine } from '../../src/runtime/engine';
import { elementCount, type Tensor } from '../../src/tensor/tensor';
import { openSmallNetwork, smallBatch, smallHeads } from './smallNetwork';

const layouts = [true, false];

/** What one engine gives, as bytes by name. */
async function everything(
  engine: Engine,
  batch: { inputs: Tensor[]; labels: Tensor[] },
): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  const put = (what: string, values: Iterable<readonly [string, ArrayBufferView]>): void => {
    for (const [name, { buffer, byteOffset, byteLength }] of values)
      found.set(
        `${what} of ${name}`,
        Buffer.from(buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer),
      );
  };
  const values = engine.initialValues();
  put('the gradient', (await engine.lossGradient(values, batch, smallHeads)).gradients);
  const each = await engine.perSampleGradients(values, batch.inputs);
  put(
    'the gradients by sample',
    [...each].map(([name, { data }]) => [name, data as Float32Array]),
  );
  await project(engine, values, batch);
  put('the projection', values);
  return found;
}

function project(
  engine: Engine,
  values: ParameterValues,
  batch: { inputs: Tensor[]; labels: Tensor[] },
): ReturnType<Engine['project']> {
  const options = { strength: 1, kind: 'largest-logit', heads: smallHeads, random: () => 0 } as const;
  return engine.project(values, batch, options);
}

describe('gradients in the blocked and in the plain layout', () => {
  // Fewer samples than a block has channels give kernel gradients in pieces, other numbers do not.
  for (const [samples, size] of [
    [7, 16],
    [16, 12],
    [19, 8],
  ] as const)
    it(`are the same by sample and after a projection: ${samples} samples of ${size}²`, async () => {
      const [blocked, plain] = [await openSmallNetwork(), await openSmallNetwork({ blockedLayout: false })];
      try {
        const batch = smallBatch(samples, size);
        const each = [blocked, plain].map(engine =>
          engine.perSampleGradients(engine.initialValues(), batch.inputs),
        );
        const [got, want] = (await Promise.all(each)) as [Map<string, Tensor>, Map<string, Tensor>];
        for (const [name, { data }] of want)
          near(got.get(name)!.data as Float32Array, data as Float32Array, name);
        const moved = [];
        for (const engine of [blocked, plain]) {
          const values = engine.initialValues();
          const { rank } = await project(engine, values, batch);
          assert.equal(rank, samples);
          moved.push(values);
        }
        for (const [name, data] of moved[1]!) near(moved[0]!.get(name)!, data, `${name}, projected`);
        // What is left is orthogonal to the gradients themselves, not only by the numbers that were solved with.
        const lengths = Array.from({ length: samples }, () => ({ along: 0, own: 0 }));
        let left = 0;
        const start = plain.initialValues();
        for (const [name, tensor] of want) {
          const count = elementCount(tensor.dims.slice(1));
          const [before, after] = [start.get(name)!, moved[0]!.get(name)!];
          for (let at = 0; at < count; at++) {
            const rest = before[at]! - after[at]!;
            left += rest ** 2;
            lengths.forEach((length, sample) => {
              const gradient = tensor.data[sample * count + at] as number;
              length.along += rest * gradient;
              length.own += gradient ** 2;
            });
          }
        }
        for (const { along, own } of lengths)
          assert.ok(Math.abs(along) <= 1e-5 * Math.sqrt(own * left), `${along} along a gradient`);
      } finally {
        await blocked.close();
        await plain.close();
      }
    });

  for (const blockedLayout of layouts)
    it(`have the same bits on every run of two threads (${blockedLayout ? 'blocked' : 'plain'})`, async () => {
      const batch = smallBatch(12, 16);
      let first: Map<string, Buffer> | undefined;
      for (let engines = 0; engines < 2; engines++) {
        const engine = await openSmallNetwork({ blockedLayout });
        try {
          for (let round = 0; round < 4; round++) {
            const found = await everything(engine, batch);
            first ??= found;
            for (const [what, bytes] of first) assert.ok(bytes.equals(found.get(what)!), `${what} varies`);
          }
        } finally {
          await engine.close();
        }
      }
    });

  for (const blockedLayout of layouts)
    it(`leave no memory behind (${blockedLayout ? 'blocked' : 'plain'})`, async () => {
      const batch = smallBatch(64, 96);
      const before = process.memoryUsage.rss();
      const engine = await openSmallNetwork({ blockedLayout });
      await engine.lossGradient(engine.initialValues(), batch, smallHeads);
      const held = process.memoryUsage.rss() - before;
      await engine.close();
      const left = process.memoryUsage.rss() - before;
      // The activations alone are 64 × 32 × 96² × 4 bytes, several times over.
      assert.ok(held > 2e8, `only ${held} bytes were held`);
      assert.ok(left < 0.3 * held, `${left} of ${held} bytes are left`);
    });
});

function near(got: ArrayLike<number>, want: ArrayLike<number>, what: string): void {
  let [largest, apart] = [0, 0];
  for (let at = 0; at < want.length; at++) {
    largest = Math.max(largest, Math.abs(want[at]!));
    apart = Math.max(apart, Math.abs(want[at]! - got[at]!));
  }
  assert.ok(apart <= 1e-4 * largest, `${what}: off by ${apart} of ${largest}`);
}
