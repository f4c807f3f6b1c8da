// The gradient fixtures (test/fixtures/gradients): models exported by PyTorch, and what it gives for them in float64.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LossName } from '../../src/runtime/contracts';
import { decodeNpz } from '../../src/tensor/npz';
import type { Tensor } from '../../src/tensor/tensor';

/** What the manifest says of a model. */
export interface Fixture {
  readonly name: string;
  readonly losses: readonly LossName[];
  readonly samples: number;
  readonly end: 'softmax' | 'log-softmax' | 'sigmoid' | null;
}

/** Where the models and their arrays lie. */
export const folder = join(__dirname, '../../../test/fixtures/gradients');
export const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Fixture[];

/** The arrays of a fixture; an array that is not there fails the test that asks for it. */
export class Arrays {
  private readonly arrays: Map<string, Tensor>;

  constructor(readonly fixture: Fixture) {
    const file = `${fixture.name}.npz`;
    this.arrays = decodeNpz(readFileSync(join(folder, file)), file) as Map<string, Tensor>;
  }

  named(name: string): Tensor {
    const array = this.arrays.get(name);
    assert.ok(array, `${this.fixture.name}.npz has no array ${name}`);
    return array;
  }

  /** Arrays called KIND.0, KIND.1 and so on. */
  numbered(kind: string): Tensor[] {
    const count = [...this.arrays.keys()].filter(name => name.startsWith(`${kind}.`)).length;
    assert.ok(count > 0, `${this.fixture.name}.npz has no array ${kind}.0`);
    return Array.from({ length: count }, (_, index) => this.named(`${kind}.${index}`));
  }

  /** Arrays called KIND:NAME, by NAME. */
  keyed(kind: string): Map<string, Tensor> {
    const entries = [...this.arrays].filter(([name]) => name.startsWith(`${kind}:`));
    assert.ok(entries.length > 0, `${this.fixture.name}.npz has no array ${kind}:…`);
    return new Map(entries.map(([name, array]) => [name.slice(kind.length + 1), array]));
  }
}

/** The largest magnitude. */
export function largest(values: ArrayLike<number>): number {
  let result = 0;
  for (let index = 0; index < values.length; index++) {
    const magnitude = Math.abs(values[index]!);
    // A NaN must not be lost in the comparison.
    if (!(magnitude <= result)) result = magnitude;
  }
  return result;
}
