// Where the numbers of an attribute lie in a file: those of a Constant node may be a weight, which saving patches.
import type { Attribute, ByteRange, PayloadRange } from './model';
import type { WireReader, WireType } from './wire';

/** Notes the places of an attribute's floats while they are read. */
export class FloatPlaces {
  private one: PayloadRange | null = null;
  private readonly list: { file: string; offset: number; length: number; tagBytes: number }[] = [];

  constructor(private readonly reader: WireReader) {}

  /** A single number was read. */
  addOne(): void {
    this.one = { file: this.reader.file, offset: this.reader.position - 4, length: 4, tagBytes: 0 };
  }

  /** Numbers of a list were read: one run, or one behind a tag. */
  add(wire: WireType, count: number): void {
    if (count === 0) return;
    const tagBytes = wire === 2 ? 0 : 1;
    const length = 4 * count + tagBytes;
    const offset = this.reader.position - length;
    const last = this.list.at(-1);
    if (tagBytes === 1 && last?.tagBytes === 1 && last.offset + last.length === offset) last.length += length;
    else this.list.push({ file: this.reader.file, offset, length, tagBytes });
  }

  /** The attribute, with the place of its floats where they are the value of a Constant. `proto` is its own place. */
  withPlace(name: string, attribute: Attribute, proto: ByteRange): Attribute {
    if (name !== 'value_float' && name !== 'value_floats') return attribute;
    if (attribute.type !== 'float' && attribute.type !== 'floats') return attribute;
    const ranges = attribute.type === 'floats' ? this.list : this.one ? [this.one] : [];
    if (ranges.length === 0) return attribute;
    const dims = attribute.type === 'float' ? [] : [attribute.value.length];
    return {
      ...attribute,
      stored: { name: '', dtype: 'float32', dims, encoding: 'packed', ranges, proto },
    };
  }
}
