// `npm run package`: one VSIX for this platform, `lethe-<platform>-<version>.vsix` in the project's root.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureInstalled, nodeBinary, root } from './ensure.mjs';

/** The name of this platform as the Marketplace writes it; musl-based Linux is `alpine`. */
export function thisTarget() {
  const { platform, arch } = process;
  const musl = platform === 'linux' && !process.report?.getReport().header.glibcVersionRuntime;
  return `${musl ? 'alpine' : platform}-${arch}`;
}

/** The lines that let the native files of this platform through, beside those of .vscodeignore. */
function platformLines(target) {
  const binaries = `node_modules/onnxruntime-node/bin/napi-v6/${process.platform}/${process.arch}`;
  if (!existsSync(join(root, binaries))) {
    throw new Error(
      `onnxruntime-node has no binaries for ${target} (${binaries}), so no VSIX can be made for it.`,
    );
  }
  const images = join(root, 'node_modules', '@img');
  const sharp = existsSync(images) ? readdirSync(images).filter(name => name.startsWith('sharp-')) : [];
  if (sharp.length === 0) {
    throw new Error(`sharp has no binaries for ${target} in ${images}. Run npm ci without --omit=optional.`);
  }
  return [`!${binaries}/**`, ...sharp.map(name => `!node_modules/@img/${name}/**`)];
}

/** Builds without source maps and packs. Gives the path of the VSIX; says its size. */
export function makePackage() {
  const target = thisTarget();
  const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const file = join(root, `${name}-${target}-${version}.vsix`);
  const scratch = mkdtempSync(join(tmpdir(), 'lethe-package-'));
  try {
    const ignore = join(scratch, 'vscodeignore');
    const lines = [readFileSync(join(root, '.vscodeignore'), 'utf8').trimEnd(), ...platformLines(target), ''];
    writeFileSync(ignore, lines.join('\n'));
    // vsce builds by `vscode:prepublish`; links in the README are relative to a repository that it need not know.
    const vsce = join(root, 'node_modules/@vscode/vsce/vsce');
    const where = ['--target', target, '--out', file, '--ignoreFile', ignore];
    const links = ['--allow-missing-repository', '--no-rewrite-relative-links'];
    const options = { cwd: root, stdio: 'inherit' };
    const { status } = spawnSync(nodeBinary(), [vsce, 'package', ...where, ...links], options);
    if (status !== 0) throw new Error('The VSIX could not be made; the lines above say why.');
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  console.log(`${basename(file)}: ${(statSync(file).size / 1e6).toFixed(1)} MB`);
  return file;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  ensureInstalled();
  try {
    makePackage();
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
