// How far the weights of two models are apart, tensor by tensor, without holding either in memory.
import { isStored, type Graph, type OnnxModel, type StoredTensor } from '../onnx/model';
import { readTensorChunks } from '../onnx/readTensor';
import { LetheError } from '../shared/errors';
import { isFloating } from '../tensor/dtype';
import { toFloat64, type Tensor } from '../tensor/tensor';

/** The distance of two tensors of one shape; all norms are Euclidean. */
export interface Distance {
  readonly normA: number;
  readonly normB: number;
  /** ‖b − a‖. */
  readonly delta: number;
  /** delta / normA; 0 when both are 0, null when only normA is. */
  readonly relative: number | null;
  /** The largest |b − a|. */
  readonly maxAbs: number;
}

/** The distance of one tensor of two models. */
export interface TensorDistance extends Distance {
  readonly name: string;
}

/** The distance of two models: every tensor in the order of the first file, and all as one vector. */
export interface ModelDistance {
  readonly tensors: readonly TensorDistance[];
  readonly total: Distance;
}

/** Two models that do not hold the same tensors. */
export class DiffError extends LetheError {
  override readonly name = 'DiffError';
}

/**
 * The distance of every stored floating tensor: initializers by their name and tensors of Constant nodes by their
 * output's name, sub-graphs included. Tensors are matched by name and may differ in type. Throws a DiffError that
 * lists the first differences when names or shapes do not agree.
 */
export function diffModels(a: OnnxModel, b: OnnxModel): ModelDistance {
  const total = new DistanceSums();
  const tensors: TensorDistance[] = [];
  for (const { name, a: left, b: right } of matchTensors(a, b)) {
    const own = new DistanceSums();
    for (const [x, y] of pairedChunks(left, right)) own.add(x, y);
    total.merge(own);
    tensors.push({ name, ...own.distance() });
  }
  return { tensors, total: total.distance() };
}

/** A stored floating tensor of one model and the one of the same name and shape of another. */
export interface TensorPair {
  readonly name: string;
  readonly a: StoredTensor | Tensor;
  readonly b: StoredTensor | Tensor;
}

/** The stored floating tensors of two models, in the order of the first. Throws as `diffModels` does. */
export function matchTensors(a: OnnxModel, b: OnnxModel): TensorPair[] {
  const left = floatingTensors(a.graph);
  const right = floatingTensors(b.graph);
  checkSameTensors(a, b, left, right);
  return [...left].map(([name, tensor]) => ({ name, a: tensor, b: right.get(name)! }));
}

/** The elements of two tensors of one shape, side by side in pieces of equal length. */
export function pairedChunks(
  a: StoredTensor | Tensor,
  b: StoredTensor | Tensor,
): Generator<readonly [Float64Array, Float64Array]> {
  return paired(chunks(a), chunks(b));
}

/** Running sums over pairs of elements. */
export class DistanceSums {
  private squaresA = 0;
  private squaresB = 0;
  private squaresDelta = 0;
  private maxAbs = 0;

  add(a: Float64Array, b: Float64Array): void {
    for (let index = 0; index < a.length; index++) {
      const x = a[index]!;
      const y = b[index]!;
      const delta = y - x;
      this.squaresA += x * x;
      this.squaresB += y * y;
      this.squaresDelta += delta * delta;
      this.maxAbs = Math.max(this.maxAbs, Math.abs(delta));
    }
  }

  merge(other: DistanceSums): void {
    this.squaresA += other.squaresA;
    this.squaresB += other.squaresB;
    this.squaresDelta += other.squaresDelta;
    this.maxAbs = Math.max(this.maxAbs, other.maxAbs);
  }

  distance(): Distance {
    const normA = Math.sqrt(this.squaresA);
    const delta = Math.sqrt(this.squaresDelta);
    return {
      normA,
      normB: Math.sqrt(this.squaresB),
      delta,
      relative: normA !== 0 ? delta / normA : delta === 0 ? 0 : null,
      maxAbs: this.maxAbs,
    };
  }
}

function floatingTensors(
  graph: Graph,
  found = new Map<string, StoredTensor | Tensor>(),
): Map<string, StoredTensor | Tensor> {
  const add = (name: string, tensor: StoredTensor | Tensor): void => {
    if (!isFloating(tensor.dtype)) return;
    // Graphs inside nodes may use a name again; both tensors count.
    let key = name;
    for (let copy = 2; found.has(key); copy++) key = `${name} (${copy})`;
    found.set(key, tensor);
  };
  for (const [name, tensor] of graph.initializers) add(name, tensor);
  for (const node of graph.nodes) {
    const value = node.attributes.get('value');
    if (node.opType === 'Constant' && value?.type === 'tensor')
      add(node.outputs[0] ?? node.name, value.value);
    for (const attribute of node.attributes.values()) {
      if (attribute.type === 'graph') floatingTensors(attribute.value, found);
      if (attribute.type === 'graphs') attribute.value.forEach(inner => floatingTensors(inner, found));
    }
  }
  return found;
}

function checkSameTensors(
  a: OnnxModel,
  b: OnnxModel,
  left: ReadonlyMap<string, StoredTensor | Tensor>,
  right: ReadonlyMap<string, StoredTensor | Tensor>,
): void {
  const differences: string[] = [];
  for (const [name, { dims }] of left) {
    const other = right.get(name)?.dims;
    if (!other) differences.push(`${name} is only in the first`);
    else if (other.length !== dims.length || other.some((dim, axis) => dim !== dims[axis])) {
      differences.push(
        `${name} is [${dims.join(', ')}] in the first and [${other.join(', ')}] in the second`,
      );
    }
  }
  for (const name of right.keys()) if (!left.has(name)) differences.push(`${name} is only in the second`);
  if (differences.length === 0) return;
  const more = differences.length > 3 ? `; and ${differences.length - 3} more` : '';
  throw new DiffError(
    `${a.path} and ${b.path} do not hold the same tensors: ${differences.slice(0, 3).join('; ')}${more}. Compare two ` +
      `versions of one model, with the same tensor names and shapes.`,
  );
}

function* chunks(tensor: StoredTensor | Tensor): Generator<Float64Array> {
  if (isStored(tensor)) yield* readTensorChunks(tensor);
  else yield toFloat64(tensor);
}

/** Cuts two streams of the same length into pieces that match: their chunks may end at different places. */
function* paired(
  a: Generator<Float64Array>,
  b: Generator<Float64Array>,
): Generator<readonly [Float64Array, Float64Array]> {
  let x: Float64Array = new Float64Array(0);
  let y: Float64Array = new Float64Array(0);
  for (;;) {
    if (x.length === 0) {
      const next = a.next();
      if (next.done) return;
      x = next.value;
    } else if (y.length === 0) {
      const next = b.next();
      if (next.done) return;
      y = next.value;
    } else {
      const length = Math.min(x.length, y.length);
      yield [x.subarray(0, length), y.subarray(0, length)];
      x = x.subarray(length);
      y = y.subarray(length);
    }
  }
}
