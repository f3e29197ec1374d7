/** Trackbook in JupyterLab: a side panel beside the notebook, and documents for runs and drift reports. */

import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, IThemeManager } from '@jupyterlab/apputils';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import {
  INotebookTracker,
  type Notebook,
  NotebookActions,
  type NotebookPanel
} from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { IStateDB } from '@jupyterlab/statedb';

import { TrackbookApi } from './api';
import { NotebookBadges } from './badges/NotebookBadges';
import { addCommands } from './commands';
import { addDocuments } from './documents';
import { TrackbookModel } from './model';
import { Notebooks } from './pipeline/notebooks';
import type { ICellBadge } from './proof';
import { addStepCommands, openStepMenu } from './steps/commands';
import { NotebookSteps } from './steps/NotebookSteps';
import { CommandIDs, PANEL_ID, PLUGIN_ID } from './tokens';
import { TrackbookPanel } from './widgets';

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN_ID,
  description: 'Runs, models and drift beside the notebook.',
  autoStart: true,
  requires: [INotebookTracker, IRenderMimeRegistry],
  optional: [IEditorLanguageRegistry, ICommandPalette, ILayoutRestorer, IThemeManager, IStateDB],
  activate
};

function activate(
  app: JupyterFrontEnd,
  notebooks: INotebookTracker,
  rendermime: IRenderMimeRegistry,
  languages: IEditorLanguageRegistry | null,
  palette: ICommandPalette | null,
  restorer: ILayoutRestorer | null,
  themes: IThemeManager | null,
  kept: IStateDB | null
): void {
  const model = new TrackbookModel(new TrackbookApi(app.serviceManager.serverSettings));
  const { commands } = app;
  const panel = new TrackbookPanel({
    model,
    onOpenRuns: filter => void commands.execute(CommandIDs.openRuns, { filter }),
    onOpenPipeline: path => void commands.execute(CommandIDs.openPipeline, { path }),
    onOpenDataset: name => void commands.execute(CommandIDs.openDataset, { name }),
    onOpenRun: ({ run_id, run_name }) =>
      void commands.execute(CommandIDs.openRun, { run_id, run_name }),
    onOpenReport: ({ report_id, reference, current }) =>
      void commands.execute(CommandIDs.openDriftReport, { report_id, reference, current }),
    onOpenModel: name => void commands.execute(CommandIDs.openModel, { name })
  });
  addCommands(app, model);
  const open = new Notebooks(app, notebooks);
  addDocuments({
    app,
    api: model.api,
    rendermime,
    languages,
    themes,
    restorer,
    kept,
    notebooks: open
  });
  app.shell.add(panel, 'left', { rank: 600, type: 'Trackbook' });
  restorer?.add(panel, PANEL_ID);
  const listed = [
    CommandIDs.show,
    CommandIDs.openRuns,
    CommandIDs.openPipeline,
    CommandIDs.convert,
    CommandIDs.verify,
    CommandIDs.runPipeline,
    CommandIDs.runFromStep,
    CommandIDs.refresh
  ];
  for (const command of listed) {
    palette?.addItem({ command, category: 'Trackbook' });
  }
  followNotebooks(app, model, notebooks);
  addBadges(app, model.api, notebooks);
  addSteps(app, notebooks, palette);
}

/** Show the project of the notebook that is open, and look at the server when a cell has run. */
function followNotebooks(
  app: JupyterFrontEnd,
  model: TrackbookModel,
  notebooks: INotebookTracker
): void {
  const contents = app.serviceManager.contents;
  const follow = (): void => {
    const path = notebooks.currentWidget?.context.path;
    if (path) {
      model.openNotebook(contents.localPath(path));
    }
  };
  notebooks.currentChanged.connect(follow);
  follow();
  NotebookActions.executed.connect(() => model.nudge());
}

/** Give the cells of every notebook their badges. */
function addBadges(app: JupyterFrontEnd, api: TrackbookApi, notebooks: INotebookTracker): void {
  const contents = app.serviceManager.contents;
  const options = {
    api: api.bound(),
    localPath: (path: string) => contents.localPath(path),
    onOpen: ({ run_id, run_name }: ICellBadge, project_id: string) =>
      void app.commands.execute(CommandIDs.openRun, { run_id, run_name, project_id })
  };
  const known = new WeakMap<NotebookPanel, NotebookBadges>();
  const add = (panel: NotebookPanel): void => {
    known.set(panel, known.get(panel) ?? new NotebookBadges(panel, options));
  };
  notebooks.forEach(add);
  notebooks.widgetAdded.connect((_, panel) => add(panel));
  NotebookActions.executed.connect((_, { notebook }) => {
    const panel = notebooks.find(each => each.content === notebook);
    if (panel) {
      known.get(panel)?.nudge();
    }
  });
}

/** Give the cells of every notebook the chips of their steps, and the commands that set them. */
function addSteps(
  app: JupyterFrontEnd,
  notebooks: INotebookTracker,
  palette: ICommandPalette | null
): void {
  const known = new WeakMap<Notebook, NotebookSteps>();
  const open = (panel: NotebookPanel, index: number, button: HTMLElement): void => {
    panel.content.deselectAll();
    panel.content.activeCellIndex = index;
    openStepMenu(app, panel.content, button);
  };
  const add = (panel: NotebookPanel): void => {
    known.set(panel.content, new NotebookSteps(panel, open));
  };
  notebooks.forEach(add);
  notebooks.widgetAdded.connect((_, panel) => add(panel));
  addStepCommands(app, notebooks, palette, notebook => {
    const { activeCell } = notebook;
    const chips = known.get(notebook);
    return (activeCell && chips?.anchor(activeCell)) ?? notebook.node;
  });
}

export default plugin;
