import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { FilterNode } from '../../src/shared/filter';
import { FilterProblem, parseFilter, writeFilterText } from '../../src/shared/filter';
import type { FilterFields } from '../../src/shared/filterMatch';
import { bindFilter, matchingIndices } from '../../src/shared/filterMatch';

const classes = ['cat', 'dog', 'guinea pig', 'Cat-like'];

/** Eight samples; the model says what is in `predicted`, one loss is missing. */
const fields: FilterFields = {
  size: 8,
  classes,
  labelKind: 'classes',
  labels: [0, 1, 2, 3, 0, 1, 2, 3],
  predictions: {
    predicted: [0, 1, 2, 3, 1, 0, 2, 2],
    loss: [0.1, 0.2, 0.3, 0.4, 2.5, 3.5, NaN, 2],
    confidence: [0.99, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3],
  },
  forget: new Set([1, 4]),
  columns: new Map([
    ['age', { kind: 'number', values: [1, 2, 3, 4, 5, -6, 7.5, 1e3] }],
    ['source', { kind: 'text', values: ['Web A', 'web b', 'lab', 'lab', 'a:b', '(x)', 'say "hi"', ''] }],
    ['loss', { kind: 'number', values: [9, 9, 9, 9, 9, 9, 9, 1] }],
    ['or', { kind: 'number', values: [1, 0, 0, 0, 0, 0, 0, 0] }],
  ]),
};

function passing(text: string, among: FilterFields = fields): number[] {
  return [...matchingIndices(bindFilter(parseFilter(text), among), among.size)];
}

/** The problem that a filter has, and the text that it underlines. */
function problem(text: string, among: FilterFields = fields): [string, string] {
  try {
    passing(text, among);
  } catch (error) {
    assert.ok(error instanceof FilterProblem, String(error));
    const { from, to } = error.span;
    assert.ok(from >= 0 && from < to && from <= text.length, `${text}: ${from} to ${to}`);
    return [error.message, text.slice(from, to)];
  }
  return assert.fail(`${text} is a filter`);
}

