// A model loaded by TensorFlow.js itself: its weights as variables, its outputs, and gradients by its own tape.
import type * as tensorflow from '@tensorflow/tfjs';
import type { OpenedModel } from '../onnx/openedModel';
import { LetheError } from '../shared/errors';
import { elementCount, type Tensor } from '../tensor/tensor';
import type { TfjsArtifacts } from '../tfjs/artifacts';
import type { ParameterValues } from './contracts';
import { RuntimeFailure } from './session';
import { correctGradients } from './tfjsGradients';
import type { TfjsLibrary } from './tfjsLibrary';
import { firstLine, loadModel, type LoadedModel, type TfjsWeight } from './tfjsLoad';
import { KernelTrace, type TracedEnding } from './tfjsTrace';

/** The outputs of one forward pass, while they can be differentiated. */
export interface ForwardPass {
  readonly outputs: readonly tensorflow.Tensor[];
  readonly endings: readonly (TracedEnding | null)[];
}

/** A LayersModel or GraphModel. Dispose it to give its memory back. */
export class TfjsModel {
  private constructor(
    private readonly library: TfjsLibrary,
    private readonly path: string,
    private readonly loaded: LoadedModel,
  ) {}

  /** Loads a model. Throws a ModelError with what TensorFlow.js has to say when it refuses. */
  static async load(
    library: TfjsLibrary,
    { path, graph }: Pick<OpenedModel, 'path' | 'graph'>,
    artifacts: TfjsArtifacts,
  ): Promise<TfjsModel> {
    await library.activate();
    correctGradients(library.tf);
    const names = {
      inputs: graph.inputs.map(({ name }) => name),
      outputs: graph.outputs.map(({ name }) => name),
    };
    return new TfjsModel(library, path, await loadModel(library.tf, path, artifacts, names));
  }

  /** Floating weights by name, in the order of the file. */
  get weights(): ReadonlyMap<string, TfjsWeight> {
    return this.loaded.weights;
  }

  /** Puts these values into the weights that they name. */
  setValues(values: ParameterValues): void {
    const { tf } = this.library;
    for (const [name, data] of values) {
      const weight = this.weights.get(name);
      if (!weight) throw new TypeError(`The model has no weight ${name}.`);
      // TensorFlow.js keeps the array it is given, and the caller goes on to change its own.
      tf.tidy(() => weight.variable.assign(tf.tensor(data.slice(), [...weight.dims])));
    }
  }

  /** The outputs for inputs of one batch; with `logits`, what they were before a final activation. */
  predict(inputs: readonly Tensor[], logits: boolean): Tensor[] {
    const { tf } = this.library;
    let found: Tensor[] = [];
    if (logits)
      this.taped(inputs, [], ({ outputs, endings }) => {
        found = outputs.map((output, index) => {
          const ending = endings[index];
          return fetchedTensor(ending?.logarithms ?? ending?.logits ?? output);
        });
        return tf.scalar(0);
      });
    else
      try {
        tf.tidy(() => {
          found = this.loaded.run(this.fed(inputs)).map(fetchedTensor);
        });
      } catch (error) {
        throw this.failure(error);
      }
    return found;
  }

  /** What each output ends in, learnt from one forward pass. */
  endings(inputs: readonly Tensor[]): (TracedEnding['kind'] | null)[] {
    let kinds: (TracedEnding['kind'] | null)[] = [];
    this.taped(inputs, [], ({ endings }) => {
      kinds = endings.map(ending => ending?.kind ?? null);
      return this.library.tf.scalar(0);
    });
    return kinds;
  }

  /**
   * The gradient by the named weights of a scalar that `scalarOf` makes of a forward pass. A weight that the scalar does
   * not depend on has zeros. Throws a RuntimeFailure for an operation without a gradient.
   */
  gradients(
    inputs: readonly Tensor[],
    names: readonly string[],
    scalarOf: (pass: ForwardPass) => tensorflow.Tensor,
  ): ParameterValues {
    return this.taped(inputs, names, scalarOf);
  }

  dispose(): void {
    this.loaded.dispose();
  }

  private taped(
    inputs: readonly Tensor[],
    names: readonly string[],
    scalarOf: (pass: ForwardPass) => tensorflow.Tensor,
  ): ParameterValues {
    const { tf } = this.library;
    const trace = new KernelTrace(tf);
    const weights = names.map(name => this.weights.get(name) as TfjsWeight);
    // TensorFlow.js insists on a variable that the scalar depends on.
    const idle = tf.tidy(() => tf.variable(tf.scalar(0)));
    try {
      const { value, grads } = tf.variableGrads(() => {
        const outputs = trace.watch(() => this.loaded.run(this.fed(inputs)));
        const endings = outputs.map(output => trace.endingOf(output));
        return tf.add(scalarOf({ outputs, endings }).asScalar(), idle) as tensorflow.Scalar;
      }, [...weights.map(({ variable }) => variable), idle]);
      value.dispose();
      const result: ParameterValues = new Map();
      for (const { name, dims, variable } of weights) {
        const gradient = grads[variable.name];
        // A copy: two gradients may share the memory of one tensor.
        result.set(
          name,
          gradient ? Float32Array.from(gradient.dataSync()) : new Float32Array(elementCount(dims)),
        );
      }
      for (const gradient of Object.values(grads)) gradient?.dispose();
      return result;
    } catch (error) {
      throw this.failure(error);
    } finally {
      trace.dispose();
      idle.dispose();
    }
  }

  private failure(error: unknown): unknown {
    if (error instanceof LetheError || !(error instanceof Error)) return error;
    const dynamic = /node '([^']*)', which has the dynamic op '([^']*)'/.exec(error.message);
    if (dynamic)
      return new RuntimeFailure(
        `${this.path}: the operator ${dynamic[2]} (node ${dynamic[1]}) decides by the data what runs or how much it gives, and ` +
          'Lethe does not run such models. Export the part of the model that comes before it.',
      );
    return new RuntimeFailure(
      `TensorFlow.js failed while running ${this.path}: ${firstLine(error)} ` +
        'Check that the model runs, and can be trained, in TensorFlow.js 4.22.',
    );
  }

  private fed(inputs: readonly Tensor[]): tensorflow.Tensor[] {
    return inputs.map(input => tensorOf(this.library, input));
  }
}

/** A tensor of ours as one of TensorFlow.js, which knows int32 only. */
function tensorOf({ tf }: TfjsLibrary, { dtype, dims, data }: Tensor): tensorflow.Tensor {
  if (dtype === 'bool') return tf.tensor(data as Uint8Array, [...dims], 'bool');
  if (dtype === 'float32') return tf.tensor((data as Float32Array).slice(), [...dims], 'float32');
  return tf.tensor(Int32Array.from(data as ArrayLike<number | bigint>, Number), [...dims], 'int32');
}

/** A tensor of theirs as ours, copied. */
export function fetchedTensor(tensor: tensorflow.Tensor): Tensor {
  const data = tensor.dataSync();
  const dims = [...tensor.shape];
  if (tensor.dtype === 'float32') return { dtype: 'float32', dims, data: Float32Array.from(data) };
  if (tensor.dtype === 'bool') return { dtype: 'bool', dims, data: Uint8Array.from(data) };
  return { dtype: 'int32', dims, data: Int32Array.from(data) };
}
