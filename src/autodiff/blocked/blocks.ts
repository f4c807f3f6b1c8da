// Values in ONNX Runtime's blocked layout: [N, C/B, H, W, B] in memory, where B channels lie side by side.
import type { GraphBuilder, ShortAttributes } from '../builder';

/** The domain of ONNX Runtime's operators on blocked values. */
export const blockedDomain = 'com.microsoft.nchwc';

/** Which values exist in the blocked layout, and in which layout they exist alone. */
export class Blocks {
  private readonly twins = new Map<string, string>();
  private readonly onlyBlocked = new Set<string>();

  constructor(
    readonly b: GraphBuilder,
    /** Channels in a block. */
    readonly size: number,
  ) {}

  /** Whether a value is held in the blocked layout already. */
  has(name: string): boolean {
    return this.twins.has(name);
  }

  /** A number of channels rounded up to whole blocks. */
  padded(channels: number): number {
    return Math.ceil(channels / this.size) * this.size;
  }

  /** The value in the blocked layout: [N, C rounded up, H, W] to ONNX Runtime, channels beyond C zero. */
  blocked(name: string): string {
    let twin = this.twins.get(name);
    if (twin === undefined) {
      const [samples, channels, ...spatial] = this.b.dims(name) as [number, number, ...number[]];
      twin = this.reorder(name, [samples, this.padded(channels), ...spatial]);
      this.twins.set(name, twin);
    }
    return twin;
  }

  /** Says that a value is held in the blocked layout only. */
  define(name: string, twin: string): void {
    this.twins.set(name, twin);
    this.onlyBlocked.add(name);
  }

  /** Makes sure that a value exists in its own layout. */
  plain(name: string): string {
    if (this.onlyBlocked.delete(name)) this.unblock(this.twins.get(name) as string, this.b.dims(name), name);
    return name;
  }

  /** ReorderInput: the second axis of a plain value of rank 4 goes into blocks. */
  reorder(plain: string, dims: readonly number[]): string {
    return this.b.op('ReorderInput', [plain], dims, {}, blockedDomain);
  }

  /** ReorderOutput: a blocked value back as a plain one of `dims`. */
  unblock(blocked: string, dims: readonly number[], name = this.b.fresh('ReorderOutput')): string {
    this.b.push({
      name: `${name}/plain`,
      opType: 'ReorderOutput',
      domain: blockedDomain,
      inputs: [blocked],
      outputs: [name],
      attributes: new Map([['channels', { type: 'int', value: dims[1] as number }]]),
    });
    return this.b.declare(name, dims);
  }

  /** A blocked operator. */
  op(
    opType: string,
    inputs: readonly string[],
    dims: readonly number[],
    attributes: ShortAttributes,
  ): string {
    return this.b.op(opType, inputs, dims, attributes, blockedDomain);
  }
}
