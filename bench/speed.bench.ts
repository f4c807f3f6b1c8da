// `npm run bench`: gradient steps, projections and the demo's solving part, beside PyTorch where it is installed.
import { rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { ParameterValues } from '../src/runtime/contracts';
import { Random } from '../src/tensor/random';
import { methodNamed } from '../src/unlearn/registry';
import { timeLargeProjection } from './largeProjection';
import { PyTorch, type Timing } from './pytorch';
import { tfjsRows, type TfjsRow } from './tfjs';
import {
  asDataset,
  exportForPyTorch,
  mnistWorkload,
  networkWorkload,
  sineWorkload,
  take,
  type Workload,
} from './workload';

/** One line of the result; times are medians in milliseconds. */
interface Row {
  readonly task: string;
  readonly lethe: number;
  readonly pytorch: number | null;
  /** Lethe's time over PyTorch's. */
  readonly ratio: number | null;
  readonly goal: string;
  /** null where it cannot be judged: PyTorch is missing or has only the slow reference BLAS. */
  readonly met: boolean | null;
}

/** A task that both sides run; `ours` and `theirs` answer milliseconds per repetition. */
interface Contest {
  readonly task: string;
  readonly most: number;
  readonly goal: string;
  readonly ours: () => Promise<Timing>;
  readonly theirs: ((torch: PyTorch) => Promise<Timing>) | null;
  readonly theirRounds: number;
}

const threads = 2;
const constraintSamples = 50;
const strength = 0.1;

async function main(): Promise<void> {
  const { values: flags } = parseArgs({
    options: { json: { type: 'boolean', default: false }, rounds: { type: 'string', default: '7' } },
  });
  const rounds = Math.max(1, Number(flags.rounds) || 7);
  const note = (line: string): void => void process.stderr.write(`${line}\n`);
  const sine = await sineWorkload(threads);
  const mnist = await mnistWorkload(threads);
  const torch = await PyTorch.start(threads);
  note(describeSetting(torch));
  if (torch) {
    for (const [task, workload] of [
      ['mlp', sine],
      ['cnn', mnist],
    ] as const) {
      const folder = exportForPyTorch(workload);
      await torch.load(task, folder);
      rmSync(folder, { recursive: true });
    }
  }
  const rows: Row[] = [];
  for (const contest of contests(sine, mnist)) {
    note(`${contest.task} …`);
    rows.push(await compete(contest, torch, rounds));
  }
  for (const network of largeNetworks) rows.push(...(await competeOnNetwork(network, torch, note)));
  note('projection, ResNet-18 …');
  rows.push(await largeProjection(torch, note));
  torch?.close();
  note('Demo: 20 epochs of one 256-batch, 15 projections …');
  const demo = await timeDemo(mnist);
  rows.push({
    task: 'demo, solving part',
    lethe: demo,
    pytorch: null,
    ratio: null,
    goal: '< 3 s',
    met: demo < 3000,
  });
  await sine.engine.close();
  await mnist.engine.close();
  note('TensorFlow.js models beside plain TensorFlow.js …');
  const tfjs = await tfjsRows(threads, rounds);
  if (flags.json) {
    const setting = {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      threads,
      node: process.version,
    };
    process.stdout.write(
      `${JSON.stringify({ setting, pytorch: torch?.setting ?? null, rounds, rows, tfjs })}\n`,
    );
  } else {
    process.stdout.write(`${table(rows)}\n${tfjsTable(tfjs)}`);
  }
}

function contests(sine: Workload, mnist: Workload): Contest[] {
  return [
    {
      task: 'gradient step, SiLU MLP 300 wide, batch 55',
      most: 1,
      goal: '≤ 1.0×',
      ours: () => timeSteps(sine, 100),
      theirs: torch => torch.step('mlp', 100),
      theirRounds: Infinity,
    },
    {
      task: 'gradient step, MNIST CNN, batch 256',
      most: 0.7,
      goal: '≤ 0.7×',
      ours: () => timeSteps(mnist, 5),
      theirs: torch => torch.step('cnn', 5),
      theirRounds: Infinity,
    },
    {
      task: `projection, MNIST CNN, m = ${constraintSamples}`,
      most: 1 / 50,
      goal: '≤ 1/50',
      ours: () => timeProjections(mnist, 5),
      theirs: torch => torch.projection('cnn', 1, constraintSamples, strength),
      // One of theirs takes seconds.
      theirRounds: 3,
    },
  ];
}

/** A network that is made, timed and closed before the next one, so that its memory is free again. */
interface LargeNetwork {
  readonly name: Parameters<typeof networkWorkload>[0];
  readonly title: string;
  readonly rounds: number;
  /** Whether it has convolutions, so that there is a plain layout to compare with. */
  readonly blocked: boolean;
}

const largeNetworks: readonly LargeNetwork[] = [
  { name: 'resnet18', title: 'ResNet-18, 32×32, batch 32', rounds: 5, blocked: true },
  { name: 'mobilenetv2', title: 'MobileNetV2, 224×224, batch 16', rounds: 3, blocked: true },
  { name: 'transformer', title: 'Transformer encoder, 64 tokens, batch 32', rounds: 5, blocked: false },
];

/** A large network’s first gradient, its gradient steps, and the same without the blocked layout. */
async function competeOnNetwork(
  { name, title, rounds, blocked }: LargeNetwork,
  torch: PyTorch | null,
  note: (line: string) => void,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const layout of blocked ? [true, false] : [true]) {
    const task = `gradient step, ${title}${layout ? '' : ', plain layout'}`;
    note(`${task} …`);
    const workload = await networkWorkload(name, threads, layout);
    if (torch && layout) {
      const folder = exportForPyTorch(workload);
      await torch.load(name, folder);
      rmSync(folder, { recursive: true });
    }
    const [first = 0] = (await timeSteps(workload, 1)).times;
    const most = layout ? 1 : 1.5;
    const contest: Contest = {
      task,
      most,
      goal: `≤ ${most.toFixed(1)}×`,
      ours: () => timeSteps(workload, 2),
      theirs: python => python.step(name, 2),
      theirRounds: Infinity,
    };
    const row = await compete(contest, torch, rounds);
    rows.push(row);
    if (name === 'resnet18' && layout) {
      const start = first - row.lethe;
      const goal = { goal: '< 1.5 s', met: start < 1500 };
      rows.push({ task: `graphs and sessions, ${title}`, lethe: start, pytorch: null, ratio: null, ...goal });
    }
    await workload.engine.close();
    if (!blocked || !layout) await torch?.unload(name);
  }
  return rows;
}

