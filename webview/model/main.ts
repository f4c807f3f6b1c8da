// The model editor's page: banners, the proposal bar, and its tabs, from whatever state the host tells.
import type {
  ModelViewEvents,
  ModelViewNotices,
  ModelViewRequests,
  ModelTab,
} from '../../src/shared/modelViewProtocol';
import { openChannel, savedState, saveState } from '../kit/channel';
import { h, replaceContent } from '../kit/dom';
import { markRegion, moveBetweenRegions } from '../kit/regions';
import { errorState, skeleton } from '../kit/states';
import { tabs } from '../kit/toolkit';
import type { Tabs } from '../kit/toolkit';
import { BannerArea } from './banners';
import { ChangesView } from './changesView';
import { GraphView } from './graphView';
import { OverviewView } from './overviewView';
import { ParametersView } from './parametersView';
import { PredictionsView } from './predictionsView';
import { ProposalBar } from './proposalBar';
import { RunsView } from './runsView';
import { command } from './view';
import type { ReadyState, View } from './view';
import './model.css';

const host = openChannel<ModelViewRequests, ModelViewNotices, ModelViewEvents>();
const page = h('main', { class: 'page' });
document.body.append(page);

/** The page once there is a model; kept through later states, so that scroll and selection stay. */
interface Frame {
  readonly element: HTMLElement;
  readonly tabs: Tabs;
  readonly views: Readonly<Record<ModelTab, View>>;
  readonly banners: BannerArea;
  readonly bar: ProposalBar;
}
let frame: Frame | null = null;

function openFrame(): Frame {
  const views = {
    overview: new OverviewView(host),
    graph: new GraphView(host, name => reveal({ tab: 'parameters', tensor: name })),
    parameters: new ParametersView(host),
    changes: new ChangesView(host),
    predictions: new PredictionsView(host),
    runs: new RunsView(host),
  };
  const start = savedState<{ tab: ModelTab }>({ tab: 'overview' }).tab;
  const banners = new BannerArea(host);
  const bar = new ProposalBar(host);
  const choice = tabs(
    'Model',
    [
      { id: 'overview', title: 'Overview', content: views.overview.element },
      { id: 'graph', title: 'Graph', content: views.graph.element },
      { id: 'parameters', title: 'Parameters', content: views.parameters.element },
      { id: 'changes', title: 'Changes', content: views.changes.element },
      { id: 'predictions', title: 'Predictions', content: views.predictions.element },
      { id: 'runs', title: 'Runs', content: views.runs.element },
    ],
    start in views ? start : 'overview',
    id => {
      saveState({ tab: id });
      views[id as ModelTab].show();
    },
  );
  markRegion(bar.element, 'Proposal');
  markRegion(choice.element, 'Model');
  const element = h('div', { class: 'frame' }, banners.element, bar.element, choice.element);
  return { element, tabs: choice, views, banners, bar };
}

function showReady(state: ReadyState): void {
  frame ??= openFrame();
  frame.banners.update(state);
  frame.bar.update(state);
  for (const view of Object.values(frame.views)) view.update(state);
  if (frame.element.parentElement !== page) replaceContent(page, frame.element);
  frame.views[frame.tabs.active as ModelTab].show();
  if (waitingReveal) reveal(waitingReveal);
}

host.on('state', state => {
  if (state.kind === 'ready') {
    showReady(state);
    return;
  }
  frame = null;
  replaceContent(
    page,
    state.kind === 'loading'
      ? skeleton('Opening the model')
      : errorState('This model cannot be shown', state.message, [
          { label: 'Try Again', icon: 'refresh', primary: true, onPress: command(host, 'reload') },
          { label: 'Show Log', onPress: command(host, 'showLog') },
        ]),
  );
});

host.on('progress', progress => frame?.banners.progress(progress));

/** Asked for before there was a model to show. */
let waitingReveal: ModelViewEvents['reveal'] | null = null;

function reveal(wanted: ModelViewEvents['reveal']): void {
  if (!frame) {
    waitingReveal = wanted;
    return;
  }
  waitingReveal = null;
  frame.tabs.select(wanted.tab);
  if (wanted.tensor !== undefined) frame.views[wanted.tab].reveal?.(wanted.tensor);
}

host.on('reveal', reveal);

moveBetweenRegions();
replaceContent(page, skeleton('Opening the model'));
host.tell('ready', null);
