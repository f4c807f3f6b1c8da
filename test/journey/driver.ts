// What a person has in front of them: one browser, windows of VS Code in it. The server and the browser come from the
// scripts that `npm start` uses.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';

interface Server {
  readonly origin: string;
  readonly authority: string;
  stop(): Promise<void>;
  output(): string;
}
interface ServerScript {
  startServer(options: { dataFolder: string; extension: string; trustEverything: boolean }): Promise<Server>;
  windowAddress(server: Server, options: { folder: string }): string;
  launchBrowser(): Promise<Browser>;
}
interface TestScript {
  makeWorkspace(folder: string, settings?: Record<string, unknown>): string;
}

/** The server, the browser, and where their files are. */
export interface Stage {
  readonly browser: Browser;
  /** Where the extension keeps what outlives a window. */
  readonly storage: string;
  /** A fresh copy of the samples with the given settings. */
  workspace(name: string, settings?: Record<string, unknown>): string;
  address(folder: string): string;
  serverOutput(): string;
  close(): Promise<void>;
}

/** Starts everything. `LETHE_TEST_EXTENSION` names the unpacked extension, `LETHE_TEST_SCRATCH` a folder for files. */
export async function openStage(options: { name: string; trustEverything: boolean }): Promise<Stage> {
  const script = (name: string): Promise<unknown> =>
    import(pathToFileURL(join(process.cwd(), 'scripts', name)).href) as Promise<unknown>;
  const servers = (await script('vscodeServer.mjs')) as ServerScript;
  const tests = (await script('vscodeTests.mjs')) as TestScript;
  const scratch = join(needed('LETHE_TEST_SCRATCH'), options.name);
  const extension = needed('LETHE_TEST_EXTENSION');
  mkdirSync(scratch, { recursive: true });
  const dataFolder = join(scratch, 'data');
  const { trustEverything } = options;
  const server = await servers.startServer({ dataFolder, extension, trustEverything });
  const browser = await servers.launchBrowser().catch(async (error: unknown) => {
    await server.stop();
    throw error;
  });
  return {
    browser,
    storage: join(dataFolder, 'data', 'User', 'globalStorage', 'lethe.lethe'),
    workspace: (name, settings = {}) => tests.makeWorkspace(join(scratch, name), settings),
    address: folder => servers.windowAddress(server, { folder }),
    serverOutput: () => server.output(),
    close: async () => {
      await browser.close();
      await server.stop();
    },
  };
}

function needed(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; the journey is started by npm test.`);
  return value;
}
