// The engine: a model whose predictions, losses and gradients can be computed for any parameter values.
import { DifferentiationError } from '../autodiff/rule';
import type { OnnxModel, ValueInfo } from '../onnx/model';
import { readModel } from '../onnx/reader';
import { isFloating } from '../tensor/dtype';
import { castTensor, elementCount, zeros, type Tensor } from '../tensor/tensor';
import { chunksOf, joinChunks, takeChunk, takeSamples } from './batches';
import { planColumns } from './columns';
import type {
  Batch,
  ConstraintKind,
  HeadLoss,
  LossGradient,
  Parameter,
  ParameterValues,
  ProjectionResult,
} from './contracts';
import { gramNames } from './gram';
import { readParameters, takeApart, type GraphModel } from './graphModel';
import {
  cotangentGraph,
  gradientGraph,
  perSampleGraph,
  predictionGraph,
  seedName,
  type FactorOutput,
  type Seeding,
} from './graphs';
import { resolveLoss, type ResolvedLoss } from './loss';
import { lossFeeds, lossShape } from './lossGraph';
import { projectOut } from './projection';
import { RuntimeFailure, Session, feed, fetched, type GraphSpec, type RuntimeTensor } from './session';
import { probeShapes, weightFeeds, type ShapeTable } from './shapes';

/** Settings of an engine. `freeze` and `include` are globs over parameter names. */
export interface EngineOptions {
  readonly threads?: number;
  readonly freeze?: readonly string[];
  readonly include?: readonly string[];
}

/** Bytes of intermediate values that a chunk may take, forward and backward pass together. */
const chunkBytes = 1.5e9;
/** Samples in a chunk at most: beyond, ONNX Runtime gains nothing. */
const chunkSamples = 512;
/** Sessions kept at a time; the one unused for longest goes first. */
const sessionLimit = 16;

/** A model in ONNX Runtime. Close it to give its memory back. */
export class Engine {
  private readonly sessions = new Map<string, Session>();
  private readonly shapes = new Map<string, ShapeTable>();

  private constructor(
    private readonly parts: GraphModel,
    private readonly start: ParameterValues,
    private readonly threads: number,
  ) {}

  /** Opens a model file. Throws a ModelError when it cannot be read or holds weights that are not finite. */
  static async open(path: string, options: EngineOptions = {}): Promise<Engine> {
    const parts = takeApart(readModel(path), {
      freeze: options.freeze ?? [],
      include: options.include ?? [],
    });
    return Promise.resolve(new Engine(parts, readParameters(parts), options.threads ?? 2));
  }

  get model(): OnnxModel {
    return this.parts.model;
  }

  /** Every stored floating tensor, trainable or not, in file order. */
  get parameters(): readonly Parameter[] {
    return this.parts.described.parameters;
  }

  /** A fresh copy of the trainable parameters' values in the file, as float32. */
  initialValues(): ParameterValues {
    return new Map([...this.start].map(([name, data]) => [name, data.slice()]));
  }

  /** Whether an output ends in Softmax, LogSoftmax or Sigmoid, so that `logits` differs from the output. */
  finalActivation(output: string): 'softmax' | 'log-softmax' | 'sigmoid' | null {
    return this.parts.activations.get(output)?.kind ?? null;
  }

  /**
   * The model's outputs, in the order of the file, for inputs in the model's order (batch axis first, any number of
   * samples). With `logits`, an output that ends in Softmax, LogSoftmax or Sigmoid is given as it was before that.
   */
  async predict(
    values: ParameterValues,
    given: readonly Tensor[],
    options: { logits?: boolean } = {},
  ): Promise<Tensor[]> {
    const inputs = this.adapted(given);
    const shapes = await this.shapesFor(values, inputs);
    const session = await this.session('predict', 'the model', () => predictionGraph(this.parts));
    const samples = sampleCount(inputs);
    const limit = chunkLimit(shapes, 1);
    const names = this.parts.model.graph.outputs.map(output => {
      const activation = options.logits ? this.parts.activations.get(output.name) : undefined;
      return activation?.logits ?? output.name;
    });
    const pieces: Tensor[][] = names.map(() => []);
    for (const chunk of chunksOf(samples, limit, shapes.fixedBatch)) {
      const feeds = {
        ...this.dataFeeds(inputs.map(input => takeChunk(input, chunk))),
        ...this.weights(values),
      };
      const outputs = await session.run(feeds);
      names.forEach((name, index) => pieces[index]?.push(fetched(outputs[name] as RuntimeTensor)));
    }
    return pieces.map(list => joinChunks(list, samples));
  }

