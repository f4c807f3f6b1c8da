// The host's end of one model editor's webview: tells the state, answers requests.
import * as vscode from 'vscode';
import { MessageChannelEnd } from '../../shared/messages';
import type {
  ModelViewEvents,
  ModelViewNotices,
  ModelViewRequests,
  ModelViewState,
  ProposalInfo,
} from '../../shared/modelViewProtocol';
import { runOf } from '../commands/targets';
import type { Host } from '../host';
import { webviewWire } from '../webviewWire';
import type { ModelDocument } from './modelDocument';
import { diagnosisView } from './diagnoseModel';
import { predictionRows } from './predictionRows';
import { compareRuns, runEvaluation, runInfos, shortResult } from './runInfos';

/** What buttons of the editor do. */
const commands: Record<ModelViewRequests['command']['ask'], string> = {
  apply: 'lethe.apply',
  saveAsNew: 'lethe.saveAsNew',
  discard: 'lethe.discard',
  openDataset: 'lethe.openDataset',
  unlearn: 'lethe.unlearn',
  diagnose: 'lethe.diagnose',
  cancel: 'lethe.cancel',
  showLog: 'lethe.showLog',
  reload: 'lethe.reload',
  trust: 'workbench.trust.manage',
  openReport: 'lethe.openReport',
};

/** What buttons of a run do. */
const runCommands: Record<ModelViewRequests['runCommand']['ask']['command'], string> = {
  openReport: 'lethe.openReport',
  openRecipe: 'lethe.openRecipe',
  saveAsNew: 'lethe.saveAsNew',
};

/** One editor of a model. */
export class ModelView {
  private readonly disposables: vscode.Disposable[] = [];
  private readonly channel: MessageChannelEnd<
    ModelViewRequests,
    Record<never, never>,
    ModelViewEvents,
    ModelViewNotices
  >;
  private ready = false;
  private waitingReveal: ModelViewEvents['reveal'] | null = null;

  constructor(
    private readonly host: Host,
    private readonly document: ModelDocument,
    webview: vscode.Webview,
  ) {
    this.channel = new MessageChannelEnd<
      ModelViewRequests,
      Record<never, never>,
      ModelViewEvents,
      ModelViewNotices
    >(webviewWire(webview, this.disposables), {
      summaries: () => document.summarize(summary => this.channel.tell('summary', summary)),
      changes: () => document.compare(),
      predictions: asked => predictionRows(host, document, asked.all === true),
      graph: () => document.graph(),
      graphShapes: () => document.graphShapes(sampleSizes(host, document)),
      evaluation: ({ runId }) => runEvaluation(host, runId),
      compareRuns: asked => compareRuns(host, document, asked),
      propose: async ({ runId }) => {
        await host.propose(document.path, runOf(host, runId).runId);
        return null;
      },
      runCommand: async ({ runId, command }) => {
        if (!Object.hasOwn(runCommands, command)) throw new Error('There is no such command.');
        void vscode.commands.executeCommand(runCommands[command], runOf(host, runId).runId);
        return null;
      },
      command: async command => {
        if (!Object.hasOwn(commands, command)) throw new Error('There is no such command.');
        // A command may take as long as a run; the button's answer must not wait for it.
        void vscode.commands.executeCommand(commands[command], document.uri);
        return null;
      },
      revealSample: async ({ index }) => {
        await host.dataset.reveal(Number(index));
        return null;
      },
    });
    this.channel.on('ready', () => {
      this.ready = true;
      this.tellState();
      if (this.waitingReveal) this.channel.tell('reveal', this.waitingReveal);
      this.waitingReveal = null;
    });
    this.disposables.push(
      document.onDidChange(() => this.tellState()),
      document.onDidProgress(progress => this.ready && this.channel.tell('progress', progress)),
      host.onDidChangeSurroundings(() => this.tellState()),
      host.dataset.onDidChangeForgetSet(() => this.tellState()),
    );
  }

  /** Selects a tab, and in it a tensor. */
  reveal(reveal: ModelViewEvents['reveal']): void {
    if (this.ready) this.channel.tell('reveal', reveal);
    else this.waitingReveal = reveal;
  }

  dispose(): void {
    for (const disposable of this.disposables.splice(0)) disposable.dispose();
  }

  private tellState(): void {
    if (this.ready) this.channel.tell('state', modelViewState(this.host, this.document));
  }
}

/** Everything that a model's editor shows at its top level. */
export function modelViewState(host: Host, document: ModelDocument): ModelViewState {
  if (document.error !== null) return { kind: 'error', message: document.error };
  if (document.overview === null) return { kind: 'loading' };
  const { binding, overview } = host.dataset;
  return {
    kind: 'ready',
    overview: document.overview,
    proposal: proposalInfo(host, document, document.proposal),
    applied: proposalInfo(host, document, document.applied),
    runs: runInfos(host, document.path),
    running: document.running,
    restricted: !vscode.workspace.isTrusted,
    stale: document.stale,
    dataset:
      overview !== null && binding?.model === document.path
        ? { path: overview.path, size: overview.size, chosen: host.dataset.forgetSet.length }
        : null,
    diagnosis: diagnosisView(host, document),
  };
}

/** The dims of one sample by input, from the data that are open for the model. */
function sampleSizes(host: Host, document: ModelDocument): Record<string, readonly number[]> {
  const { binding, overview } = host.dataset;
  if (overview === null || binding?.model !== document.path) return {};
  return Object.fromEntries(
    overview.inputs.flatMap(({ name, dims }) => (dims === null ? [] : [[name, dims] as const])),
  );
}

function proposalInfo(host: Host, document: ModelDocument, runId: string | null): ProposalInfo | null {
  const record = runId === null ? undefined : host.runs.get(runId);
  if (!record) return null;
  return {
    runId: record.runId,
    result: shortResult(record.result),
    forgotten: record.forgotten.length,
    applied: document.applied === record.runId,
  };
}
