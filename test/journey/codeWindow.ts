// One window of VS Code, used as a person does: keys, clicks, and what can be read on the screen.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Dialog, Frame, Locator, Page } from 'playwright-core';
import { eventually } from './eventually';

/** Which webview of Lethe. */
export type ViewKind = 'model' | 'dataset';

const patience = 30_000;

/** A window on a folder. */
export class CodeWindow {
  private constructor(
    readonly page: Page,
    private readonly address: string,
  ) {}

  /** Opens a window and waits until the explorer lists the folder. */
  static async open(browser: Browser, address: string): Promise<CodeWindow> {
    const context = await browser.newContext({ viewport: { width: 1400, height: 900 } });
    const page = await context.newPage();
    page.setDefaultTimeout(patience);
    const window = new CodeWindow(page, address);
    await window.load();
    return window;
  }

  private async load(): Promise<void> {
    await this.page.goto(this.address);
    await this.loaded();
  }

  private async loaded(): Promise<void> {
    await this.page.locator('.monaco-workbench').waitFor();
    await this.page.locator('.part.statusbar').waitFor();
    // Remote extensions are known once the window is connected; before that, commands of ours are not there.
    await this.page
      .locator('.monaco-workbench .explorer-folders-view, .monaco-workbench .pane-body')
      .first()
      .waitFor();
  }

  /** What the browser's reload does. */
  async reload(): Promise<void> {
    await this.load();
  }

  /** Closes the window with its storage of settings. */
  async close(): Promise<void> {
    await this.page.context().close();
  }

  /** The row of the open quick input that holds the text. */
  row(text: string): Locator {
    return this.page.locator('.quick-input-list .monaco-list-row').filter({ hasText: text }).first();
  }

  get input(): Locator {
    return this.page.locator('.quick-input-widget .quick-input-box input');
  }

  /** Runs a command by its title from the palette. Fails where the palette does not offer it. */
  async command(title: string): Promise<void> {
    await this.palette(title);
    await this.row(title).click();
  }

  /** Whether the palette offers a command. Ask for one that is offered as well: then a no is no accident. */
  async offers(title: string): Promise<boolean> {
    await this.openPalette(title);
    const found = await appears(this.row(title), 3000);
    await this.page.keyboard.press('Escape');
    await this.input.waitFor({ state: 'hidden' });
    return found;
  }

  private async palette(title: string): Promise<void> {
    const deadline = Date.now() + patience;
    for (;;) {
      await this.openPalette(title);
      // Commands appear when their extension is known and their condition holds: look again until then.
      if (await appears(this.row(title), 2000)) return;
      await this.page.keyboard.press('Escape');
      if (Date.now() > deadline) throw new Error(`The command palette does not offer “${title}”.`);
    }
  }

  private async openPalette(title: string): Promise<void> {
    const deadline = Date.now() + patience;
    for (;;) {
      await this.page.keyboard.press('F1');
      // A webview that has just been drawn may take the focus, and with it the key or the palette.
      const filled = await this.input
        .fill(`>${title}`, { timeout: 4000 })
        .then(() => true)
        .catch(() => false);
      if (filled) return;
      if (Date.now() > deadline) throw new Error('F1 does not open the command palette.');
    }
  }

  /** Chooses an entry of the open quick pick. */
  async pick(text: string): Promise<void> {
    await this.row(text).click();
  }

  /** Runs a command and chooses an entry of the quick pick that it opens; again, where something took the focus and closed it. */
  async commandAndPick(title: string, text: string): Promise<void> {
    await eventually(async () => {
      await this.command(title);
      await this.row(text).click({ timeout: 6000 });
    }, 2 * patience);
  }

  /** Answers an open file dialog with a path. */
  async answerPath(path: string): Promise<void> {
    const accept = this.page.locator('.quick-input-widget .quick-input-action .monaco-button').first();
    await accept.waitFor();
    const deadline = Date.now() + patience;
    for (;;) {
      await this.input.fill(path);
      // The dialog lists folders while one types, and puts its own text back when it had not finished before.
      await this.page.waitForTimeout(800);
      if ((await this.input.inputValue()) === path) break;
      if (Date.now() > deadline) throw new Error(`The file dialog does not take ${path}.`);
    }
    await this.page.keyboard.press('Enter');
    await this.input.waitFor({ state: 'hidden' });
  }

  /** Opens a file of the folder by Ctrl+P. */
  async openFile(path: string): Promise<void> {
    const name = path.split('/').at(-1) ?? path;
    const deadline = Date.now() + patience;
    for (;;) {
      await this.page.keyboard.press('Control+P');
      await this.input.waitFor();
      await this.input.fill(path);
      // A window that has just opened does not search yet: ask again.
      if (await appears(this.row(name), 3000)) break;
      await this.page.keyboard.press('Escape');
      if (Date.now() > deadline) throw new Error(`Ctrl+P does not find ${path}.`);
    }
    await this.row(name).click();
    await this.tab(name).waitFor();
  }

