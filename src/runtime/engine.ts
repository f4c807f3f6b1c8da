// The engine: a model whose predictions, losses and gradients can be computed for any parameter values.
import { ModelError } from '../onnx/errors';
import type { OpenedModel } from '../onnx/openedModel';
import { openModel } from '../tfjs/openModel';
import { throwIfCancelled } from '../shared/errors';
import { bytesPerElement, isFloating, type FloatArray, type FloatType } from '../tensor/dtype';
import { allocateFloats, elementCount, zeros, type Tensor } from '../tensor/tensor';
import { chunkLimit, chunksOf, joinChunks, takeChunk, takeSamples } from './batches';
import { columnCotangents, countColumns, planColumns, type ColumnPlan } from './columns';
import type {
  Batch,
  HeadLoss,
  LossGradient,
  ModelEngine,
  Parameter,
  ParameterValues,
  ProjectionOptions,
  ProjectionResult,
} from './contracts';
import { readParameters, takeApart } from './graphModel';
import { gradientGraph, seedName, type Seeding } from './graphs';
import { outputsOfHeads, resolveHead, scaledWeights } from './headLoss';
import type { ResolvedLoss } from './loss';
import { lossFeeds, lossShape } from './lossGraph';
import { projectMatrixFree } from './matrixFree';
import { factorBytes, perSampleFactors } from './perSample';
import { outputStructure, type OutputStructure } from './linearLayers';
import { intermediate, predict } from './predict';
import { Parity } from './parity';
import { parameterRoles, type RoleOfParameter } from './roles';
import { projectOut } from './projection';
import { stepAlong } from './projectionStep';
import { RuntimeFailure, feed, fetched, type GraphSpec, type RuntimeTensor, type Session } from './session';
import type { ShapeTable } from './shapes';
import { requireTrainable } from './trainable';
import { Workspace, sampleCount, shapeKey } from './workspace';

/** Settings of an engine. `freeze` and `include` are globs over parameter names. */
export interface EngineOptions {
  readonly threads?: number;
  readonly freeze?: readonly string[];
  readonly include?: readonly string[];
  /** false keeps gradients in the layout that the model has, for comparison. */
  readonly blockedLayout?: boolean;
}

/** A projection on more columns, or on gradients that take more memory, is solved without them. */
const mostColumns = 2000;
const mostBytes = 1.2e9;

/** A model in ONNX Runtime. Close it to give its memory back. */
export class Engine implements ModelEngine {
  readonly kind = 'onnxruntime';
  readonly notes: readonly string[];
  private readonly parity: Parity;

  private constructor(
    /** The model as it was opened. */
    readonly model: OpenedModel,
    private readonly workspace: Workspace,
    private readonly start: ParameterValues,
  ) {
    const { reason } = workspace.parts.precision;
    this.notes = reason === null ? [] : [reason];
    this.parity = new Parity(model, inputs => predict(workspace, start, inputs, false));
  }

  /** Opens a model file. Throws a ModelError when it cannot be read or holds weights that are not finite. */
  static async open(path: string, options: EngineOptions = {}): Promise<Engine> {
    const model = openModel(path);
    requireTranslated(model);
    const parts = takeApart(model, {
      freeze: options.freeze ?? [],
      include: options.include ?? [],
    });
    return Promise.resolve(
      new Engine(
        model,
        new Workspace(parts, options.threads ?? 2, options.blockedLayout ?? true),
        readParameters(parts),
      ),
    );
  }

  /** The type that the model is computed in. */
  get float(): FloatType {
    return this.workspace.parts.precision.type;
  }

  /** Every stored floating tensor, trainable or not, in file order. */
  get parameters(): readonly Parameter[] {
    return this.workspace.parts.described.parameters;
  }

  /** A fresh copy of the trainable parameters' values in the file, in the type that is computed in. */
  initialValues(): ParameterValues {
    return new Map([...this.start].map(([name, data]) => [name, data.slice()]));
  }

