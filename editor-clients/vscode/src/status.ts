/** The server's status in the status bar: what it is doing, or why it is silent. */

import * as vscode from 'vscode';

export interface ServerStatus {
  readonly busy: boolean;
  readonly message: string;
  readonly kind: 'Normal' | 'Warning' | 'Error' | 'Inactive';
}

const ICONS = { Normal: 'sparkle', Warning: 'warning', Error: 'error', Inactive: 'circle-slash' };

export class StatusItem implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem(
    'habitus.status',
    vscode.StatusBarAlignment.Right,
  );

  constructor() {
    this.item.name = 'Habitus';
    this.item.command = 'habitus.showStatus';
  }

  show(status: ServerStatus): void {
    const icon = status.busy ? 'loading~spin' : (ICONS[status.kind] ?? 'sparkle');
    this.item.text = `$(${icon}) Habitus`;
    this.item.tooltip = status.message;
    this.item.backgroundColor = StatusItem.colour(status.kind);
    this.item.show();
  }

  dispose(): void {
    this.item.dispose();
  }

  private static colour(kind: ServerStatus['kind']): vscode.ThemeColor | undefined {
    if (kind === 'Error') {
      return new vscode.ThemeColor('statusBarItem.errorBackground');
    }
    return kind === 'Warning' ? new vscode.ThemeColor('statusBarItem.warningBackground') : undefined;
  }
}
