// The language that picks samples of a dataset, from text to a tree: `label:3 wrong loss>2`.
//
//   any    = all ("or" all)*
//   all    = one (["and"] one)*
//   one    = ("-" | "not") one | "(" any ")" | word | name operator value ("," value)*
//   name   = plain text, or "quoted": a quoted name is always a column of the data
//   value  = plain text without spaces, parentheses and commas, or "quoted"
//
// What names and values mean depends on the data and is decided in filterMatch.ts.

/** A stretch of the filter's text, in UTF-16 units; `to` is exclusive. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** What is wrong with a filter, where, and what to write instead. */
export class FilterProblem extends Error {
  override readonly name = 'FilterProblem';
  constructor(
    message: string,
    readonly span: Span,
    /** Nothing is wrong: what the filter asks for is not there yet. */
    readonly waiting = false,
  ) {
    super(message);
  }
}

/** A name or a value as it was written. */
export interface FilterText extends Span {
  readonly text: string;
  readonly quoted: boolean;
}

export type FilterOperator = ':' | '=' | '!=' | '<' | '<=' | '>' | '>=';

/** A parsed filter. `all` and `any` have at least two parts. */
export type FilterNode =
  | { readonly kind: 'all' | 'any'; readonly parts: readonly FilterNode[] }
  | { readonly kind: 'not'; readonly part: FilterNode }
  | { readonly kind: 'word'; readonly word: FilterText }
  | {
      readonly kind: 'test';
      readonly name: FilterText;
      readonly operator: FilterOperator;
      readonly values: readonly FilterText[];
    };

const operators: readonly FilterOperator[] = ['!=', '<=', '>=', ':', '=', '<', '>'];
const deepest = 100;

/** The tree of a filter; null for a blank one, which every sample passes. Throws a FilterProblem. */
export function parseFilter(text: string): FilterNode | null {
  const reader = new FilterReader(text);
  return reader.atEnd() ? null : reader.whole();
}

/** A name or value as it must be written to be read back as exactly this text. */
export function writeFilterText(text: string, alwaysQuote = false): string {
  const plain = !alwaysQuote && /^[^\s()",:=<>!-][^\s()",]*$/.test(text);
  return plain ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
}

class FilterReader {
  private at = 0;
  private depth = 0;

  constructor(private readonly text: string) {
    this.skipSpace();
  }

  atEnd(): boolean {
    return this.at >= this.text.length;
  }

  whole(): FilterNode {
    const node = this.any();
    if (!this.atEnd()) {
      throw new FilterProblem(
        'This parenthesis closes nothing; remove it or open one before it.',
        this.here(),
      );
    }
    return node;
  }

  private any(): FilterNode {
    const parts = [this.all()];
    while (this.takeKeyword('or')) parts.push(this.all());
    return parts.length === 1 ? parts[0]! : { kind: 'any', parts };
  }

  private all(): FilterNode {
    const parts: FilterNode[] = [];
    for (;;) {
      const start = this.at;
      const joined = this.takeKeyword('and');
      if (joined && parts.length === 0) this.missing('before', 'and', start);
      if (this.atEnd() || this.text[this.at] === ')' || this.peekKeyword('or')) {
        if (joined) this.missing('after', 'and', start);
        if (parts.length === 0) this.nothing();
        return parts.length === 1 ? parts[0]! : { kind: 'all', parts };
      }
      parts.push(this.one());
    }
  }

  private one(): FilterNode {
    if (++this.depth > deepest) {
      throw new FilterProblem(`Parentheses and negations go at most ${deepest} deep.`, this.here());
    }
    const node = this.negation() ?? this.group() ?? this.condition();
    this.depth--;
    return node;
  }

  private negation(): FilterNode | null {
    const start = this.at;
    const written = this.takeKeyword('not') ? 'not' : this.take('-') ? '-' : null;
    if (written === null) return null;
    if (this.atEnd() || this.text[this.at] === ')' || this.peekKeyword('or') || this.peekKeyword('and')) {
      this.missing('after', written, start);
    }
    return { kind: 'not', part: this.one() };
  }

