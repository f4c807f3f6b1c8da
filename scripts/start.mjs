// `npm start`: VS Code with this extension and the samples. The desktop `code` where there is one, else the VS Code
// server on 127.0.0.1, whose address is printed. `--server` takes the server in any case, `--port` fixes its port.
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureInstalled, nodeBinary, root, run } from './ensure.mjs';

const { values } = parseArgs({ options: { server: { type: 'boolean' }, port: { type: 'string' } } });
const samples = join(root, 'samples');

ensureInstalled();
run(nodeBinary(), ['scripts/build.mjs']);

const shell = process.platform === 'win32';
const desktop = !values.server && spawnSync('code', ['--version'], { shell, stdio: 'ignore' }).status === 0;
if (desktop) {
  // No --user-data-dir: the person's own settings and theme are what they want to see it in.
  const quote = path => (shell ? `"${path}"` : path);
  const child = spawn('code', ['--new-window', `--extensionDevelopmentPath=${quote(root)}`, quote(samples)], {
    shell,
    stdio: 'inherit',
  });
  child.on('exit', code => process.exit(code ?? 1));
} else {
  const { startServer, windowAddress } = await import('./vscodeServer.mjs');
  const port = Number(values.port ?? 0);
  const dataFolder = join(root, '.vscode-test', 'start-data');
  // The samples are the project's own, so nobody is asked to trust them.
  const server = await startServer({ dataFolder, extension: root, port, trustEverything: true }).catch(
    error => {
      console.error(error.message);
      process.exit(1);
    },
  );
  const address = windowAddress(server, { folder: samples });
  console.log(`
VS Code with Lethe and the samples:

  ${address}

Open mnist-mislabelled/model.onnx in it, then its dataset. Ctrl+C ends the server.
`);
  const stop = () => void server.stop();
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  await server.ended;
}
