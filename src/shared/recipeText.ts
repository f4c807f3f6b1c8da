// Recipe text to JSON, and `--set path=value` on top of it.
import { messageOf, UsageError } from './errors';
import { RecipeError } from './recipeError';

/** Parses the text of a recipe. Throws a RecipeError that names the file and, where it is known, the line. */
export function parseRecipeText(text: string, file: string): unknown {
  try {
    return JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  } catch (error) {
    const message = messageOf(error);
    const position = /at position (\d+)/.exec(message)?.[1];
    if (position === undefined) {
      throw new RecipeError(`${file} is not JSON: ${message.replace(/\.$/, '')}. Complete or correct it.`);
    }
    const before = text.slice(0, Number(position)).split('\n');
    const place = `line ${before.length}, column ${before.at(-1)!.length + 1}`;
    const what = message.replace(/ in JSON at position.*$/s, '').replace(/ at position.*$/s, '');
    throw new RecipeError(`${file} is not JSON at ${place}: ${what}. Correct that line.`);
  }
}

/**
 * A copy of `json` with `path=value` assignments applied in order. Paths are dotted (`method.epochs`,
 * `heads.0.weight`); missing objects are made; values are parsed as JSON, else taken as a string.
 * Throws a UsageError for an assignment without `=`, an empty key, or a path through something that is no object.
 */
export function applyAssignments(json: unknown, assignments: readonly string[]): unknown {
  const result = structuredClone(json);
  for (const assignment of assignments) {
    const equals = assignment.indexOf('=');
    if (equals < 1) {
      throw new UsageError(
        `--set ${assignment}: write it as path=value, for example --set method.epochs=20.`,
      );
    }
    assign(result, assignment.slice(0, equals), parseValue(assignment.slice(equals + 1)));
  }
  return result;
}

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function assign(root: unknown, path: string, value: unknown): void {
  const keys = path.split('.');
  if (keys.some(key => key === '' || key === '__proto__' || key === 'constructor' || key === 'prototype')) {
    throw new UsageError(`--set ${path}=…: "${path}" is not a path of keys joined by dots.`);
  }
  let node = root;
  keys.forEach((key, index) => {
    if (typeof node !== 'object' || node === null) {
      const place = keys.slice(0, index).join('.') || 'the recipe';
      throw new UsageError(`--set ${path}=…: ${place} is not an object, so nothing in it can be set.`);
    }
    const holder = node as Record<string, unknown>;
    if (index === keys.length - 1) holder[key] = value;
    else holder[key] ??= {};
    node = holder[key];
  });
}
