// What is measured of an open model before a run, on the open data and the samples chosen there.
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import * as vscode from 'vscode';
import { CancelledError, messageOf } from '../../shared/errors';
import type { Diagnosis } from '../../shared/diagnosis';
import type { DiagnosisView } from '../../shared/modelViewProtocol';
import type { Host } from '../host';
import type { ModelDocument } from './modelDocument';

/** Measures, and shows what was found in the model's editor. A failure stands there too; cancelling takes it back. */
export async function diagnoseModel(
  host: Host,
  document: ModelDocument,
  samples: readonly number[],
): Promise<void> {
  const key = keyOf(document, samples);
  const before = document.diagnosis;
  document.setDiagnosis({ kind: 'measuring', key });
  try {
    const diagnosis = await vscode.window.withProgress(
      {
        location: vscode.ProgressLocation.Notification,
        title: `Lethe: diagnosing ${basename(document.path)}`,
        cancellable: true,
      },
      (_, token) => measure(host, document, samples, token),
    );
    document.setDiagnosis({ kind: 'ready', key, diagnosis });
  } catch (error) {
    if (error instanceof CancelledError) document.setDiagnosis(before);
    else document.setDiagnosis({ kind: 'failed', key, message: messageOf(error) });
  }
}

function measure(
  host: Host,
  document: ModelDocument,
  forgotten: readonly number[],
  token: vscode.CancellationToken,
): Promise<Diagnosis> {
  const { retainAccess, seed } = host.dataset.binding?.settings ?? {};
  const model = document.pathOf(document.state.current);
  return host.dataset.withId(id =>
    host.viewer.ask(
      protocol => protocol.diagnoseRequest,
      {
        id,
        model,
        forgotten,
        ...(typeof retainAccess === 'number' ? { retainAccess } : {}),
        ...(typeof seed === 'number' ? { seed } : {}),
      },
      token,
    ),
  );
}

/** The diagnosis as the editor shows it. */
export function diagnosisView(host: Host, document: ModelDocument): DiagnosisView | null {
  const state = document.diagnosis;
  if (state?.kind !== 'ready') return state;
  return { ...state, stale: state.key !== keyOf(document, host.dataset.forgetSet) };
}

/** The diagnosis that holds for these samples and the weights that the model has now; null without one. */
export function diagnosisFor(document: ModelDocument, samples: readonly number[]): Diagnosis | null {
  const state = document.diagnosis;
  return state?.kind === 'ready' && state.key === keyOf(document, samples) ? state.diagnosis : null;
}

function keyOf(document: ModelDocument, samples: readonly number[]): string {
  const weights = [document.overview?.stamp, document.state.current, samples];
  return createHash('sha256').update(JSON.stringify(weights)).digest('hex');
}
