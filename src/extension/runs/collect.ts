// A job that ended well becomes a run in storage.
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunResult } from '../../shared/report';
import { recipeFileText, recipeOf } from '../dataset/binding';
import type { ViewerHost } from '../viewerHost';
import type { JobOrder } from './jobFile';
import { recipeName, type RunRecord, type RunStore } from './runStore';

/** Keeps a job's result. A recipe that names its own output has it copied; its files stay where they are. */
export async function collectRun(
  store: RunStore,
  viewer: ViewerHost,
  order: JobOrder,
  result: RunResult,
): Promise<RunRecord> {
  const forgotten = await forgottenOf(result.receipt);
  const pending = order.pending ?? (await copyOf(store, viewer, order, result, forgotten));
  const { model, binding, settings } = order;
  return store.adopt(pending, { model, result, forgotten, binding, ...(settings ? { settings } : {}) });
}

async function copyOf(
  store: RunStore,
  viewer: ViewerHost,
  order: JobOrder,
  result: RunResult,
  forgotten: readonly number[],
): Promise<string> {
  const pending = await store.newPending();
  await viewer.ask(protocol => protocol.snapshotRequest, { path: result.output, folder: pending });
  await cp(result.report, join(pending, 'report'), { recursive: true });
  const recipe = recipeOf(order.binding, {
    model: order.model,
    forgotten,
    method: order.settings ?? order.binding.method ?? { name: result.method },
    threads: null,
  });
  await writeFile(join(pending, recipeName), recipeFileText(recipe));
  return pending;
}

/** The samples that a receipt lists, ascending. */
async function forgottenOf(receipt: string): Promise<number[]> {
  const { forgotten } = JSON.parse(await readFile(receipt, 'utf8')) as {
    forgotten: { samples: { index: number }[] };
  };
  return forgotten.samples.map(({ index }) => index).sort((a, b) => a - b);
}
