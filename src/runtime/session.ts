// One ONNX Runtime session over a graph that Lethe made.
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { substituteForDouble } from '../onnx/doubleSubstitutes';
import { emitModel } from '../onnx/emit';
import type { Graph, OnnxNode, ValueInfo } from '../onnx/model';
import { LetheError } from '../shared/errors';
import type { DType, FloatArray, FloatType, TypedArray } from '../tensor/dtype';
import { floatTypeOf, type Tensor } from '../tensor/tensor';

/** ONNX Runtime refused a graph or failed while running it. */
export class RuntimeFailure extends LetheError {
  override readonly name = 'RuntimeFailure';
}

/** A graph to run: nodes, constants, typed inputs, and the outputs that are wanted. */
export interface GraphSpec {
  readonly nodes: readonly OnnxNode[];
  readonly constants: ReadonlyMap<string, Tensor>;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly opsets: ReadonlyMap<string, number>;
  /** float64 for a graph all of whose floating values are; else operators stay as they are. */
  readonly float?: FloatType;
}

/** How sessions run. */
export interface SessionSettings {
  readonly threads: number;
  /** false for graphs that run once or twice: the session is made faster. */
  readonly optimise?: boolean;
}

/** A tensor as ONNX Runtime holds it; hand it on without a copy. */
export type RuntimeTensor = OrtTensor;

/** A session. Feeds are not copied on the way in. Close it to free its memory. */
export class Session {
  private constructor(
    private readonly session: InferenceSession,
    private readonly what: string,
  ) {}

  /** Loads a graph. `what` names it in errors. */
  static async create(spec: GraphSpec, settings: SessionSettings, what: string): Promise<Session> {
    const { nodes, constants } =
      spec.float === 'float64' ? substituteForDouble(spec.nodes) : { nodes: spec.nodes, constants: null };
    const graph: Graph = {
      name: 'lethe',
      nodes,
      inputs: spec.inputs,
      outputs: spec.outputs,
      initializers: constants ? new Map([...spec.constants, ...constants]) : spec.constants,
      valueInfo: [],
    };
    const bytes = emitModel(graph, { opsets: withMicrosoft(spec.opsets), irVersion: 9 });
    try {
      const session = await InferenceSession.create(bytes, {
        executionProviders: ['cpu'],
        intraOpNumThreads: settings.threads,
        interOpNumThreads: 1,
        // Idle threads of one session that spin take the cores from the next one: with a gradient and a projection in
        // turn, spinning doubles the time of both.
        extra: { session: { force_spinning_stop: '1' } },
        executionMode: 'sequential',
        // A memory pattern takes all that a run needs once more, beside what the first run has taken.
        enableMemPattern: false,
        graphOptimizationLevel: settings.optimise === false ? 'disabled' : optimisation(spec.float),
        // ONNX Runtime's own lines would stand between our sentences; what it throws is reported.
        logSeverityLevel: 4,
      });
      return new Session(session, what);
    } catch (error) {
      throw failure(`ONNX Runtime cannot load ${what}`, error);
    }
  }

  /** Runs the graph and returns its outputs by name. With `into`, results are written there instead. */
  async run(
    feeds: Readonly<Record<string, RuntimeTensor>>,
    into?: Readonly<Record<string, RuntimeTensor>>,
  ): Promise<Readonly<Record<string, RuntimeTensor>>> {
    try {
      const outputs = into ? await this.session.run(feeds, into) : await this.session.run(feeds);
      return outputs as Record<string, RuntimeTensor>;
    } catch (error) {
      throw failure(`ONNX Runtime failed while running ${this.what}`, error);
    }
  }

  async close(): Promise<void> {
    await this.session.release();
  }
}

/** In float64 nothing is fused: ONNX Runtime fuses some patterns (x · σ(x)) to operators that have no float64 kernel. */
function optimisation(float: FloatType | undefined): 'basic' | 'all' {
  return float === 'float64' ? 'basic' : 'all';
}

/** A tensor as a feed; the elements are shared, not copied. */
export function feed(tensor: Tensor): RuntimeTensor {
  return new OrtTensor(
    tensor.dtype as OrtTensor.Type,
    tensor.data as OrtTensor.DataTypeMap[OrtTensor.Type],
    tensor.dims,
  );
}

/** A feed of numbers that are computed with; the elements are shared, not copied. */
export function feedFloats(data: FloatArray, dims: readonly number[]): RuntimeTensor {
  return new OrtTensor(floatTypeOf(data), data, dims);
}

/** An output as a tensor; the elements are shared, not copied. */
export function fetched(tensor: RuntimeTensor): Tensor {
  return { dtype: tensor.type as DType, dims: tensor.dims, data: tensor.data as TypedArray };
}

function withMicrosoft(opsets: ReadonlyMap<string, number>): Map<string, number> {
  return new Map(opsets).set('com.microsoft', 1).set('com.microsoft.nchwc', 1);
}

function failure(what: string, error: unknown): RuntimeFailure {
  const detail = (error instanceof Error ? error.message : String(error)).trim();
  // Past the first line follow places in ONNX Runtime's sources.
  const [line = ''] = detail.split('\n');
  const short = line.length > 300 ? `${line.slice(0, 300)} …` : line;
  return new RuntimeFailure(
    `${what}: ${short.replace(/\.?$/, '.')} Check that the model runs in ONNX Runtime.`,
  );
}
