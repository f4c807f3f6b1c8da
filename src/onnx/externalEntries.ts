// Rewrites where a tensor's external data lies, in the bytes of its TensorProto.
import { defaultLimits } from './limits';
import { withFile } from './files';
import type { ByteRange } from './model';
import { bytesPatch, varint, type Patch } from './patch';
import { WireReader } from './wire';

/** The number of the field external_data of TensorProto, as a tag of a length-delimited field. */
const entryTag = 13 * 8 + 2;

/**
 * Patches that set entries of `external_data` of the TensorProto at `proto`, leaving equal ones alone and adding those
 * that are missing, and that remove entries whose new value is null.
 */
export function entryPatches(proto: ByteRange, wanted: ReadonlyMap<string, string | null>): Patch[] {
  const { file } = proto;
  const patches: Patch[] = [];
  const missing = new Map(wanted);
  withFile(file, (descriptor, stats) => {
    const reader = new WireReader(file, descriptor, stats.size, defaultLimits);
    reader.position = proto.offset;
    reader.end = proto.offset + proto.length;
    let fieldStart = reader.position;
    reader.fields((field, wire) => {
      if (field !== 13) reader.skip(wire);
      else {
        let key = '';
        let value = '';
        let place = { offset: 0, length: 0 };
        const entry = reader.message(wire, (part, type) => {
          if (part === 1) key = reader.string(type);
          else if (part === 2) {
            const bytes = reader.bytes(type);
            value = bytes.toString('utf8');
            place = { offset: reader.position - bytes.length, length: bytes.length };
          } else reader.skip(type);
        });
        const next = wanted.get(key);
        if (next === null)
          patches.push(
            bytesPatch(file, fieldStart, entry.offset + entry.length - fieldStart, new Uint8Array()),
          );
        else if (next !== undefined && next !== value) {
          patches.push(bytesPatch(file, place.offset, place.length, Buffer.from(next)));
        }
        missing.delete(key);
      }
      fieldStart = reader.position;
    });
  });
  for (const [key, value] of missing) {
    if (value !== null) patches.unshift(bytesPatch(file, proto.offset, 0, entryBytes(key, value)));
  }
  return patches;
}

function entryBytes(key: string, value: string): Uint8Array {
  const part = (tag: number, text: string): Uint8Array => {
    const bytes = Buffer.from(text);
    return Buffer.concat([varint(tag), varint(bytes.length), bytes]);
  };
  const content = Buffer.concat([part(10, key), part(18, value)]);
  return Buffer.concat([varint(entryTag), varint(content.length), content]);
}
