// The model editor's page alone in a browser, under the content policy it has in VS Code, with a host that answers from
// memory: what it is shown, and how it is opened.
import * as assert from 'node:assert/strict';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Locator, Page } from 'playwright-core';
import type { GraphNode } from '../../src/shared/modelGraph';
import type { PredictionRow, RunInfo } from '../../src/shared/modelViewProtocol';
import { summarizePredictions } from '../../src/shared/predictionSummary';
import type { Evaluation, ModelEvaluation } from '../../src/shared/evaluation';
import type { ModelMetrics, RunResult } from '../../src/shared/report';
import type { Histogram, ParameterSummary, TensorChange } from '../../src/shared/viewerProtocol';

export const hostile = '<img src=x onerror="window.broken = true">';

export interface Scene {
  readonly saved: unknown;
  readonly events: readonly (readonly [string, unknown])[];
  readonly answers: Readonly<Record<string, unknown>>;
}
interface Shown {
  readonly page: Page;
  /** What the page reported to the console: violations of the policy, errors. */
  readonly problems: readonly string[];
}

export const histogram: Histogram = { from: -1, to: 1, counts: [0, 3, 9, 4] };
export const names = ['conv.weight', 'head.weight', hostile];

export function parameterOf(name: string): Record<string, unknown> {
  return { name, dtype: 'float32', dims: [4, 4], count: 16, trainable: true, reason: '' };
}

export function summaryOf(name: string, norm: number): ParameterSummary {
  return { name, norm, min: -1, max: 1, mean: 0, std: 0.5, notFinite: 0, histogram };
}

export function changeOf(name: string, relative: number): TensorChange {
  return {
    name,
    dims: [4, 4],
    normA: 2,
    normB: 2,
    delta: 2 * relative,
    relative,
    maxAbs: relative,
    notFinite: 0,
    change: histogram,
    before: histogram,
    after: histogram,
    largest: [{ index: [1, 2], before: 0.5, after: -0.25 }],
  };
}

export function metrics(forget: number, test: number): ModelMetrics {
  return {
    retain: { count: 40, loss: 0.1, accuracy: 1 },
    forget: { count: 20, loss: 0.1, accuracy: forget },
    test: { count: 10, loss: 0.1, accuracy: test },
    membershipAuc: null,
    confidenceAuc: null,
  };
}

export const result: RunResult = {
  output: '/runs/model.onnx',
  report: '/runs/report',
  receipt: '/runs/report/receipt.json',
  seconds: 14,
  method: 'minnorm-og',
  cost: { sampleGradients: 10, share: 0.1 },
  before: metrics(0.9, 0.8),
  after: metrics(0.1, 0.9),
  reference: metrics(0.05, 0.9),
  projections: [],
};

/** 20 forgotten samples that all flipped, 40 retained ones that did not, 10 held out. */
export const predictions: readonly PredictionRow[] = Array.from({ length: 70 }, (_, place) => {
  const forgotten = place < 20;
  return {
    index: place < 60 ? place : place - 60,
    set: forgotten ? 'forgotten' : place < 60 ? 'retained' : 'held-out',
    label: 'cat',
    before: 'cat',
    after: forgotten ? 'dog' : 'cat',
    lossBefore: 0.1,
    lossAfter: forgotten ? 5 + place : 0.1,
    flipped: forgotten,
  };
});

export function nodeOf(
  kind: GraphNode['kind'],
  op: string,
  name: string,
  inputs: readonly string[],
  outputs: readonly string[],
  parameters: readonly string[] = [],
): GraphNode {
  const rest = { constants: [], attributes: [[hostile, hostile]] as const, differentiable: true, inside: 0 };
  return { kind, op, name, inputs, outputs, parameters, ...rest };
}

export function runOf(runId: string, method: string, forget: number, set = 's1'): RunInfo {
  const made = { ...result, method, after: metrics(forget, 0.9) };
  const rest = { data: 'train.npz', created: 1_700_000_000_000, seed: 3, settings: [] };
  return { runId, result: made, forgotten: set === 's1' ? 20 : 7, set, ...rest };
}

