// The unlearning methods as people choose among them.

/** One method. */
export interface MethodChoice {
  /** Its name in a recipe. */
  readonly name: string;
  /** What it does, in one line. */
  readonly description: string;
}

/** The methods that an editor offers, the default first. */
export const methodChoices: readonly [MethodChoice, ...MethodChoice[]] = [
  {
    name: 'minnorm-og',
    description: 'Least-norm weights that keep the outputs on retained samples, then descent',
  },
  { name: 'shrink', description: 'All weights a little smaller, then descent on retained samples' },
  { name: 'gd', description: 'Descent on retained samples only' },
  { name: 'ngp', description: 'Descent on retained samples, ascent on forgotten ones' },
];
