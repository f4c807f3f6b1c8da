// The graph of per-sample gradients, as values or as factors, for one batch size and one set of data shapes.
import { dependentValues } from '../autodiff/activity';
import { appendPerSampleBackward, explicitValue, type PerSampleGradient } from '../autodiff/backward';
import { useBlockedLayout, type Pieces } from '../autodiff/blocked/pass';
import type { GraphBuilder } from '../autodiff/builder';
import type { ValueInfo } from '../onnx/model';
import { elementCount } from '../tensor/tensor';
import type { FactorOutput } from './factors';
import { appendSeeds, exposer, finish, forwardBuilder, type Seeding } from './graphs';
import type { GraphSpec } from './session';
import type { ShapeTable } from './shapes';

/** A graph to one gradient a sample of every parameter, as values or as factors. */
export interface PerSampleGraph {
  readonly spec: GraphSpec;
  readonly factors: readonly FactorOutput[];
  /** Parameters without a per-sample rule here: run one sample at a time. */
  readonly remaining: readonly string[];
}

/**
 * Builds a per-sample graph. With the number of `columns` of a projection, what is cheaper as factors comes as such;
 * else every gradient is explicit. With a block size the graph runs in the blocked layout.
 */
export function perSampleGraph(
  shapes: ShapeTable,
  batch: number,
  seeding: Seeding,
  columns: number | null,
  blockSize: number | null,
): PerSampleGraph {
  const { model } = shapes;
  const builder = forwardBuilder(shapes, batch);
  const extra: ValueInfo[] = [];
  const nodes = [...model.graph.nodes];
  const seeds = appendSeeds(builder, seeding, extra);
  const found = appendPerSampleBackward({
    builder,
    nodes,
    seeds,
    targets: model.trainable.map(parameter => parameter.name),
    factors: columns !== null,
    facts: {
      samples: batch,
      ...(columns === null ? {} : { columns }),
      dependsOnData: dependentValues(
        nodes,
        model.inputs.map(input => input.name),
      ),
      batchFirst: name => shapes.batchFirst(name),
    },
  });
  const outputs: ValueInfo[] = [];
  const expose = exposer(builder, outputs);
  const factors = [...found.gradients].map(([parameter, gradient]) =>
    factorOutput(builder, parameter, gradient, columns !== null, expose),
  );
  const { remaining } = found;
  if (blockSize === null) return { spec: finish(model, builder, extra, outputs), factors, remaining };
  const names = outputs.map(output => output.name);
  const pieces = useBlockedLayout(builder, blockSize, names, columns === null ? [] : names);
  const exposed = outputs.flatMap(output => {
    const values = pieces.get(output.name)?.values ?? [output.name];
    return values.map(name => ({ ...output, name, dims: builder.dims(name) }));
  });
  return {
    spec: finish(model, builder, extra, exposed),
    factors: factors.map(factor => inPieces(builder, factor, pieces, batch)),
    remaining,
  };
}

/** A factor as the blocked layout left it. */
function inPieces(
  builder: GraphBuilder,
  factor: FactorOutput,
  pieces: ReadonlyMap<string, Pieces>,
  batch: number,
): FactorOutput {
  const found = factor.kind === 'explicit' ? pieces.get(factor.value) : undefined;
  if (!found) return factor;
  const { values, size } = found;
  // ONNX Runtime calls it [1, samples · M, h, w · B].
  const [, outputs, height, width] = builder.dims(values[0]!) as [number, number, number, number];
  const dims = [batch, outputs / batch / size, (height * width) / size, size, size];
  return { parameter: factor.parameter, kind: 'blocks', values, dims };
}

function factorOutput(
  builder: GraphBuilder,
  parameter: string,
  gradient: PerSampleGradient,
  factors: boolean,
  expose: (value: string) => string,
): FactorOutput {
  if (gradient.kind === 'explicit' || !factors) {
    const value = explicitValue(builder, parameter, gradient);
    const name = expose(factors ? beforeReshapes(builder, value) : value);
    return { parameter, kind: 'explicit', value: name, dims: builder.dims(value) };
  }
  if (gradient.kind === 'windows') {
    const { x, dy, windows } = gradient.factor;
    const sides = { left: builder.channelsLast(dy), right: builder.channelsLast(x) };
    return { parameter, kind: 'windows', ...exposeSides(builder, sides, expose), windows };
  }
  if (gradient.kind === 'table') {
    const { ids, rows, size } = gradient.factor;
    const left = builder.toFloat(builder.reshape(ids, [...builder.dims(ids), 1]));
    const sides = exposeSides(builder, { left, right: rows }, expose);
    return { parameter, kind: 'table', ...sides, rows: size };
  }
  return { parameter, kind: 'outer', ...exposeSides(builder, gradient.factor, expose) };
}

function exposeSides(
  builder: GraphBuilder,
  { left, right }: { readonly left: string; readonly right: string },
  expose: (value: string) => string,
): { left: string; right: string; leftDims: readonly number[]; rightDims: readonly number[] } {
  return {
    left: expose(beforeReshapes(builder, left)),
    right: expose(beforeReshapes(builder, right)),
    leftDims: builder.dims(left),
    rightDims: builder.dims(right),
  };
}

/** The value that reshapes made another from: as an output, a reshape would be a copy. */
function beforeReshapes(builder: GraphBuilder, value: string): string {
  let name = value;
  for (;;) {
    const node = builder.nodes.find(each => each.outputs.includes(name));
    if (node?.opType !== 'Reshape' || node.domain !== '') return name;
    name = node.inputs[0] as string;
  }
}

/** The elements of one sample in an output of a per-sample graph of `batch` samples. */
export function rowOf(output: ValueInfo, batch: number): number {
  return elementCount(output.dims as readonly number[]) / batch;
}
