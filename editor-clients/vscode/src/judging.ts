/** Commands through which developers say what a suggestion or a choice was worth. */

import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';

interface Answer {
  readonly recorded: boolean;
  readonly reason: string;
  readonly id?: string;
}

export function judgingCommands(client: LanguageClient): vscode.Disposable[] {
  const register = vscode.commands.registerCommand;
  return [
    register('habitus.rateGood', () => rate(client, 'good')),
    register('habitus.rateBad', () => rate(client, 'bad')),
    register('habitus.writeDecision', () => decide(client)),
    register('habitus.tellOutcome', () => tellOutcome(client)),
  ];
}

/** About the suggestion that was shown or accepted last. */
async function rate(client: LanguageClient, rating: 'good' | 'bad'): Promise<void> {
  const word = await vscode.window.showInputBox({ prompt: 'Why, in a word? (optional)' });
  if (word !== undefined) {
    await run(client, 'habitus.rate', { rating, word: word || undefined });
  }
}

async function decide(client: LanguageClient): Promise<void> {
  const title = await vscode.window.showInputBox({ prompt: 'What was to be decided?' });
  const choice = title && (await vscode.window.showInputBox({ prompt: 'What was chosen?' }));
  if (!title || !choice) {
    return;
  }
  const options = await vscode.window.showInputBox({ prompt: 'Among what? (a; b; c)' });
  const reason = options === undefined ? undefined : await vscode.window.showInputBox({ prompt: 'Why?' });
  if (options === undefined || reason === undefined) {
    return;
  }
  const answer = await run(client, 'habitus.decide', {
    title,
    choice,
    options: options.split(';').map((one) => one.trim()).filter(Boolean),
    reason,
    uri: vscode.window.activeTextEditor?.document.uri.toString(),
  });
  if (answer.recorded) {
    void vscode.window.showInformationMessage(`Habitus: written down as ${answer.id}.`);
  }
}

async function tellOutcome(client: LanguageClient): Promise<void> {
  const id = await vscode.window.showInputBox({ prompt: 'Id of the decision' });
  const outcome = id && (await vscode.window.showInputBox({ prompt: 'What came of it?' }));
  if (id && outcome) {
    const uri = vscode.window.activeTextEditor?.document.uri.toString();
    await run(client, 'habitus.decisionOutcome', { id, outcome, uri });
  }
}

async function run(client: LanguageClient, command: string, argument: object): Promise<Answer> {
  const answer: Answer = await client.sendRequest('workspace/executeCommand', {
    command,
    arguments: [argument],
  });
  if (!answer.recorded) {
    void vscode.window.showWarningMessage(`Habitus: ${answer.reason}`);
  }
  return answer;
}
