// A run's checkpoint in its job's folder: one file, replaced as a whole, that only the same run takes up again.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LetheError } from '../shared/errors';
import { checkpointName } from '../shared/solverProtocol';
import { bytesPerElement, type FloatArray, type FloatType } from '../tensor/dtype';
import { floatTypeOf } from '../tensor/tensor';
import type { Checkpoint, CheckpointStore } from '../unlearn/checkpoint';

/** Milliseconds between two checkpoints. */
const usualInterval = 30_000;

/** The first bytes of the file. */
const magic = 'LETHE-CHECKPOINT-2\n';

interface Header {
  readonly fingerprint: string;
  readonly state: Checkpoint['state'];
  readonly arrays: readonly { readonly name: string; readonly length: number; readonly type: FloatType }[];
}

/**
 * Keeps checkpoints in `folder`. `resumeFrom`, a folder with one of an interrupted run, is where `load` reads; it throws a
 * LetheError when the file is not there, cannot be read, or belongs to another run: `fingerprint` stands for everything
 * that a run depends on.
 */
export class CheckpointFile implements CheckpointStore {
  private last = Date.now();

  constructor(
    private readonly folder: string,
    private readonly fingerprint: string,
    private readonly resumeFrom: string | null = null,
    private readonly interval: number = usualInterval,
  ) {}

  load(): Checkpoint | null {
    return this.resumeFrom === null ? null : read(join(this.resumeFrom, checkpointName), this.fingerprint);
  }

  due(): boolean {
    return Date.now() - this.last >= this.interval;
  }

  save({ state, arrays }: Checkpoint): void {
    const header: Header = {
      fingerprint: this.fingerprint,
      state,
      arrays: [...arrays].map(([name, data]) => ({ name, length: data.length, type: floatTypeOf(data) })),
    };
    const json = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(json.length);
    const parts: Buffer[] = [Buffer.from(magic), length, json];
    for (const data of arrays.values())
      parts.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    const temporary = join(this.folder, `${checkpointName}.tmp`);
    try {
      writeFileSync(temporary, Buffer.concat(parts), { mode: 0o600 });
      renameSync(temporary, join(this.folder, checkpointName));
    } catch {
      // A full disk must not end a run that goes well; the older checkpoint stays.
      rmSync(temporary, { force: true });
    }
    this.last = Date.now();
  }

  /** Removes the file when the run has ended. */
  remove(): void {
    rmSync(join(this.folder, checkpointName), { force: true });
  }
}

function read(path: string, fingerprint: string): Checkpoint {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    throw new LetheError(`There is no checkpoint at ${path}. Run the recipe without --resume.`);
  }
  const broken = new LetheError(`The checkpoint ${path} is damaged. Run the recipe without --resume.`);
  if (bytes.subarray(0, magic.length).toString() !== magic || bytes.length < magic.length + 4) throw broken;
  const start = magic.length + 4;
  const size = bytes.readUInt32LE(magic.length);
  let header: Header;
  try {
    header = JSON.parse(bytes.subarray(start, start + size).toString()) as Header;
  } catch {
    throw broken;
  }
  if (header.fingerprint !== fingerprint)
    throw new LetheError(
      `The checkpoint ${path} belongs to another run: the recipe, the model or the samples have changed since. Run the recipe ` +
        'without --resume.',
    );
  const arrays = new Map<string, FloatArray>();
  let offset = start + size;
  for (const { name, length, type } of header.arrays) {
    const end = offset + bytesPerElement(type) * length;
    if (end > bytes.length) throw broken;
    const own = new Uint8Array(bytes.subarray(offset, end)).buffer;
    arrays.set(name, type === 'float64' ? new Float64Array(own) : new Float32Array(own));
    offset = end;
  }
  return { state: header.state, arrays };
}