  /**
   * The loss of a batch (the weighted sum of the heads' mean losses) and its gradient for every trainable parameter.
   * `labels` follow the heads. `sampleWeights` (one a sample, default 1) scale the samples' terms of the mean; a
   * negative weight ascends. Throws a LossError when labels do not fit, a DifferentiationError for an operator
   * without a rule.
   */
  async lossGradient(
    values: ParameterValues,
    given: Batch,
    heads: readonly HeadLoss[],
    sampleWeights?: Float32Array,
  ): Promise<LossGradient> {
    this.requireTrainable();
    const batch = { ...given, inputs: this.adapted(given.inputs) };
    const shapes = await this.shapesFor(values, batch.inputs);
    const samples = sampleCount(batch.inputs);
    const resolved = heads.map((head, index) =>
      this.resolve(head, shapes, samples, batch.labels[index], index),
    );
    const weights = heads.map(head => scaledWeights(samples, head.weight, sampleWeights));
    const total: ParameterValues = new Map();
    let loss = 0;
    for (const chunk of chunksOf(samples, chunkLimit(shapes, 3), shapes.fixedBatch)) {
      const plans = heads.map((head, index) => ({
        output: head.output,
        shape: lossShape(resolved[index] as ResolvedLoss, chunk.size),
      }));
      const key = `${shapeKey(batch.inputs)}|${chunk.size}|${JSON.stringify(plans)}`;
      const graph = this.graph(key, () => gradientGraph(this.parts, shapes, chunk.size, plans));
      const session = await this.session(`gradient|${key}`, 'the gradient graph', () => graph.spec);
      const feeds: Record<string, RuntimeTensor> = {
        ...this.dataFeeds(batch.inputs.map(input => takeChunk(input, chunk))),
        ...this.weights(values),
      };
      resolved.forEach((term, index) => {
        const made = lossFeeds(term, weights[index], { ...chunk, samples });
        feeds[`lethe/labels/${index}`] = feed(made.labels);
        feeds[`lethe/weights/${index}`] = feed(made.weights);
      });
      const outputs = await session.run(feeds);
      for (const name of graph.losses) for (const value of outputs[name]?.data as Float32Array) loss += value;
      for (const { name, dims } of this.parts.trainable) {
        const output = graph.gradients.get(name);
        const data = output === undefined ? new Float32Array(elementCount(dims)) : outputs[output]?.data;
        addTo(total, name, data as Float32Array);
      }
    }
    return { loss, gradients: total };
  }

  /**
   * For each sample the gradient of the largest element (the first on ties) of the first output as the file defines
   * it: by parameter, [samples, …dims of the parameter].
   */
  async perSampleGradients(values: ParameterValues, given: readonly Tensor[]): Promise<Map<string, Tensor>> {
    this.requireTrainable();
    const inputs = this.adapted(given);
    const shapes = await this.shapesFor(values, inputs);
    const samples = sampleCount(inputs);
    const output = this.parts.model.graph.outputs[0]?.name as string;
    const bytes = 4 * this.parts.trainable.reduce((sum, { dims }) => sum + elementCount(dims), 0);
    const limit = Math.max(1, Math.min(chunkLimit(shapes, 3), Math.floor(5e8 / Math.max(1, bytes))));
    const pieces = new Map<string, Tensor[]>();
    for (const chunk of chunksOf(samples, limit, shapes.fixedBatch)) {
      const part = inputs.map(input => takeChunk(input, chunk));
      const found = await this.factorsOf(values, part, { kind: 'largest', value: output }, false);
      for (const factor of found.factors)
        if (factor.kind === 'explicit') {
          const tensor = fetched(found.values[factor.value] as RuntimeTensor);
          pieces.set(factor.parameter, [...(pieces.get(factor.parameter) ?? []), tensor]);
        }
    }
    return new Map(
      this.parts.trainable.map(({ name, dims }) => {
        const list = pieces.get(name);
        return [name, list ? joinChunks(list, samples) : zeros('float32', [samples, ...dims])];
      }),
    );
  }

