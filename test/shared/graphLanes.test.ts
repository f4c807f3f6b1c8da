import assert from 'node:assert/strict';
import fc from 'fast-check';
import { graphLanes } from '../../src/shared/graphLanes';

interface Node {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}
const node = (inputs: readonly string[], ...outputs: readonly string[]): Node => ({ inputs, outputs });

describe('the lanes of a graph', () => {
  it('keeps a chain in one lane', () => {
    const { rows, width } = graphLanes([node([], 'a'), node(['a'], 'b'), node(['b'])]);
    assert.equal(width, 1);
    assert.deepEqual(
      rows.map(({ lane }) => lane),
      [0, 0, 0],
    );
    assert.deepEqual(rows[1]!.lines, [
      { value: 'a', from: 0, to: null },
      { value: 'b', from: null, to: 0 },
    ]);
  });

  it('leads a skip round what it skips', () => {
    const { rows, width } = graphLanes([node([], 'a'), node(['a'], 'b'), node(['b'], 'c'), node(['c', 'a'])]);
    assert.equal(width, 2);
    assert.deepEqual(
      rows.map(({ lane }) => lane),
      [0, 0, 0, 0],
    );
    assert.deepEqual(
      rows[1]!.lines.find(({ from, to }) => from === 0 && to === 1),
      { value: 'a', from: 0, to: 1 },
    );
    assert.deepEqual(
      rows[3]!.lines.map(({ value, from, to }) => [value, from, to]),
      [
        ['c', 0, null],
        ['a', 1, null],
      ],
    );
  });

  it('draws no line for what nobody uses, and none for a use before its value', () => {
    const { rows } = graphLanes([node(['late'], 'unused'), node([], 'late')]);
    assert.deepEqual(rows[0]!.lines, []);
  });

  it('joins every row to the next, and leads every used value to all its uses', () => {
    const graphs = fc
      .array(fc.array(fc.nat({ max: 30 }), { maxLength: 4 }), { minLength: 1, maxLength: 31 })
      .map(list => list.map((inputs, at) => node(inputs.filter(each => each < at).map(String), String(at))));
    fc.assert(
      fc.property(graphs, nodes => {
        const { rows, width } = graphLanes(nodes);
        rows.forEach(({ lane, lines }, at) => {
          assert.ok(lane < width);
          const bottom = lines.filter(({ to }) => to !== null).map(({ value, to }) => `${value}@${to}`);
          const next = rows[at + 1]?.lines.filter(({ from }) => from !== null) ?? [];
          const top = next.map(({ value, from }) => `${value}@${from}`);
          assert.deepEqual([...new Set(bottom)].sort(), [...new Set(top)].sort());
          assert.equal(
            new Set(bottom.map(each => each.split('@')[1])).size,
            bottom.length,
            'a lane holds one value',
          );
          const ending = lines.filter(({ to }) => to === null).map(({ value }) => value);
          assert.deepEqual(ending.sort(), [...new Set(nodes[at]!.inputs)].sort());
        });
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  it('lays out ten thousand nodes', () => {
    const nodes = Array.from({ length: 10_000 }, (_, at) =>
      node(at === 0 ? [] : [String(at - 1)], String(at)),
    );
    assert.equal(graphLanes(nodes).rows.length, 10_000);
  });
});
