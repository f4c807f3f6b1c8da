// Whether a translated model gives what TensorFlow.js itself gives: asked once, before its first result is used.
import { ModelError } from '../onnx/errors';
import type { OpenedModel } from '../onnx/openedModel';
import { readArtifacts } from '../tfjs/artifacts';
import { elementReader, type Tensor } from '../tensor/tensor';
import { takeChunk } from './batches';
import { declaredBatch } from './shapes';
import { loadTfjs } from './tfjsLibrary';
import { TfjsModel } from './tfjsModel';

/** How far an output may be from that of TensorFlow.js, relative to its largest element. */
const tolerance = 1e-4;

/** Files, in the state they were in, whose translation was compared in this process and is right. */
const compared = new Set<string>();

/** What remains to be asked of one opened model. */
export class Parity {
  private answer: Promise<void> | null;

  constructor(
    private readonly model: OpenedModel,
    /** Our outputs, with the weights of the file. */
    private readonly predict: (inputs: readonly Tensor[]) => Promise<readonly Tensor[]>,
  ) {
    const known = model.format === 'onnx' || compared.has(keyOf(model));
    this.answer = known ? Promise.resolve() : null;
  }

  /**
   * Compares the outputs for the first sample of `inputs` with those of plain TensorFlow.js. Throws a ModelError that
   * names the output which differs, or says why TensorFlow.js does not load the model.
   */
  check(inputs: readonly Tensor[]): Promise<void> {
    if (inputs[0]?.dims[0] === 0) return Promise.resolve();
    this.answer ??= this.compare(inputs);
    return this.answer;
  }

  private async compare(inputs: readonly Tensor[]): Promise<void> {
    const size = declaredBatch(this.model.graph.inputs) ?? 1;
    const sample = inputs.map(input =>
      takeChunk(input, { start: 0, end: Math.min(size, input.dims[0]!), size }),
    );
    const witness = await TfjsModel.load(await loadTfjs('tfjs'), this.model, readArtifacts(this.model));
    let wanted: readonly Tensor[];
    try {
      wanted = witness.predict(sample, false);
    } finally {
      witness.dispose();
    }
    const found = await this.predict(sample);
    this.model.graph.outputs.forEach(({ name }, index) => {
      const problem = differenceOf(found[index]!, wanted[index]);
      if (problem === null) return;
      throw new ModelError(
        this.model.path,
        `The output "${name}" of its translation ${problem}, so the model is not run.`,
        'Please report this model. Until then choose the engine "tfjs", which computes with TensorFlow.js.',
      );
    });
    compared.add(keyOf(this.model));
  }
}

function keyOf(model: OpenedModel): string {
  return JSON.stringify(model.stamps);
}

/** In words how two outputs differ; null where they agree. */
export function differenceOf(found: Tensor, wanted: Tensor | undefined): string | null {
  if (!wanted || wanted.dims.join() !== found.dims.join()) {
    const shape = wanted ? `[${wanted.dims.join(', ')}]` : 'no such output';
    return `has the shape [${found.dims.join(', ')}] where TensorFlow.js gives ${shape}`;
  }
  const [ours, theirs] = [elementReader(found), elementReader(wanted)];
  let scale = 1e-6;
  let [most, at] = [0, 0];
  for (let index = 0; index < found.data.length; index++) {
    const [a, b] = [ours(index), theirs(index)];
    // Infinities and NaN agree with themselves, and with nothing else.
    const difference = Object.is(a, b) ? 0 : Number.isNaN(a - b) ? Infinity : Math.abs(a - b);
    if (difference > most) [most, at] = [difference, index];
    if (Number.isFinite(b)) scale = Math.max(scale, Math.abs(b));
  }
  const relative = most / scale;
  if (relative <= tolerance) return null;
  return `is ${ours(at)} at element ${at} where TensorFlow.js gives ${theirs(at)} (relative error ${Number.isFinite(relative) ? relative.toExponential(1) : 'infinite'})`;
}
