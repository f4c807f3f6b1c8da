// How the matrix-free projection converges on the MNIST sample, and what its parts cost. Not part of `npm run bench`:
// node dist/bench/matrixFree.bench.js [samples] [plain]
import { takeSamples } from '../src/runtime/batches';
import { mnistWorkload } from './workload';

async function main(): Promise<void> {
  const [count = '1900', form] = process.argv.slice(2);
  const { engine, inputs, labels, heads, forgotten } = await mnistWorkload(2);
  const left = Array.from({ length: inputs.dims[0]! }, (_, index) => index)
    .filter(index => !forgotten.includes(index))
    .slice(0, Number(count));
  const batch = { inputs: [takeSamples(inputs, left)], labels: [takeSamples(labels, left)] };
  const start = performance.now();
  const seconds = (): string => ((performance.now() - start) / 1000).toFixed(1);
  const values = engine.initialValues();
  const found = await engine.project(values, batch, {
    strength: 0.1,
    kind: 'all-outputs',
    heads,
    random: Math.random,
    solver: form === 'direct' ? 'direct' : 'matrix-free',
    precondition: form !== 'plain',
    progress: ({ iteration, residual }) => {
      console.log(`${seconds()} s: iteration ${iteration}, residual ${residual.toExponential(2)}`);
    },
  });
  console.log(`${seconds()} s`, { ...found, peak: `${process.resourceUsage().maxRSS / 1024} MB` });
  await engine.close();
}

void main();
