// The dataset panel: listens to the host, holds the store of the dataset that is open, and draws it.
import type {
  DatasetViewEvents,
  DatasetViewNotices,
  DatasetViewRequests,
  DatasetViewState,
} from '../../src/shared/datasetViewProtocol';
import { withIndices, withoutIndices } from '../../src/shared/selection';
import { openChannel, savedState, saveState } from '../kit/channel';
import { h, replaceContent } from '../kit/dom';
import { moveBetweenRegions } from '../kit/regions';
import { banner, emptyState, errorState } from '../kit/states';
import './dataset.css';
import { listenToGestures } from './gestures';
import { Header } from './header';
import { listenToRubberBand } from './rubberBand';
import { SamplesView } from './samplesView';
import type { KeptView, ReadyState } from './store';
import { SampleStore } from './store';
import { fileName } from './words';

const channel = openChannel<DatasetViewRequests, DatasetViewNotices, DatasetViewEvents>();

/** Everything that belongs to one open dataset. */
interface OpenDataset {
  readonly store: SampleStore;
  readonly view: SamplesView;
}

const banners = h('div', { class: 'banners' });
const content = h('main', { class: 'content' });
let open: OpenDataset | null = null;
let forget: readonly number[] = [];
/** Warnings about the data that the person has read. */
const read = new Set<string>();
/** A command that the host could not fulfil, in its words. */
let refusal: string | null = null;
/** The dataset whose columns are on their way, as the host described it last. */
let awaited: ReadyState | null = null;
let revealed: number | null = null;
let bannersKey = '';
let frame = 0;
/** Counts requests for predictions: an answer to an older one is dropped. */
let predictionsTurn = 0;
let sentSelection = '';
let selectionTimer: ReturnType<typeof setTimeout> | undefined;

const header = new Header({
  focusSamples: () => open?.view.focus(),
  unlearn: () => {
    flushSelection();
    command('unlearn');
  },
  importForget: () => command('importForget'),
  exportForget: () => command('exportForget'),
  addToForget: () => open && setForget(withIndices(forget, open.store.selection.selected)),
  removeFromForget,
});

document.body.append(banners, content);
moveBetweenRegions();
channel.on('state', show);
channel.on('forgetSet', indices => {
  forget = indices;
  open?.store.setForget(indices);
});
channel.on('reveal', ({ index }) => {
  revealed = index;
  revealWhenThere();
});
channel.on('stalePredictions', () => {
  if (open) void askPredictions(open.store);
});
window.addEventListener('keydown', event => {
  if (open === null) return;
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    flushSelection();
    command('unlearn');
  } else if (event.key === 'Escape') {
    open.view.closeDetails();
  }
});
show({ kind: 'loading', path: '' });
channel.tell('ready', null);

function show(state: DatasetViewState): void {
  if (state.kind === 'ready') {
    void showReady(state);
    return;
  }
  open = null;
  awaited = null;
  refusal = null;
  drawBanners();
  if (state.kind === 'loading') {
    replaceContent(content, loading(state.path));
  } else if (state.kind === 'error') {
    const where = state.path === null ? '' : ` ${fileName(state.path)}`;
    replaceContent(
      content,
      errorState(`The dataset${where} cannot be shown.`, state.message, [
        { label: 'Try Again', primary: true, onPress: () => command('retry') },
        { label: 'Open Another Dataset…', onPress: () => command('openDataset') },
      ]),
    );
  } else {
    const sentence = state.hasModel
      ? 'Open the data that the model was trained on, to see its samples and choose which to forget.'
      : 'Open a dataset to see its samples; open a model too, to see what it says about them.';
    replaceContent(
      content,
      emptyState(
        sentence,
        { label: 'Open Dataset…', primary: true, onPress: () => command('openDataset') },
        'database',
      ),
    );
  }
}

async function showReady(state: ReadyState): Promise<void> {
  const { id } = state.overview;
  if (open?.store.overview.id === id) {
    const before = open.store.state.model;
    open.store.setState(state);
    if (state.model !== before) await askPredictions(open.store);
    return;
  }
  const underWay = awaited?.overview.id === id;
  awaited = state;
  if (underWay) return;
  open = null;
  replaceContent(content, loading(state.overview.path));
  try {
    const columns = await channel.ask('columns', null);
    if (awaited?.overview.id !== id) return;
    const kept = savedState<{ kept: KeptView | null }>({ kept: null }).kept;
    const store = new SampleStore(awaited, columns, kept, redraw);
    const view = new SamplesView(
      store,
      size => indices => channel.ask('cards', { indices, size }),
      { setForgotten },
      redraw,
    );
    listenToGestures(view.scroller, () => store, {
      flushSelection,
      openDetails: () => view.openDetails(),
      closeDetails: () => view.closeDetails(),
      removeFromForget,
      unlearn: () => command('unlearn'),
      focusFilter: () => header.focusFilter(),
    });
    listenToRubberBand(view.scroller, () => store, flushSelection);
    open = { store, view };
    sentSelection = '';
    store.setForget(forget);
    replaceContent(content, header.element, view.element);
    revealWhenThere();
    await askPredictions(store);
  } catch (error) {
    if (awaited?.overview.id === id)
      show({ kind: 'error', message: sentence(error), path: state.overview.path });
  }
}

