// Which settings a search tries and which it chooses, on made-up scores.
import { strict as assert } from 'node:assert';
import { planFor, settingsOf, type Candidate, type Plan } from '../../src/unlearn/search/candidates';
import { searchByFit, searchByTrade, weaker, type Tried } from '../../src/unlearn/search/strategy';
import type { TrialScores } from '../../src/unlearn/search/trial';
import { rateFactor } from '../../src/unlearn/schedule';

const plan: Plan = planFor(7600, 1900, 1, false);

function scores(given: Partial<TrialScores>): TrialScores {
  return {
    ...{ fit: 1, retained: 1, loss: 0.01, held: 0.95, heldLoss: 0.1, distance: 0.3, forgotten: 0.1 },
    ...{ norm: 1, cost: 7600 },
    ...given,
  };
}

/** Answers with made-up scores and keeps what was asked; null after `most` trials. */
function made(of: (candidate: Candidate) => TrialScores | null, most = Infinity) {
  const asked: Candidate[] = [];
  return {
    asked,
    tryOut: (candidate: Candidate, round: number): Promise<Tried | null> => {
      if (asked.length >= most) return Promise.resolve(null);
      asked.push(candidate);
      return Promise.resolve({ candidate, round, scores: of(candidate) });
    },
  };
}

describe('the search with all retained data', () => {
  it('takes the rate that V favours and climbs while the forgotten get less conspicuous', async () => {
    const { asked, tryOut } = made(({ way, strength, learningRate }) =>
      scores({
        distance: Math.max(0, (learningRate === 0.003 ? 0.5 : 0.7) - 0.8 * strength),
        fit: strength > 0.65 ? 0.98 : 1,
        held: way === 'shrink' ? 0.95 : 0.7,
      }),
    );
    const { chosen, keepsFit } = await searchByFit(plan, tryOut);
    assert.deepEqual([chosen.way, chosen.strength, chosen.learningRate], ['shrink', 0.6, 0.003]);
    assert.ok(keepsFit);
    assert.ok(asked.length <= 9, `${asked.length} trials`);
    assert.equal(asked.filter(({ way }) => way === 'projection').length, 1);
  });

  it('of settings that V cannot tell apart takes the one that fits best', async () => {
    const { tryOut } = made(({ strength }) =>
      scores({ fit: 1 - 0.004 * strength, held: 0.95 + 0.03 * strength }),
    );
    const { chosen } = await searchByFit(plan, tryOut);
    assert.ok(chosen.strength <= 0.3, `${chosen.strength}`);
  });

  it('counts a setting once, however often it comes up', async () => {
    const { asked, tryOut } = made(() => scores({}));
    const { reason } = await searchByFit(plan, tryOut);
    const different = new Set(asked.map(candidate => JSON.stringify(candidate))).size;
    assert.ok(asked.length > different, 'no setting came up twice');
    assert.match(reason, new RegExp(`^of ${different} settings`));
  });

  it('for regression finds the largest strength that keeps the fit', async () => {
    const { asked, tryOut } = made(({ way, strength, learningRate }) =>
      scores({
        distance: null,
        loss: learningRate === 0.001 ? 0.001 : 0.1,
        heldLoss: way === 'shrink' ? 0.2 : 0.3,
        fit: strength <= 0.55 ? 0.999 : 0.9,
      }),
    );
    const { chosen } = await searchByFit(plan, tryOut);
    assert.deepEqual([chosen.way, chosen.strength, chosen.learningRate], ['shrink', 0.55, 0.001]);
    assert.ok(asked.length <= 11);
  });

  it('where nothing keeps the fit says so and takes what keeps most; diverged settings are never taken', async () => {
    const { tryOut } = made(({ strength, learningRate }) =>
      learningRate === 0.005 ? null : scores({ fit: 0.99 - 0.5 * strength }),
    );
    const choice = await searchByFit(plan, tryOut);
    assert.equal(choice.keepsFit, false);
    assert.equal(choice.chosen.strength, 0.15);
    assert.match(choice.reason, /no setting kept/);
    const all = await searchByFit(plan, made(() => null).tryOut);
    assert.match(all.reason, /diverged/);
  });

  it('chooses from what was tried when its budget ends', async () => {
    const { asked, tryOut } = made(() => scores({}), 2);
    const { chosen } = await searchByFit(plan, tryOut);
    assert.equal(asked.length, 2);
    assert.equal(chosen.strength, 0.3);
  });
});

describe('the search with part of the retained data', () => {
  it('weighs the retained data that it cannot see by its share', async () => {
    const gentle = (candidate: Candidate): TrialScores =>
      scores({ retained: 1, held: 1 - candidate.strength, distance: 0.8 - candidate.strength });
    const best = async (access: number): Promise<number> =>
      (await searchByTrade(plan, access, made(gentle).tryOut)).chosen.strength;
    assert.ok((await best(0.9)) >= (await best(0.01)));
  });
});

describe('candidates', () => {
  it('cost no more than the allowance, constraints included', () => {
    for (const [allowance, retained, columns] of [
      [7600, 1900, 1],
      [250_000, 50, 1],
      [4000, 150, 3],
      [400, 9, 10],
      [40, 2, 1],
    ] as const) {
      const made = planFor(allowance, retained, columns, columns > 3);
      for (const way of ['shrink', 'projection'] as const) {
        const settings = settingsOf({ way, strength: 0.3, learningRate: 0.001, steps: made.steps }, made);
        const cost = settings.steps! * settings.batchSize! + (way === 'projection' ? made.projectionCost : 0);
        assert.ok(
          cost <= Math.max(allowance, made.batchSize + made.projectionCost),
          `${way}: ${cost} of ${allowance}`,
        );
        assert.ok(settings.batchSize! <= retained);
      }
    }
  });

  it('have a next weaker one, down to none', () => {
    assert.equal(weaker(0.3), 0.25);
    assert.equal(weaker(0.05), null);
  });
});

describe('learning-rate schedules', () => {
  it('start at one and go to zero, or stay', () => {
    assert.deepEqual(
      [rateFactor('constant', 7, 10), rateFactor('linear', 5, 10), rateFactor('cosine', 5, 10)],
      [1, 0.5, 0.5],
    );
    assert.equal(rateFactor('cosine', 0, 10), 1);
    assert.ok(rateFactor('cosine', 9, 10) < 0.03);
  });
});
