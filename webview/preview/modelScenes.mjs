// States of the model editor, on real numbers of a run.

/** Scenes by name, from the data that data.mjs made. */
export function modelScenes(data) {
  const { overview, diagnosis, graph, graphShapes, summaries, comparison, predictions, result, others } =
    data;
  const proposal = { runId: 'r1', result, forgotten: result.after.forget.count, applied: false };
  const dataset = {
    path: '/data/train.npz',
    size: result.after.forget.count + result.after.retain.count,
    chosen: 100,
  };
  const ready = {
    kind: 'ready',
    overview,
    proposal: null,
    applied: null,
    runs: [],
    running: null,
    restricted: false,
    stale: false,
    dataset: null,
    diagnosis: null,
  };
  const runs = [result, ...others].map((each, index) => ({
    runId: `r${index + 1}`,
    result: each,
    forgotten: each.after.forget.count,
    data: 'train.npz',
    set: 's1',
    created: Date.UTC(2026, 4, 12, 9, 40 - 7 * index),
    seed: 0,
    settings: [['epochs', '20']],
  }));
  const withProposal = { ...ready, proposal, dataset, runs };
  const answers = {
    summaries,
    changes: comparison,
    predictions: { rows: predictions, summaries: summariesOf(predictions) },
    graph,
    graphShapes,
    compareRuns: comparison,
    evaluation: result.evaluation ? { evaluation: result.evaluation, classes: null } : null,
    propose: null,
    runCommand: null,
    command: null,
    revealSample: null,
  };
  const scene = (state, tab = 'overview', more = {}) => ({
    saved: { tab },
    events: [['state', state]],
    answers: { ...answers, ...more },
  });
  const progress = {
    phase: 'unlearning',
    epoch: 7,
    epochs: 20,
    step: 70,
    steps: 200,
    loss: 0.0213,
    secondsLeft: 6,
  };
  return {
    overview: scene(ready),
    proposal: scene(withProposal),
    diagnose: scene({ ...ready, dataset }),
    diagnosed: scene({ ...ready, dataset, diagnosis: { kind: 'ready', diagnosis, stale: false } }),
    graph: scene(withProposal, 'graph'),
    runs: scene(withProposal, 'runs'),
    noRuns: scene(ready, 'runs'),
    parameters: scene(withProposal, 'parameters'),
    changes: scene(withProposal, 'changes'),
    predictions: scene(withProposal, 'predictions'),
    applied: scene({ ...withProposal, proposal: null, applied: { ...proposal, applied: true } }, 'changes'),
    running: scene(
      { ...ready, dataset, stale: true, running: { method: 'minnorm-og', progress } },
      'parameters',
    ),
    restricted: scene({ ...ready, restricted: true }, 'changes'),
    nothing: scene(ready, 'changes'),
    loading: scene({ kind: 'loading' }),
    partial: {
      ...scene(withProposal, 'parameters', { summaries: undefined }),
      events: [['state', withProposal], ...summaries.slice(0, 3).map(summary => ['summary', summary])],
    },
    failedChanges: scene(withProposal, 'changes', {
      changes: {
        failure: 'The solver ended by itself while it compared the weights. Show the log to see why.',
      },
    }),
    error: scene({
      kind: 'error',
      message:
        'weights.bin is 4 096 bytes shorter than model.onnx says it is. Export the model again, or copy weights.bin next to it.',
    }),
  };
}

/** Each set as a whole, as the host adds it up. */
function summariesOf(rows) {
  const mean = list => list.reduce((sum, each) => sum + each, 0) / list.length;
  return ['forgotten', 'retained', 'held-out'].map(set => {
    const own = rows.filter(row => row.set === set);
    return {
      set,
      count: own.length,
      fittedBefore: own.filter(row => row.before === row.label).length,
      fittedAfter: own.filter(row => row.after === row.label).length,
      flipped: own.filter(row => row.flipped).length,
      lossBefore: mean(own.map(row => row.lossBefore)),
      lossAfter: mean(own.map(row => row.lossAfter)),
    };
  });
}
