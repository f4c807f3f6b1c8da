// The engine that computes with TensorFlow.js: for models that have no translation, and for those who ask for it.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { matcher } from '../autodiff/parameters';
import { DifferentiationError } from '../autodiff/rule';
import type { OpenedModel } from '../onnx/openedModel';
import { throwIfCancelled } from '../shared/errors';
import { elementCount, toFloat32, type Tensor } from '../tensor/tensor';
import { readArtifacts } from '../tfjs/artifacts';
import { chunksOf, joinChunks, takeChunk, type Chunk } from './batches';
import { columnCotangents, planColumns, type ColumnPlan } from './columns';
import type {
  Batch,
  EngineKind,
  HeadLoss,
  LossGradient,
  ModelEngine,
  Parameter,
  ParameterValues,
  ProjectionOptions,
  ProjectionResult,
} from './contracts';
import { outputsOfHeads, resolveHead, scaledWeights } from './headLoss';
import { adaptInputs, zeroInputs } from './inputs';
import { termWeights, type ResolvedLoss } from './loss';
import { lossCotangent } from './lossCotangents';
import { firstSamples, lossPart } from './lossParts';
import { lossTerms, type FinalActivation } from './sampleLosses';
import { roleByName, type RoleOfParameter } from './roles';
import { RuntimeFailure } from './session';
import { stepAlong } from './projectionStep';
import { declaredBatch } from './shapes';
import type { TfjsLibrary } from './tfjsLibrary';
import { reasonAgainst, type TfjsWeight } from './tfjsLoad';
import { TfjsModel, fetchedTensor, type ForwardPass } from './tfjsModel';
import { projectOutExplicit } from './tfjsProjection';

/** Samples in a batch of TensorFlow.js: larger ones only take more memory. */
const batchSamples = 32;

/** Sizes of an axis that the file leaves free, in the order in which they are tried. */
const freeSizes = [32, 8, 64, 224, 1];

/** A model in TensorFlow.js. Close it to give its memory back. */
export class TfjsEngine implements ModelEngine {
  private endings: readonly FinalActivation[] | null = null;

  private constructor(
    private readonly library: TfjsLibrary,
    private readonly loaded: TfjsModel,
    readonly model: OpenedModel,
    readonly parameters: readonly Parameter[],
    private readonly start: ParameterValues,
  ) {}

  /** Loads a model of the formats `tfjs-layers` and `tfjs-graph`. Throws a ModelError when TensorFlow.js refuses it. */
  static async open(
    model: OpenedModel,
    library: TfjsLibrary,
    selection: { readonly freeze?: readonly string[]; readonly include?: readonly string[] } = {},
  ): Promise<TfjsEngine> {
    const artifacts = readArtifacts(model);
    const loaded = await TfjsModel.load(library, model, artifacts);
    const frozen = matcher(selection.freeze ?? []);
    const included = matcher(selection.include ?? []);
    const parameters = [...loaded.weights.values()].map((weight): Parameter => {
      const count = elementCount(weight.dims);
      const dtype = model.graph.initializers.get(weight.name)?.dtype ?? 'float32';
      const reason = reasonAgainst(
        weight,
        frozen(weight.name),
        included(weight.name),
        artifacts.quantised.has(weight.name),
      );
      const own = included(weight.name) ? 'included by the recipe' : 'weight';
      return {
        name: weight.name,
        dtype,
        dims: weight.dims,
        count,
        trainable: reason === null,
        reason: reason ?? own,
      };
    });
    const start: ParameterValues = new Map();
    for (const { name, trainable } of parameters)
      if (trainable) start.set(name, toFloat32(artifacts.weights.get(name) as Tensor));
    const engine = new TfjsEngine(library, loaded, model, parameters, start);
    await engine.learnEndings();
    return engine;
  }

  /** TensorFlow.js has no other. */
  readonly float = 'float32';

  get kind(): EngineKind {
    return this.library.kind;
  }

