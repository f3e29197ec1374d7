/** The commands that run pipelines, and the menu of a step in the graph. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { MenuSvg } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { CommandIDs } from '../tokens';

/** What a command asks of the document of a pipeline: to run, from a step or from the step of a cell where named. */
export interface IRunRequest {
  readonly step?: string;
  readonly cell?: string;
  readonly only?: boolean;
}

const FROM_HERE = 'Trackbook: Run Pipeline From This Step';

type Args = ReadonlyPartialJSONObject;

export function addRunCommands(
  app: JupyterFrontEnd,
  pathOf: (args: Args) => string,
  currentCell: () => string | null,
  ask: (path: string, request: IRunRequest) => Promise<void>
): void {
  const { commands } = app;
  const stepIn = (args: Args): string => (typeof args['step'] === 'string' ? args['step'] : '');
  commands.addCommand(CommandIDs.runPipeline, {
    label: 'Trackbook: Run Pipeline',
    caption: 'Run the notebook as a pipeline; steps whose results are kept are not repeated',
    isEnabled: args => pathOf(args) !== '',
    execute: args => ask(pathOf(args), {})
  });
  commands.addCommand(CommandIDs.runFromStep, {
    label: args => {
      const words = args['menu'] ? 'Run Pipeline From This Step' : FROM_HERE;
      return stepIn(args) === '' ? words : `Run From ${stepIn(args)}`;
    },
    caption: 'Run the step anew, and all that follows from it',
    isEnabled: args => pathOf(args) !== '' && (stepIn(args) !== '' || currentCell() !== null),
    execute: args => {
      const step = stepIn(args);
      const cell = currentCell();
      return ask(pathOf(args), step !== '' ? { step } : cell !== null ? { cell } : {});
    }
  });
  app.contextMenu.addItem({
    command: CommandIDs.runFromStep,
    args: { menu: true },
    selector: '.jp-Notebook .jp-CodeCell',
    rank: 9.6
  });
  commands.addCommand(CommandIDs.runOnlyStep, {
    label: args => `Run Only ${stepIn(args)}`,
    caption: 'Run just this step, on the kept results of the others',
    isEnabled: args => pathOf(args) !== '' && stepIn(args) !== '',
    execute: args => ask(pathOf(args), { step: stepIn(args), only: true })
  });
}

/** What can be done with a step of the graph. */
export function openGraphMenu(
  app: JupyterFrontEnd,
  args: { readonly path: string; readonly step: string },
  x: number,
  y: number
): void {
  const menu = new MenuSvg({ commands: app.commands });
  menu.title.label = `Step ${args.step}`;
  menu.addItem({ command: CommandIDs.runFromStep, args });
  menu.addItem({ command: CommandIDs.runOnlyStep, args });
  menu.addItem({ command: CommandIDs.runPipeline, args });
  const focused = document.activeElement;
  menu.aboutToClose.connect(() => {
    if (focused instanceof HTMLElement || focused instanceof SVGElement) {
      focused.focus();
    }
  });
  menu.open(x, y);
  menu.activeIndex = 0;
}
