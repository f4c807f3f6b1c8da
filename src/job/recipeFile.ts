// A recipe with everything that depends on where it lies: its folder, its bytes, the overrides on top.
import { readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { LetheError, UsageError } from '../shared/errors';
import { parseRecipe, type Recipe } from '../shared/recipe';
import { applyAssignments, parseRecipeText } from '../shared/recipeText';
import { sha256OfText } from './hashing';

/** A recipe ready to be carried out. */
export interface LoadedRecipe {
  readonly recipe: Recipe;
  /** What was parsed: the file with the overrides applied. */
  readonly json: unknown;
  /** The folder that relative paths are relative to, absolute. */
  readonly base: string;
  /** The recipe file, absolute; null when the recipe never was a file. */
  readonly file: string | null;
  readonly assignments: readonly string[];
  /** Of the file's bytes; of the canonical JSON when there is no file. */
  readonly sha256: string;
}

/** Reads a recipe file and applies `path=value` overrides. Throws a UsageError or a RecipeError. */
export function loadRecipe(path: string, assignments: readonly string[] = []): LoadedRecipe {
  const file = resolve(path);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new UsageError(`There is no recipe at ${path}. Check the path.`);
    if (code === 'EISDIR') throw new UsageError(`${path} is a folder. Name the recipe file inside it.`);
    throw new LetheError(
      `The recipe ${path} cannot be read (${code ?? 'unknown cause'}). Check its permissions.`,
    );
  }
  const json = applyAssignments(parseRecipeText(text, basename(file)), assignments);
  return {
    recipe: parseRecipe(json, basename(file)),
    json,
    base: dirname(file),
    file,
    assignments,
    sha256: sha256OfText(text),
  };
}

/** A recipe that is no file. `name` stands for it in messages. Throws a RecipeError. */
export function recipeFromJson(json: unknown, base: string, name: string): LoadedRecipe {
  const recipe = parseRecipe(json, name);
  return { recipe, json, base, file: null, assignments: [], sha256: sha256OfText(canonicalJson(json)) };
}

/** JSON with sorted keys and no spaces: the same value always gives the same text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    const entries = Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return Object.fromEntries(entries);
  });
}