describe('the filter language', () => {
  const cases: readonly [string, readonly number[]][] = [
    ['', [0, 1, 2, 3, 4, 5, 6, 7]],
    ['   ', [0, 1, 2, 3, 4, 5, 6, 7]],
    ['label:dog', [1, 5]],
    ['label:1', [1, 5]],
    ['LABEL:DOG', [1, 5]],
    ['label:"guinea pig"', [2, 6]],
    ['label:cat', [0, 4]],
    ['label:CAT-LIKE', [3, 7]],
    ['label:dog,cat', [0, 1, 4, 5]],
    ['label!=dog,cat', [2, 3, 6, 7]],
    ['pred:dog', [1, 4]],
    ['prediction=2', [2, 6, 7]],
    ['wrong', [4, 5, 7]],
    ['right', [0, 1, 2, 3, 6]],
    ['true', [0, 1, 2, 3, 6]],
    ['wrong loss>2', [4, 5]],
    ['wrong and loss >= 2', [4, 5, 7]],
    ['loss<=.2', [0, 1]],
    ['loss<2.5e-1', [0, 1]],
    ['loss:2..3', [4, 7]],
    ['loss:..0.2', [0, 1]],
    ['loss:2..', [4, 5, 7]],
    ['-loss>2', [0, 1, 2, 3, 6, 7]],
    ['not loss>2', [0, 1, 2, 3, 6, 7]],
    ['not not wrong', [4, 5, 7]],
    ['--wrong', [4, 5, 7]],
    ['confidence<0.5', [6, 7]],
    ['index:3..4', [3, 4]],
    ['index:1,3,5', [1, 3, 5]],
    ['index!=0', [1, 2, 3, 4, 5, 6, 7]],
    ['forget', [1, 4]],
    ['-forget wrong', [5, 7]],
    ['label:cat or label:dog wrong', [0, 4, 5]],
    ['(label:cat or label:dog) wrong', [4, 5]],
    ['(label:cat OR label:dog) AND wrong', [4, 5]],
    ['-(label:cat or label:dog)', [2, 3, 6, 7]],
    ['wrong(label:cat)', [4]],
    ['age>-6', [0, 1, 2, 3, 4, 6, 7]],
    ['age:-6', [5]],
    ['Age:7.5', [6]],
    ['source:web', [0, 1]],
    ['source:"web b"', [1]],
    ['source=lab', [2, 3]],
    ['source=LAB', []],
    ['source!=lab', [0, 1, 4, 5, 6, 7]],
    ['source:a:b', [4]],
    ['source:"(x)"', [5]],
    ['source:"\\"hi\\""', [6]],
    ['source=""', [7]],
    ['"loss"<2', [7]],
    ['or:1', [0]],
    ['loss> 2', [4, 5]],
    ['label: dog', [1, 5]],
  ];
  for (const [text, expected] of cases) {
    it(`${text === '' ? 'nothing' : text} picks ${expected.length} of 8`, () => {
      assert.deepEqual(passing(text), expected);
    });
  }

  const problems: readonly [string, string, string][] = [
    ['wrog', 'There is no condition wrog; did you mean wrong?', 'wrog'],
    ['label:3 wrog', 'There is no condition wrog; did you mean wrong?', 'wrog'],
    [
      'zzzzzzzzzzzz',
      'There is no condition zzzzzzzzzzzz; known are wrong, right, forget, label, pred, loss, confidence, index, age, source, loss, or.',
      'zzzzzzzzzzzz',
    ],
    ['dog', 'dog is a class: write label:dog or pred:dog.', 'dog'],
    ['loss', 'Write what loss must be, for example loss:1..2.', 'loss'],
    ['"age"', 'Write what the column age must be, for example "age":value.', '"age"'],
    ['label:dgo', 'No class is called dgo; did you mean dog?', 'dgo'],
    ['label:9', 'No class is called 9; the classes are cat, dog, guinea pig, Cat-like.', '9'],
    ['wrong label:"1"', 'No class is called 1; the classes are cat, dog, guinea pig, Cat-like.', '"1"'],
    ['label>1', 'Classes with names have no order; write label:cat.', 'label'],
    ['loss>two', 'loss is a number, and two is not.', 'two'],
    ['loss>0x10', 'loss is a number, and 0x10 is not.', '0x10'],
    ['loss>1,2', '> takes one value, not a list.', '1,2'],
    ['loss:3..1', 'This range is empty: 3 is more than 1.', '3..1'],
    ['loss:..', 'Write where the range begins or ends, for example loss:1..2.', '..'],
    ['lss>2', 'There is no column lss; did you mean loss?', 'lss'],
    ['"ag">2', 'There is no column ag; did you mean age?', '"ag"'],
    ['wrong:3', 'wrong stands alone: it takes no value.', 'wrong'],
    ['source>a', 'source is text: write source:part or source=whole.', 'source'],
    ['label:', 'Write a value after label:.', 'label:'],
    ['loss >', 'Write a value after loss >.', 'loss >'],
    ['label:dog,', 'Write a value after label:dog,.', 'label:dog,'],
    [':3', 'Write a name before :, for example label:3 or loss>2.', ':'],
    ['wrong or', 'Write a condition after or.', 'or'],
    ['or wrong', 'Write a condition before or.', 'or'],
    ['wrong or or right', 'Write a condition before or.', 'or'],
    ['and wrong', 'Write a condition before and.', 'and'],
    ['wrong and', 'Write a condition after and.', 'and'],
    ['wrong not', 'Write a condition after not.', 'not'],
    ['-', 'Write a condition after -.', '-'],
    ['(wrong', 'This parenthesis is never closed.', '('],
    ['(', 'This parenthesis is never closed.', '('],
    ['()', 'Write a condition between the parentheses.', '()'],
    ['wrong)', 'This parenthesis closes nothing; remove it or open one before it.', ')'],
    [')', 'This parenthesis closes nothing; remove it or open one before it.', ')'],
    ['label:"dog', 'This quotation mark is never closed.', '"dog'],
    ['wrong ,', 'Write a name before ,, for example label:3 or loss>2.', ','],
  ];
  for (const [text, sentence, underlined] of problems) {
    it(`says what is wrong with ${text}`, () => assert.deepEqual(problem(text), [sentence, underlined]));
  }

  it('says what predictions are needed for, and waits while they are coming', () => {
    const without = { ...fields, predictions: null };
    assert.deepEqual(problem('wrong', without), [
      'wrong needs predictions: open the model beside this dataset.',
      'wrong',
    ]);
    assert.deepEqual(passing('label:dog', without), [1, 5]);
    const coming = { ...fields, predictions: 'coming' as const };
    assert.throws(
      () => passing('loss>2', coming),
      (error: unknown) => error instanceof FilterProblem && error.waiting,
    );
  });

  it('compares values of regression, and has no wrong ones there', () => {
    const regression: FilterFields = {
      ...fields,
      classes: null,
      labelKind: 'values',
      labels: [0.5, 1.5, 2.5, NaN, 1, 1, 1, 1],
      predictions: { ...(fields.predictions as object), confidence: null } as FilterFields['predictions'],
    };
    assert.deepEqual(passing('label>1', regression), [1, 2]);
    assert.deepEqual(passing('label:0..1', regression), [0, 4, 5, 6, 7]);
    assert.deepEqual(passing('-label<100', regression), [3]);
    assert.deepEqual(problem('confidence>1', regression), [
      'confidence is there for classes only; this model predicts values.',
      'confidence',
    ]);
    assert.match(problem('wrong', regression)[0], /labels here are values.* loss>2/);
  });

  it('orders classes that are only numbers', () => {
    const numbered = { ...fields, classes: ['0', '1', '2', '3'] };
    assert.deepEqual(passing('label>=2', numbered), [2, 3, 6, 7]);
    assert.deepEqual(passing('label>=2', { ...fields, classes: null }), [2, 3, 6, 7]);
    assert.deepEqual(passing('label:1..2', { ...fields, classes: null }), [1, 2, 5, 6]);
  });

  it('takes a class by its name before its number', () => {
    assert.deepEqual(passing('label:3', { ...fields, classes: ['3', '2', '1', '0'] }), [0, 4]);
  });

  it('judges no sample without a label', () => {
    const unlabelled = { ...fields, labels: [-1, 1, NaN, 3, 0, 1, 2, 3] };
    assert.deepEqual(passing('wrong', unlabelled), [4, 5, 7]);
    assert.deepEqual(passing('right', unlabelled), [1, 3, 6]);
    assert.deepEqual(problem('label:dog', { ...fields, labels: null, labelKind: 'none' }), [
      'This dataset has no labels.',
      'label',
    ]);
  });

  it('refuses what is nested without end, and answers anything with a tree or a problem', () => {
    assert.match(problem('('.repeat(50_000))[0], /deep|closed/);
    assert.match(problem(`${'-'.repeat(50_000)}wrong`)[0], /deep/);
    const piece = fc.constantFrom(
      ...[
        'label',
        'loss',
        'or',
        'and',
        'not',
        '-',
        '(',
        ')',
        ':',
        '<=',
        '!=',
        '"',
        '\\',
        ',',
        ' ',
        '3',
        '..',
        'é',
        '𝔘',
      ],
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), pieces => {
        const text = pieces.join('');
        try {
          bindFilter(parseFilter(text), fields)(0);
        } catch (error) {
          assert.ok(error instanceof FilterProblem, String(error));
          const { from, to } = error.span;
          assert.ok(0 <= from && from < to && to <= text.length + 1, `${text}: ${from} to ${to}`);
          assert.match(error.message, /[.?]$/);
        }
      }),
      { seed: 3, numRuns: 3000 },
    );
  });
});

