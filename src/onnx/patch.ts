// Replacing runs of bytes of a protobuf file, with the lengths of all messages around them kept right.
import { defaultLimits } from './limits';
import { withFile } from './files';
import { WireReader } from './wire';

/** A run of bytes of a file and what comes in its place. A run of length 0 is an insertion. */
export interface Patch {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
  readonly newLength: number;
  /** The new bytes, `newLength` in all. */
  content(): Iterable<Uint8Array>;
}

/** A patch that puts bytes in the place of a run. */
export function bytesPatch(file: string, offset: number, length: number, bytes: Uint8Array): Patch {
  return { file, offset, length, newLength: bytes.length, content: () => [bytes] };
}

/** A number as protobuf writes lengths and tags. */
export function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/**
 * All patches that a protobuf file needs for `patches` to be made: these, and new lengths of the messages and packed
 * fields around those that change their size. Sorted by offset.
 */
export function withLengths(file: string, patches: readonly Patch[]): Patch[] {
  const resized = patches
    .filter(patch => patch.newLength !== patch.length)
    .sort((a, b) => a.offset - b.offset);
  const lengths: Patch[] = [];
  if (resized.length > 0) {
    withFile(file, (descriptor, stats) => {
      const limits = { ...defaultLimits, headerBytes: Infinity, items: Infinity };
      fixLengths(new WireReader(file, descriptor, stats.size, limits), resized, lengths);
    });
  }
  return [...patches, ...lengths].sort((a, b) => a.offset - b.offset);
}

/**
 * Fixes the lengths of the fields from the reader's position to its end; gives by how many bytes all of it grows.
 * `patches` lie in it, sorted by offset; those that no field encloses are the message's own.
 */
function fixLengths(reader: WireReader, patches: readonly Patch[], lengths: Patch[]): number {
  let growth = 0;
  let next = 0;
  const own = (before: number): void => {
    for (let patch = patches[next]; patch && patch.offset < before; patch = patches[++next]) {
      growth += patch.newLength - patch.length;
    }
  };
  reader.fields((_, wire) => {
    if (wire !== 2) {
      reader.skip(wire);
      return;
    }
    const lengthAt = reader.position;
    const length = reader.length(wire);
    const start = reader.position;
    const stop = start + length;
    own(start);
    const first = next;
    while (next < patches.length && patches[next]!.offset + patches[next]!.length <= stop) next++;
    const inside = patches.slice(first, next);
    if (inside.length > 0) {
      const inner = growthInside(reader, start, stop, inside, lengths);
      if (inner !== 0) {
        const bytes = varint(length + inner);
        lengths.push(bytesPatch(reader.file, lengthAt, start - lengthAt, bytes));
        growth += inner + bytes.length - (start - lengthAt);
      }
    }
    reader.position = stop;
  });
  own(Infinity);
  return growth;
}

function growthInside(
  reader: WireReader,
  start: number,
  stop: number,
  inside: readonly Patch[],
  lengths: Patch[],
): number {
  const whole = inside[0]!;
  if (whole.offset === start && whole.offset + whole.length === stop) return whole.newLength - whole.length;
  const outerEnd = reader.end;
  reader.end = stop;
  const growth = fixLengths(reader, inside, lengths);
  reader.end = outerEnd;
  return growth;
}
