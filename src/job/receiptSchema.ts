// Reads a receipt that somebody else may have written.
import { z } from 'zod';
import { LetheError } from '../shared/errors';
import { formatPath } from '../shared/recipeProblem';
import type { Receipt } from './receipt';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const file = z.object({ path: z.string(), sha256 });
const modelFile = file.extend({ external: z.array(file) });
const setMetrics = z.looseObject({ count: z.number(), loss: z.number() });
const metrics = z.looseObject({
  retain: setMetrics,
  forget: setMetrics,
  test: setMetrics.nullable(),
  membershipAuc: z.number().nullable(),
  confidenceAuc: z.number().nullable(),
});

const receiptSchema = z.looseObject({
  version: z.literal(1),
  created: z.string(),
  versions: z.object({ lethe: z.string(), node: z.string(), onnxruntime: z.string() }),
  platform: z.string(),
  cpu: z.string(),
  instructionSet: z.string(),
  model: z.object({ before: modelFile, after: modelFile }),
  reference: modelFile.nullable(),
  references: z.array(modelFile).optional(),
  recipe: file.extend({
    base: z.string(),
    assignments: z.array(z.string()),
    content: z.record(z.string(), z.unknown()),
  }),
  forgotten: z.object({
    salt: z.string(),
    samples: z.array(z.object({ index: z.int().gte(0), sha256 })),
  }),
  threads: z.int().gte(1),
  engine: z.enum(['onnxruntime', 'tfjs', 'tfjs-node']).optional(),
  metrics: z.object({ before: metrics, after: metrics, reference: metrics.nullable() }),
});

/** Parses a receipt. Throws a LetheError that names the file and the key that is not as it should be. */
export function parseReceipt(text: string, path: string): Receipt {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new LetheError(`${path} is not JSON, so it is no receipt. Name the receipt.json of a report.`);
  }
  const result = receiptSchema.safeParse(json);
  if (!result.success) {
    const place = formatPath(result.error.issues[0]!.path) || 'the whole';
    throw new LetheError(`${path} is no receipt that Lethe wrote: ${place} is not as it should be.`);
  }
  // What the schema leaves open is only carried along, never computed with.
  return result.data as unknown as Receipt;
}
