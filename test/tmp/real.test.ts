import { openEngine } from '../../src/runtime/openEngine';
import { openModel } from '../../src/tfjs/openModel';
import { Random } from '../../src/tensor/random';
it('real', async () => {
  const path = process.env['MODEL']!;
  const n = Number(process.env['N'] ?? 2);
  const model = openModel(path);
  const ops: Record<string, number> = {};
  for (const node of model.graph.nodes) ops[node.opType] = (ops[node.opType] ?? 0) + 1;
  console.log(ops);
  const r = new Random(1);
  const dims = [n, ...model.graph.inputs[0]!.dims!.slice(1) as number[]];
  const x = { dtype: 'float32' as const, dims, data: Float32Array.from({ length: dims.reduce((a, b) => a * b) }, () => r.uniform()) };
  const y = { dtype: 'int32' as const, dims: [n], data: Int32Array.from({ length: n }, (_, i) => i % 5) };
  const heads = [{ output: model.graph.outputs[0]!.name, loss: 'cross-entropy' as const, weight: 1 }];
  const all: any[] = [];
  for (const engine of ['onnxruntime', 'tfjs'] as const) {
    const e = await openEngine(path, { engine, threads: 2 });
    const v = e.initialValues();
    let t = Date.now();
    const p = await e.predict(v, [x]);
    console.log(engine, 'first predict', Date.now() - t, e.finalActivation(heads[0]!.output), e.parameters.length); t = Date.now();
    await e.predict(v, [x]); console.log(engine, 'predict', Date.now() - t); t = Date.now();
    const g = await e.lossGradient(v, { inputs: [x], labels: [y] }, heads);
    console.log(engine, 'first gradient', Date.now() - t, g.loss); t = Date.now();
    if (engine === 'onnxruntime' || process.env['TWICE']) for (let i = 0; i < 3; i++) { t = Date.now(); await e.lossGradient(v, { inputs: [x], labels: [y] }, heads); console.log(engine, 'gradient', Date.now() - t); }
    all.push({ p, g });
    await e.close();
  }
  let worst = 0, name = '';
  for (const [k, a] of all[0].g.gradients) { const b = all[1].g.gradients.get(k)!; let m = 0, d = 0; for (let i = 0; i < a.length; i++) { m = Math.max(m, Math.abs(b[i])); d = Math.max(d, Math.abs(a[i] - b[i])); } if (d / m > worst) { worst = d / m; name = k; } }
  console.log('worst', worst, name.slice(-60), all[0].p[0].data, all[1].p[0].data);
});
