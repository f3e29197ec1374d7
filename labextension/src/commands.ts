/** The commands of the panel, and the menu that asks for a stage. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { MenuSvg } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';

import type { IModel, IModelVersion, Stage } from './api';
import { look, STAGE_LOOKS } from './format';
import type { TrackbookModel } from './model';
import { otherStages } from './selection';
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
  commands.addCommand(CommandIDs.promote, {
    label: args => look(STAGE_LOOKS, String(args['stage'])).word,
    caption: args => `Ask for the stage ${look(STAGE_LOOKS, String(args['stage'])).word}`,
    execute: args =>
      model.promote(String(args['name']), Number(args['version']), args['stage'] as Stage)
  });
}

/** The stages that a version may be asked to enter, as a menu under the button that was pressed. */
export function openStageMenu(
  commands: CommandRegistry,
  model: IModel,
  version: IModelVersion,
  button: HTMLElement
): void {
  const menu = new MenuSvg({ commands });
  menu.title.label = `Promote ${model.name} version ${version.version}`;
  for (const stage of otherStages(version.stage)) {
    const args = { name: model.name, version: version.version, stage };
    menu.addItem({ command: CommandIDs.promote, args });
  }
  menu.aboutToClose.connect(() => button.focus());
  const { left, bottom } = button.getBoundingClientRect();
  menu.open(left, bottom + 2);
  if (button.matches(':focus-visible')) {
    // Whoever came by keyboard finds the first stage chosen, ready for Enter.
    menu.activeIndex = 0;
  }
}
