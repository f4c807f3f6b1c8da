// The tabs Graph and Runs of the model editor, in a browser without VS Code.
import * as assert from 'node:assert/strict';
import { eventually } from './eventually';
import { evaluation, ModelPage, answers, hostile, nodeOf, proposal, ready, runOf } from './modelPage';

describe('the graph and the runs in a browser', () => {
  const view = new ModelPage();
  before(() => view.start());
  after(() => view.stop());
  afterEach(() => view.close());

  it('draws the graph, and leads from a node to its neighbours and parameters', async () => {
    await view.open(ready, 'graph');
    const table = view.grid('Nodes of the graph');
    await view.details.getByRole('heading', { name: 'first' }).waitFor();
    await view.rows(table).filter({ hasText: 'Conv' }).getByText('N × 7').waitFor();
    await table.focus();
    await view.page.keyboard.press('ArrowDown');
    await view.details.getByRole('heading', { name: hostile }).waitFor();
    await view.details.getByRole('button', { name: 'sum' }).click();
    await view.details.getByRole('heading', { name: 'sum' }).waitFor();
    await eventually(async () => assert.ok((await table.locator('.lane.lit').count()) > 0));
    await view.page.keyboard.press('Enter');
    await eventually(async () =>
      assert.equal(await view.tab('Parameters').getAttribute('aria-selected'), 'true'),
    );
    await view.details.getByRole('heading', { name: 'head.weight' }).waitFor();
  });

  it('stays quick with ten thousand nodes, and finds one of them', async () => {
    const nodes = Array.from({ length: 10_000 }, (_, at) =>
      nodeOf('operator', 'Relu', `node ${at}`, at === 0 ? [] : [`v${at - 1}`], [`v${at}`]),
    );
    const graph = { nodes, values: [], partial: false };
    await view.open(ready, 'graph', { answers: { ...answers, graph } });
    const table = view.grid('Nodes of the graph');
    await view.rows(table).first().waitFor();
    await table.focus();
    await view.page.keyboard.press('End');
    await view.rows(table).filter({ hasText: 'node 9999' }).waitFor();
    await eventually(async () => assert.ok((await view.rows(table).count()) < 100));
    await view.page.getByRole('textbox', { name: 'Filter nodes' }).click();
    await view.page.keyboard.type('relu 1234');
    await view.page.getByText('1 of 10 000 nodes').waitFor();
  });

  it('shows what a run measured beyond its metrics, with what falls away', async () => {
    const more = { answers: { ...answers, evaluation: { evaluation, classes: ['cat', hostile] } } };
    await view.open({ ...ready, proposal, runs: [runOf('r1', 'auto', 0.05)] }, 'runs', more);
    const table = view.page.getByRole('row').filter({ hasText: 'membership attack accuracy' });
    await table.getByText('75.0 % ± 5.0 %').first().waitFor();
    await view.page.getByText('There is no held-out data').waitFor();
    const regions = view.page.getByRole('group', { name: 'Decision regions near forgotten samples' });
    await regions.locator('svg.plot').getByText('cat').first().waitFor();
    await regions.getByText('Numbers').click();
    const plane = regions.getByRole('row').filter({ hasText: '#7 toward #3 and #4' });
    await plane.getByText(hostile).waitFor();
    await plane.getByText('66.7 % of 9 points').waitFor();
    await view.tab('Predictions').click();
    await view.page.getByRole('group', { name: 'Losses of each set' }).waitFor();
    const matrix = view.page.getByRole('group', { name: 'forgotten: label against what the model says' });
    await matrix.getByText('Numbers').click();
    await matrix.getByRole('row').filter({ hasText: hostile }).getByText('18').waitFor();
    await view.page.getByRole('combobox', { name: 'Set of the confusion matrix' }).click();
    await view.page.getByRole('option', { name: 'retained' }).click();
    await view.page.getByRole('group', { name: 'retained: label against what the model says' }).waitFor();
  });

  it('sets runs beside one another, compares two and proposes one', async () => {
    const runs = [runOf('r1', 'auto', 0.05), runOf('r2', 'gd', 0.4), runOf('r3', 'gd', 0.3, 's2')];
    await view.open({ ...ready, proposal, runs }, 'runs');
    const table = view.grid('Runs of this model');
    await view.details.getByRole('heading', { name: 'auto' }).waitFor();
    await eventually(async () =>
      assert.deepEqual(
        (await view.rows(table).allInnerTexts()).map(text => text.split('\n')[0]),
        ['auto', 'gd', 'original', 'retrained'],
      ),
    );
    await view.rows(table).filter({ hasText: 'auto' }).locator('.codicon-circle-filled').waitFor();
    await view.page.getByRole('group', { name: 'Trade-off' }).waitFor();
    await table.focus();
    await view.page.keyboard.press('ArrowDown');
    await view.details.getByRole('heading', { name: 'gd' }).waitFor();
    await view.details.getByRole('combobox', { name: 'Compared with' }).click();
    await view.page.getByRole('option', { name: 'auto' }).click();
    await view.details
      .getByRole('row')
      .filter({ hasText: 'forgotten accuracy' })
      .getByText('+35.0')
      .waitFor();
    await view.details.getByText('Weights: 12.5').waitFor();
    await eventually(async () =>
      assert.deepEqual(
        (await view.asked()).findLast(([name]) => name === 'compareRuns'),
        ['compareRuns', { a: 'r1', b: 'r2' }],
      ),
    );
    await table.focus();
    await view.page.keyboard.press('Enter');
    await eventually(async () => assert.deepEqual((await view.asked()).at(-1), ['propose', { runId: 'r2' }]));
    await view.page.getByRole('combobox', { name: 'Forget set' }).click();
    await view.page.getByRole('option', { name: '7 samples of train.npz' }).click();
    await view.details.getByRole('heading', { name: 'gd' }).waitFor();
    await eventually(async () => assert.equal(await view.rows(table).count(), 3));
  });
});
