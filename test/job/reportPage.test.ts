// The report as a page: escaped, without scripts, with its plots and what falls away.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LossHistory } from '../../src/job/lossHistory';
import { barPlot } from '../../src/job/plots/bars';
import { curvePlot } from '../../src/job/plots/curves';
import { matrixPlot } from '../../src/job/plots/matrix';
import { escape, scale, standalone, ticks } from '../../src/job/plots/svg';
import { reportPage, type Report } from '../../src/job/reportPage';
import { root, Workplace } from '../cli/harness';

describe('plots', () => {
  it('have round ticks within their domain', () => {
    assert.deepEqual(ticks([0, 1]), [0, 0.2, 0.4, 0.6, 0.8, 1]);
    assert.deepEqual(ticks([-8, 2]), [-8, -6, -4, -2, 0, 2]);
    assert.deepEqual(ticks([3, 3.0001], 2), [3, 3.00005, 3.0001]);
    assert.equal(scale([0, 10], [100, 200])(5), 150);
  });

  it('escape every name and draw nothing that is not finite', () => {
    const nasty = '<script>"&\'';
    const bars = barPlot([{ name: nasty, value: 0.5, deviation: 0.1, kind: 'proposal' }], {
      ...{ most: 1, title: nasty, say: String, summary: nasty },
    });
    const curve = curvePlot(
      [
        {
          name: nasty,
          kind: 'proposal',
          points: [
            [1, 0.1],
            [2, -1],
            [3, 10],
          ],
          dots: true,
        },
      ],
      { x: { title: 'x' }, y: { title: 'y', log: true }, summary: nasty },
    );
    const matrix = matrixPlot(
      {
        output: 'y',
        classes: 2,
        cells: [
          [0, 0, 3],
          [1, 0, 1],
        ],
      },
      {
        output: 'y',
        classes: 2,
        cells: [
          [0, 0, 3],
          [1, 1, 1],
        ],
      },
      [nasty, 'b'],
      nasty,
    );
    for (const svg of [bars, curve, matrix]) {
      assert.ok(!svg.includes('<script>') && svg.includes(escape(nasty).slice(0, 8)), svg);
      assert.ok(!/NaN|Infinity|undefined/.test(svg), svg);
    }
    // The change: label 1 moves from class 0 to class 1.
    assert.equal(matrix.match(/class="cell more"/g)?.length, 1);
    assert.equal(matrix.match(/class="cell less"/g)?.length, 1);
    assert.match(standalone(curve), /<style>[^<]*prefers-color-scheme/);
  });
});

describe('loss history', () => {
  it('stays short, and is that of the last run of a search', () => {
    const history = new LossHistory();
    const add = (step: number): void => history.add({ step, steps: 1, epoch: 1, epochs: 1, loss: step });
    for (let step = 1; step <= 50; step++) add(step);
    for (let step = 1; step <= 2000; step++) add(step);
    const { points } = history;
    assert.ok(points.length > 100 && points.length <= 400);
    assert.ok(points.every(({ step, loss }) => step === loss));
    assert.ok(points.at(-1)!.step > 1990);
    assert.ok(points.every((point, index) => index === 0 || point.step > points[index - 1]!.step));
  });
});

describe('report page', () => {
  const place = new Workplace('mnist-mislabelled', 'sine-poisoned');
  after(() => place.remove());

  const reportOf = async (sample: string, ...sets: string[]): Promise<{ report: Report; page: string }> => {
    const { code, stderr } = await place.lethe('run', join(sample, 'recipe.unlearn.json'), '--set', ...sets);
    assert.equal(code, 0, stderr);
    const read = (name: string): string => readFileSync(place.at(sample, 'unlearned.report', name), 'utf8');
    return { report: JSON.parse(read('report.json')) as Report, page: read('report.html') };
  };

  it('shows a classifier in plots with summaries, without scripts or outside sources', async () => {
    const { report, page } = await reportOf('mnist-mislabelled', 'method={"name":"shrink","epochs":1}');
    const headings = [...page.matchAll(/<h2>([^<]*)<\/h2>/g)].map(match => match[1]);
    for (const heading of [
      'Accuracy on the three sets',
      'Losses, sample by sample',
      'Confidence, sample by sample',
      'Confusion on held-out samples',
      'Decision regions kept',
      'Decision regions near forgotten samples',
      'Decision regions near retained samples',
      'The run, step by step',
      'How far the weights moved',
    ])
      assert.ok(headings.includes(heading), heading);
    assert.ok(!/<script|javascript:|<link|<img|src=/i.test(page));
    assert.deepEqual(page.match(/https?:[^"' )<]*/g)?.filter(url => !url.includes('www.w3.org')) ?? [], []);
    const plots = page.match(/<svg class="plot"[^>]*>/g) ?? [];
    assert.equal(plots.length, 9);
    for (const plot of plots) assert.match(plot, /role="img" tabindex="0" aria-label="[^"]{20,}"/);
    assert.equal(report.history.at(-1)?.step, 15);
    // A name from the recipe is text, whatever it holds.
    const hostile = reportPage({
      ...report,
      warnings: ['<b onload=x>'],
      recipe: { data: { classes: ['</script>'] } },
    });
    assert.ok(!hostile.includes('<b onload') && !hostile.includes('</script>'));
  });

  it('shows a regressor with what it has', async () => {
    const { page } = await reportOf('sine-poisoned', 'method={"name":"gd","epochs":4}', 'reference=null');
    assert.match(page, /Largest error on the three sets/);
    assert.match(page, /There are only 5 forgotten samples/);
    assert.match(page, /There is no retrained model \(reference\)/);
    assert.ok(!/Confusion on|Decision regions|NaN|undefined/.test(page));
    const basic = await reportOf('sine-poisoned', 'method={"name":"gd","epochs":4}', 'evaluation=basic');
    assert.equal(basic.report.result.evaluation, undefined);
    assert.ok(!basic.page.includes('Closeness and membership'));
  });

  it('offers the experiments by name', () => {
    const program = join(root, 'dist', 'bench', 'experiments', 'run.bench.js');
    const { status, stderr } = spawnSync(process.execPath, [program, 'nothing'], { encoding: 'utf8' });
    assert.equal(status, 1);
    assert.match(stderr, /no experiment nothing\. Choose one of data-poisoning, label-erasure/);
  });
});