  private group(): FilterNode | null {
    const start = this.at;
    if (!this.take('(')) return null;
    if (this.text[this.at] === ')') {
      throw new FilterProblem('Write a condition between the parentheses.', { from: start, to: this.at + 1 });
    }
    if (this.atEnd()) this.unclosed(start);
    const node = this.any();
    if (!this.take(')')) this.unclosed(start);
    return node;
  }

  private condition(): FilterNode {
    const name = this.readName();
    const operator = operators.find(candidate => this.take(candidate));
    if (operator === undefined) {
      if (name.quoted) {
        throw new FilterProblem(
          `Write what the column ${name.text} must be, for example ${this.text.slice(name.from, name.to)}:value.`,
          name,
        );
      }
      return { kind: 'word', word: name };
    }
    const values = [this.readValue(name)];
    while (this.text[this.at] === ',') {
      this.at++;
      values.push(this.readValue(name));
    }
    this.skipSpace();
    return { kind: 'test', name, operator, values };
  }

  private readName(): FilterText {
    const name = this.readQuoted() ?? this.readPlain(/[^\s()",:=<>!]*/y);
    if (name === null) {
      throw new FilterProblem(
        `Write a name before ${this.text[this.at]}, for example label:3 or loss>2.`,
        this.here(),
      );
    }
    this.skipSpace();
    return name;
  }

  private readValue(name: FilterText): FilterText {
    const end = this.at;
    this.skipSpace();
    const value = this.readQuoted() ?? this.readPlain(/[^\s()",]*/y);
    if (value === null) {
      const written = this.text.slice(name.from, end).trim();
      throw new FilterProblem(`Write a value after ${written}.`, { from: name.from, to: end });
    }
    return value;
  }

  private readPlain(pattern: RegExp): FilterText | null {
    pattern.lastIndex = this.at;
    const text = pattern.exec(this.text)![0];
    if (text === '') return null;
    const from = this.at;
    this.at += text.length;
    return { text, quoted: false, from, to: this.at };
  }

  private readQuoted(): FilterText | null {
    if (this.text[this.at] !== '"') return null;
    const from = this.at;
    let text = '';
    for (let at = from + 1; at < this.text.length; at++) {
      const char = this.text[at]!;
      if (char === '"') {
        this.at = at + 1;
        return { text, quoted: true, from, to: this.at };
      }
      text += char === '\\' && at + 1 < this.text.length ? this.text[++at]! : char;
    }
    throw new FilterProblem('This quotation mark is never closed.', { from, to: this.text.length });
  }

  /** A keyword is a whole word that no operator follows: `or:3` asks for a column called or. */
  private peekKeyword(keyword: string): boolean {
    const word = this.text.slice(this.at, this.at + keyword.length);
    return word.toLowerCase() === keyword && /^(?:$|[\s()"])/.test(this.text.slice(this.at + keyword.length));
  }

  private takeKeyword(keyword: string): boolean {
    if (!this.peekKeyword(keyword)) return false;
    this.at += keyword.length;
    this.skipSpace();
    return true;
  }

  /** Takes a fixed text and the space behind it; behind an operator the space belongs to the value. */
  private take(expected: string): boolean {
    if (!this.text.startsWith(expected, this.at)) return false;
    this.at += expected.length;
    if (!(operators as readonly string[]).includes(expected)) this.skipSpace();
    return true;
  }

  private skipSpace(): void {
    while (this.at < this.text.length && /\s/.test(this.text[this.at]!)) this.at++;
  }

  private here(): Span {
    return { from: this.at, to: this.at + 1 };
  }

  private missing(side: 'before' | 'after', written: string, start: number): never {
    throw new FilterProblem(`Write a condition ${side} ${written}.`, {
      from: start,
      to: start + written.length,
    });
  }

  private unclosed(start: number): never {
    throw new FilterProblem('This parenthesis is never closed.', { from: start, to: start + 1 });
  }

  /** There is no condition where one must stand: at an `or`, at a closing parenthesis or at the end. */
  private nothing(): never {
    if (this.peekKeyword('or')) this.missing('before', 'or', this.at);
    const before = this.text.slice(0, this.at).trimEnd();
    if (/(?:^|[\s()"])or$/i.test(before)) this.missing('after', 'or', before.length - 2);
    throw new FilterProblem('This parenthesis closes nothing; remove it or open one before it.', this.here());
  }
}
