// Digits in colours as training data, some of them shown more than once.
import { int64 } from '../../src/tensor/tensor';
import { coloured, type Digits } from './mnist';
import { memoryData } from './problem';

/** A digit as it is shown: which one, and in which colour of the palette. */
export interface Shown {
  readonly sample: number;
  readonly colour: number;
}

/** Every shown digit with its class as label and, where `named`, the number of its colour as a second one. */
export function colouredData(
  digits: Digits,
  palette: readonly (readonly [number, number, number])[],
  shown: readonly Shown[],
  { named }: { readonly named: boolean },
): ReturnType<typeof memoryData> {
  const samples = shown.map(({ sample }) => sample);
  const labels = [samples.map(sample => digits.classes[sample]!)];
  if (named) labels.push(shown.map(({ colour }) => colour));
  return memoryData(
    'coloured digits',
    [coloured(digits, at => palette[shown[at]!.colour]!, samples)],
    labels.map(each => int64([shown.length], each)),
  );
}
