// What a command is, and how its failures reach people.
import * as vscode from 'vscode';
import { CancelledError, LetheError, messageOf } from '../../shared/errors';
import type { Host } from '../host';

/** One command of the palette, a menu or a view. */
export interface Command {
  readonly id: string;
  /** `given` are the arguments of whoever calls; menus give what was clicked. */
  run(host: Host, ...given: readonly unknown[]): Promise<unknown> | unknown;
}

/** Registers commands. Sentences for people are shown; anything else also goes to the log. */
export function registerCommands(host: Host, commands: readonly Command[]): vscode.Disposable {
  return vscode.Disposable.from(
    ...commands.map(({ id, run }) =>
      vscode.commands.registerCommand(id, async (...given: unknown[]) => {
        try {
          return await run(host, ...given);
        } catch (error) {
          fail(host, id, error);
          return undefined;
        }
      }),
    ),
  );
}

function fail(host: Host, id: string, error: unknown): void {
  if (error instanceof CancelledError || error instanceof vscode.CancellationError) return;
  const message = messageOf(error);
  host.log.error(`${id}: ${error instanceof LetheError ? message : ((error as Error).stack ?? message)}`);
  if (error instanceof LetheError) host.showFailure(message);
  else
    host.showFailure(`Lethe met a defect of its own (${message}). No file was changed; the log tells where.`);
}