/** A condition as text and, written apart from the filter, as a test of one sample of `fields`. */
type Condition = readonly [string, (index: number) => boolean];

const { predicted, loss, confidence } = fields.predictions as {
  predicted: number[];
  loss: number[];
  confidence: number[];
};
const labels = fields.labels as number[];
const source = fields.columns.get('source')!.values as string[];

const condition: fc.Arbitrary<Condition> = fc.oneof(
  fc.constantFrom<Condition>(
    ['wrong', index => predicted[index] !== labels[index]],
    ['right', index => predicted[index] === labels[index]],
    ['forget', index => index === 1 || index === 4],
  ),
  fc
    .tuple(fc.constantFrom('label', 'pred'), fc.constantFrom(0, 1, 2, 3))
    .map(([field, number]): Condition => {
      const column = field === 'label' ? labels : predicted;
      return [`${field}:${writeFilterText(classes[number]!)}`, index => column[index] === number];
    }),
  fc
    .tuple(
      fc.constantFrom('loss', 'confidence'),
      fc.constantFrom('<', '<=', '>', '>='),
      fc.constantFrom(0.1, 0.3, 0.5, 0.9, 2, 2.5),
    )
    .map(([field, operator, limit]): Condition => {
      const column = field === 'loss' ? loss : confidence;
      const compare: Record<string, (value: number) => boolean> = {
        '<': value => value < limit,
        '<=': value => value <= limit,
        '>': value => value > limit,
        '>=': value => value >= limit,
      };
      return [`${field}${operator}${limit}`, index => compare[operator]!(column[index]!)];
    }),
  fc
    .string({ maxLength: 3 })
    .map((part): Condition => [
      `source:${writeFilterText(part)}`,
      index => source[index]!.toLowerCase().includes(part.toLowerCase()),
    ]),
);

