// Where the windows of convolutions and pooling lie.

/** Where the windows of a convolution or pooling node lie; one number a spatial axis. */
export interface Windows {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Padding before and after; `after` may differ from the attribute where auto_pad decides. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly input: readonly number[];
  readonly output: readonly number[];
}
