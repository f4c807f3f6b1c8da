// Lethe's log: the output channel, and its last lines for whoever asks what was said.
import * as vscode from 'vscode';

/** Lines that are kept. */
const kept = 500;

/** The log of a window. */
export class Log implements vscode.Disposable {
  private readonly channel = vscode.window.createOutputChannel('Lethe', { log: true });
  private readonly last: string[] = [];

  /** The last lines, the oldest first, each with its level in front. */
  get lines(): readonly string[] {
    return this.last;
  }

  info(line: string): void {
    this.keep('info', line);
    this.channel.info(line);
  }

  warn(line: string): void {
    this.keep('warn', line);
    this.channel.warn(line);
  }

  error(line: string): void {
    this.keep('error', line);
    this.channel.error(line);
  }

  show(): void {
    this.channel.show();
  }

  dispose(): void {
    this.channel.dispose();
  }

  private keep(level: string, line: string): void {
    this.last.push(`${level}: ${line}`);
    if (this.last.length > kept) this.last.shift();
  }
}
