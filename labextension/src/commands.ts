/** The commands of the panel. */

import type { JupyterFrontEnd } from '@jupyterlab/application';

import type { TrackbookModel } from './model';
import { CommandIDs, PANEL_ID } from './tokens';

export function addCommands(app: JupyterFrontEnd, model: TrackbookModel): void {
  const { commands, shell } = app;
  commands.addCommand(CommandIDs.show, {
    label: 'Trackbook: Show Panel',
    execute: () => shell.activateById(PANEL_ID)
  });
  commands.addCommand(CommandIDs.refresh, {
    label: 'Trackbook: Refresh',
    execute: () => model.refresh()
  });
}
