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

  // A column of numbers is in memory; class names would be text, and their numbers follow from `classes`.
  if (single && dataset.classes === null && dataset.columns.includes(label.name)) {
    dataset.column(label.name).forEach((value, sample) => check(Number(value), sample));
    return;
  }
  if (single && dataset.classes !== null && dataset.classes.length <= classCount) return;
  for (let start = 0; start < dataset.size; start += chunk) {
    const end = Math.min(dataset.size, start + chunk);
    // Images may differ in size, so one at a time is the only size that can always be read.
    const step = dataset.inputs.some(input => input.dims === null) ? 1 : end - start;
    for (let from = start; from < end; from += step) {
      const indices = Array.from({ length: Math.min(step, end - from) }, (_, offset) => from + offset);
      const tensor = (await dataset.read(indices)).labels[head]!;
      const width = tensor.data.length / indices.length;
      const value = elementReader(tensor);
      for (let index = 0; index < tensor.data.length; index++)
        check(value(index), from + Math.floor(index / width));
    }
  }
}