  get notes(): readonly string[] {
    const { untranslated } = this.model;
    const first = untranslated[0];
    const others = untranslated.length > 1 ? ` (and ${untranslated.length - 1} more)` : '';
    const reason = first && `${first.op} ${first.node} ${first.problem}${others}, so TensorFlow.js computes.`;
    return [...(reason ? [reason] : []), this.library.note];
  }

  initialValues(): ParameterValues {
    return new Map([...this.start].map(([name, data]) => [name, data.slice()]));
  }

  finalActivation(output: string): FinalActivation {
    return this.endings?.[this.positionOf(output)] ?? null;
  }

  /** By the names that Keras gives weights; what follows a layer is not known here. */
  parameterRoles(): RoleOfParameter[] {
    return this.parameters
      .filter(({ trainable }) => trainable)
      .map(({ name, dims }) => ({ name, dims, role: roleByName(name, dims) }));
  }

  outputStructure(): string {
    return 'TensorFlow.js computes this model, and shows nothing of its layers';
  }

  intermediate(_values: ParameterValues, _given: readonly Tensor[], name: string): Promise<Tensor> {
    return Promise.reject(
      new RuntimeFailure(`TensorFlow.js computes this model, and does not show the value ${name} inside it.`),
    );
  }

  async headOutputs(
    values: ParameterValues,
    inputs: readonly Tensor[],
    heads: readonly HeadLoss[],
  ): Promise<Tensor[]> {
    return outputsOfHeads(heads, this.model, logits => this.predict(values, inputs, { logits }));
  }

  async predict(
    values: ParameterValues,
    given: readonly Tensor[],
    options: { logits?: boolean } = {},
  ): Promise<Tensor[]> {
    const inputs = this.adapted(given);
    await this.prepare(values);
    const samples = inputs[0]?.dims[0] ?? 0;
    const pieces: Tensor[][] = this.model.graph.outputs.map(() => []);
    for (const chunk of this.chunks(samples)) {
      const part = inputs.map(input => takeChunk(input, chunk));
      this.endings ??= this.loaded.endings(part);
      this.loaded
        .predict(part, options.logits === true)
        .forEach((output, index) => pieces[index]?.push(output));
    }
    return pieces.map(list => joinChunks(list, samples));
  }

  async lossGradient(
    values: ParameterValues,
    given: Batch,
    heads: readonly HeadLoss[],
    sampleWeights?: ArrayLike<number>,
  ): Promise<LossGradient> {
    const names = this.trainable();
    const inputs = this.adapted(given.inputs);
    await this.prepare(values);
    const samples = inputs[0]?.dims[0] ?? 0;
    const total: ParameterValues = new Map();
    let resolved: ResolvedLoss[] | null = null;
    let loss = 0;
    for (const chunk of this.chunks(samples)) {
      const part = inputs.map(input => takeChunk(input, chunk));
      const found = this.loaded.gradients(part, names, pass => {
        resolved ??= this.resolveHeads(heads, pass, samples, chunk.size, given.labels);
        const terms = heads.map((head, index) => {
          const all = (resolved as ResolvedLoss[])[index] as ResolvedLoss;
          const weights = termWeights(all, samples, scaledWeights(samples, head.weight, sampleWeights));
          const mine = lossPart(all, weights, samples, chunk);
          const start = this.lossStart(pass, head);
          const output = firstSamples(fetchedTensor(start), chunk.end - chunk.start);
          const activation = pass.endings[this.positionOf(head.output)]?.kind ?? null;
          lossTerms(mine.resolved, output, activation).forEach(
            (term, at) => (loss += term === 0 ? 0 : term * (mine.weights[at] as number)),
          );
          // Padding repeats a sample and has the cotangent 0.
          const cotangent = new Float32Array(elementCount(start.shape));
          cotangent.set(lossCotangent(mine.resolved, output, activation, mine.weights));
          return this.along(start, cotangent);
        });
        return this.library.tf.addN(terms);
      });
      for (const [name, data] of found) {
        const sum = total.get(name);
        if (!sum) total.set(name, data);
        else data.forEach((value, at) => (sum[at]! += value));
      }
    }
    return { loss, gradients: total };
  }