  /** What each trainable parameter does in the graph. */
  parameterRoles(): RoleOfParameter[] {
    return parameterRoles(this.workspace.parts);
  }

  /** The linear layers that an output ends in, or in words why it does not. */
  outputStructure(output: string): OutputStructure | string {
    return outputStructure(this.workspace.parts, output);
  }

  /** A value inside the graph, by name; batch axis first. */
  async intermediate(values: ParameterValues, given: readonly Tensor[], name: string): Promise<Tensor> {
    return intermediate(this.workspace, values, await this.adapted(given), name);
  }

  /** Whether an output ends in Softmax, LogSoftmax or Sigmoid, so that `logits` differs from the output. */
  finalActivation(output: string): 'softmax' | 'log-softmax' | 'sigmoid' | null {
    return this.workspace.parts.activations.get(output)?.kind ?? null;
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
    return predict(this.workspace, values, await this.adapted(given), options.logits === true);
  }

  /** The dims of every value of the graph, for inputs in the model's order. */
  valueShapes(values: ParameterValues, given: readonly Tensor[]): Promise<ShapeTable> {
    return this.workspace.shapesFor(values, this.workspace.adapted(given));
  }

  /**
   * What the loss of each head starts from: logits for the cross-entropies (log p where nodes that move elements follow
   * a softmax), the output as the file defines it for mse.
   */
  async headOutputs(
    values: ParameterValues,
    inputs: readonly Tensor[],
    heads: readonly HeadLoss[],
  ): Promise<Tensor[]> {
    return outputsOfHeads(heads, this.model, logits => this.predict(values, inputs, { logits }));
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
    sampleWeights?: ArrayLike<number>,
  ): Promise<LossGradient> {
    requireTrainable(this.workspace.parts);
    const batch = { ...given, inputs: await this.adapted(given.inputs) };
    const shapes = await this.workspace.gradientShapesFor(values, batch.inputs);
    const samples = sampleCount(batch.inputs);
    const resolved = heads.map((head, index) =>
      this.resolve(head, shapes, samples, batch.labels[index], index),
    );
    const weights = heads.map(head => scaledWeights(samples, head.weight, sampleWeights));
    const total: ParameterValues = new Map();
    let loss = 0;
    const blockSize = await this.workspace.blockSize();
    for (const chunk of chunksOf(samples, chunkLimit(shapes, 3), shapes.fixedBatch)) {
      const plans = heads.map((head, index) => ({
        output: head.output,
        shape: lossShape(resolved[index] as ResolvedLoss, chunk.size),
      }));
      const key = `${shapeKey(batch.inputs)}|${chunk.size}|${JSON.stringify(plans)}`;
      const graph = this.workspace.graph(key, () => gradientGraph(shapes, chunk.size, plans, blockSize));
      const session = await this.workspace.session(`gradient|${key}`, 'the gradient graph', () => graph.spec);
      const feeds: Record<string, RuntimeTensor> = {
        ...this.workspace.dataFeeds(batch.inputs.map(input => takeChunk(input, chunk))),
        ...this.workspace.weights(values),
      };
      resolved.forEach((term, index) => {
        const made = lossFeeds(term, weights[index], { ...chunk, samples }, this.float);
        feeds[`lethe/labels/${index}`] = feed(made.labels);
        feeds[`lethe/weights/${index}`] = feed(made.weights);
      });
      const outputs = await session.run(feeds);
      for (const name of graph.losses) for (const value of outputs[name]?.data as FloatArray) loss += value;
      for (const { name, dims } of this.workspace.parts.trainable) {
        const output = graph.gradients.get(name);
        const data =
          output === undefined ? allocateFloats(this.float, elementCount(dims)) : outputs[output]?.data;
        addTo(total, name, data as FloatArray);
      }
    }
    return { loss, gradients: total };
  }