  /**
   * θ ← θ − strength · P_{G⊥} θ in place, G from the batch's samples (DESIGN §2, D2). Labels matter only to the kind
   * `given-label`. `random` gives standard normal numbers. Throws a RuntimeFailure when the result is not finite.
   */
  async project(
    values: ParameterValues,
    given: Batch,
    options: {
      readonly strength: number;
      readonly kind: ConstraintKind;
      readonly heads: readonly HeadLoss[];
      readonly random: () => number;
    },
  ): Promise<ProjectionResult> {
    this.requireTrainable();
    const batch = { ...given, inputs: this.adapted(given.inputs) };
    const shapes = await this.shapesFor(values, batch.inputs);
    const { heads, kind } = options;
    const [head] = heads;
    let inputs = batch.inputs;
    let seeding: Seeding;
    const cotangents: Record<string, RuntimeTensor> = {};
    if (
      kind === 'largest-logit' &&
      heads.length === 1 &&
      head &&
      head.loss !== 'mse' &&
      shapes.fixedBatch === null
    ) {
      seeding = { kind: 'largest', value: this.logitsOf(head.output) };
    } else {
      const samples = sampleCount(inputs);
      const outputs = await this.predict(values, inputs, { logits: true });
      const plan = planColumns(
        batch,
        heads.map((each, index) => ({
          head: each,
          output: this.headOutput(each, outputs),
          resolved: this.resolve(each, shapes, samples, batch.labels[index], index),
        })),
        kind,
        options.random,
      );
      inputs = inputs.map(input => takeSamples(input, plan.samples));
      const names = heads.map(each => this.columnValue(each));
      names.forEach((name, index) => (cotangents[seedName(name)] = feed(plan.cotangents[index] as Tensor)));
      seeding = { kind: 'given', values: names };
    }
    const columns = sampleCount(inputs);
    const limit = Math.floor((4 * chunkBytes) / Math.max(1, 2 * shapes.bytesPerSample()));
    if (columns > limit)
      throw new RuntimeFailure(
        `A projection on ${columns} gradients of ${this.parts.model.path} needs more memory than Lethe allows itself. ` +
          `Lower constraintSamples so that there are at most ${limit} gradients.`,
      );
    const found = await this.factorsOf(values, inputs, seeding, true, cotangents);
    const sessions = (key: string, what: string, make: () => GraphSpec): Promise<Session> =>
      this.session(key, what, make);
    const { rest, rank, residual } = await projectOut(values, found.factors, found.values, columns, sessions);
    for (const { name } of this.parts.trainable) {
      const [target, source] = [values.get(name) as Float32Array, rest.get(name) as Float32Array];
      let sum = 0;
      for (let index = 0; index < target.length; index++)
        sum += target[index] = (target[index] as number) - options.strength * (source[index] as number);
      if (!Number.isFinite(sum))
        throw new RuntimeFailure(
          `The projection made the parameter ${name} not finite. Lower projectionStrength.`,
        );
    }
    return { columns, rank, residual, cost: 3 * columns };
  }

  /** Gives the memory of all sessions back. */
  async close(): Promise<void> {
    const open = [...this.sessions.values()];
    this.sessions.clear();
    for (const session of open) await session.close();
  }

  private readonly graphs = new Map<string, unknown>();

  private graph<T>(key: string, make: () => T): T {
    const known = this.graphs.get(key);
    if (known !== undefined) return known as T;
    const made = make();
    this.graphs.set(key, made);
    return made;
  }

  private async session(key: string, what: string, make: () => GraphSpec): Promise<Session> {
    const known = this.sessions.get(key);
    if (known) {
      // The most recently used session stands last.
      this.sessions.delete(key);
      this.sessions.set(key, known);
      return known;
    }
    if (this.sessions.size >= sessionLimit) {
      const [oldest, session] = this.sessions.entries().next().value as [string, Session];
      this.sessions.delete(oldest);
      await session.close();
    }
    const made = await Session.create(
      make(),
      { threads: this.threads },
      `${what} of ${this.parts.model.path}`,
    );
    this.sessions.set(key, made);
    return made;
  }

  /**
   * Inputs in the types that the graph computes with: floating ones as float32, integers in the width the model
   * declares. Throws a RuntimeFailure when floats are given for integers or the number of inputs is off.
   */
  private adapted(inputs: readonly Tensor[]): Tensor[] {
    const wanted = this.parts.inputs;
    if (inputs.length !== wanted.length)
      throw new RuntimeFailure(
        `${this.parts.model.path} takes ${wanted.length} inputs (${wanted.map(input => input.name).join(', ')}), ` +
          `but ${inputs.length} were given. Give one array an input, in this order.`,
      );
    return inputs.map((input, index) => {
      const { name, dtype } = wanted[index] as ValueInfo;
      if (isFloating(input.dtype) && !isFloating(dtype))
        throw new RuntimeFailure(
          `The input ${name} of ${this.parts.model.path} takes ${dtype}, but the data are ${input.dtype}. ` +
            'Convert them first: Lethe does not round data by itself.',
        );
      return castTensor(input, dtype);
    });
  }

