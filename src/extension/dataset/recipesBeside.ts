// The recipes that lie beside a model and name it.
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { parseRecipe, type Recipe } from '../../shared/recipe';
import { parseRecipeText } from '../../shared/recipeText';
import { messageOf } from '../../shared/errors';

/** A recipe and where it lies. */
export interface FoundRecipe {
  readonly file: string;
  readonly recipe: Recipe;
}

/** Recipes in the model's folder whose `model` it is, by name. Those that cannot be read are told to `skip`. */
export async function recipesBeside(model: string, skip: (reason: string) => void): Promise<FoundRecipe[]> {
  const folder = dirname(model);
  const names = (await readdir(folder)).filter(name => name.endsWith('.unlearn.json')).sort();
  const found: FoundRecipe[] = [];
  for (const name of names) {
    try {
      const file = join(folder, name);
      const recipe = await readRecipe(file);
      if (resolve(folder, recipe.model) === resolve(model)) found.push({ file, recipe });
    } catch (error) {
      skip(messageOf(error));
    }
  }
  return found;
}

/** Reads a recipe file. Throws a RecipeError that names the file and the place. */
export async function readRecipe(file: string): Promise<Recipe> {
  return parseRecipe(parseRecipeText(await readFile(file, 'utf8'), basename(file)), basename(file));
}