/** Both sides in turns: a round of each, after one that is not counted. Checks that both computed the same. */
async function compete(contest: Contest, torch: PyTorch | null, rounds: number): Promise<Row> {
  const ours: number[] = [];
  const theirs: number[] = [];
  const warm = await contest.ours();
  const check = torch && contest.theirs ? await contest.theirs(torch) : null;
  if (check && Math.abs(warm.norm / check.norm - 1) > 1e-3) {
    throw new Error(`${contest.task}: Lethe's result has the norm ${warm.norm}, PyTorch's ${check.norm}.`);
  }
  for (let round = 0; round < rounds; round++) {
    ours.push(...(await contest.ours()).times);
    // Worker threads of the side that ran last spin for a moment before they sleep.
    await sleep(100);
    if (torch && contest.theirs && round < contest.theirRounds) {
      theirs.push(...(await contest.theirs(torch)).times);
      await sleep(100);
    }
  }
  const lethe = median(ours);
  const pytorch = theirs.length > 0 ? median(theirs) : null;
  const ratio = pytorch === null ? null : lethe / pytorch;
  const met = ratio === null || torch?.slow ? null : ratio <= contest.most;
  return { task: contest.task, lethe, pytorch, ratio, goal: contest.goal, met };
}

async function largeProjection(torch: PyTorch | null, note: (line: string) => void): Promise<Row> {
  const { ours, theirs, peakBytes } = await timeLargeProjection(torch, threads, constraintSamples, 3);
  note(
    `Peak memory so far ${(peakBytes / 1e9).toFixed(2)} GB. PyTorch's time is scaled up from 2 of its backward passes.`,
  );
  const lethe = median(ours);
  const ratio = theirs === null ? null : lethe / theirs;
  const met = ratio === null || torch?.slow ? null : ratio <= 1 / 40;
  const task = `projection, ResNet-18, m = ${constraintSamples}`;
  return { task, lethe, pytorch: theirs, ratio, goal: '≤ 1/40', met };
}

async function timeSteps({ engine, batch, heads }: Workload, repeat: number): Promise<Timing> {
  const values = engine.initialValues();
  const times: number[] = [];
  let gradients: ParameterValues = new Map();
  for (let count = 0; count < repeat; count++) {
    const start = performance.now();
    ({ gradients } = await engine.lossGradient(values, batch, heads));
    times.push(performance.now() - start);
  }
  return { times, norm: norm(gradients) };
}