  async perSampleGradients(values: ParameterValues, given: readonly Tensor[]): Promise<Map<string, Tensor>> {
    const names = this.trainable();
    const inputs = this.adapted(given);
    await this.prepare(values);
    const samples = inputs[0]?.dims[0] ?? 0;
    const gradients = await this.columns(inputs, range(samples), names, (pass, slot) => {
      const output = pass.outputs[0] as NonNullable<ForwardPass['outputs'][0]>;
      const { data } = fetchedTensor(output);
      const size = data.length / (output.shape[0] ?? 1);
      const cotangent = new Float32Array(data.length);
      let best = slot * size;
      for (let at = best + 1; at < (slot + 1) * size; at++)
        if ((data[at] as number) > (data[best] as number)) best = at;
      cotangent[best] = 1;
      return this.along(output, cotangent);
    });
    return new Map(
      [...gradients].map(([name, data]) => {
        const dims = [samples, ...(this.loaded.weights.get(name) as TfjsWeight).dims];
        return [name, { dtype: 'float32', dims, data }];
      }),
    );
  }

  async project(
    values: ParameterValues,
    given: Batch,
    options: ProjectionOptions,
  ): Promise<ProjectionResult> {
    const names = this.trainable();
    const inputs = this.adapted(given.inputs);
    const { heads } = options;
    const plan = await this.plan(values, { ...given, inputs }, options);
    const columns = plan.columns.length;
    const cotangents = columnCotangents(plan);
    const samples = plan.columns.map(column => column.sample);
    const gradientsOf = (wanted: readonly string[]): Promise<ParameterValues> =>
      this.columns(
        inputs,
        samples,
        wanted,
        (pass, slot, column) => {
          const terms = heads.map((head, index) => {
            const start = head.loss === 'mse' ? this.outputOf(pass, head) : this.logitsOf(pass, head);
            const all = cotangents[index] as Tensor;
            const size = elementCount(all.dims.slice(1));
            const cotangent = new Float32Array(elementCount(start.shape));
            const own = (all.data as Float32Array).subarray(column * size, (column + 1) * size);
            cotangent.set(own, slot * size);
            return this.along(start, cotangent);
          });
          return this.library.tf.addN(terms);
        },
        options.signal,
      );
    const vector = new Map(names.map(name => [name, values.get(name) as Float32Array]));
    const { rest, rank, residual } = await projectOutExplicit(vector, columns, gradientsOf);
    const parameters = [...vector.values()].reduce((sum, data) => sum + data.length, 0);
    if (rank === parameters) return { columns, rank, residual, noRoom: true, cost: 3 * columns };
    stepAlong(values, rest, options.strength);
    return { columns, rank, residual, cost: 3 * columns };
  }

  async close(): Promise<void> {
    await this.library.activate();
    this.loaded.dispose();
  }

  /** Chooses the columns of a projection as the other engine does. */
  private async plan(
    values: ParameterValues,
    batch: Batch,
    options: Omit<ProjectionOptions, 'strength'>,
  ): Promise<ColumnPlan> {
    const outputs = await this.predict(values, batch.inputs, { logits: true });
    const samples = batch.inputs[0]?.dims[0] ?? 0;
    const context = { model: this.model, samples, size: samples };
    const dimsOf = (name: string): readonly number[] => outputs[this.positionOf(name)]?.dims ?? [];
    const heads = options.heads.map((head, index) => {
      const resolved = resolveHead(context, head, dimsOf, batch.labels[index], index);
      return { head, output: outputs[this.positionOf(head.output)] as Tensor, resolved };
    });
    return planColumns(batch, heads, options.kind, options.random);
  }

