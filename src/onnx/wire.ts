// Walks the protobuf wire format on a file descriptor through a small window, so that skipped bytes are never read.
import { readSync } from 'node:fs';
import { ModelError } from './errors';
import type { ReadLimits } from './limits';

/** The wire type of a field: how its value is laid out. */
export type WireType = 0 | 1 | 2 | 5;

const windowBytes = 16384;
/** What a number in a growing list takes at most. */
const bytesPerNumber = 24;
const corrupted = 'The file is damaged; export or download it again.';

/** A position in a protobuf file. All methods that read move it forward, and none past the current message. */
export class WireReader {
  /** The next byte to read. */
  position = 0;
  /** Where the current message ends. */
  end: number;
  private depth = 0;
  private headerBytes = 0;
  private items = 0;
  private readonly window = Buffer.allocUnsafe(windowBytes);
  private windowStart = 0;
  private windowEnd = 0;
  // The last varint: its low 28 and its high 36 bits.
  private low = 0;
  private high = 0;

  constructor(
    readonly file: string,
    private readonly descriptor: number,
    size: number,
    readonly limits: ReadLimits,
  ) {
    this.end = size;
  }

  /** An error at the current position. */
  damaged(problem: string): ModelError {
    return new ModelError(this.file, problem, corrupted);
  }

  /** Counts something that will be kept in memory. */
  countItem(): void {
    if (++this.items > this.limits.items) {
      throw new ModelError(
        this.file,
        `The model has more than ${this.limits.items} nodes, values and attributes.`,
        'Lethe does not open models of that size.',
      );
    }
  }

  /** Reads the fields from here to the end of the current message. `body` consumes each field's value. */
  fields(body: (field: number, wire: WireType) => void): void {
    while (this.position < this.end) {
      const at = this.position;
      const tag = this.unsigned();
      const field = Math.floor(tag / 8);
      const wire = tag % 8;
      if (field === 0 || field > 0x1fffffff || !(wire === 0 || wire === 1 || wire === 2 || wire === 5)) {
        throw this.damaged(`Byte ${at} does not start a field of an ONNX file.`);
      }
      body(field, wire);
    }
  }

  /** Reads a message in a length-delimited field; gives where its content begins and how long it is. */
  message(wire: WireType, body: (field: number, wire: WireType) => void): { offset: number; length: number } {
    const length = this.length(wire);
    const offset = this.position;
    const outerEnd = this.end;
    if (++this.depth > this.limits.depth) {
      throw new ModelError(
        this.file,
        `Messages are nested more than ${this.limits.depth} deep.`,
        'Lethe does not open models with so many graphs inside graphs.',
      );
    }
    this.end = offset + length;
    this.fields(body);
    this.end = outerEnd;
    this.depth--;
    return { offset, length };
  }

  /** The length of a length-delimited field, checked against the message around it. */
  length(wire: WireType): number {
    this.expect(wire, 2);
    const length = this.unsigned();
    this.require(length);
    return length;
  }

  /** A signed integer; clamped to ±(2^53 − 1). */
  integer(wire: WireType): number {
    this.expect(wire, 0);
    this.scanVarint();
    const high = this.high >= 2 ** 35 ? this.high - 2 ** 36 : this.high;
    const value = high * 2 ** 28 + this.low;
    return Math.min(Math.max(value, -Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
  }

  /** A float32. */
  float(wire: WireType): number {
    this.expect(wire, 5);
    const at = this.fill(4);
    this.position += 4;
    return this.window.readFloatLE(at);
  }

  /** Appends the integers of a repeated field, packed or not. */
  integers(wire: WireType, target: number[]): void {
    this.repeated(wire, 0, () => target.push(this.integer(0)));
  }

  /** Appends the floats of a repeated field, packed or not. */
  floats(wire: WireType, target: number[]): void {
    this.repeated(wire, 5, () => target.push(this.float(5)));
  }

  /** A string. Bytes that are no UTF-8 become replacement characters. */
  string(wire: WireType): string {
    return this.bytes(wire).toString('utf8');
  }

  /** A copy of the bytes of a length-delimited field. */
  bytes(wire: WireType): Buffer {
    const length = this.length(wire);
    this.countItem();
    this.spend(length);
    const result = Buffer.allocUnsafe(length);
    if (length <= windowBytes) {
      const at = this.fill(length);
      this.window.copy(result, 0, at, at + length);
    } else {
      this.readAt(result, this.position, length);
    }
    this.position += length;
    return result;
  }

  /** Passes over a field's value without reading it. */
  skip(wire: WireType): void {
    if (wire === 0) this.scanVarint();
    else {
      const length = wire === 2 ? this.length(wire) : wire === 1 ? 8 : 4;
      this.require(length);
      this.position += length;
    }
  }

  /** Checks a field's wire type. */
  expect(actual: WireType, expected: WireType): void {
    if (actual !== expected) {
      throw this.damaged(`The field before byte ${this.position} is not of the type that ONNX gives it.`);
    }
  }

  private repeated(wire: WireType, element: WireType, read: () => void): void {
    if (wire !== 2) {
      this.expect(wire, element);
      this.spend(bytesPerNumber);
      read();
      return;
    }
    const stop = this.length(wire) + this.position;
    const outerEnd = this.end;
    this.end = stop;
    while (this.position < stop) {
      this.spend(bytesPerNumber);
      read();
    }
    this.end = outerEnd;
  }

  private spend(bytes: number): void {
    this.headerBytes += bytes;
    if (this.headerBytes > this.limits.headerBytes) {
      throw new ModelError(
        this.file,
        `Names and attributes take more than ${this.limits.headerBytes} bytes.`,
        'Lethe does not open models of that size.',
      );
    }
  }

  private unsigned(): number {
    this.scanVarint();
    return this.high * 2 ** 28 + this.low;
  }

  private scanVarint(): void {
    let low = 0;
    let high = 0;
    for (let index = 0; index < 10; index++) {
      const byte = this.window[this.fill(1)]!;
      this.position++;
      if (index < 4) low += (byte & 127) * 2 ** (7 * index);
      else high += (byte & 127) * 2 ** (7 * (index - 4));
      if (byte < 128) {
        this.low = low;
        // Bits beyond the 64th are cut off, as protobuf does.
        this.high = high % 2 ** 36;
        return;
      }
    }
    throw this.damaged(`The number before byte ${this.position} has more than ten bytes.`);
  }

  private require(count: number): void {
    const missing = this.position + count - this.end;
    if (missing > 0) {
      throw this.damaged(
        `The file is cut short or damaged: ${missing} more bytes are expected after byte ${this.end}.`,
      );
    }
  }

  /** Makes `count` bytes at the position available; gives their place in the window. */
  private fill(count: number): number {
    this.require(count);
    if (this.position < this.windowStart || this.position + count > this.windowEnd) {
      this.windowStart = this.position;
      this.windowEnd = this.position + readSync(this.descriptor, this.window, 0, windowBytes, this.position);
      if (this.windowEnd < this.position + count) throw this.shrunk();
    }
    return this.position - this.windowStart;
  }

  private readAt(target: Buffer, position: number, length: number): void {
    let done = 0;
    while (done < length) {
      const got = readSync(this.descriptor, target, done, length - done, position + done);
      if (got === 0) throw this.shrunk();
      done += got;
    }
  }

  private shrunk(): ModelError {
    return new ModelError(
      this.file,
      'The file became shorter while it was read.',
      'Try again when it is complete.',
    );
  }
}