async function timeProjections({ engine, batch, heads }: Workload, repeat: number): Promise<Timing> {
  const rows = [...Array(constraintSamples).keys()];
  const constraint = { inputs: [take(batch.inputs[0]!, rows)], labels: [take(batch.labels[0]!, rows)] };
  const random = new Random(0);
  const times: number[] = [];
  const change: ParameterValues = new Map();
  for (let count = 0; count < repeat; count++) {
    const values = engine.initialValues();
    const start = performance.now();
    await engine.project(values, constraint, {
      strength,
      kind: 'largest-logit',
      heads,
      random: () => random.uniform(),
    });
    times.push(performance.now() - start);
    const before = engine.initialValues();
    for (const [name, array] of values) {
      change.set(
        name,
        array.map((value, index) => value - before.get(name)![index]!),
      );
    }
  }
  return { times, norm: norm(change) };
}

/** The median time of three runs of the demo's method, sessions already made. */
async function timeDemo(workload: Workload): Promise<number> {
  const { engine, heads, forgotten } = workload;
  const train = asDataset(workload);
  const gone = new Set(forgotten);
  const retained = [...Array(train.size).keys()].filter(index => !gone.has(index));
  const times: number[] = [];
  for (let count = 0; count < 3; count++) {
    let projections = 0;
    const start = performance.now();
    await methodNamed('minnorm-og').run({
      engine,
      values: engine.initialValues(),
      train,
      retained,
      forgotten,
      heads,
      settings: {
        name: 'minnorm-og',
        epochs: 20,
        epochOver: 'forget',
        batchSize: 256,
        projectionPeriod: 1,
        descentEpochs: 5,
        constraintSamples,
        constraintPool: 'batch',
      },
      random: new Random(count),
      signal: new AbortController().signal,
      progress: () => undefined,
      addCost: () => undefined,
      recordProjection: () => void projections++,
    });
    times.push(performance.now() - start);
    if (projections !== 15) throw new Error(`The demo's run made ${projections} projections instead of 15.`);
  }
  return median(times);
}

function describeSetting(torch: PyTorch | null): string {
  const machine = `${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${cpus().length} cores; Node ${process.version}; ${threads} threads.`;
  if (!torch) {
    return `${machine}\nPyTorch could not be imported (tried /usr/bin/python3 and python3), so there are no ratios. On Debian: apt install python3-torch.`;
  }
  const { version, python, blas, coreType } = torch.setting;
  const library = coreType
    ? `${blas}, OPENBLAS_CORETYPE=${coreType} (the CPU has AVX-512)`
    : (blas ?? 'unknown');
  const lines = [
    machine,
    `PyTorch ${version} in ${python}, ${torch.setting.threads} threads, BLAS: ${library}.`,
  ];
  if (torch.slow) {
    lines.push(
      'This is the reference BLAS, several times slower than OpenBLAS: the ratios below say nothing about the goals. On Debian: apt install libopenblas0-pthread.',
    );
  }
  return lines.join('\n');
}

function table(rows: readonly Row[]): string {
  const verdict = (met: boolean | null): string => (met === null ? 'not judged' : met ? 'met' : 'missed');
  const lines = [['', 'Lethe', 'PyTorch', 'ratio', 'goal', '']];
  for (const { task, lethe, pytorch, ratio, goal, met } of rows) {
    const share = ratio === null ? '–' : ratio < 0.1 ? `1/${(1 / ratio).toFixed(0)}` : `${ratio.toFixed(2)}×`;
    lines.push([
      task,
      duration(lethe),
      pytorch === null ? '–' : duration(pytorch),
      share,
      goal,
      verdict(met),
    ]);
  }
  return aligned(lines);
}

function tfjsTable(rows: readonly TfjsRow[]): string {
  return aligned([
    ['', 'Lethe', 'TensorFlow.js', 'faster by', 'goal', ''],
    ...rows.map(({ task, lethe, tensorflowjs, ratio, goal, met }) => [
      task,
      duration(lethe),
      duration(tensorflowjs),
      `${ratio.toFixed(0)}×`,
      goal,
      met ? 'met' : 'missed',
    ]),
  ]);
}

function aligned(lines: readonly string[][]): string {
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map(line => line[column]!.length)));
  const cell = (text: string, column: number): string =>
    column === 0 || column === 5 ? text.padEnd(widths[column]!) : text.padStart(widths[column]!);
  return lines.map(line => `${line.map(cell).join('   ').trimEnd()}\n`).join('');
}

function duration(milliseconds: number): string {
  return milliseconds >= 1000 ? `${(milliseconds / 1000).toFixed(2)} s` : `${milliseconds.toFixed(2)} ms`;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function norm(values: ParameterValues): number {
  let squares = 0;
  for (const array of values.values()) for (const value of array) squares += value * value;
  return Math.sqrt(squares);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
