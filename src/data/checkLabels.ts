// Whether a dataset's labels are classes a model has.
import { basename } from 'node:path';
import { isFloating } from '../tensor/dtype';
import { elementReader } from '../tensor/tensor';
import type { Dataset } from './dataset';
import { DataError } from './errors';

const chunk = 256;

/**
 * Checks the labels of one head against the number of classes. One label per sample must be 0 … classCount − 1;
 * labels by position (more axes) may also be negative, which a loss ignores; floating labels by position are
 * probabilities and are not looked at. Throws a DataError that names file, sample, label and classes.
 */
export async function checkLabels(dataset: Dataset, classCount: number, head = 0): Promise<void> {
  const file = basename(dataset.path);
  const label = dataset.labels[head];
  if (label === undefined) {
    throw new DataError(
      `${file} has no labels for output ${head + 1} of the model. Name them with data.labels.`,
    );
  }
  const single = label.dims !== null && label.dims.length === 0;
  if (!single && isFloating(label.dtype)) return;
  const check = (value: number, sample: number): void => {
    const whole = Number.isInteger(value);
    if (whole && value < classCount && (value >= 0 || !single)) return;
    const name = dataset.classes?.[value];
    throw new DataError(
      `${file}: sample ${sample} has the label ${name === undefined ? value : `${value} (${name})`}, but the model has ` +
        `${classCount} classes, numbered 0 to ${classCount - 1}. Correct the label or remove the sample` +
        `${whole ? '' : ", or set the recipe's loss to mse if these are values and not classes"}.`,
    );
  };

  // A column is in memory, so no image is decoded for its label.
  if (single && dataset.columns.includes(label.name)) {
    const ids = new Map(dataset.classes?.map((name, id) => [name, id]));
    dataset.column(label.name).forEach((value, sample) => {
      check(typeof value === 'number' ? value : (ids.get(value) ?? NaN), sample);
    });
    return;
  }
  for (let start = 0; start < dataset.size; start += chunk) {
    const indices = Array.from(
      { length: Math.min(chunk, dataset.size - start) },
      (_, offset) => start + offset,
    );
    const tensor = (await dataset.read(indices)).labels[head]!;
    const width = tensor.data.length / indices.length;
    const value = elementReader(tensor);
    for (let index = 0; index < tensor.data.length; index++)
      check(value(index), start + Math.floor(index / width));
  }
}