  private async shapesFor(values: ParameterValues, inputs: readonly Tensor[]): Promise<ShapeTable> {
    const key = shapeKey(inputs);
    let shapes = this.shapes.get(key);
    if (!shapes) {
      shapes = await probeShapes(this.parts, values, inputs, this.threads);
      this.shapes.set(key, shapes);
    }
    return shapes;
  }

  private dataFeeds(inputs: readonly Tensor[]): Record<string, RuntimeTensor> {
    return Object.fromEntries(
      this.parts.inputs.map((input, index) => [input.name, feed(inputs[index] as Tensor)]),
    );
  }

  private weights(values: ParameterValues): Record<string, RuntimeTensor> {
    return weightFeeds(this.parts, values);
  }

  private logitsOf(output: string): string {
    return this.parts.activations.get(output)?.logits ?? output;
  }

  /** The value whose gradients constrain a projection: logits, or for regression the output itself. */
  private columnValue(head: HeadLoss): string {
    return head.loss === 'mse' ? head.output : this.logitsOf(head.output);
  }

  private headOutput(head: HeadLoss, outputs: readonly Tensor[]): Tensor {
    const index = this.parts.model.graph.outputs.findIndex(output => output.name === head.output);
    return outputs[index] as Tensor;
  }

  private resolve(
    head: HeadLoss,
    shapes: ShapeTable,
    samples: number,
    labels: Tensor | undefined,
    index: number,
  ): ResolvedLoss {
    if (!this.parts.model.graph.outputs.some(output => output.name === head.output))
      throw new RuntimeFailure(
        `${this.parts.model.path} has no output ${head.output}. Its outputs are ` +
          `${this.parts.model.graph.outputs.map(output => output.name).join(', ')}.`,
      );
    if (!labels)
      throw new RuntimeFailure(
        `The loss on ${head.output} has no labels: give one array of labels for each head.`,
      );
    const probed = shapes.dims(head.output, shapes.fixedBatch ?? samples);
    const rows = probed[0];
    if (rows !== (shapes.fixedBatch ?? samples))
      throw new RuntimeFailure(
        `The output ${head.output} of ${this.parts.model.path} has ${rows ?? 'no'} rows for ` +
          `${shapes.fixedBatch ?? samples} samples. Its first axis must be the batch: export the model that way.`,
      );
    const where = index === 0 ? 'The labels' : `The labels of the output ${head.output}`;
    return resolveLoss(head.loss, [samples, ...probed.slice(1)], labels, where);
  }

  /**
   * Per-sample gradients of one chunk. Parameters without a per-sample rule in this model come from passes with the
   * cotangent of a single sample, so every parameter that the output depends on is there.
   */
  private async factorsOf(
    values: ParameterValues,
    inputs: readonly Tensor[],
    seeding: Seeding,
    factors: boolean,
    cotangents: Readonly<Record<string, RuntimeTensor>> = {},
  ): Promise<{ factors: FactorOutput[]; values: Record<string, RuntimeTensor> }> {
    const shapes = await this.shapesFor(values, inputs);
    const samples = sampleCount(inputs);
    if (shapes.fixedBatch !== null)
      return this.oneByOne(
        values,
        inputs,
        seeding,
        cotangents,
        this.parts.trainable.map(({ name }) => name),
      );
    const key = `factors|${factors}|${shapeKey(inputs)}|${samples}|${JSON.stringify(seeding)}`;
    const graph = this.graph(key, () => perSampleGraph(this.parts, shapes, samples, seeding, factors));
    const found: Record<string, RuntimeTensor> = {};
    if (graph.factors.length > 0) {
      const session = await this.session(key, 'the per-sample gradients', () => graph.spec);
      Object.assign(
        found,
        await session.run({ ...this.dataFeeds(inputs), ...this.weights(values), ...cotangents }),
      );
    }
    if (graph.remaining.length === 0) return { factors: [...graph.factors], values: found };
    const rest = await this.oneByOne(values, inputs, seeding, cotangents, graph.remaining);
    return { factors: [...graph.factors, ...rest.factors], values: { ...found, ...rest.values } };
  }