  /**
   * For each sample the gradient of the largest element (the first on ties) of the first floating output as the file
   * defines it: by parameter, [samples, …dims of the parameter].
   */
  async perSampleGradients(values: ParameterValues, given: readonly Tensor[]): Promise<Map<string, Tensor>> {
    requireTrainable(this.workspace.parts);
    const inputs = await this.adapted(given);
    const shapes = await this.workspace.gradientShapesFor(values, inputs);
    const samples = sampleCount(inputs);
    // Some classifiers give the class number first, which has no gradient.
    const output = this.workspace.parts.model.graph.outputs.find(({ dtype }) => isFloating(dtype))
      ?.name as string;
    const bytes =
      bytesPerElement(this.float) *
      this.workspace.parts.trainable.reduce((sum, { dims }) => sum + elementCount(dims), 0);
    const limit = Math.max(1, Math.min(chunkLimit(shapes, 3), Math.floor(5e8 / Math.max(1, bytes))));
    const pieces = new Map<string, Tensor[]>();
    for (const chunk of chunksOf(samples, limit, shapes.fixedBatch)) {
      const part = inputs.map(input => takeChunk(input, chunk));
      const found = await perSampleFactors(
        this.workspace,
        values,
        part,
        { kind: 'largest', value: output },
        false,
      );
      for (const factor of found.factors)
        if (factor.kind === 'explicit') {
          const tensor = fetched(found.values[factor.value] as RuntimeTensor);
          pieces.set(factor.parameter, [...(pieces.get(factor.parameter) ?? []), tensor]);
        }
    }
    return new Map(
      this.workspace.parts.trainable.map(({ name, dims }) => {
        const list = pieces.get(name);
        return [name, list ? joinChunks(list, samples) : zeros(this.float, [samples, ...dims])];
      }),
    );
  }

  /**
   * θ ← θ − strength · P_{G⊥} θ in place, G from the batch's samples (DESIGN §2, D2). Labels matter only to the kind
   * `given-label`. `random` gives standard normal numbers. Up to 2,000 columns whose factors fit into memory are solved
   * exactly, others matrix-free. Where the columns span all parameters, nothing is changed and `noRoom` is true. Throws a
   * RuntimeFailure when the result is not finite, and a CancelledError, with `values` as they were, once `signal` is
   * aborted.
   */
  async project(
    values: ParameterValues,
    given: Batch,
    options: ProjectionOptions & {
      /** Chosen by size when it is left out. */
      readonly solver?: 'direct' | 'matrix-free';
      /** false has the matrix-free solver do without a preconditioner, for comparison. */
      readonly precondition?: boolean;
    },
  ): Promise<ProjectionResult> {
    requireTrainable(this.workspace.parts);
    const batch = { ...given, inputs: await this.adapted(given.inputs) };
    const shapes = await this.workspace.gradientShapesFor(values, batch.inputs);
    if (shapes.mixesSamples)
      throw new RuntimeFailure(
        `${this.workspace.parts.model.path} computes the outputs of a sample from the whole batch, so no sample has a gradient of ` +
          'its own and the model cannot be projected. Choose another method.',
      );
    const samples = sampleCount(batch.inputs);
    const { heads, kind } = options;
    const columns = countColumns(
      samples,
      heads.map(({ output, loss }) => {
        const dims = shapes.dims(output, shapes.fixedBatch ?? samples);
        return { loss, size: elementCount(dims.slice(1)) };
      }),
      kind,
    );
    const plan = async (): Promise<ColumnPlan> => {
      const outputs = await this.predict(values, batch.inputs, { logits: true });
      const planned = heads.map((head, index) => ({
        head,
        output: this.headOutput(head, outputs),
        resolved: this.resolve(head, shapes, samples, batch.labels[index], index),
      }));
      return planColumns(batch, planned, kind, options.random);
    };
    const names = heads.map(head => this.columnValue(head));
    const [head] = heads;
    const largest =
      kind === 'largest-logit' &&
      heads.length === 1 &&
      head &&
      head.loss !== 'mse' &&
      shapes.fixedBatch === null;
    const seeding: Seeding = largest
      ? { kind: 'largest', value: this.workspace.logitsOf(head.output) }
      : { kind: 'given', values: names };
    const direct =
      options.solver === undefined
        ? columns <= mostColumns &&
          (await factorBytes(this.workspace, shapes, batch.inputs, columns, seeding)) <= mostBytes
        : options.solver === 'direct';
    if (!direct) {
      const found = await projectMatrixFree(
        this.workspace,
        values,
        batch.inputs,
        await plan(),
        names,
        options,
      );
      const { rest, iterations, relativeResidual, residual, spanned, cost } = found;
      if (!spanned) stepAlong(values, rest, options.strength);
      return { columns, rank: null, residual, iterations, relativeResidual, noRoom: spanned, cost };
    }
    let inputs = batch.inputs;
    let cotangents: Record<string, RuntimeTensor> = {};
    if (!largest) {
      const chosen = await plan();
      const samplesOfColumns = chosen.columns.map(column => column.sample);
      inputs = inputs.map(input => takeSamples(input, samplesOfColumns));
      const given = columnCotangents(chosen);
      cotangents = Object.fromEntries(
        names.map((name, index) => [seedName(name), feed(given[index] as Tensor)]),
      );
    }
    const { signal } = options;
    const found = await perSampleFactors(this.workspace, values, inputs, seeding, true, cotangents, signal);
    const sessions = (key: string, what: string, make: () => GraphSpec): Promise<Session> => {
      throwIfCancelled(signal);
      return this.workspace.session(key, what, make);
    };
    const { rest, rank, residual } = await projectOut(values, found.factors, found.values, columns, sessions);
    const parameters = [...values.values()].reduce((sum, data) => sum + data.length, 0);
    const noRoom = rank === parameters;
    if (!noRoom) stepAlong(values, rest, options.strength);
    return { columns, rank, residual, noRoom, cost: 3 * columns };
  }

