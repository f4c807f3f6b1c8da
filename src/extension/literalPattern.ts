/** A file name as a pattern that matches it and nothing else. */
export function literalPattern(name: string): string {
  return name.replace(/[[\]{}*?]/g, sign => `[${sign}]`);
}
