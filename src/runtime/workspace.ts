// What every computation on a model shares: its parts, its sessions and graphs by key, its shapes, its feeds.
import { lowerRecurrent, recurrentOperators } from '../onnx/lowerRecurrent';
import type { FloatArray } from '../tensor/dtype';
import type { Tensor } from '../tensor/tensor';
import { blockedLayout } from './blockedLayout';
import type { ParameterValues } from './contracts';
import type { GraphModel } from './graphModel';
import { adaptInputs } from './inputs';
import { Session, feed, type GraphSpec, type RuntimeTensor } from './session';
import { probeShapes, weightFeeds, type ShapeTable } from './shapes';

/** Sessions kept at a time; the one unused for longest goes first. */
const sessionLimit = 16;

/** A model with the sessions derived from it. */
export class Workspace {
  private readonly sessions = new Map<string, Session>();
  private readonly shapes = new Map<string, ShapeTable>();
  private readonly graphs = new Map<string, unknown>();
  private held: { readonly key: string; readonly buffers: ReadonlyMap<string, FloatArray> } | undefined;

  /** A derived graph, built once. */
  graph<T>(key: string, make: () => T): T {
    const known = this.graphs.get(key);
    if (known !== undefined) return known as T;
    const made = make();
    this.graphs.set(key, made);
    return made;
  }

  /** Memory for the results of a graph, kept for the next run of the same one. */
  buffers(key: string, make: () => ReadonlyMap<string, FloatArray>): ReadonlyMap<string, FloatArray> {
    if (this.held?.key !== key) this.held = { key, buffers: make() };
    return this.held.buffers;
  }

  /** The session of a key, made from a graph when it is not there. `what` names it in errors. */
  async session(key: string, what: string, make: () => GraphSpec): Promise<Session> {
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

  constructor(
    readonly parts: GraphModel,
    private readonly threads: number,
    private readonly mayBlock = true,
  ) {}

  /** The channels in a block, where the model has convolutions that the blocked layout is for; else null. */
  async blockSize(): Promise<number | null> {
    const convolves = this.parts.graph.nodes.some(node => node.opType === 'Conv');
    const fits = this.parts.precision.type === 'float32' && convolves;
    return this.mayBlock && fits ? blockedLayout(this.threads) : null;
  }

  /**
   * Inputs in the types that the graph computes with: floating ones as the model's weights, integers in the width the model
   * declares. Throws a RuntimeFailure when floats are given for integers or the number of inputs is off.
   */
  adapted(inputs: readonly Tensor[]): Tensor[] {
    return adaptInputs(this.parts.model.path, this.parts.inputs, inputs);
  }

  /** The dims of all values for data of these shapes. */
  async shapesFor(values: ParameterValues, inputs: readonly Tensor[]): Promise<ShapeTable> {
    const key = shapeKey(inputs);
    let shapes = this.shapes.get(key);
    if (!shapes) {
      shapes = await probeShapes(this.parts, values, inputs, this.threads);
      this.shapes.set(key, shapes);
    }
    return shapes;
  }

  /**
   * The same for the graph that gradients are derived from: recurrent nodes are written out step by step first, over
   * as many steps as the data have.
   */
  async gradientShapesFor(values: ParameterValues, inputs: readonly Tensor[]): Promise<ShapeTable> {
    const plain = await this.shapesFor(values, inputs);
    if (!this.parts.graph.nodes.some(node => recurrentOperators.includes(node.opType))) return plain;
    const key = `unrolled|${shapeKey(inputs)}`;
    let shapes = this.shapes.get(key);
    if (!shapes) {
      const size = plain.fixedBatch ?? 2;
      const graph = lowerRecurrent(
        { ...this.parts.graph, initializers: this.parts.constants },
        this.parts.model.path,
        node => plain.dims(node.inputs[0] as string, size)[0] as number,
      );
      const constants = graph.initializers as ReadonlyMap<string, Tensor>;
      shapes = await probeShapes({ ...this.parts, graph, constants }, values, inputs, this.threads);
      this.shapes.set(key, shapes);
    }
    return shapes;
  }

  /** The feeds of the data inputs. */
  dataFeeds(inputs: readonly Tensor[]): Record<string, RuntimeTensor> {
    return Object.fromEntries(
      this.parts.inputs.map((input, index) => [input.name, feed(inputs[index] as Tensor)]),
    );
  }

  /** The feeds of all weights. */
  weights(values: ParameterValues): Record<string, RuntimeTensor> {
    return weightFeeds(this.parts, values);
  }

  /** The value before an output's final activation, or the output itself. */
  logitsOf(output: string): string {
    return this.parts.activations.get(output)?.logits ?? output;
  }

  /** Gives the memory of all sessions back. */
  async close(): Promise<void> {
    this.held = undefined;
    this.graphs.clear();
    const open = [...this.sessions.values()];
    this.sessions.clear();
    for (const session of open) await session.close();
  }
}

/** The number of samples in a batch of inputs. */
export function sampleCount(inputs: readonly Tensor[]): number {
  return inputs[0]?.dims[0] ?? 0;
}

/** Inputs by element type and the dims of one sample. */
export function shapeKey(inputs: readonly Tensor[]): string {
  return inputs.map(input => `${input.dtype}[${input.dims.slice(1).join()}]`).join(';');
}