  /** Inputs in the types that the graph computes with; the first ones show that a translation is right. */
  private async adapted(given: readonly Tensor[]): Promise<Tensor[]> {
    const inputs = this.workspace.adapted(given);
    await this.parity.check(inputs);
    return inputs;
  }

  /** Gives the memory of all sessions back. */
  async close(): Promise<void> {
    await this.workspace.close();
  }

  /** The value whose gradients constrain a projection: logits, or for regression the output itself. */
  private columnValue(head: HeadLoss): string {
    return head.loss === 'mse' ? head.output : this.workspace.logitsOf(head.output);
  }

  private headOutput(head: HeadLoss, outputs: readonly Tensor[]): Tensor {
    const index = this.workspace.parts.model.graph.outputs.findIndex(output => output.name === head.output);
    return outputs[index] as Tensor;
  }

  private resolve(
    head: HeadLoss,
    shapes: ShapeTable,
    samples: number,
    labels: Tensor | undefined,
    index: number,
  ): ResolvedLoss {
    const size = shapes.fixedBatch ?? samples;
    const context = { model: this.workspace.parts.model, samples, size };
    return resolveHead(context, head, output => shapes.dims(output, size), labels, index);
  }
}

/** Throws a ModelError where the graph stands for something that it cannot compute. */
function requireTranslated(model: OpenedModel): void {
  const [first] = model.untranslated;
  if (!first) return;
  const others = model.untranslated.length - 1;
  throw new ModelError(
    model.path,
    `${first.op} (${first.node}) ${first.problem}${others > 0 ? `, and neither do ${others} other layers or operators` : ''}, so the model cannot be run.`,
    '"lethe inspect" lists what stands in the way.',
  );
}

function addTo(total: ParameterValues, name: string, data: FloatArray): void {
  const sum = total.get(name);
  if (!sum) total.set(name, data);
  else for (let index = 0; index < sum.length; index++) sum[index]! += data[index] as number;
}
