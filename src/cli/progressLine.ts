// Progress on stderr: a bar that redraws itself on a terminal, a few lines elsewhere.
import { progressText } from '../shared/progressText';
import type { JobProgress } from '../shared/solverProtocol';

const barWidth = 24;
/** Milliseconds between two lines about a projection. */
const projectionInterval = 10_000;

/** Shows where a job stands. */
export class ProgressLine {
  private drawn = false;
  private lastTenth = -1;

  private lastProjection = -Infinity;

  constructor(
    private readonly stream: NodeJS.WriteStream,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * Draws the bar; where there is no terminal, writes a line every tenth of the epochs, and every ten seconds of a
   * projection.
   */
  show(update: JobProgress): void {
    if (this.stream.isTTY) {
      const text = `${bar(update)}${progressText(update)}`.slice(0, (this.stream.columns || 80) - 1);
      this.stream.write(`\r\x1b[2K${text}`);
      this.drawn = true;
      return;
    }
    if (update.projection) {
      if (this.now() - this.lastProjection < projectionInterval) return;
      this.lastProjection = this.now();
      this.stream.write(`${progressText(update)}\n`);
      return;
    }
    if (update.epoch === undefined || update.epochs === undefined) return;
    const tenth = Math.floor((10 * update.epoch) / update.epochs);
    if (tenth <= this.lastTenth) return;
    this.lastTenth = tenth;
    this.stream.write(`${progressText(update)}\n`);
  }

  /** Writes a line without disturbing the bar. */
  log(line: string): void {
    this.end();
    this.stream.write(`${line}\n`);
  }

  /** Clears the bar. */
  end(): void {
    if (this.drawn) this.stream.write('\r\x1b[2K');
    this.drawn = false;
  }
}

function bar(update: JobProgress): string {
  if (update.step === undefined || !update.steps) return '';
  const filled = Math.round((barWidth * update.step) / update.steps);
  return `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)} `;
}
