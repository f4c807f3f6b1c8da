// Restricted Mode: models and data are shown, nothing is run on them, and the view says why.
import * as assert from 'node:assert/strict';
import { CodeWindow } from './codeWindow';
import type { Stage } from './driver';
import { openStage } from './driver';
import { openDataset, openModel } from './lethe';

describe('a workspace that is not trusted', () => {
  let stage: Stage;
  let window: CodeWindow;

  before(async () => {
    stage = await openStage({ name: 'restricted', trustEverything: false });
    const workspace = stage.workspace('restricted-workspace');
    window = await CodeWindow.open(stage.browser, stage.address(workspace));
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await window?.picture(`failed ${this.currentTest.title}`);
  });
  after(() => stage?.close());

  it('shows the model and its data, and offers no run', async () => {
    const model = await openModel(window);
    await model.getByText('This workspace is not trusted').waitFor();
    await openDataset(window);
    await window.picture('restricted mode');
    for (const title of ['Lethe: Unlearn Samples…', 'Lethe: Run Recipe']) {
      assert.equal(await window.offers(title), false, `${title} is offered in Restricted Mode`);
    }
    assert.equal(await window.offers('Lethe: Show Log'), true);
  });
});
