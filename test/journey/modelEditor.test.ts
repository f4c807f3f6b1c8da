// The tabs Overview, Parameters, Changes and Predictions of the model editor, and its frame, in a browser without VS Code.
// The journeys beside this file drive the same page inside VS Code.
import * as assert from 'node:assert/strict';
import { eventually } from './eventually';
import {
  ModelPage,
  answers,
  hostile,
  histogram,
  parameterOf,
  proposal,
  ready,
  summaryOf,
  overview,
} from './modelPage';

describe('the model editor in a browser', () => {
  const view = new ModelPage();
  before(() => view.start());
  after(() => view.stop());
  afterEach(() => view.close());

  it('offers a proposal with its reach, and passes its buttons on', async () => {
    await view.open({ ...ready, proposal });
    const bar = view.page.getByRole('region', { name: 'Proposal' });
    await bar.getByText('fits 2 of the labels to forget (18 before, a model retrained').waitFor();
    await bar.getByText('Held-out accuracy: 80.0 % before, 90.0 % after, retrained 90.0 %').waitFor();
    for (const name of ['Save As New File…', 'Apply', 'Discard', 'Open Report']) {
      await bar.getByRole('button', { name }).click();
    }
    await eventually(async () =>
      assert.deepEqual(
        (await view.asked()).filter(([name]) => name === 'command').map(([, body]) => body),
        ['saveAsNew', 'apply', 'discard', 'openReport'],
      ),
    );
    await view.tell('state', { ...ready, applied: { ...proposal, applied: true } });
    await bar.getByText('Applied', { exact: true }).waitFor();
    await eventually(async () => assert.equal(await bar.getByRole('button', { name: 'Discard' }).count(), 0));
    await view.tell('state', ready);
    await bar.waitFor({ state: 'hidden' });
  });

  it('fills statistics in as they come, and sorts by keyboard', async () => {
    await view.open(ready, 'parameters', {
      events: [
        ['state', ready],
        ['summary', summaryOf('head.weight', 7)],
      ],
      answers: { ...answers, summaries: undefined },
    });
    const table = view.grid('Parameters');
    await view.rows(table).filter({ hasText: 'head.weight' }).getByText('7.00').waitFor();
    await view.rows(table).filter({ hasText: 'conv.weight' }).getByText('…').first().waitFor();
    await view.tell('summary', summaryOf('conv.weight', 9));
    await view.rows(table).filter({ hasText: 'conv.weight' }).getByText('9.00').waitFor();
    await table.focus();
    const header = table.getByRole('columnheader', { name: '‖θ‖' });
    const column = Number(await header.getAttribute('data-column'));
    for (const key of ['Home', 'ArrowUp', ...Array<string>(column).fill('ArrowRight'), 'Enter']) {
      await view.page.keyboard.press(key);
    }
    await eventually(async () => assert.equal(await header.getAttribute('aria-sort'), 'descending'));
    await eventually(async () => assert.match(await view.rows(table).first().innerText(), /conv\.weight/));
    await view.page.keyboard.press('Enter');
    await eventually(async () => assert.equal(await header.getAttribute('aria-sort'), 'ascending'));
  });

  it('draws only the rows in sight of thousands', async () => {
    const parameters = Array.from({ length: 5000 }, (_, index) => parameterOf(`layer.${index}.weight`));
    await view.open({ ...ready, overview: { ...overview, parameters } }, 'parameters', {
      answers: { ...answers, summaries: [] },
    });
    const table = view.grid('Parameters');
    await view.rows(table).first().waitFor();
    await table.focus();
    await view.page.keyboard.press('End');
    await view.rows(table).filter({ hasText: 'layer.4999.weight' }).waitFor();
    await eventually(async () => assert.ok((await view.rows(table).count()) < 100));
    await eventually(async () => assert.equal(await table.getAttribute('aria-rowcount'), '5001'));
    const inside = (): Promise<boolean> =>
      view.page.evaluate<boolean>(`(() => {
      const row = document.querySelector('.vtable-row.active').getBoundingClientRect();
      const box = row && document.querySelector('.vtable').getBoundingClientRect();
      return row.top >= box.top && row.bottom <= box.bottom + 1;
    })()`);
    await eventually(async () => assert.ok(await inside(), 'the active row is in sight'));
    await view.page.getByRole('textbox', { name: 'Filter parameters by name' }).click();
    await view.page.keyboard.type('layer.77.');
    await view.page.getByText('1 tensor · 16 elements').waitFor();
  });

  it('shows the tensor that changed most first, and others by keyboard or on request', async () => {
    await view.open({ ...ready, proposal }, 'changes');
    const details = view.page.locator('.split-details').filter({ visible: true });
    await details.getByRole('heading', { name: 'head.weight' }).waitFor();
    await view.page.getByText('The weights moved by 25.0').waitFor();
    await view.grid('Changes of the parameters').focus();
    await view.page.keyboard.press('ArrowDown');
    await details.getByRole('heading', { name: hostile }).waitFor();
    await view.tell('reveal', { tab: 'changes', tensor: 'conv.weight' });
    await details.getByRole('heading', { name: 'conv.weight' }).waitFor();
    await details.getByRole('cell', { name: '−0.750' }).waitFor();
    const figure = details.getByRole('group', { name: 'Change of the weights' });
    await figure.getByText('Numbers').click();
    await eventually(async () =>
      assert.equal(await figure.getByRole('row').count(), 1 + histogram.counts.length),
    );
  });

  it('keeps a tab that was asked for before there was a model', async () => {
    await view.open({ kind: 'loading' }, 'overview', {
      events: [
        ['state', { kind: 'loading' }],
        ['reveal', { tab: 'changes', tensor: 'conv.weight' }],
        ['state', { ...ready, proposal }],
      ],
    });
    await view.page.locator('.split-details').getByRole('heading', { name: 'conv.weight' }).waitFor();
    await eventually(async () =>
      assert.equal(await view.tab('Changes').getAttribute('aria-selected'), 'true'),
    );
  });

  it('filters predictions, keeps them while the filter is wrong, and shows a sample in the dataset', async () => {
    await view.open({ ...ready, proposal }, 'predictions');
    const table = view.grid('Predictions before and after');
    await view.page.getByText('70 samples', { exact: true }).waitFor();
    await view.page.getByRole('checkbox', { name: 'Flipped only' }).click();
    await view.page.getByText('20 of 70 samples').waitFor();
    await view.page.getByRole('textbox', { name: 'Filter samples' }).click();
    await view.page.keyboard.type('loss>');
    await view.page.getByText('Write a value after loss>.').waitFor();
    await view.page.getByText('20 of 70 samples').waitFor();
    await view.page.keyboard.type('22.5');
    await view.page.getByText('2 of 70 samples').waitFor();
    await table.focus();
    await view.page.keyboard.press('ArrowDown');
    await view.page.keyboard.press('Enter');
    await eventually(async () =>
      assert.deepEqual((await view.asked()).at(-1), ['revealSample', { index: 19 }]),
    );
  });

  it('does not look for held-out samples in the training data', async () => {
    await view.open({ ...ready, proposal }, 'predictions');
    const table = view.grid('Predictions before and after');
    await view.rows(table).first().waitFor();
    await table.focus();
    await view.page.keyboard.press('End');
    await view.page.keyboard.press('Enter');
    await eventually(async () =>
      assert.equal((await view.asked()).filter(([name]) => name === 'revealSample').length, 0),
    );
  });

  it('says what is listed where that is not everything, and lists the rest when asked', async () => {
    const summaries = [{ ...answers.predictions.summaries[0]!, count: 200_000 }];
    const few = { rows: answers.predictions.rows.slice(0, 30), summaries };
    await view.open({ ...ready, proposal }, 'predictions', { answers: { ...answers, predictions: few } });
    await view.page.getByText('30 of 200 000 samples are listed').waitFor();
    await view.page.getByRole('button', { name: 'List All' }).click();
    await eventually(async () =>
      assert.deepEqual(
        (await view.asked()).filter(([name]) => name === 'predictions'),
        [
          ['predictions', { all: false }],
          ['predictions', { all: true }],
        ],
      ),
    );
  });

  it('moves between regions by F6 and between tabs by arrows', async () => {
    await view.open({ ...ready, proposal });
    await view.tab('Overview').waitFor();
    const focused = (): Promise<string> =>
      view.page.evaluate<string>(`document.activeElement.closest('[data-region]')?.ariaLabel ?? ''`);
    await view.page.keyboard.press('F6');
    await eventually(async () => assert.equal(await focused(), 'Proposal'));
    await view.page.keyboard.press('F6');
    await eventually(async () => assert.equal(await focused(), 'Model'));
    await view.page.keyboard.press('ArrowRight');
    await eventually(async () => assert.equal(await view.tab('Graph').getAttribute('aria-selected'), 'true'));
    await view.page.keyboard.press('ArrowRight');
    await eventually(async () =>
      assert.equal(await view.tab('Parameters').getAttribute('aria-selected'), 'true'),
    );
    await view.rows(view.grid('Parameters')).first().waitFor();
    await view.page.keyboard.press('Shift+F6');
    await eventually(async () => assert.equal(await focused(), 'Proposal'));
  });

  it('says where a run stands without moving the focus away from Cancel', async () => {
    const progress = { phase: 'unlearning', epoch: 1, epochs: 4, step: 10, steps: 40, loss: 0.5 };
    await view.open({ ...ready, running: { method: 'gd', progress } });
    const cancel = view.page.getByRole('button', { name: 'Cancel' });
    await cancel.focus();
    await view.tell('progress', { ...progress, epoch: 3, step: 30, secondsLeft: 6 });
    await view.page.getByText('Epoch 3 of 4 · loss 0.50 · about 6 s left').waitFor();
    await eventually(async () =>
      assert.equal(await view.page.getByRole('progressbar').getAttribute('aria-valuenow'), '75'),
    );
    await view.tell('state', { ...ready, running: { method: 'gd', progress } });
    await view.page.getByText('Epoch 1 of 4').waitFor();
    await view.page.keyboard.press('Enter');
    await eventually(async () => assert.deepEqual((await view.asked()).at(-1), ['command', 'cancel']));
    await view.tell('state', ready);
    await cancel.waitFor({ state: 'detached' });
  });

  it('has a next step or a remedy in every other state', async () => {
    const press = async (name: string, command: string): Promise<void> => {
      await view.page.getByRole('button', { name }).first().click();
      await eventually(async () => assert.equal((await view.asked()).at(-1)?.[1], command));
    };
    await view.open({
      kind: 'error',
      message: 'weights.bin is 4 096 bytes shorter than model.onnx says it is.',
    });
    await view.page.getByRole('alert').getByText('weights.bin is 4 096 bytes shorter').waitFor();
    await press('Try Again', 'reload');
    await press('Show Log', 'showLog');
    await view.tell('state', { ...ready, dataset: null });
    await press('Open Dataset…', 'openDataset');
    await view.tell('state', { ...ready, stale: true });
    await press('Reload', 'reload');
    await press('Unlearn Samples…', 'unlearn');
    await view.tell('state', { ...ready, restricted: true });
    await press('Manage Trust', 'trust');
    await eventually(async () =>
      assert.equal(await view.page.getByRole('button', { name: 'Unlearn Samples…' }).count(), 0),
    );
  });

  it('says why a comparison failed, and tries again', async () => {
    await view.open({ ...ready, proposal }, 'changes', {
      answers: { ...answers, changes: { failure: 'The viewer ended by itself.' } },
    });
    await view.page.getByRole('alert').getByText('The viewer ended by itself.').waitFor();
    await view.page.getByRole('button', { name: 'Try Again' }).click();
    await view.page.getByRole('alert').getByText('The viewer ended by itself.').waitFor();
    await eventually(async () =>
      assert.equal((await view.asked()).filter(([name]) => name === 'changes').length, 2),
    );
  });

  it('takes names from a hostile file as text', async () => {
    await view.open({ ...ready, proposal });
    await view.page.getByText(hostile).first().waitFor();
    for (const name of ['Graph', 'Parameters', 'Changes']) {
      await view.tab(name).click();
      await view.page.getByText(hostile).filter({ visible: true }).first().waitFor();
    }
    await eventually(async () => assert.equal(await view.page.locator('img').count(), 0));
    await eventually(async () => assert.equal(await view.page.evaluate('"broken" in window'), false));
  });
});
