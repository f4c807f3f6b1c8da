// Lines above the content: a file that changed on disk, an untrusted workspace, a job under way.
import { progressText } from '../../src/shared/progressText';
import type { JobProgress } from '../../src/shared/solverProtocol';
import { h, replaceContent } from '../kit/dom';
import { banner } from '../kit/states';
import { command, fileName } from './view';
import type { Host, ReadyState } from './view';

/** The banners of the page. */
export class BannerArea {
  readonly element = h('div', { class: 'banners' });
  private shown = '';
  private running: { readonly line: HTMLElement; readonly bar: HTMLElement } | null = null;

  constructor(private readonly host: Host) {}

  update(state: ReadyState): void {
    const { running } = state;
    // The state is told often; buttons must not be exchanged under a finger or lose the focus.
    const key = JSON.stringify([state.stale, state.restricted, running?.method, state.overview.path]);
    if (key === this.shown) {
      if (running?.progress) this.progress(running.progress);
      return;
    }
    this.shown = key;
    this.running = null;
    const shown: HTMLElement[] = [];
    if (state.stale) shown.push(this.staleBanner(fileName(state.overview.path)));
    if (state.restricted) shown.push(this.restrictedBanner());
    if (running) shown.push(this.runningBanner(running.method, running.progress));
    replaceContent(this.element, ...shown);
  }

  /** Says where the job stands. */
  progress(progress: JobProgress): void {
    if (!this.running) return;
    this.running.line.textContent = progressText(progress);
    const share = shareDone(progress);
    this.running.bar.hidden = share === null;
    if (share === null) return;
    this.running.bar.setAttribute('aria-valuenow', String(Math.round(100 * share)));
    this.running.bar.style.setProperty('--share', String(share));
  }

  private staleBanner(name: string): HTMLElement {
    return banner('warning', [`${name} changed on disk since it was opened. What is shown here is older.`], {
      label: 'Reload',
      onPress: command(this.host, 'reload'),
    });
  }

  private restrictedBanner(): HTMLElement {
    return banner(
      'info',
      ['This workspace is not trusted: models and data are shown, but nothing is unlearned.'],
      { label: 'Manage Trust', onPress: command(this.host, 'trust') },
    );
  }

  private runningBanner(method: string, progress: JobProgress | null): HTMLElement {
    const line = h('span', { class: 'number' }, progress ? progressText(progress) : 'Starting');
    const bar = h('div', {
      class: 'progress-bar',
      attributes: {
        role: 'progressbar',
        'aria-label': 'Unlearning',
        'aria-valuemin': 0,
        'aria-valuemax': 100,
      },
    });
    const element = banner('progress', [`Unlearning with ${method} · `, line], {
      label: 'Cancel',
      onPress: command(this.host, 'cancel'),
    });
    // Updated several times a second: read aloud only when asked for.
    element.setAttribute('role', 'group');
    element.setAttribute('aria-label', 'Unlearning');
    element.append(bar);
    this.running = { line, bar };
    if (progress) this.progress(progress);
    else bar.hidden = true;
    return element;
  }
}

/** How much of the optimisation is done; null in phases without steps. */
function shareDone(progress: JobProgress): number | null {
  const { step, steps } = progress;
  return step === undefined || steps === undefined || steps === 0 ? null : step / steps;
}
