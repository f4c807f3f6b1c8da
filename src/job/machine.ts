// What a result depends on besides its inputs: versions and the processor's instruction set.
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { version as runtimeVersion } from 'onnxruntime-node/package.json';
import { version as letheVersion } from '../../package.json';

/** The programs and the machine that computed a result. */
export interface Environment {
  readonly versions: { readonly lethe: string; readonly node: string; readonly onnxruntime: string };
  readonly platform: string;
  readonly cpu: string;
  /** The widest vector instructions the processor has, which decide the kernels ONNX Runtime picks. */
  readonly instructionSet: string;
}

/** The present environment. */
export function currentEnvironment(): Environment {
  return {
    versions: { lethe: letheVersion, node: process.versions.node, onnxruntime: runtimeVersion },
    platform: `${process.platform}-${process.arch}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    instructionSet: instructionSet(),
  };
}

/** Whether two environments promise the same bits (given the same number of threads). */
export function computesAlike(a: Environment, b: Environment): boolean {
  return (
    a.versions.onnxruntime === b.versions.onnxruntime &&
    a.versions.lethe === b.versions.lethe &&
    a.platform === b.platform &&
    a.cpu === b.cpu &&
    a.instructionSet === b.instructionSet
  );
}

function instructionSet(): string {
  if (process.platform !== 'linux') return process.arch;
  let flags: Set<string>;
  try {
    const line = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'));
    flags = new Set(line?.[1]?.split(/\s+/));
  } catch {
    return process.arch;
  }
  const known = [
    'amx_tile',
    'avx512_vnni',
    'avx512f',
    'avx_vnni',
    'avx2',
    'avx',
    'sse4_1',
    'sve',
    'asimddp',
    'asimd',
  ];
  return [process.arch, ...known.filter(flag => flags.has(flag))].join(' ');
}
