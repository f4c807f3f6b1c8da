import { UsageError } from './errors';

/** A recipe that cannot be used: the message names the file, the key and what the key must be. */
export class RecipeError extends UsageError {
  override readonly name = 'RecipeError';
}