async function askPredictions(store: SampleStore): Promise<void> {
  const { model } = store.state;
  if (model === null) {
    store.setPredictions(null);
    return;
  }
  store.expectPredictions();
  const turn = ++predictionsTurn;
  try {
    const predictions = await channel.ask('predictions', null);
    if (turn === predictionsTurn) store.setPredictions(predictions);
  } catch (error) {
    if (turn === predictionsTurn) store.failPredictions(sentence(error));
  }
}

function revealWhenThere(): void {
  if (open === null || revealed === null) return;
  open.store.reveal(revealed);
  revealed = null;
  open.view.openDetails();
  draw();
  open.view.showFocused();
}

function command(name: DatasetViewRequests['command']['ask']): void {
  refusal = null;
  channel.ask('command', name).catch((error: unknown) => {
    refusal = sentence(error);
    redraw();
  });
}

function setForgotten(index: number, forgotten: boolean): void {
  setForget(forgotten ? withIndices(forget, [index]) : withoutIndices(forget, new Set([index])));
}

function removeFromForget(): void {
  if (open === null) return;
  const remaining = withoutIndices(forget, open.store.selection.selected);
  if (remaining.length < forget.length) setForget(remaining);
}

function setForget(indices: readonly number[]): void {
  forget = indices;
  channel.tell('forgetSet', indices);
  open?.store.setForget(indices);
}

/** Tells the host the selection now; it needs it before a menu or a command. */
function flushSelection(): void {
  clearTimeout(selectionTimer);
  selectionTimer = undefined;
  if (open === null) return;
  const selected = open.store.selected;
  const key = selected.join();
  if (key === sentSelection) return;
  sentSelection = key;
  channel.tell('selection', selected);
}

function redraw(): void {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    draw();
  });
  selectionTimer ??= setTimeout(flushSelection, 50);
}

function draw(): void {
  drawBanners();
  if (open === null) return;
  header.update(open.store);
  open.view.update();
  saveState({ kept: open.store.kept });
}

function drawBanners(): void {
  const store = open?.store;
  const phase = store?.predictionPhase;
  const failedPredictions = phase?.kind === 'failed' ? phase.message : null;
  const failedCards = open?.view.cardFailure ?? null;
  const restricted = store?.state.restricted === true;
  const stale = store?.state.stale === true;
  const warnings = (store?.overview.warnings ?? []).filter(warning => !read.has(warning));
  const key = JSON.stringify([refusal, failedPredictions, failedCards, restricted, stale, warnings]);
  if (key === bannersKey) return;
  bannersKey = key;
  replaceContent(
    banners,
    refusal !== null && banner('warning', [refusal], { label: 'Dismiss', onPress: dismiss }),
    stale &&
      banner('warning', ['The dataset changed on disk since it was opened.'], {
        label: 'Reload',
        onPress: () => command('retry'),
      }),
    restricted &&
      banner(
        'info',
        ['Restricted Mode: samples can be viewed and chosen; unlearning needs a trusted workspace.'],
        {
          label: 'Manage Trust…',
          onPress: () => command('trust'),
        },
      ),
    failedPredictions !== null &&
      banner('warning', [failedPredictions], {
        label: 'Try Again',
        onPress: () => open && void askPredictions(open.store),
      }),
    failedCards !== null &&
      banner('warning', [failedCards], { label: 'Try Again', onPress: () => open?.view.retryCards() }),
    ...warnings.map(warning =>
      banner('info', [warning], { label: 'Dismiss', onPress: () => dismissWarning(warning) }),
    ),
  );
}

function dismissWarning(warning: string): void {
  read.add(warning);
  redraw();
}

function dismiss(): void {
  refusal = null;
  redraw();
}

function loading(path: string): HTMLElement {
  const label = path === '' ? 'The dataset panel is coming' : `${fileName(path)} is being opened`;
  return h(
    'div',
    { class: 'coming', attributes: { role: 'status', 'aria-busy': 'true', 'aria-label': label } },
    h('div', { class: 'coming-bar', attributes: { 'aria-hidden': 'true' } }),
    ...Array.from({ length: 24 }, () =>
      h('div', { class: 'coming-card', attributes: { 'aria-hidden': 'true' } }),
    ),
  );
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
