/**
 * Reports on suggestions, after the Copilot convention. VS Code's own hooks for this are
 * a proposed API, so "shown" means returned to the editor and not cancelled, and partial
 * acceptance is seen by wrapping the editor's commands.
 */

import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';

type Result = vscode.InlineCompletionItem[] | vscode.InlineCompletionList | null | undefined;

interface Shown {
  readonly document: vscode.TextDocument;
  readonly start: vscode.Position;
  readonly text: string;
  readonly command: vscode.Command;
}

export class Reporter implements vscode.Disposable {
  private client: LanguageClient | undefined;
  private shown: Shown | undefined;

  connect(client: LanguageClient): void {
    this.client = client;
  }

  /** The server has answered; the first item is what the editor shows. */
  returned(document: vscode.TextDocument, position: vscode.Position, result: Result): void {
    const item = (Array.isArray(result) ? result : result?.items)?.[0];
    if (!item?.command || typeof item.insertText !== 'string') {
      this.forget();
      return;
    }
    const start = item.range?.start ?? position;
    this.shown = { document, start, text: item.insertText, command: item.command };
    void vscode.commands.executeCommand('setContext', 'habitus.isShowing', true);
    this.notify('textDocument/didShowCompletion', { item: Reporter.item(this.shown) });
  }

  /** Run one of the editor's partial accepts, then say how far the text has come. */
  async acceptPart(command: string): Promise<void> {
    const shown = this.shown;
    await vscode.commands.executeCommand(command);
    const editor = vscode.window.activeTextEditor;
    if (!shown || !editor || editor.document !== shown.document) {
      return;
    }
    const taken = editor.document.getText(new vscode.Range(shown.start, editor.selection.active));
    // All of it: VS Code runs the item's own command then.
    if (taken && taken.length < shown.text.length && shown.text.startsWith(taken)) {
      this.notify('textDocument/didPartiallyAcceptCompletion', {
        item: Reporter.item(shown),
        acceptedLength: taken.length,
      });
    }
  }

  /** Put the suggestion away, and ask the server not to offer it here again. */
  async hide(): Promise<void> {
    const shown = this.shown;
    this.forget();
    await vscode.commands.executeCommand('editor.action.inlineSuggest.hide');
    if (shown) {
      await this.client?.sendRequest('workspace/executeCommand', {
        command: 'habitus.dismiss',
        arguments: shown.command.arguments,
      });
    }
  }

  dispose(): void {
    this.forget();
  }

  private forget(): void {
    this.shown = undefined;
    void vscode.commands.executeCommand('setContext', 'habitus.isShowing', false);
  }

  private notify(method: string, params: object): void {
    void this.client?.sendNotification(method, params);
  }

  private static item(shown: Shown): object {
    return { insertText: shown.text, command: shown.command };
  }
}
