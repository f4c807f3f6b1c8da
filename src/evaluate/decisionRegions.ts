// Decision regions: where in input space do two models still give the same labels?
import type { BoundDataset } from '../data/dataset';
import type { HeadLoss } from '../runtime/contracts';
import { predictedClasses } from '../runtime/sampleLosses';
import { CancelledError } from '../shared/errors';
import type { RegionAgreement, RegionMap } from '../shared/evaluation';
import { isFloating } from '../tensor/dtype';
import { Random } from '../tensor/random';
import { allocateFloats, elementCount, elementReader, floats, type Tensor } from '../tensor/tensor';
import type { ComparedModel } from './compareModels';
import { meanAndDeviation } from './membershipAttack';
import { headOutputs } from './samples';

/** Points along each side of a plane's grid; odd, so that the sample itself is one. */
const side = 11;

/** The first planes are kept point by point, to be drawn. */
const mostMaps = 3;

/** What planes are laid through. */
export interface PlaneRequest {
  /** Each plane goes through one of these, … */
  readonly through: readonly number[];
  /** … in the directions of two of these. */
  readonly toward: readonly number[];
  readonly planes: number;
  readonly seed: number;
}

/** What planes of one kind showed. */
export interface PlaneFindings {
  /** One entry a model. */
  readonly agreements: readonly RegionAgreement[];
  /** None where no head gives one class a sample. */
  readonly maps: readonly Omit<RegionMap, 'kind'>[];
}

/**
 * How often each model gives the labels of the first one on planes x + a(u − x) + b(v − x), a and b from −½ to ½, with
 * u and v random other samples (after the planes of Somepalli et al., 2022, and the region change of Alon & Dar, 2025).
 * The first planes are told as maps too. Null without a classifier, without a floating input, or with fewer than two samples to go toward.
 */
export async function agreementOnPlanes(
  models: readonly ComparedModel[],
  dataset: BoundDataset,
  heads: readonly HeadLoss[],
  request: PlaneRequest,
  signal?: AbortSignal,
): Promise<PlaneFindings | null> {
  const classifiers = heads.filter(head => head.loss !== 'mse');
  const random = new Random(request.seed ^ 0x91a9e5);
  const through = random.shuffle([...request.through]).slice(0, request.planes);
  if (classifiers.length === 0 || through.length === 0) return null;
  const shares: number[][] = models.map(() => []);
  const maps: Omit<RegionMap, 'kind'>[] = [];
  for (const sample of through) {
    if (signal?.aborted) throw new CancelledError();
    const others = random.shuffle(request.toward.filter(index => index !== sample)).slice(0, 2);
    if (others.length < 2) return null;
    const { inputs } = await dataset.read([sample, ...others]);
    if (!inputs.some(({ dtype }) => isFloating(dtype))) return null;
    const points = inputs.map(planeOf);
    const labels: Int32Array[][] = [];
    for (const { engine, values } of models) {
      const outputs = await headOutputs(engine, values, points, classifiers);
      labels.push(outputs.map(({ tensor }, place) => labelsOf(tensor, classifiers[place]!)));
    }
    labels.forEach((own, place) => shares[place]!.push(agreement(own, labels[0]!)));
    const drawn = labels[0]!.findIndex(({ length }) => length === side * side);
    if (drawn < 0 || maps.length >= mostMaps) continue;
    maps.push({
      sample,
      toward: [others[0]!, others[1]!],
      output: classifiers[drawn]!.output,
      side,
      labels: labels.map(own => own[drawn]!.join(' ')),
    });
  }
  const agreements = shares.map(each => {
    const [mean, deviation] = meanAndDeviation(each);
    return { planes: each.length, pointsPerPlane: side * side, agreement: mean, deviation };
  });
  return { agreements, maps };
}

/** The grid between three samples; an integer input stays that of the first one. */
function planeOf(three: Tensor): Tensor {
  const rest = three.dims.slice(1);
  const size = elementCount(rest);
  const count = side * side;
  const read = elementReader(three);
  if (!isFloating(three.dtype)) {
    const first = three.data.subarray(0, size);
    const data = three.data.slice(0, 0).constructor as new (length: number) => typeof three.data;
    const repeated = new data(count * size);
    for (let point = 0; point < count; point++) repeated.set(first as never, point * size);
    return { dtype: three.dtype, dims: [count, ...rest], data: repeated };
  }
  const float = three.dtype === 'float64' ? three.dtype : 'float32';
  const points = allocateFloats(float, count * size);
  for (let point = 0; point < count; point++) {
    const a = Math.floor(point / side) / (side - 1) - 0.5;
    const b = (point % side) / (side - 1) - 0.5;
    for (let index = 0; index < size; index++) {
      const x = read(index);
      points[point * size + index] = x + a * (read(size + index) - x) + b * (read(2 * size + index) - x);
    }
  }
  return floats(float, [count, ...rest], points);
}

/** The classes of all positions; the sign of every element of a binary output. */
function labelsOf(output: Tensor, head: HeadLoss): Int32Array {
  if (head.loss === 'cross-entropy') return predictedClasses(output, classAxisOf(output));
  const read = elementReader(output);
  return Int32Array.from({ length: output.data.length }, (_, index) => (read(index) > 0 ? 1 : 0));
}

/** Without labels the class axis is taken to be 1; where there are positions after it, they are compared one by one. */
function classAxisOf(output: Tensor): number {
  return Math.min(1, output.dims.length - 1);
}

function agreement(own: readonly Int32Array[], first: readonly Int32Array[]): number {
  let [same, all] = [0, 0];
  own.forEach((labels, place) => {
    all += labels.length;
    labels.forEach((label, index) => (same += label === first[place]![index] ? 1 : 0));
  });
  return same / all;
}
