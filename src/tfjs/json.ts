// Reading JSON that others wrote: every access is checked, and an error says where in the file it lies.
import { ModelError } from '../onnx/errors';

/** A value of a JSON file and the way to it. */
export class JsonPlace {
  constructor(
    readonly file: string,
    /** As a person would write it: "modelTopology.config.layers[3]". */
    readonly where: string,
    readonly value: unknown,
  ) {}

  /** Whether the value is an object that has a key which is not null. */
  has(key: string): boolean {
    return isObject(this.value) && Object.hasOwn(this.value, key) && (this.value[key] ?? null) !== null;
  }

  /** The value under a key; undefined inside where there is none. */
  at(key: string): JsonPlace {
    if (!isObject(this.value)) throw this.wrong('an object');
    const value = Object.hasOwn(this.value, key) ? this.value[key] : undefined;
    return new JsonPlace(this.file, this.where === '' ? key : `${this.where}.${key}`, value);
  }

  /** The keys of an object. */
  keys(): string[] {
    if (!isObject(this.value)) throw this.wrong('an object');
    return Object.keys(this.value);
  }

  get isObject(): boolean {
    return isObject(this.value);
  }

  get isArray(): boolean {
    return Array.isArray(this.value);
  }

  /** Whether nothing, or null, is there. */
  get isAbsent(): boolean {
    return this.value === undefined || this.value === null;
  }

  items(): JsonPlace[] {
    if (!Array.isArray(this.value)) throw this.wrong('a list');
    return this.value.map((value, index) => new JsonPlace(this.file, `${this.where}[${index}]`, value));
  }

  text(): string {
    if (typeof this.value !== 'string') throw this.wrong('a text');
    return this.value;
  }

  number(): number {
    if (typeof this.value !== 'number' || !Number.isFinite(this.value)) throw this.wrong('a number');
    return this.value;
  }

  /** A whole number from 0 to 2^53 − 1. */
  count(): number {
    const value = this.number();
    if (!Number.isSafeInteger(value) || value < 0) throw this.wrong('a whole number from 0 on');
    return value;
  }

  /** A whole number of either sign. */
  integer(): number {
    const value = this.number();
    if (!Number.isSafeInteger(value)) throw this.wrong('a whole number');
    return value;
  }

  flag(): boolean {
    if (typeof this.value !== 'boolean') throw this.wrong('true or false');
    return this.value;
  }

  /** The error for a value that is not what it should be. */
  wrong(expected: string): ModelError {
    const where = this.where === '' ? 'the whole file' : this.where;
    return new ModelError(
      this.file,
      `Its ${where} should be ${expected}, but it is ${describe(this.value)}.`,
      'Save or convert the model again.',
    );
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function describe(value: unknown): string {
  if (value === undefined) return 'missing';
  if (Array.isArray(value)) return 'a list';
  if (isObject(value)) return 'an object';
  const text = JSON.stringify(value);
  return text.length <= 40 ? text : `${text.slice(0, 40)}…`;
}
