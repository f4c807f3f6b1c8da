import * as assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { commands, extensions } from 'vscode';

const id = 'lethe.lethe';

describe('the packed extension', () => {
  it('is found, sleeps until it is needed, and wakes quickly', async () => {
    const extension = extensions.getExtension(id);
    assert.ok(extension, `${id} is not installed in this window`);
    const before = performance.now();
    await extension.activate();
    assert.ok(extension.isActive);
    // The aim is 100 ms; a busy machine gets more before this fails.
    const took = performance.now() - before;
    assert.ok(took < 1000, `activation took ${took.toFixed(0)} ms`);
  });

  it('registers every command that it contributes', async () => {
    const manifest = extensions.getExtension(id)?.packageJSON as {
      contributes: { commands: { command: string }[] };
    };
    const registered = new Set(await commands.getCommands(true));
    const missing = manifest.contributes.commands
      .map(entry => entry.command)
      .filter(name => !registered.has(name));
    assert.deepEqual(missing, []);
  });

  it('holds what it needs on this platform and no more', () => {
    const path = extensions.getExtension(id)?.extensionPath;
    assert.ok(path);
    const platforms = readdirSync(join(path, 'node_modules', 'onnxruntime-node', 'bin', 'napi-v6'));
    assert.deepEqual(platforms, [process.platform]);
    for (const file of [
      'dist/solver.js',
      'dist/webview/model.js',
      'dist/webview/dataset.css',
      'media/recipe.schema.json',
    ]) {
      assert.ok(existsSync(join(path, file)), `${file} is missing`);
    }
    for (const file of ['src', 'test', 'dist/test', 'dist/extension.js.map']) {
      assert.ok(!existsSync(join(path, file)), `${file} does not belong into the package`);
    }
  });

  it('loads its native packages from its own folder, both ways', () => {
    const cwd = extensions.getExtension(id)?.extensionPath;
    assert.ok(cwd);
    const script = `for (const name of ['onnxruntime-node', 'sharp']) { require(name); import(name); }`;
    const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' };
    execFileSync(process.execPath, ['-e', script], { cwd, env, stdio: 'pipe' });
  });
});
