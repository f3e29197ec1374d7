/** The commands, and the menu that asks for a stage. */

import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import { type IThemeManager, type MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { MenuSvg } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type { IModel, IModelVersion, Stage, TrackbookApi } from './api';
import { look, STAGE_LOOKS } from './format';
import type { TrackbookModel } from './model';
import { otherStages } from './selection';
import { CommandIDs } from './tokens';
import { makeDriftDocument, makeRunDocument, type TrackbookPanel } from './widgets';

export interface IParts {
  readonly model: TrackbookModel;
  readonly panel: TrackbookPanel;
  readonly rendermime: IRenderMimeRegistry;
  readonly languages: IEditorLanguageRegistry | null;
  readonly themes: IThemeManager | null;
  readonly restorer: ILayoutRestorer | null;
}

export function addCommands(app: JupyterFrontEnd, parts: IParts): void {
  const { commands, shell } = app;
  const { model, panel } = parts;
  const documents = new WidgetTracker<MainAreaWidget>({ namespace: 'trackbook-runs' });
  const remember = new WeakMap<MainAreaWidget, ReadonlyPartialJSONObject>();
  commands.addCommand(CommandIDs.show, {
    label: 'Trackbook: Show Panel',
    execute: () => shell.activateById(panel.id)
  });
  commands.addCommand(CommandIDs.refresh, {
    label: 'Trackbook: Refresh',
    execute: () => model.refresh()
  });
  commands.addCommand(CommandIDs.openRun, {
    label: 'Trackbook: Open Run',
    execute: args => {
      const runId = String(args['run_id']);
      const api = model.api.bound();
      if (typeof args['project_id'] === 'string' && args['project_id'] !== '') {
        api.project = args['project_id'];
      }
      open(app, `trackbook-run-${runId}`, () => {
        const widget = runDocument(app, parts, api, runId, args['run_name']);
        const { run_id = runId, run_name = runId.slice(0, 8) } = args;
        remember.set(widget, { run_id, run_name, project_id: api.project });
        void documents.add(widget);
        return widget;
      });
    }
  });
  if (parts.restorer) {
    restore(parts.restorer, documents, widget => remember.get(widget) ?? {});
  }
  commands.addCommand(CommandIDs.openDriftReport, {
    label: 'Trackbook: Open Drift Report',
    execute: args => {
      const reportId = String(args['report_id']);
      const name = args['reference'] ? `${args['reference']} → ${args['current']}` : 'Drift';
      const { rendermime, themes } = parts;
      const props = { api: model.api.bound(), reportId, rendermime };
      open(app, `trackbook-drift-report-${reportId}`, () => makeDriftDocument(props, themes, name));
    }
  });
  commands.addCommand(CommandIDs.promote, {
    label: args => look(STAGE_LOOKS, String(args['stage'])).word,
    caption: args => `Ask for the stage ${look(STAGE_LOOKS, String(args['stage'])).word}`,
    execute: args =>
      model.promote(String(args['name']), Number(args['version']), args['stage'] as Stage)
  });
}

/** Open again, after a reload, the runs that were open. */
function restore(
  restorer: ILayoutRestorer,
  documents: WidgetTracker<MainAreaWidget>,
  argsOf: (widget: MainAreaWidget) => ReadonlyPartialJSONObject
): void {
  void restorer.restore(documents, {
    command: CommandIDs.openRun,
    args: argsOf,
    name: widget => widget.id
  });
}

function runDocument(
  app: JupyterFrontEnd,
  parts: IParts,
  api: TrackbookApi,
  runId: string,
  name: unknown
): MainAreaWidget {
  const { commands } = app;
  const onOpenRun = (run_id: string, run_name: string): void =>
    void commands.execute(CommandIDs.openRun, { run_id, run_name, project_id: api.project });
  const onOpenFile = (path: string): void => void commands.execute('docmanager:open', { path });
  const onShowPanel = (): void => void commands.execute(CommandIDs.show);
  return makeRunDocument(
    { api, runId, languages: parts.languages, onOpenRun, onOpenFile, onShowPanel },
    typeof name === 'string' ? name : runId.slice(0, 8)
  );
}

/** Bring a document to the front; make it when it is not open yet. */
function open(app: JupyterFrontEnd, id: string, make: () => MainAreaWidget): void {
  if (![...app.shell.widgets('main')].some(widget => widget.id === id)) {
    app.shell.add(make(), 'main');
  }
  app.shell.activateById(id);
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
