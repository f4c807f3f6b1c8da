// The search for regression: the least complex model that still fits the retained data.
import { type Plan, type Way } from './candidates';
import {
  argmax,
  gentlest,
  isScored,
  keepsFit,
  wantedFit,
  type Choice,
  type Scored,
  type TryOut,
} from './strategy';

/** Strengths of each way, gentle to strong. A network is rebuilt from its tenth as well as from its half. */
const strengths: Readonly<Record<Way, readonly number[]>> = {
  shrink: [0.5, 0.65, 0.8, 0.9, 0.95],
  projection: [0.5, 0.7, 0.9],
};

/** Gentler ones, tried where none of those keeps the fit. */
const gentle = [0.3, 0.15, 0.05] as const;

const rates = [0.003, 0.005, 0.001] as const;

/**
 * For regression nothing is held out: the original was trained on every sample, and a change too weak to forget remembers
 * V as well, so that V's loss votes for it. What remains is the definition itself, the least complex model that fits.
 * Complexity is ‖θ‖ times the roughness of f between the samples: the first alone prefers tiny weights with kinks, the
 * second alone large ones that cancel. Neither needs a label or an unseen sample. With `data.validation` the loss on it
 * decides instead. Fit does not fall evenly as strength grows, so all strengths are tried at every rate.
 */
export async function searchLeastComplex(plan: Plan, tryOut: TryOut): Promise<Choice> {
  const { steps } = plan;
  const tried: Scored[] = [];
  /** False when the budget of the search is spent. */
  const attempt = async (
    way: Way,
    strength: number,
    learningRate: number,
    round: number,
  ): Promise<boolean> => {
    const found = await tryOut({ way, strength, learningRate, steps }, round);
    if (found && isScored(found)) tried.push(found);
    return found !== null;
  };
  const all = (['shrink', 'projection'] as const).flatMap((way, round) =>
    rates.flatMap(rate => strengths[way].map(strength => ({ way, strength, rate, round: round + 1 }))),
  );
  for (const { way, strength, rate, round } of all) if (!(await attempt(way, strength, rate, round))) break;
  for (const strength of gentle) {
    if (tried.some(keepsFit)) break;
    for (const rate of rates) if (!(await attempt('shrink', strength, rate, 3))) break;
  }
  const fitting = tried.filter(keepsFit);
  if (fitting.length > 0) {
    const unseen = fitting.every(({ scores }) => scores.heldLoss !== null);
    return {
      chosen: argmax(fitting, ({ scores }) => -(unseen ? (scores.heldLoss as number) : complexity(scores)))
        .candidate,
      reason:
        `of ${fitting.length} settings that keep ${wantedFit} of the original's fit of the retained data it ` +
        (unseen ? 'does best on the validation data' : 'gives the least complex model'),
      keepsFit: true,
    };
  }
  return gentlest(tried, steps);
}

/** ‖θ‖ times roughness, or ‖θ‖ alone where inputs have nothing between them. */
function complexity({ norm, roughness }: Scored['scores']): number {
  return norm * (roughness ?? 1);
}
