// How close a model is to a retrained one, in one number.
import type { MembershipAttack } from '../shared/evaluation';
import type { ModelMetrics } from '../shared/report';

/**
 * Tug of war: Π(1 − |accuracy − retrained accuracy|) over retained, forgotten and held-out samples (Zhao et al., *What
 * makes unlearning hard and what to do about it*, NeurIPS 2024). Null unless both models have all three accuracies.
 */
export function tugOfWar(model: ModelMetrics, retrained: ModelMetrics): number | null {
  const gaps = accuracyGaps(model, retrained);
  return gaps.length < 3 ? null : gaps.reduce((product, [, gap]) => product * (1 - gap), 1);
}

/**
 * The mean absolute difference to the retrained model over the accuracies on retained, forgotten and held-out samples
 * and the membership attack's accuracy (the average gap of Fan et al., *SalUn*, ICLR 2024). Null without accuracies.
 */
export function averageGap(
  model: { readonly metrics: ModelMetrics; readonly attack: MembershipAttack | null },
  retrained: { readonly metrics: ModelMetrics; readonly attack: MembershipAttack | null },
): { value: number; over: string[] } | null {
  const gaps = accuracyGaps(model.metrics, retrained.metrics);
  if (gaps.length === 0) return null;
  if (model.attack && retrained.attack) {
    gaps.push(['membership attack accuracy', Math.abs(model.attack.accuracy - retrained.attack.accuracy)]);
  }
  return {
    value: gaps.reduce((sum, [, gap]) => sum + gap, 0) / gaps.length,
    over: gaps.map(([name]) => name),
  };
}

function accuracyGaps(model: ModelMetrics, retrained: ModelMetrics): [string, number][] {
  const gap = (name: string, own: number | undefined, other: number | undefined): [string, number][] =>
    own === undefined || other === undefined ? [] : [[name, Math.abs(own - other)]];
  return [
    ...gap('retained accuracy', model.retain.accuracy, retrained.retain.accuracy),
    ...gap('forgotten accuracy', model.forget.accuracy, retrained.forget.accuracy),
    ...gap('held-out accuracy', model.test?.accuracy, retrained.test?.accuracy),
  ];
}
