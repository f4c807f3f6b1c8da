// The projection of ResNet-18 (11 million parameters) beside the paper's procedure, which is timed in part.
import { rmSync } from 'node:fs';
import { Engine } from '../src/runtime/engine';
import { Random } from '../src/tensor/random';
import { elementCount, float32, int64 } from '../src/tensor/tensor';
import { networks, withModelFile } from './models';
import type { PyTorch } from './pytorch';
import { exportForPyTorch } from './workload';

/** Both sides' times in milliseconds, and the most memory that this process held so far, in bytes. */
export interface LargeProjection {
  readonly ours: readonly number[];
  readonly theirs: number | null;
  readonly peakBytes: number;
}

/**
 * Times the projection on the gradients of `samples` pictures. PyTorch runs two of its backward passes and the
 * decomposition of a sixteenth of its rows; both are scaled up to the whole, which would take minutes and 9 GB.
 */
export async function timeLargeProjection(
  torch: PyTorch | null,
  threads: number,
  samples: number,
  repeat: number,
): Promise<LargeProjection> {
  const { bytes } = networks.resnet18();
  const engine = await withModelFile(bytes, path => Engine.open(path, { threads }));
  try {
    const random = new Random(3);
    const dims = [samples, 3, 32, 32];
    const pictures = float32(
      dims,
      new Float32Array(elementCount(dims)).map(() => random.normal()),
    );
    const labels = int64([samples], new Array<number>(samples).fill(0));
    const batch = { inputs: [pictures], labels: [labels] };
    const heads = [
      { output: engine.model.graph.outputs[0]!.name, loss: 'cross-entropy' as const, weight: 1 },
    ];
    const ours: number[] = [];
    // The first one makes the sessions and is not counted.
    for (let count = 0; count <= repeat; count++) {
      const values = engine.initialValues();
      const start = performance.now();
      const { rank, residual } = await engine.project(values, batch, {
        strength: 0.1,
        kind: 'largest-logit',
        heads,
        random: () => random.normal(),
      });
      if (count > 0) ours.push(performance.now() - start);
      if (rank !== samples || residual > 1e-6)
        throw new Error(`The projection of ResNet-18 has rank ${rank} and residual ${residual}.`);
    }
    const peakBytes = 1024 * process.resourceUsage().maxRSS;
    if (!torch) return { ours, theirs: null, peakBytes };
    const folder = exportForPyTorch({ engine, batch });
    try {
      await torch.load('resnet18-projection', folder, 'resnet18');
    } finally {
      rmSync(folder, { recursive: true });
    }
    const theirs = await torch.projectionInPart('resnet18-projection', samples);
    return { ours, theirs, peakBytes };
  } finally {
    await engine.close();
  }
}
