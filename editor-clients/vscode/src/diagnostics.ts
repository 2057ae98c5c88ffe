/**
 * Forwards what all servers and linters say is wrong in the open documents, so that Habitus
 * sees which edits repaired something. A language client gets only its own diagnostics.
 */

import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';

const DELAY_MS = 500;
const OWN_SOURCE = 'habitus';

export class DiagnosticForwarder implements vscode.Disposable {
  private readonly timers = new Map<string, NodeJS.Timeout>();
  private readonly listeners: vscode.Disposable[];

  constructor(private readonly client: LanguageClient) {
    this.listeners = [
      vscode.languages.onDidChangeDiagnostics((event) => {
        event.uris.forEach((uri) => this.forwardSoon(uri));
      }),
      vscode.workspace.onDidOpenTextDocument((document) => {
        if (vscode.languages.getDiagnostics(document.uri).length > 0) {
          this.forwardSoon(document.uri);
        }
      }),
    ];
  }

  dispose(): void {
    this.listeners.forEach((listener) => void listener.dispose());
    this.timers.forEach((timer) => clearTimeout(timer));
    this.timers.clear();
  }

  private forwardSoon(uri: vscode.Uri): void {
    const key = uri.toString();
    clearTimeout(this.timers.get(key));
    this.timers.set(
      key,
      setTimeout(() => {
        this.timers.delete(key);
        void this.forward(uri);
      }, DELAY_MS),
    );
  }

  private async forward(uri: vscode.Uri): Promise<void> {
    const key = uri.toString();
    const document = vscode.workspace.textDocuments.find((one) => one.uri.toString() === key);
    if (!document || !this.client.isRunning()) {
      return;
    }
    const converter = this.client.code2ProtocolConverter;
    const found = vscode.languages.getDiagnostics(uri).filter((one) => one.source !== OWN_SOURCE);
    const version = document.version;
    await this.client.sendNotification('habitus/diagnostics', {
      uri: converter.asUri(uri),
      version,
      diagnostics: found.map((one) => converter.asDiagnostic(one)),
    });
  }
}