const { expression } = fc.letrec<{ expression: Condition }>(tie => ({
  expression: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    condition,
    tie('expression').map(([text, test]): Condition => [`-(${text})`, index => !test(index)]),
    fc
      .tuple(tie('expression'), tie('expression'), fc.constantFrom(' ', ' and ', ' AND '))
      .map(([a, b, and]): Condition => [`(${a[0]})${and}(${b[0]})`, index => a[1](index) && b[1](index)]),
    fc
      .tuple(tie('expression'), tie('expression'))
      .map(([a, b]): Condition => [`(${a[0]} or ${b[0]})`, index => a[1](index) || b[1](index)]),
    // Without parentheses "and" binds closer than "or".
    fc
      .tuple(condition, condition, condition)
      .map(([a, b, c]): Condition => [
        `(${a[0]} or ${b[0]} ${c[0]})`,
        index => a[1](index) || (b[1](index) && c[1](index)),
      ]),
  ),
}));

describe('filters against tests written by hand', () => {
  it('picks the same samples for random filters', () => {
    fc.assert(
      fc.property(expression, ([text, test]) => {
        const expected = Array.from({ length: fields.size }, (_, index) => index).filter(test);
        assert.deepEqual(passing(text), expected, text);
      }),
      { seed: 5, numRuns: 2000 },
    );
  });

  it('reads back every text that it writes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 0, maxLength: 12 }), text => {
        const value = parseFilter(`source=${writeFilterText(text)}`) as Extract<FilterNode, { kind: 'test' }>;
        assert.deepEqual(
          value.values.map(part => part.text),
          [text],
        );
        const name = parseFilter(`${writeFilterText(text, true)}:x`) as Extract<FilterNode, { kind: 'test' }>;
        assert.equal(name.name.text, text);
      }),
      { seed: 7, numRuns: 2000 },
    );
  });
});
