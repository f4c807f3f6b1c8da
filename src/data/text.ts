// Small pieces of wording and ordering that the readers share.

/** A shape as people write it: "28 × 28"; "a single number" for rank 0. Names and unknowns stay visible. */
export function describeDims(dims: readonly (number | string | null)[]): string {
  if (dims.length === 0) return 'a single number';
  return dims.map(dim => dim ?? '?').join(' × ');
}

/** A list of names, cut off after ten. */
export function listNames(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  return names.length <= 10
    ? names.join(', ')
    : `${names.slice(0, 10).join(', ')} and ${names.length - 10} more`;
}

/** Orders strings by code point, as Python's `sorted` does (JavaScript's own order differs beyond U+FFFF). */
export function compareCodePoints(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  for (let index = 0; index < left.length && index < right.length; index++) {
    const difference = left[index]!.codePointAt(0)! - right[index]!.codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
