// Progress as words: "Epoch 7 of 20 · loss 0.021 · about 6 s left".
import type { JobPhase, JobProgress } from './solverProtocol';

const phases: Record<JobPhase, string> = {
  opening: 'Opening the model and the data',
  measuring: 'Measuring',
  unlearning: 'Unlearning',
  saving: 'Saving',
};

/** Where a job stands, in one line. */
export function progressText(update: JobProgress): string {
  const parts = [
    update.epoch === undefined ? phases[update.phase] : `Epoch ${update.epoch} of ${update.epochs}`,
  ];
  const { projection } = update;
  if (projection)
    parts.push(
      `projection, iteration ${projection.iteration}: residual ${projection.residual.toExponential(1)}`,
    );
  else if (update.loss !== undefined) parts.push(`loss ${update.loss.toPrecision(2)}`);
  if (update.secondsLeft !== undefined) parts.push(`about ${duration(update.secondsLeft)} left`);
  return parts.join(' · ');
}

/** A duration in whole seconds, minutes or hours. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 90) return `${whole} s`;
  if (whole < 90 * 60) return `${Math.round(whole / 60)} min`;
  return `${(whole / 3600).toFixed(1)} h`;
}
