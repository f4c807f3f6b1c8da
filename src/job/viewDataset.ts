// A dataset as the panel shows it: what it holds, its labels and columns as plain numbers and texts.
import { basename } from 'node:path';
import { bindDataset } from '../data/bind';
import type { Dataset } from '../data/dataset';
import { resolveForget } from '../data/forget';
import { openDataset } from '../data/open';
import { finalActivation } from '../onnx/finalActivation';
import type { OnnxModel } from '../onnx/model';
import { openModel } from '../tfjs/openModel';
import { LetheError } from '../shared/errors';
import type { DatasetColumns, DatasetOverview, DatasetRequest } from '../shared/viewerProtocol';
import { isFloating } from '../tensor/dtype';
import { inferLoss } from './heads';
import { inputSignatures } from './openJob';
import { readLabels, type LabelColumn } from './viewLabels';
import { pictureOf, type Picture } from './viewPicture';

/** An opened dataset. */
export interface ViewDataset {
  readonly request: DatasetRequest;
  readonly dataset: Dataset;
  readonly overview: Omit<DatasetOverview, 'id'>;
  readonly labels: LabelColumn | null;
  /** How samples of the first input are drawn; null where they are rows or image files. */
  readonly picture: Picture | null;
}

/**
 * Opens a dataset and, where a model is named, checks that it fits. Data that names no labels and can be read, or
 * fitted, only when nothing in it is taken for labels is opened so, with a warning that says why. Throws a ModelError
 * or a DataError that says what was expected and found.
 */
export async function openViewDataset(request: DatasetRequest): Promise<ViewDataset> {
  const model = request.model === null ? null : openModel(request.model);
  const { dataset, warnings } = await openFitting(request, model);
  const [first] = dataset.inputs;
  const modelDims = model === null ? null : (inputSignatures(model)[0]?.dims ?? null);
  const picture = first?.dims ? pictureOf(first.dims, first.dtype, modelDims) : null;
  const column = await readLabels(dataset);
  const classes = request.classes ?? dataset.classes;
  const kind = column === null ? 'none' : labelKind(request, model, column, classes !== null);
  if (column !== null && column.perSample > 1 && kind === 'values') {
    const file = basename(dataset.path);
    warnings.push(`${file} has ${column.perSample} label values a sample; the first of them is shown.`);
  }
  return {
    request,
    dataset,
    labels: column,
    picture,
    overview: {
      path: dataset.path,
      size: dataset.size,
      kind: picture !== null || first?.dims === null ? 'images' : 'rows',
      inputs: dataset.inputs.map(({ name, dtype, dims }) => ({ name, dtype, dims })),
      classes: kind === 'classes' ? classes : null,
      labels: kind,
      columns: otherColumns(dataset).map(name => ({
        name,
        kind: dataset.column(name).every(value => typeof value === 'number') ? 'number' : 'text',
      })),
      warnings,
    },
  };
}

/** Labels and columns of all samples. Throws a DataError. */
export function columnsOf({ dataset, labels, overview }: ViewDataset): DatasetColumns {
  const values = overview.labels === 'classes' ? labels?.classes : labels?.values;
  return {
    labels: values ? [...values] : null,
    columns: Object.fromEntries(
      otherColumns(dataset).map(name => [name, dataset.column(name).map(finiteOrText)]),
    ),
  };
}

/** The samples that a forget file names, ascending. Throws a DataError that names the line. */
export function forgetFileOf({ dataset }: ViewDataset, file: string): number[] {
  return resolveForget({ file }, dataset);
}

async function openFitting(
  request: DatasetRequest,
  model: OnnxModel | null,
): Promise<{ dataset: Dataset; warnings: string[] }> {
  const { source, preprocess } = request;
  const open = async (from: DatasetRequest['source']): Promise<{ dataset: Dataset; warnings: string[] }> => {
    const dataset = await openDataset(from);
    const bound = model && bindDataset(dataset, inputSignatures(model), preprocess);
    return { dataset, warnings: [...(bound?.warnings ?? [])] };
  };
  try {
    return await open(source);
  } catch (error) {
    const named = typeof source === 'string' ? { path: source } : source;
    if (!(error instanceof LetheError) || named.labels !== undefined) throw error;
    try {
      const { dataset, warnings } = await open({ ...named, labels: [] });
      return { dataset, warnings: [...warnings, `Opened without labels. ${error.message}`] };
    } catch {
      throw error;
    }
  }
}

/** Whether labels are class numbers: by what is named, else as the loss is inferred, else by the numbers themselves. */
function labelKind(
  request: DatasetRequest,
  model: OnnxModel | null,
  column: LabelColumn,
  hasNames: boolean,
): 'classes' | 'values' {
  const head = request.heads?.[0];
  const loss = head?.loss ?? request.loss ?? inferredLoss(model, head?.output, column);
  if (loss !== null) return loss === 'mse' ? 'values' : 'classes';
  if (hasNames) return 'classes';
  if (isFloating(column.dtype)) return column.perSample > 1 && column.oneHot ? 'classes' : 'values';
  const distinct = new Set(column.classes).size;
  const few = distinct <= Math.max(2, Math.min(1000, column.classes.length / 2));
  return few && column.classes.every(value => value >= 0) ? 'classes' : 'values';
}

/** The loss that the labels and an output belong to, where the file declares the output's shape. */
function inferredLoss(
  model: OnnxModel | null,
  name: string | undefined,
  column: LabelColumn,
): ReturnType<typeof inferLoss> | null {
  const output = model?.graph.outputs.find(candidate => name === undefined || candidate.name === name);
  if (!model || !output?.dims) return null;
  const dims = output.dims.slice(1).map(dim => (typeof dim === 'number' ? dim : NaN));
  if (dims.some(Number.isNaN)) return null;
  return inferLoss([1, ...dims], column.sample, finalActivation(model, output.name)?.kind ?? null);
}

/** The channel carries finite numbers only: NaN and infinities go as the words for them. */
function finiteOrText(value: number | string): number | string {
  return typeof value === 'string' || Number.isFinite(value) ? value : String(value);
}

/** The columns besides the labels. */
function otherColumns(dataset: Dataset): string[] {
  const labels = new Set(dataset.labels.map(({ name }) => name));
  return dataset.columns.filter(name => !labels.has(name));
}
