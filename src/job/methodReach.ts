// Which methods can move a model at all, by what each of them follows (theorem T1).
import { gradientLimit, type Diagnosis, type FitDiagnosis, type MethodReach } from '../shared/diagnosis';
import { ratioPercent, things } from '../shared/numbers';

/** What a judgement rests on. */
export type Facts = Pick<Diagnosis, 'samples' | 'parameters' | 'equations' | 'retained' | 'forgotten'>;

/** What moves a model: each gives a sentence, or null where it does not move this one. */
type Pull = (facts: Facts) => string | null;

const retainedGradient: Pull = ({ retained }) => pullOf('retained', retained);
const forgottenGradient: Pull = ({ forgotten }) => pullOf('forgotten', forgotten);
const always =
  (sentence: string): Pull =>
  () =>
    sentence;

const pulls: Readonly<Record<string, readonly Pull[]>> = {
  auto: [always('It runs whichever of shrinking and projecting fits this model best.')],
  'minnorm-og': [
    always(
      'It projects the parameters toward a smaller norm along directions that leave the retained outputs alone.',
    ),
  ],
  retrain: [always('It starts from new random parameters.')],
  'closed-form': [
    always('It solves the linear layer that the output ends in anew; a model without one it refuses.'),
  ],
  'retain-forget-entanglement': [always('It raises the loss of the forgotten samples up to a bound.')],
  'certified-removal': [
    always('It fits the last layer anew to the retained samples, its features fixed, and adds noise.'),
  ],
  shrink: [always('It makes all parameters smaller before it descends.')],
  gd: [retainedGradient],
  ga: [forgottenGradient],
  ngd: [always('Its noise moves the parameters, though by no information about the samples.')],
  ngp: [retainedGradient, forgottenGradient],
  ridge: [always('Its penalty on the norm pulls all parameters toward zero.')],
  'l1-sparse': [always('Its penalty on absolute values pulls all parameters toward zero.')],
  scrub: [retainedGradient],
  npo: [forgottenGradient],
  salun: [always('It descends on wrong labels, which this model does not fit.')],
};

/** Every method that a judgement exists for. */
export const judgedMethods: readonly string[] = Object.keys(pulls);

/** Whether a method can move the model. Throws a RangeError for a method without a judgement. */
export function reachOf(method: string, facts: Facts): MethodReach {
  const own = pulls[method];
  if (!own) throw new RangeError(`The method ${method} has no judgement in methodReach.ts.`);
  for (const pull of own) {
    const why = pull(facts);
    if (why !== null) return { method, moves: 'yes', why };
  }
  const sets = [
    ...(own.includes(retainedGradient) ? [share('retained', facts.retained)] : []),
    ...(own.includes(forgottenGradient) ? [share('forgotten', facts.forgotten)] : []),
  ];
  return {
    method,
    moves: 'barely',
    why:
      `The gradient that it follows has ${sets.join(' and ')}. Plain gradient steps stand still here (T1); an adaptive ` +
      'optimiser and weight decay move the model, but by noise and shrinkage.',
  };
}

/** The size of a gradient as a share of the one that shuffled labels give: "0.84 %". */
export function gradientShare(fit: FitDiagnosis): string {
  return ratioPercent(fit.gradientNorm === 0 ? 0 : fit.gradientNorm / fit.shuffledGradientNorm);
}

function pullOf(set: 'retained' | 'forgotten', fit: FitDiagnosis): string | null {
  if (fit.gradientNorm <= gradientLimit * fit.shuffledGradientNorm) return null;
  return (
    `The loss of the ${set} samples still has a gradient: ${gradientShare(fit)} of ` +
    `the one that wrong labels would give (norm ${fit.gradientNorm.toPrecision(2)}, ${things(fit.gradientSamples, 'sample')}).`
  );
}

function share(set: string, fit: FitDiagnosis): string {
  return `${gradientShare(fit)} of the size that wrong labels would give on the ${set} ` + 'samples';
}
