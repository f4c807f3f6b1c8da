// The methods by name.
import { UsageError } from '../shared/errors';
import { autoMethod } from './auto';
import { certifiedRemoval } from './certifiedRemoval';
import { closedForm } from './closedForm';
import { entanglement } from './entanglement';
import { ga } from './ga';
import { gd } from './gd';
import { l1Sparse } from './l1Sparse';
import type { Method } from './method';
import { minnormOg } from './minnormOg';
import { ngd } from './ngd';
import { ngp } from './ngp';
import { npo } from './npo';
import { retrain } from './retrain';
import { ridge } from './ridge';
import { salun } from './salun';
import { scrub } from './scrub';
import { shrink } from './shrink';

/** All methods, in the order in which they are listed to people. */
export const methods: readonly Method[] = [
  autoMethod(name => methodNamed(name)),
  minnormOg,
  shrink,
  gd,
  ngp,
  npo,
  scrub,
  salun,
  ridge,
  l1Sparse,
  ngd,
  ga,
  entanglement,
  closedForm,
  certifiedRemoval,
  retrain,
];

/** A recipe names a method that is not there. */
export class UnknownMethodError extends UsageError {
  override readonly name = 'UnknownMethodError';
}

/** The method of a name. Throws an UnknownMethodError that lists the names. */
export function methodNamed(name: string): Method {
  const found = methods.find(method => method.name === name);
  if (found) return found;
  throw new UnknownMethodError(
    `There is no method ${JSON.stringify(name)}. Set method.name to one of ${methods.map(method => method.name).join(', ')}.`,
  );
}