  /** Gradients of single samples, one backward pass each. */
  private async oneByOne(
    values: ParameterValues,
    inputs: readonly Tensor[],
    seeding: Seeding,
    cotangents: Readonly<Record<string, RuntimeTensor>>,
    wanted: readonly string[],
  ): Promise<{ factors: FactorOutput[]; values: Record<string, RuntimeTensor> }> {
    const shapes = await this.shapesFor(values, inputs);
    const samples = sampleCount(inputs);
    const size = shapes.fixedBatch ?? 1;
    const seeds = seeding.kind === 'given' ? seeding.values : [seeding.value];
    const key = `cotangent|${shapeKey(inputs)}|${size}|${seeds.join()}`;
    const graph = this.graph(key, () => cotangentGraph(this.parts, shapes, size, seeds));
    const session = await this.session(key, 'the gradient graph', () => graph.spec);
    const given =
      seeding.kind === 'given' ? cotangents : await this.largestSeeds(values, inputs, seeding.value);
    const dims = new Map(this.parts.trainable.map(parameter => [parameter.name, parameter.dims]));
    const collected = new Map(
      wanted
        .filter(name => graph.gradients.has(name))
        .map(name => [name, new Float32Array(samples * elementCount(dims.get(name) as readonly number[]))]),
    );
    for (let sample = 0; sample < samples; sample++) {
      const chunk = { start: sample, end: sample + 1, size };
      const feeds = {
        ...this.dataFeeds(inputs.map(input => takeChunk(input, chunk))),
        ...this.weights(values),
      };
      // Padding repeats the sample; its cotangent is zero.
      for (const value of seeds)
        feeds[seedName(value)] = feed(
          onlyFirst(fetched(given[seedName(value)] as RuntimeTensor), sample, size),
        );
      const outputs = await session.run(feeds);
      for (const [name, data] of collected) {
        const gradient = outputs[graph.gradients.get(name) as string]?.data as Float32Array;
        data.set(gradient, sample * gradient.length);
      }
    }
    const factors: FactorOutput[] = [];
    const tensors: Record<string, RuntimeTensor> = {};
    for (const [parameter, data] of collected) {
      const value = gramNames.explicit(parameter);
      const full = [samples, ...(dims.get(parameter) as readonly number[])];
      factors.push({ parameter, kind: 'explicit', value, dims: full });
      tensors[value] = feed({ dtype: 'float32', dims: full, data });
    }
    return { factors, values: tensors };
  }

  /** One-hot cotangents at the largest element of a value, sample by sample. */
  private async largestSeeds(
    values: ParameterValues,
    inputs: readonly Tensor[],
    value: string,
  ): Promise<Record<string, RuntimeTensor>> {
    const outputs = this.parts.model.graph.outputs;
    const raw = outputs.findIndex(output => output.name === value);
    const index = raw >= 0 ? raw : outputs.findIndex(output => this.logitsOf(output.name) === value);
    const output = (await this.predict(values, inputs, { logits: raw < 0 }))[index] as Tensor;
    const samples = sampleCount(inputs);
    const size = output.data.length / samples;
    const seeds = new Float32Array(output.data.length);
    for (let sample = 0; sample < samples; sample++) {
      let best = sample * size;
      for (let at = best + 1; at < (sample + 1) * size; at++)
        if ((output.data[at] as number) > (output.data[best] as number)) best = at;
      seeds[best] = 1;
    }
    return { [seedName(value)]: feed({ dtype: 'float32', dims: output.dims, data: seeds }) };
  }

  private requireTrainable(): void {
    if (this.parts.trainable.length === 0)
      throw new DifferentiationError(
        `${this.parts.model.path} has no trainable parameter with a differentiable path to an output. ` +
          '"lethe inspect" lists every stored tensor and why it is left out.',
      );
  }
}

function sampleCount(inputs: readonly Tensor[]): number {
  return inputs[0]?.dims[0] ?? 0;
}

function shapeKey(inputs: readonly Tensor[]): string {
  return inputs.map(input => `${input.dtype}[${input.dims.slice(1).join()}]`).join(';');
}

function chunkLimit(shapes: ShapeTable, passes: number): number {
  const limit = Math.floor(chunkBytes / Math.max(1, passes * shapes.bytesPerSample()));
  return Math.max(1, Math.min(chunkSamples, limit));
}

function scaledWeights(samples: number, factor: number, given: Float32Array | undefined): Float32Array {
  return Float32Array.from({ length: samples }, (_, sample) => factor * (given?.[sample] ?? 1));
}

function addTo(total: ParameterValues, name: string, data: Float32Array): void {
  const sum = total.get(name);
  if (!sum) total.set(name, data);
  else for (let index = 0; index < sum.length; index++) sum[index]! += data[index] as number;
}

/** Row `sample` of a tensor as the first of `size` rows, the others zero. */
function onlyFirst(tensor: Tensor, sample: number, size: number): Tensor {
  const rest = tensor.dims.slice(1);
  const stride = elementCount(rest);
  const data = new Float32Array(size * stride);
  data.set((tensor.data as Float32Array).subarray(sample * stride, (sample + 1) * stride));
  return { dtype: 'float32', dims: [size, ...rest], data };
}
