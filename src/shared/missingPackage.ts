// A package that Lethe needs and that is not there, told apart from a defect of Lethe.
import { LetheError } from './errors';

/** A package that could not be loaded. */
export class MissingPackageError extends LetheError {
  override readonly name = 'MissingPackageError';
}

const codes = ['MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND', 'ERR_DLOPEN_FAILED'];

/** The sentence for something thrown because a package, or its program for this system, is missing; else null. */
export function missingPackage(error: unknown): MissingPackageError | null {
  if (!(error instanceof Error)) return null;
  const { code, requireStack } = error as NodeJS.ErrnoException & { requireStack?: readonly string[] };
  const first = error.message.split('\n')[0]!;
  // sharp has no code of its own for a missing program.
  const named = /^Could not load the "([^"]+)" module/.exec(first)?.[1];
  if (named === undefined && !codes.includes(code ?? '')) return null;
  const wanted = /Cannot find (?:module|package) '([^']+)'/.exec(first)?.[1];
  const name =
    named ??
    (wanted !== undefined && !/^[./]|^[A-Za-z]:/.test(wanted)
      ? packageOf(wanted)
      : packageBelow([wanted ?? first, ...(requireStack ?? [])]));
  return new MissingPackageError(
    `${name === null ? 'A package that Lethe needs' : `The package ${name}`} cannot be loaded (${first.replace(/\.$/, '')}). ` +
      'Run npm install in the folder of Lethe, or install the extension again for this system.',
  );
}

/** The package of a module's name: two parts where it has a scope. */
function packageOf(module: string): string {
  return module
    .split('/')
    .slice(0, module.startsWith('@') ? 2 : 1)
    .join('/');
}

/** The package that the first of these paths lies in. */
function packageBelow(paths: readonly string[]): string | null {
  for (const path of paths) {
    const inside = path.replaceAll('\\', '/').split('/node_modules/').slice(1).at(-1);
    if (inside !== undefined) return packageOf(inside);
  }
  return null;
}
