// What is known of a model and its data before anything is unlearned.

/** How a model fits one set of its training samples, and how strongly the loss pulls at its parameters there. */
export interface FitDiagnosis {
  /** Samples of the set, and how many of them were measured (spread over the set). */
  readonly count: number;
  readonly measured: number;
  readonly loss: number;
  /** The mean loss when each sample gets the label of another: what a model that learned nothing might have. */
  readonly shuffledLoss: number;
  readonly accuracy?: number;
  readonly maxError?: number;
  /** How many samples the gradients are the mean of. */
  readonly gradientSamples: number;
  /** The Euclidean norm of the mean loss's gradient, all heads, all trainable parameters. */
  readonly gradientNorm: number;
  /** The same with each sample given the label of another: the pull that labels have on an unfitted sample. */
  readonly shuffledGradientNorm: number;
  /** Whether the set is fitted as good as exactly (`fitLimits`). */
  readonly fitted: boolean;
}

/** Whether one method can move a model, with the reason in a sentence. */
export interface MethodReach {
  readonly method: string;
  /** `barely`: only by weight decay, noise and rounding (theorem T1). */
  readonly moves: 'yes' | 'barely';
  readonly why: string;
}

/** What `lethe diagnose --json` prints, without its warnings. */
export interface Diagnosis {
  readonly samples: {
    readonly train: number;
    readonly retained: number;
    /** Retained samples that methods may use. */
    readonly accessible: number;
    readonly forgotten: number;
  };
  /** Elements of all trainable parameters. */
  readonly parameters: number;
  /** Numbers that the outputs with a loss give for one sample. */
  readonly outputs: number;
  /** Training samples × outputs: equations that an exact fit must satisfy. */
  readonly equations: number;
  readonly overparameterized: boolean;
  readonly retained: FitDiagnosis;
  readonly forgotten: FitDiagnosis;
  /** Whether the retained samples are fitted as good as exactly. */
  readonly interpolates: boolean;
  readonly methods: readonly MethodReach[];
  /** What `auto` starts from. */
  readonly start: { readonly method: string; readonly why: string };
  /** The same in plain sentences. */
  readonly summary: readonly string[];
  /** Sample-gradient evaluations that the diagnosis took. */
  readonly cost: number;
}

/** A set counts as fitted when its loss is at most this share of the loss with shuffled labels, and … */
export const fitLimits = { loss: 0.02, accuracy: 0.995 } as const;

/** Below this share of the gradient that shuffled labels give, a loss gradient hardly moves a model. */
export const gradientLimit = 0.05;