  /**
   * One gradient a column: of the scalar that `scalarOf` makes of a pass over a batch that has the column's sample at
   * `slot`. Every sample keeps its own place in a batch of fixed size.
   */
  private async columns(
    inputs: readonly Tensor[],
    samples: readonly number[],
    names: readonly string[],
    scalarOf: (pass: ForwardPass, slot: number, column: number) => ReturnType<TfjsEngine['along']>,
    signal?: AbortSignal,
  ): Promise<ParameterValues> {
    const size = declaredBatch(this.model.graph.inputs) ?? 1;
    const total = inputs[0]?.dims[0] ?? 0;
    const result: ParameterValues = new Map(
      names.map(name => {
        const { dims } = this.loaded.weights.get(name) as TfjsWeight;
        return [name, new Float32Array(samples.length * elementCount(dims))];
      }),
    );
    for (const [column, sample] of samples.entries()) {
      // TensorFlow.js computes at once: without a turn of the event loop nobody could ask to stop.
      if (signal) await nextTurn();
      throwIfCancelled(signal);
      const slot = sample % size;
      const chunk = { start: sample - slot, end: Math.min(total, sample - slot + size), size };
      const part = inputs.map(input => takeChunk(input, chunk));
      const found = this.loaded.gradients(part, names, pass => scalarOf(pass, slot, column));
      for (const [name, data] of found) result.get(name)?.set(data, column * data.length);
    }
    return result;
  }

  /** Σ output · cotangent: its gradient is the cotangent's pullback. */
  private along(output: ForwardPass['outputs'][0], cotangent: Float32Array): ForwardPass['outputs'][0] {
    const { tf } = this.library;
    return tf.sum(tf.mul(output, tf.tensor(cotangent, output.shape)));
  }

  /** The value that a loss starts from. */
  private lossStart(pass: ForwardPass, head: HeadLoss): ForwardPass['outputs'][0] {
    const ending = pass.endings[this.positionOf(head.output)];
    if (head.loss === 'mse' || !ending) return this.outputOf(pass, head);
    return ending.logarithms ?? ending.logits;
  }

  private logitsOf(pass: ForwardPass, head: HeadLoss): ForwardPass['outputs'][0] {
    return pass.endings[this.positionOf(head.output)]?.logits ?? this.outputOf(pass, head);
  }

  private outputOf(pass: ForwardPass, head: HeadLoss): ForwardPass['outputs'][0] {
    return pass.outputs[this.positionOf(head.output)] as ForwardPass['outputs'][0];
  }

  private positionOf(output: string): number {
    return this.model.graph.outputs.findIndex(({ name }) => name === output);
  }

  private resolveHeads(
    heads: readonly HeadLoss[],
    pass: ForwardPass,
    samples: number,
    size: number,
    labels: readonly Tensor[],
  ): ResolvedLoss[] {
    const context = { model: this.model, samples, size };
    const dimsOf = (name: string): readonly number[] => pass.outputs[this.positionOf(name)]?.shape ?? [];
    return heads.map((head, index) => resolveHead(context, head, dimsOf, labels[index], index));
  }

  private adapted(inputs: readonly Tensor[]): Tensor[] {
    return adaptInputs(this.model.path, this.model.graph.inputs, inputs);
  }

  private chunks(samples: number): Chunk[] {
    return chunksOf(samples, batchSamples, declaredBatch(this.model.graph.inputs));
  }

  private async prepare(values: ParameterValues): Promise<void> {
    await this.library.activate();
    this.loaded.setValues(values);
  }

  private trainable(): string[] {
    const names = [...this.start.keys()];
    if (names.length === 0)
      throw new DifferentiationError(
        `${this.model.path} has no trainable parameter with a differentiable path to an output. ` +
          '"lethe inspect" lists every stored tensor and why it is left out.',
      );
    return names;
  }

  /**
   * Runs the model once on zeros to learn what its outputs end in. Where an axis is free, several sizes are tried; if
   * none will do, the first data tell.
   */
  private async learnEndings(): Promise<void> {
    await this.library.activate();
    const { inputs } = this.model.graph;
    const free = inputs.some(({ dims }) => dims?.slice(1).some(dim => typeof dim !== 'number') ?? true);
    for (const size of free ? freeSizes : [1])
      try {
        this.endings = this.loaded.endings(zeroInputs(inputs, size));
        return;
      } catch (error) {
        if (!free) throw error;
      }
  }
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