export const overview = {
  format: 'onnx',
  opset: 13,
  irVersion: 7,
  producer: hostile,
  inputs: [{ name: hostile, dtype: 'float32', dims: ['batch', 4] }],
  outputs: [{ name: 'logits', dtype: 'float32', dims: ['batch', 2] }],
  parameters: names.map(parameterOf),
  unsupported: [],
  path: '/data/model.onnx',
  bytes: 1000,
  externalFiles: [],
  warnings: [],
  metadata: [[hostile, hostile]],
  operators: [{ op: 'Gemm', count: 2, differentiable: true }],
  stamp: '1',
};
export const proposal = { runId: 'r1', result, forgotten: 20, applied: false };
export const ready = {
  kind: 'ready',
  overview,
  proposal: null,
  applied: null,
  runs: [],
  running: null,
  restricted: false,
  stale: false,
  dataset: { path: '/data/train.npz', size: 60, chosen: 20 },
  diagnosis: null,
};
export const answers = {
  summaries: names.map((name, index) => summaryOf(name, index + 1)),
  changes: {
    a: 'a',
    b: 'b',
    tensors: [changeOf('conv.weight', 0.1), changeOf('head.weight', 0.4), changeOf(hostile, 0.2)],
    total: { normA: 4, normB: 4, delta: 1, relative: 0.25 },
  },
  predictions: { rows: predictions, summaries: summarizePredictions(predictions) },
  graph: {
    nodes: [
      nodeOf('input', '', 'x', [], ['x']),
      nodeOf('operator', 'Conv', 'first', ['x'], ['a'], ['conv.weight']),
      nodeOf('operator', 'Relu', hostile, ['a'], ['b']),
      nodeOf('operator', 'Add', 'sum', ['b', 'a'], ['y'], ['head.weight']),
      nodeOf('output', '', 'y', ['y'], []),
    ],
    values: [{ name: 'x', dtype: 'float32', dims: ['batch', 4] }],
    partial: true,
  },
  graphShapes: [{ name: 'a', dtype: null, dims: ['N', 7] }],
  compareRuns: {
    a: 'a',
    b: 'b',
    tensors: [changeOf('conv.weight', 0.1), changeOf(hostile, 0.2)],
    total: { normA: 4, normB: 4, delta: 1, relative: 0.125 },
  },
  evaluation: null,
  propose: null,
  runCommand: null,
  command: null,
  revealSample: null,
};

function evaluated(name: string, mistakes: number): ModelEvaluation {
  const losses = { from: -4, to: 2, counts: [20 - mistakes, mistakes] };
  const confusion = [
    {
      output: 'logits',
      classes: 2,
      cells: [
        [0, 0, 20 - mistakes],
        [0, 1, mistakes],
      ] as const,
    },
  ];
  const attack = {
    features: ['loss'],
    splits: 10,
    samplesPerKind: 10,
    accuracy: 0.75,
    accuracyDeviation: 0.05,
    auc: 0.8,
    aucDeviation: 0.04,
  };
  return {
    name,
    path: `/data/${name}.onnx`,
    metrics: metrics(1 - mistakes / 20, 0.9),
    confusion: { retain: confusion, forget: confusion, test: null },
    losses: { retain: losses, forget: losses, test: null },
    confidences: null,
    attack,
    labelFreeAttack: null,
    toOriginal: null,
    toRetrained: null,
    tow: null,
    averageGap: null,
    regions: null,
    alignment: null,
    relearn: null,
  };
}

/** What a run measured beyond its metrics. */
export const evaluation: Evaluation = {
  level: 'standard',
  notes: ['There is no held-out data, so nothing is said of it.'],
  models: [evaluated('original', 2), evaluated('unlearned', 18)],
  maps: [
    {
      ...{ kind: 'forgotten', sample: 7, toward: [3, 4], output: 'logits', side: 3 },
      labels: ['0 0 0 0 0 0 1 1 1', '0 0 0 1 1 1 1 1 1'],
    },
  ],
  seconds: 1,
};

/** A browser, and the page in it that is looked at. */
export class ModelPage {
  private browser!: Browser;
  private openScene!: (browser: Browser, options: Record<string, unknown>) => Promise<Shown>;
  private shown!: Shown;

  /** Starts the browser. */
  async start(): Promise<void> {
    const load = (path: string): Promise<unknown> =>
      import(pathToFileURL(join(process.cwd(), path)).href) as Promise<unknown>;
    const servers = (await load('scripts/vscodeServer.mjs')) as { launchBrowser(): Promise<Browser> };
    const pages = (await load('webview/preview/page.mjs')) as { openScene: ModelPage['openScene'] };
    this.openScene = pages.openScene;
    this.browser = await servers.launchBrowser();
  }

  async stop(): Promise<void> {
    await this.browser?.close();
  }

  get page(): Page {
    return this.shown.page;
  }

  /** Opens the editor in a state, on a tab. */
  async open(state: unknown, tab = 'overview', more: Partial<Scene> = {}): Promise<void> {
    const scene: Scene = { saved: { tab }, events: [['state', state]], answers, ...more };
    const folder = join(process.cwd(), 'dist', 'webview');
    const size = { width: 1100, height: 800 };
    this.shown = await this.openScene(this.browser, { view: 'model', folder, theme: 'dark', ...size, scene });
  }

  /** Closes the page; fails where it reported an error or a violation of its policy. */
  async close(): Promise<void> {
    assert.deepEqual(this.shown.problems, [], 'the page reports no error and no violation of its policy');
    await this.page.close();
  }

  /** Tells the page an event of the host. */
  async tell(name: string, body: unknown): Promise<void> {
    await this.page.evaluate(`window.tellView(${JSON.stringify(name)}, ${JSON.stringify(body)})`);
  }

  /** What the page asked of the host since it was opened. */
  asked(): Promise<[string, unknown][]> {
    return this.page.evaluate<[string, unknown][]>('window.asked');
  }

  grid(name: string): Locator {
    return this.page.getByRole('grid', { name });
  }

  rows(table: Locator): Locator {
    return table.locator('.vtable-row');
  }

  tab(name: string): Locator {
    return this.page.getByRole('tab', { name });
  }

  /** The pane of details that is in sight. */
  get details(): Locator {
    return this.page.locator('.split-details').filter({ visible: true });
  }
}
