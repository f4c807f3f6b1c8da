// The bar that offers a finished run: what it achieved, and the three things that can be done with it.
import type { ProposalInfo } from '../../src/shared/modelViewProtocol';
import { figureText, proposalFacts, proposalFigures, proposalSentence } from '../../src/shared/proposalText';
import type { ProposalFigure } from '../../src/shared/proposalText';
import { h, icon, replaceContent, setTip, svg } from '../kit/dom';
import { button } from '../kit/toolkit';
import { command, fileName } from './view';
import type { Host, ReadyState } from './view';
import './proposalBar.css';

/** The proposal bar; hidden while there is neither a proposal nor an applied run. */
export class ProposalBar {
  readonly element = h('section', { class: 'proposal' });
  private shown = '';

  constructor(private readonly host: Host) {}

  update(state: ReadyState): void {
    const run = state.proposal ?? state.applied;
    const key = run === null ? '' : `${run.runId} ${state.proposal !== null}`;
    this.element.hidden = run === null;
    if (run === null || key === this.shown) {
      this.shown = key;
      return;
    }
    this.shown = key;
    const applied = state.proposal === null;
    this.element.classList.toggle('applied', applied);
    replaceContent(
      this.element,
      h(
        'div',
        { class: 'proposal-head' },
        heading(run, applied),
        h('div', { class: 'proposal-buttons' }, ...this.buttons(applied, fileName(state.overview.path))),
      ),
      h('p', { class: 'proposal-sentence' }, proposalSentence(run.result)),
      h('ul', { class: 'figures' }, ...proposalFigures(run.result).map(drawFigure)),
    );
  }

  private buttons(applied: boolean, file: string): HTMLElement[] {
    const save = button({
      label: 'Save As New File…',
      primary: !applied,
      tip: `Writes the result beside ${file} and leaves ${file} as it is.`,
      onPress: command(this.host, 'saveAsNew'),
    });
    const report = button({
      label: 'Open Report',
      icon: 'output',
      iconOnly: true,
      onPress: command(this.host, 'openReport'),
    });
    if (applied) return [report, save];
    return [
      report,
      save,
      button({
        label: 'Apply',
        tip: `Puts the weights into ${file} as an edit that can be undone. The file changes when it is saved.`,
        onPress: command(this.host, 'apply'),
      }),
      button({
        label: 'Discard',
        tip: 'Takes the proposal away. The run stays in the list of runs.',
        onPress: command(this.host, 'discard'),
      }),
    ];
  }
}

function heading(run: ProposalInfo, applied: boolean): HTMLElement {
  const made = proposalFacts(run.result, run.forgotten);
  const facts = applied ? [...made.slice(0, -1), 'Undo takes it back'] : made;
  return h(
    'p',
    { class: 'proposal-title', tip: made.join(' · ') },
    icon(applied ? 'check' : 'lightbulb'),
    h('strong', null, applied ? 'Applied' : 'Proposal'),
    ...facts.map((fact, index) =>
      h('span', { class: `muted fact ${index === facts.length - 1 ? 'fact-minor' : ''}` }, fact),
    ),
  );
}

function drawFigure(figure: ProposalFigure): HTMLElement {
  const unit = figure.unit === '' ? null : h('span', { class: 'muted' }, `\u202f${figure.unit}`);
  const element = h(
    'li',
    { class: 'result', attributes: { tabindex: 0 } },
    h(
      'div',
      { class: 'result-visual', attributes: { 'aria-hidden': 'true' } },
      h('span', { class: 'result-title' }, figure.title),
      h(
        'span',
        { class: 'result-values' },
        h(
          'span',
          { class: 'number' },
          h('span', { class: 'result-before' }, figure.before),
          h('span', { class: 'muted' }, ' → '),
          h('span', { class: 'result-after' }, figure.after),
          unit,
        ),
        figure.retrained === null
          ? null
          : h(
              'span',
              { class: 'result-retrained muted' },
              'retrained ',
              h('span', { class: 'number' }, figure.retrained),
            ),
      ),
      figure.places ? track(figure.places) : null,
      h('span', { class: 'result-reading muted' }, figure.reading),
    ),
    h('span', { class: 'visually-hidden' }, figureText(figure)),
  );
  setTip(element, figure.tip);
  return element;
}

/** A line from 0 to 1: before in grey, after in the focus colour, retrained as a dashed mark. */
function track(places: NonNullable<ProposalFigure['places']>): SVGSVGElement {
  const [width, height] = [200, 12];
  const x = (place: number): number => 5 + place * (width - 10);
  const drawing = svg('svg', {
    class: 'result-track',
    viewBox: `0 0 ${width} ${height}`,
    preserveAspectRatio: 'none',
    width: '100%',
    height,
  });
  const mark = (className: string, place: number, inset = 2): SVGElement =>
    svg('line', { class: className, x1: x(place), x2: x(place), y1: inset, y2: height - inset });
  drawing.append(
    svg('line', { class: 'result-track-line', x1: x(0), x2: x(1), y1: height / 2, y2: height / 2 }),
    svg('line', {
      class: 'result-track-move',
      x1: x(places.before),
      x2: x(places.after),
      y1: height / 2,
      y2: height / 2,
    }),
    mark('result-track-before', places.before),
    mark('result-track-after', places.after),
  );
  if (places.retrained !== null) drawing.append(mark('result-track-retrained', places.retrained, 0));
  return drawing;
}