  /** The tab of an editor. */
  tab(name: string): Locator {
    return this.page.locator('.tabs-container .tab').filter({ hasText: name }).first();
  }

  async isDirty(name: string): Promise<boolean> {
    return this.tab(name).evaluate(tab => tab.classList.contains('dirty'));
  }

  /** Waits until an editor is dirty, or is not. */
  async waitDirty(name: string, dirty: boolean): Promise<void> {
    const wanted = dirty ? '.tab.dirty' : '.tab:not(.dirty)';
    await this.page.locator(`.tabs-container ${wanted}`).filter({ hasText: name }).first().waitFor();
  }

  /** The inside of one of Lethe's webviews that is on the screen. */
  async view(kind: ViewKind): Promise<Frame> {
    const deadline = Date.now() + patience;
    for (;;) {
      for (const frame of this.page.frames()) {
        if (!frame.url().includes('/fake.html')) continue;
        const found = await isShown(frame, `script[src*="webview/${kind}.js"]`).catch(() => false);
        if (found) return frame;
      }
      if (Date.now() > deadline) throw new Error(`The ${kind} view did not appear.`);
      await this.page.waitForTimeout(100);
    }
  }

  /** The newest notification that holds the text. */
  notification(text: string | RegExp): Locator {
    return this.page.locator('.notification-toast').filter({ hasText: text }).first();
  }

  /** A button in the dialog in the middle of the window. */
  dialogButton(text: string): Locator {
    return this.page.locator('.monaco-dialog-box .monaco-button').filter({ hasText: text }).first();
  }

  /** Chooses an entry of the open context menu. */
  async menu(text: string): Promise<void> {
    const entry = this.page.locator('.monaco-menu .action-menu-item').filter({ hasText: text }).first();
    await entry.waitFor();
    // A menu ignores the button's release until a moment after it opened, so that a long press does not choose.
    await this.page.waitForTimeout(400);
    await entry.click();
  }

  /** A file in the explorer's tree. */
  file(name: string): Locator {
    return this.page.locator('.explorer-folders-view .monaco-list-row').filter({ hasText: name }).first();
  }

  /** Chooses an entry of a file's context menu in the explorer. */
  async fileMenu(name: string, entry: string): Promise<void> {
    const deadline = Date.now() + patience;
    for (;;) {
      // What the menu offers follows the state of things a moment later: look again until then.
      if (await this.fileMenuOffers(name, entry)) return this.menu(entry);
      await this.page.keyboard.press('Escape');
      if (Date.now() > deadline) throw new Error(`The menu of ${name} does not offer “${entry}”.`);
    }
  }

  /** Opens a file's context menu, and looks whether it holds an entry; the menu stays open. */
  async fileMenuOffers(name: string, entry: string): Promise<boolean> {
    await this.file(name).click({ button: 'right' });
    const items = this.page.locator('.monaco-menu .action-menu-item');
    await items.first().waitFor();
    return appears(items.filter({ hasText: entry }).first(), 1500);
  }

  /**
   * Reloads the window by its own command, which first keeps what is open. While it has not kept unsaved changes safe yet
   * it asks whether to leave; the answer is no, and the command is given again.
   */
  async reloadWithChanges(): Promise<void> {
    const stay = (dialog: Dialog): void => void dialog.dismiss();
    this.page.on('dialog', stay);
    try {
      await this.page.evaluate('window.beforeReload = true');
      await eventually(async () => {
        await this.command('Developer: Reload Window');
        await this.page.waitForFunction('!window.beforeReload', undefined, { timeout: 5000 });
      }, 2 * patience);
    } finally {
      this.page.off('dialog', stay);
    }
    await this.loaded();
  }

  /** The entry of the status bar that holds the text. */
  status(text: string | RegExp): Locator {
    return this.page.locator('.part.statusbar .statusbar-item').filter({ hasText: text }).first();
  }

  /** Puts the keyboard into the editor's page. */
  async focusEditor(): Promise<void> {
    await this.page.keyboard.press('Control+1');
  }

  /** Chooses a colour theme as a person does. */
  async theme(name: string): Promise<void> {
    await this.command('Preferences: Color Theme');
    await this.input.waitFor();
    await this.input.fill(name);
    await this.row(name).click();
    await this.page.waitForTimeout(600);
  }

  /** A picture of the window for people to look at. */
  async picture(name: string): Promise<void> {
    const folder = join(process.cwd(), 'test', 'artifacts');
    mkdirSync(folder, { recursive: true });
    await this.page.screenshot({ path: join(folder, `${name}.png`) });
  }
}

/** Whether a webview holds the element and is not hidden behind another editor. */
async function isShown(frame: Frame, selector: string): Promise<boolean> {
  if ((await frame.locator(selector).count()) === 0) return false;
  const outer = await frame.parentFrame()?.frameElement();
  return (await outer?.isVisible()) ?? false;
}

/** Whether something comes onto the screen within the time, in milliseconds. */
export async function appears(locator: Locator, time: number): Promise<boolean> {
  return locator
    .waitFor({ timeout: time })
    .then(() => true)
    .catch(() => false);
}
