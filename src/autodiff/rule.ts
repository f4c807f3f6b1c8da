// What a differentiation rule is, and what it is handed.
import type { OnnxNode } from '../onnx/model';
import { LetheError } from '../shared/errors';
import type { GraphBuilder } from './builder';
import type { Windows } from './windows';

/** An operator, attribute or shape that Lethe cannot differentiate. The message names node and remedy. */
export class DifferentiationError extends LetheError {
  override readonly name = 'DifferentiationError';
}

/**
 * Dense per-sample factors of a weight: the gradient of sample i is Σ_t left[i, t] ⊗ right[i, t], which is the
 * weight's gradient in row-major order once flattened.
 */
export interface OuterFactor {
  /** [samples, positions, rows] */
  readonly left: string;
  /** [samples, positions, columns] */
  readonly right: string;
}

/**
 * Per-sample factors of a convolution's kernel [M, C, …kernel]: the gradient of sample i is the sum over the positions t
 * of dy[i, :, t] ⊗ what the window at t sees of x[i]. One group, stride 1.
 */
export interface WindowFactor {
  readonly x: string;
  readonly dy: string;
  readonly windows: Windows;
}

/** Per-sample factors of a table: the gradient of sample i has rows[i, t] added to its row ids[i, t]. */
export interface TableFactor {
  /** Not negative: int64 [samples, picks] */
  readonly ids: string;
  /** [samples, picks, width] */
  readonly rows: string;
  /** The rows of the table. */
  readonly size: number;
}

/**
 * A differentiation rule. `vjp` gives the cotangent of every wanted input from those of the outputs (undefined
 * where none arrived); `jvp` the tangents of the outputs from those of the inputs. Rules emit nodes through the
 * context's builder and know every shape.
 */
export interface Rule {
  /** The inputs that a gradient can flow to; others are settings or data. 'all' for every one. */
  readonly inputs: readonly number[] | 'all' | ((node: OnnxNode) => readonly number[]);
  vjp(c: RuleContext, cotangents: readonly (string | undefined)[]): readonly (string | undefined)[];
  jvp(c: RuleContext, tangents: readonly (string | undefined)[]): readonly (string | undefined)[];
  /**
   * The per-sample gradient of a weight as factors, where K = GᵀG of `columns` gradients is cheaper from them than from
   * the gradients themselves.
   */
  outer?(
    c: RuleContext,
    input: number,
    cotangent: string,
    columns: number,
  ): OuterFactor | WindowFactor | TableFactor | undefined;
}

/** A node under differentiation: its names, dims, attributes, and the builder that its derivatives go to. */
export class RuleContext {
  constructor(
    readonly b: GraphBuilder,
    readonly node: OnnxNode,
    private readonly wantedInputs: readonly boolean[],
    private readonly perSampleInputs: readonly boolean[] = [],
  ) {}

  /** The name of an input that must be there. */
  in(index: number): string {
    const name = this.node.inputs[index];
    if (!name)
      throw new DifferentiationError(
        `${describeNode(this.node)} lacks its input ${index}. Export the model again.`,
      );
    return name;
  }

  /** Whether an optional input is there. */
  has(index: number): boolean {
    return Boolean(this.node.inputs[index]);
  }

  out(index = 0): string {
    return this.node.outputs[index] as string;
  }

  /** The dims of an input. */
  inDims(index: number): readonly number[] {
    return this.b.dims(this.in(index));
  }

  /** The dims of an output. */
  outDims(index = 0): readonly number[] {
    return this.b.dims(this.out(index));
  }

  /** Whether the cotangent of an input is asked for. */
  wants(index: number): boolean {
    return this.wantedInputs[index] === true;
  }

  /**
   * Whether the gradient of an input is asked for sample by sample: the rule then leaves axis 0 of the batch in
   * place and gives [samples, …dims of the input].
   */
  perSample(index: number): boolean {
    return this.perSampleInputs[index] === true;
  }

  int(name: string, fallback: number): number {
    const attribute = this.node.attributes.get(name);
    return attribute?.type === 'int' ? attribute.value : fallback;
  }

  /** A floating attribute, a float32 in every graph; so is what stands for one that is not there. */
  float(name: string, fallback: number): number {
    const attribute = this.node.attributes.get(name);
    return attribute?.type === 'float' ? attribute.value : Math.fround(fallback);
  }

  ints(name: string): readonly number[] | undefined {
    const attribute = this.node.attributes.get(name);
    return attribute?.type === 'ints' ? attribute.value : undefined;
  }

  string(name: string, fallback: string): string {
    const attribute = this.node.attributes.get(name);
    return attribute?.type === 'string' ? attribute.value : fallback;
  }

  /** An axis attribute counted from the front. */
  axis(name: string, fallback: number, rank: number): number {
    const axis = this.int(name, fallback);
    return axis < 0 ? axis + rank : axis;
  }

  /** The values of an integer input that does not depend on the data, else undefined. */
  knownInts(index: number): readonly number[] | undefined {
    const name = this.node.inputs[index];
    if (!name) return undefined;
    const constant = this.b.constants.get(name);
    return constant
      ? Array.from(constant.data as ArrayLike<number | bigint>, Number)
      : this.b.knownInts.get(name);
  }

  /** The same node applied to other inputs; for operators that are linear in an argument. */
  again(replaced: Readonly<Record<number, string>>, output = 0): string {
    const inputs = this.node.inputs.map((name, index) => replaced[index] ?? name);
    const name = this.b.fresh(this.node.opType);
    const outputs = this.node.outputs.map((_, index) => (index === output ? name : ''));
    this.b.push({ ...this.node, name, inputs, outputs: outputs.slice(0, output + 1) });
    return this.b.declare(name, this.outDims(output));
  }

  /**
   * The cotangent of an input that was broadcast to the result: summed over the axes that broadcasting added or
   * stretched. Sample by sample, axis 0 of the value stays.
   */
  unbroadcast(value: string, index: number): string {
    const target = this.inDims(index);
    const from = this.b.dims(value);
    const offset = from.length - target.length;
    const axes: number[] = [];
    for (let axis = this.perSample(index) ? 1 : 0; axis < from.length; axis++) {
      const size = axis < offset ? 1 : (target[axis - offset] as number);
      if (axis < offset || (size === 1 && from[axis] !== 1)) axes.push(axis);
    }
    const summed = this.b.sum(value, axes, true);
    return this.b.reshape(summed, this.perSample(index) ? [from[0] as number, ...target] : target);
  }

  /** The sum over axes of a cotangent with the batch on axis 0; sample by sample that axis stays. */
  sumBatch(value: string, axes: readonly number[], index: number): string {
    return this.b.sum(value, this.perSample(index) ? axes.filter(axis => axis !== 0) : axes);
  }
}

/** A node as errors name it. */
export function describeNode(node: OnnxNode): string {
  const op = node.domain ? `${node.domain}.${node.opType}` : node.opType;
  return `${op} (node ${node.name || node.outputs.find(name => name) || 'without a name'})`;
}
