// The subset of Python literals that .npy headers are written in: dicts, tuples, lists, strings, integers, booleans.

/** A parsed literal. Tuples and lists are arrays, dicts are maps with string keys. */
export type PythonValue = string | number | boolean | null | PythonValue[] | Map<string, PythonValue>;

const maximumDepth = 16;

/** Parses a literal; undefined when the text is not one. Surrounding white space is ignored. */
export function parsePythonLiteral(text: string): PythonValue | undefined {
  const tokens = text.match(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|-?\d+L?|[A-Za-z]+|[{}()[\],:]|\S/g) ?? [];
  let next = 0;

  function value(depth: number): PythonValue | undefined {
    const token = tokens[next++];
    if (token === undefined || depth > maximumDepth) return undefined;
    if (token === 'True') return true;
    if (token === 'False') return false;
    if (token === 'None') return null;
    if (/^-?\d/.test(token)) return Number(token.replace(/L$/, ''));
    if (/^['"]/.test(token) && token.length > 1) return token.slice(1, -1).replace(/\\(.)/g, '$1');
    if (token === '(') return sequence(')', depth);
    if (token === '[') return sequence(']', depth);
    if (token === '{') return dict(depth);
    return undefined;
  }

  function sequence(close: string, depth: number): PythonValue[] | undefined {
    const items: PythonValue[] = [];
    while (tokens[next] !== close) {
      const item = value(depth + 1);
      if (item === undefined) return undefined;
      items.push(item);
      if (tokens[next] === ',') next++;
      else if (tokens[next] !== close) return undefined;
    }
    next++;
    return items;
  }

  function dict(depth: number): Map<string, PythonValue> | undefined {
    const entries = new Map<string, PythonValue>();
    while (tokens[next] !== '}') {
      const key = value(depth + 1);
      if (typeof key !== 'string' || tokens[next++] !== ':') return undefined;
      const item = value(depth + 1);
      if (item === undefined) return undefined;
      entries.set(key, item);
      if (tokens[next] === ',') next++;
      else if (tokens[next] !== '}') return undefined;
    }
    next++;
    return entries;
  }

  const result = value(0);
  return next === tokens.length ? result : undefined;
}
