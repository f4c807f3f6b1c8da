// The order in which samples are listed.
import type { FilterFields } from './filterMatch';

/** What samples are sorted by: a field of every dataset, or a column of this one. */
export type SortField =
  | { readonly kind: 'field'; readonly name: 'index' | 'label' | 'pred' | 'loss' | 'confidence' }
  | { readonly kind: 'column'; readonly name: string };

/** A field and a direction. */
export interface SampleSort {
  readonly field: SortField;
  readonly descending: boolean;
}

/** The fields that these samples can be sorted by now. */
export function sortFields(fields: FilterFields): SortField[] {
  const known = (['index', 'label', 'pred', 'loss', 'confidence'] as const).filter(
    name => name === 'index' || fieldValues({ kind: 'field', name }, fields) !== null,
  );
  return [
    ...known.map(name => ({ kind: 'field', name }) as const),
    ...[...fields.columns.keys()].map(name => ({ kind: 'column', name }) as const),
  ];
}

/**
 * The indices sorted; ties and a field that is not there keep the order of the data, missing numbers stand last in both
 * directions. Texts sort by code unit.
 */
export function sortSamples(indices: Uint32Array, sort: SampleSort, fields: FilterFields): Uint32Array {
  const sorted = Uint32Array.from(indices).sort();
  if (sort.field.kind === 'field' && sort.field.name === 'index')
    return sort.descending ? sorted.reverse() : sorted;
  const values = fieldValues(sort.field, fields);
  if (values === null) return sorted;
  const sign = sort.descending ? -1 : 1;
  return sorted.sort((a, b) => {
    const [left, right] = [values[a]!, values[b]!];
    if (left < right) return -sign;
    if (left > right) return sign;
    return Number(isMissing(left)) - Number(isMissing(right)) || a - b;
  });
}

function isMissing(value: number | string): boolean {
  return value !== value;
}

function fieldValues(field: SortField, fields: FilterFields): ArrayLike<number> | ArrayLike<string> | null {
  if (field.kind === 'column') return fields.columns.get(field.name)?.values ?? null;
  const predictions = fields.predictions === 'coming' ? null : fields.predictions;
  switch (field.name) {
    case 'index':
      return null;
    case 'label':
      return fields.labels;
    case 'pred':
      return predictions?.predicted ?? null;
    case 'loss':
      return predictions?.loss ?? null;
    case 'confidence':
      return predictions?.confidence ?? null;
  }
}
