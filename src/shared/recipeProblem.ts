// One sentence for what a recipe gets wrong, from the issues its schema found.
import type { z } from 'zod';
import { nearestName } from './nearest';

type Issue = z.core.$ZodIssue;
type JsonSchema = { readonly [key: string]: unknown };

/** A sentence on the first problem: which key, what it must be, what it is. */
export function firstProblem(issues: readonly Issue[], json: unknown, schema: JsonSchema): string {
  const issue = deepest(issues[0]!, []);
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') return unknownKey(issue.keys[0]!, path, schema);
  const value = valueAt(json, path);
  const place = path.length === 0 ? 'the recipe' : formatPath(path);
  if (value === undefined) return `${place} is missing; it ${issue.message}.`;
  return `${place} ${issue.message}; it is ${shorten(value)}.`;
}

/** A key path as people write it: `heads[0].weight`. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : (index > 0 ? '.' : '') + String(key)))
    .join('');
}

/** Follows a union into the branch that was meant: the one whose problems all lie inside the value. */
function deepest(issue: Issue, base: readonly PropertyKey[]): Issue {
  const path = [...base, ...issue.path];
  if (issue.code !== 'invalid_union') return { ...issue, path };
  for (const branch of issue.errors) {
    const meant = branch.length === 1 && branch[0]!.code === 'unrecognized_keys' ? branch[0] : undefined;
    if (meant) return deepest(meant, path);
  }
  for (const branch of issue.errors) {
    const inner = branch[0];
    if (inner && branch.every(problem => problem.path.length > 0)) return deepest(inner, path);
  }
  return { ...issue, path };
}

function unknownKey(key: string, path: readonly PropertyKey[], schema: JsonSchema): string {
  const known = keysAt(schema, path);
  const place = formatPath([...path, key]);
  const nearest = nearestName(key, known);
  if (nearest === key)
    return `${place} cannot stand beside the other keys there; keep one of ${known.join(', ')}.`;
  if (nearest) return `${place} is not a key of a recipe; did you mean ${formatPath([...path, nearest])}?`;
  return `${place} is not a key of a recipe; known here: ${known.join(', ')}.`;
}

/** The keys that the JSON Schema knows at a path; those of every branch where there are several. */
function keysAt(schema: JsonSchema, path: readonly PropertyKey[]): string[] {
  let nodes = branches(schema);
  for (const key of path) {
    nodes = nodes.flatMap(node => {
      const child =
        typeof key === 'number'
          ? node['items']
          : (node['properties'] as JsonSchema | undefined)?.[String(key)];
      return child && typeof child === 'object' ? branches(child as JsonSchema) : [];
    });
  }
  const keys = nodes.flatMap(node => Object.keys((node['properties'] as JsonSchema | undefined) ?? {}));
  return [...new Set(keys)].filter(key => !key.startsWith('$'));
}

function branches(schema: JsonSchema): JsonSchema[] {
  const choices = (schema['anyOf'] ?? schema['oneOf'] ?? schema['allOf']) as JsonSchema[] | undefined;
  return choices ? choices.flatMap(branches) : [schema];
}

function valueAt(json: unknown, path: readonly PropertyKey[]): unknown {
  let value = json;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

function shorten(value: unknown): string {
  const written = JSON.stringify(value);
  return written.length > 60 ? `${written.slice(0, 57)}…` : written;
}
