// The unlearning methods as people choose among them.

/** One method. */
export interface MethodChoice {
  /** Its name in a recipe. */
  readonly name: string;
  /** What it does, in one line. */
  readonly description: string;
  /** When to choose it, in one line. */
  readonly choose?: string;
}

/** The methods that an editor offers, the default first. */
export const methodChoices: readonly [MethodChoice, ...MethodChoice[]] = [
  {
    name: 'auto',
    description: 'Tries settings on the retained data and runs the best; nothing to choose',
    choose: 'Recommended: nothing has to be known beforehand; takes longer than one run',
  },
  {
    name: 'minnorm-og',
    description: 'Least-norm weights that keep the outputs on retained samples, then descent',
    choose: 'With a model that fits its data exactly, and to stay close to the original elsewhere',
  },
  {
    name: 'shrink',
    description: 'All weights a little smaller, then descent on retained samples',
    choose: 'With much of the retained data at hand: cheap, and hard to beat',
  },
  {
    name: 'gd',
    description: 'Descent on retained samples only',
    choose: 'As a baseline; forgets only what the retained data contradict',
  },
  {
    name: 'ngp',
    description: 'Descent on retained samples, ascent on forgotten ones',
    choose: 'For wrong labels, when retained data are few; watch the retained accuracy',
  },
  {
    name: 'npo',
    description: 'Forgotten labels less likely than the original found them, then held there',
    choose: 'Like ngp, but bounded: it stops by itself once the labels are unlikely',
  },
  {
    name: 'scrub',
    description: 'Away from the original on forgotten samples, close to it on retained ones',
    choose: 'With enough retained data to keep the model close to itself',
  },
  {
    name: 'salun',
    description: 'Random wrong labels, learned by the weights that matter to the forgotten',
    choose: 'To change few weights: classifiers with wrong or withdrawn classes',
  },
  {
    name: 'ridge',
    description: 'Descent on retained samples with a fading penalty on the norm',
    choose: 'As a baseline from the paper; a norm penalty alone moves little',
  },
  {
    name: 'l1-sparse',
    description: 'The same with a penalty that makes weights sparse',
    choose: 'As a baseline, or where a sparse model is wanted anyway',
  },
  {
    name: 'ngd',
    description: 'Descent on retained samples with noise on every gradient',
    choose: 'As a baseline: descent with noise',
  },
  {
    name: 'ga',
    description: 'Ascent on forgotten samples only; needs no retained data',
    choose: 'Only where no retained data are left; quickly harms everything else',
  },
  {
    name: 'closed-form',
    description: 'Exact for linear models; for others the last layer alone',
    choose: 'For linear models and last layers: nothing to tune, exact where it applies',
  },
  {
    name: 'retain-forget-entanglement',
    description: 'Forgets, then repairs the retained samples most like the forgotten ones',
    choose: 'Where forgotten samples look much like retained ones, which must not suffer',
  },
  {
    name: 'certified-removal',
    description: 'The last layer without the forgotten samples, with a certificate',
    choose: 'Where a guarantee for the last layer is wanted and the features may stay',
  },
  {
    name: 'retrain',
    description: 'A fresh model on the retained samples; exact, and dear',
    choose: 'For comparison, or where the cost does not matter',
  },
];
