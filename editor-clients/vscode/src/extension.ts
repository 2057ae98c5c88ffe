/**
 * Habitus in VS Code: starts one language client for all workspace folders, shows the
 * server's status, and reports what VS Code does not tell a language server: what was
 * shown, accepted in part, or dismissed, and what other servers say is wrong. Whole acceptance runs the item's own command.
 */

import * as vscode from 'vscode';
import { LanguageClient, type LanguageClientOptions } from 'vscode-languageclient/node';

import { DiagnosticForwarder } from './diagnostics';
import { judgingCommands } from './judging';
import { Reporter } from './reporter';
import { StatusItem, type ServerStatus } from './status';

let client: LanguageClient | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const settings = vscode.workspace.getConfiguration('habitus');
  const command = settings.get<string>('path', 'habitus');
  const args = ['serve', ...settings.get<string[]>('arguments', [])];
  const reporter = new Reporter();
  const options: LanguageClientOptions = {
    documentSelector: [{ scheme: 'file' }, { scheme: 'untitled' }],
    middleware: {
      async provideInlineCompletionItems(document, position, request, token, next) {
        const result = await next(document, position, request, token);
        if (!token.isCancellationRequested) {
          reporter.returned(document, position, result);
        }
        return result;
      },
    },
  };
  client = new LanguageClient('habitus', 'Habitus', { command, args }, options);
  const status = new StatusItem();
  client.onNotification('didChangeStatus', (now: ServerStatus) => status.show(now));
  reporter.connect(client);
  context.subscriptions.push(
    status,
    reporter,
    new DiagnosticForwarder(client),
    ...commands(client, reporter),
    ...judgingCommands(client),
  );
  try {
    await client.start();
  } catch (error) {
    status.show({
      busy: false,
      kind: 'Error',
      message: `\`${command}\` could not be started: ${String(error)}. Set habitus.path.`,
    });
  }
}

export async function deactivate(): Promise<void> {
  await client?.stop();
}

function commands(running: LanguageClient, reporter: Reporter): vscode.Disposable[] {
  const register = vscode.commands.registerCommand;
  return [
    register('habitus.acceptNextWord', () =>
      reporter.acceptPart('editor.action.inlineSuggest.acceptNextWord'),
    ),
    register('habitus.acceptNextLine', () =>
      reporter.acceptPart('editor.action.inlineSuggest.acceptNextLine'),
    ),
    register('habitus.hide', () => reporter.hide()),
    register('habitus.explain', async () => {
      const uri = vscode.window.activeTextEditor?.document.uri.toString();
      const why = await running.sendRequest<{ sentence: string }>('workspace/executeCommand', {
        command: 'habitus.why',
        arguments: [{ uri }],
      });
      void vscode.window.showInformationMessage(`Habitus: ${why.sentence}`);
    }),
    register('habitus.showStatus', async () => {
      const uri = vscode.window.activeTextEditor?.document.uri.toString();
      const now = await running.sendRequest('workspace/executeCommand', {
        command: 'habitus.status',
        arguments: [{ uri }],
      });
      const shown = await vscode.workspace.openTextDocument({
        language: 'json',
        content: JSON.stringify(now, undefined, 2),
      });
      await vscode.window.showTextDocument(shown, { preview: true });
    }),
  ];
}
