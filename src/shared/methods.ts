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
  { name: 'auto', description: 'Tries settings on the retained data and runs the best; nothing to choose' },
  {
    name: 'minnorm-og',
    description: 'Least-norm weights that keep the outputs on retained samples, then descent',
  },
  { name: 'shrink', description: 'All weights a little smaller, then descent on retained samples' },
  { name: 'gd', description: 'Descent on retained samples only' },
  { name: 'ngp', description: 'Descent on retained samples, ascent on forgotten ones' },
  { name: 'npo', description: 'Forgotten labels less likely than the original found them, then held there' },
  { name: 'scrub', description: 'Away from the original on forgotten samples, close to it on retained ones' },
  { name: 'salun', description: 'Random wrong labels, learned by the weights that matter to the forgotten' },
  { name: 'ridge', description: 'Descent on retained samples with a fading penalty on the norm' },
  { name: 'l1-sparse', description: 'The same with a penalty that makes weights sparse' },
  { name: 'ngd', description: 'Descent on retained samples with noise on every gradient' },
  { name: 'ga', description: 'Ascent on forgotten samples only; needs no retained data' },
  { name: 'closed-form', description: 'Exact for linear models; for others the last layer alone' },
  {
    name: 'retain-forget-entanglement',
    description: 'Forgets, then repairs the retained samples most like the forgotten ones',
  },
  {
    name: 'certified-removal',
    description: 'The last layer without the forgotten samples, with a certificate',
  },
  { name: 'retrain', description: 'A fresh model on the retained samples; exact, and dear' },
];
