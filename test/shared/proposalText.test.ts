import assert from 'node:assert/strict';
import {
  figureText,
  methodText,
  movedSentence,
  proposalFacts,
  proposalFigures,
  proposalSentence,
} from '../../src/shared/proposalText';
import type { ModelMetrics, RunResult } from '../../src/shared/report';

function classifier(retain: number, forget: number, test: number | null, auc: number | null): ModelMetrics {
  return {
    retain: { count: 1900, loss: 0.01, accuracy: retain },
    forget: { count: 100, loss: 1, accuracy: forget },
    test: test === null ? null : { count: 1000, loss: 0.2, accuracy: test },
    membershipAuc: auc,
    confidenceAuc: null,
  };
}

function regressor(retain: number, forget: number): ModelMetrics {
  return {
    retain: { count: 50, loss: 0.01, maxError: retain },
    forget: { count: 5, loss: 1, maxError: forget },
    test: null,
    membershipAuc: null,
    confidenceAuc: null,
  };
}

function run(before: ModelMetrics, after: ModelMetrics, reference: ModelMetrics | null): RunResult {
  return {
    output: 'out.onnx',
    report: 'out.report',
    receipt: 'out.report/receipt.json',
    seconds: 14.2,
    method: 'minnorm-og',
    cost: { sampleGradients: 7830, share: 0.10302 },
    before,
    after,
    reference,
    projections: [],
  };
}

/** Plain spaces and minus signs, so that expectations can be read. */
const plain = (text: string): string => text.replaceAll('\u202f', ' ').replaceAll('\u2212', '-');

const mnist = run(
  classifier(1, 0.96, 0.911, 0.284),
  classifier(0.999, 0.06, 0.954, 0.008),
  classifier(1, 0.01, 0.951, 0.002),
);

describe('what a proposal says', () => {
  it('states the result with its reach', () => {
    assert.equal(
      plain(proposalSentence(mnist)),
      'On 100 forgotten samples the model fits 6 of the labels to forget (96 before, a model retrained without them fits 1).',
    );
    assert.equal(
      plain(proposalSentence({ ...mnist, reference: null })),
      'On 100 forgotten samples the model fits 6 of the labels to forget (96 before).',
    );
  });

  it('speaks of errors where there are no classes', () => {
    const sine = run(regressor(0.35, 0.37), regressor(0.38, 2.5), regressor(0.1, 2.61));
    assert.equal(
      plain(proposalSentence(sine)),
      'On 5 forgotten samples the model has a largest error of 2.50 (0.370 before, 2.61 when retrained without them).',
    );
    const [retained, forgotten] = proposalFigures(sine);
    assert.equal(plain(retained!.reading), '+0.0300 · worse');
    assert.equal(plain(forgotten!.reading), '+2.13 · closer to retrained');
    assert.equal(forgotten!.places, null);
  });

  it('calls a change better only in the direction that is better', () => {
    const figures = proposalFigures(mnist);
    assert.deepEqual(
      figures.map(figure => [figure.title, plain(figure.reading)]),
      [
        ['Held-out accuracy', '+4.3 points · better'],
        ['Retained accuracy', '-0.1 points · worse'],
        ['Labels to forget, still fitted', '-90.0 points · closer to retrained'],
        ['Membership AUC', '-0.276 · closer to retrained'],
      ],
    );
    assert.match(
      plain(figures[0]!.tip),
      /^1 000 held-out samples: 911 right before, 954 after, 951 by a retrained/,
    );
  });

  it('measures forgetting against the retrained model, not against zero', () => {
    const overshot = run(
      classifier(1, 0.6, null, null),
      classifier(1, 0.01, null, null),
      classifier(1, 0.55, null, null),
    );
    const forgotten = proposalFigures(overshot).find(figure => figure.title.startsWith('Labels'));
    assert.equal(plain(forgotten!.reading), '-59.0 points · further from retrained');
    const alone = proposalFigures({ ...overshot, reference: null }).find(figure =>
      figure.title.startsWith('Labels'),
    );
    assert.equal(plain(alone!.reading), '-59.0 points');
  });

  it('leaves out what was not measured', () => {
    const bare = run(classifier(1, 1, null, null), classifier(1, 1, null, null), null);
    assert.deepEqual(
      proposalFigures(bare).map(figure => [figure.title, figure.reading]),
      [
        ['Retained accuracy', 'as before'],
        ['Labels to forget, still fitted', 'as before'],
      ],
    );
  });

  it('reads as one line', () => {
    assert.equal(
      plain(figureText(proposalFigures(mnist)[0]!)),
      'Held-out accuracy: 91.1 % before, 95.4 % after, retrained 95.1 %; +4.3 points · better',
    );
    assert.deepEqual(proposalFacts(mnist, 100).map(plain), [
      'minnorm-og',
      '14 s',
      '100 samples forgotten',
      '10 % of the cost of retraining',
    ]);
  });

  it('says how far the weights moved, also from zero', () => {
    assert.equal(
      plain(movedSentence({ relative: 0.376, delta: 7, normA: 19 }, { name: 'fc1.weight', relative: 0.64 })),
      'The weights moved by 37.6 % of their norm. fc1.weight moved most, by 64.0 % of its own.',
    );
    assert.equal(
      plain(movedSentence({ relative: null, delta: 7, normA: 0 }, null)),
      'The weights moved by 7.00; all were 0 before.',
    );
  });

  it('names what auto chose', () => {
    const search = { judgedOn: 'x', trials: [], chosen: { name: 'shrink' }, reason: 'y', cost: 1 };
    const made = { method: 'auto', search } as unknown as RunResult;
    assert.equal(methodText(made), 'auto → shrink');
    assert.equal(methodText({ ...made, method: 'shrink' }), 'shrink');
    assert.equal(methodText({ method: 'gd' } as unknown as RunResult), 'gd');
  });
});
