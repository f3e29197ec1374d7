/** The commands that open documents in the main area; what was open is open again after a reload. */

import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import { type IThemeManager, type MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { IStateDB } from '@jupyterlab/statedb';
import type { ReadonlyJSONValue, ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { Signal } from '@lumino/signaling';

import type { IRunSummary, TrackbookApi } from './api';
import type { ConversionWish } from './components/pipeline/Conversion';
import { baseName, count } from './format';
import { addRunCommands, type IRunRequest, openGraphMenu } from './pipeline/commands';
import type { Notebooks } from './pipeline/notebooks';
import type { IGraphCell } from './pipeline/types';
import { RunsModel } from './runs/model';
import { CommandIDs } from './tokens';
import {
  makeCompareDocument,
  makeDatasetDocument,
  makeDriftDocument,
  makeModelDocument,
  makePipelineDocument,
  makeRunDocument,
  makeRunsDocument
} from './widgets';

export interface IDocumentParts {
  readonly app: JupyterFrontEnd;
  /** The server, asked about the project that is shown now. */
  readonly api: TrackbookApi;
  readonly rendermime: IRenderMimeRegistry;
  readonly languages: IEditorLanguageRegistry | null;
  readonly themes: IThemeManager | null;
  readonly restorer: ILayoutRestorer | null;
  readonly kept: IStateDB | null;
  readonly notebooks: Notebooks;
}

type Args = ReadonlyPartialJSONObject;

/** A kind of document: which one the arguments name, and how it is made. */
interface IKind {
  readonly command: string;
  readonly label: string;
  idOf(args: Args, api: TrackbookApi): string;
  make(args: Args, api: TrackbookApi, id: string): MainAreaWidget;
  readonly isEnabled?: (args: Args) => boolean;
  /** What is remembered of the arguments, where not all of them shall be. */
  readonly restored?: (args: Args) => Args;
}

export function addDocuments(parts: IDocumentParts): void {
  for (const kind of [
    runs(parts),
    run(parts),
    compare(parts),
    dataset(parts),
    model(parts),
    drift(parts)
  ]) {
    addKind(parts, kind);
  }
  addPipelines(parts);
}

function addKind(parts: IDocumentParts, kind: IKind): void {
  const { commands, shell } = parts.app;
  // What is remembered is found again by what stands before its first colon.
  const namespace = kind.command.replace(':', '-');
  const tracker = new WidgetTracker<MainAreaWidget>({ namespace });
  const remembered = new WeakMap<MainAreaWidget, Args>();
  const opening = new Set<string>();
  commands.addCommand(kind.command, {
    label: kind.label,
    isEnabled: kind.isEnabled ?? (() => true),
    execute: async (args: Args) => {
      const api = parts.api.bound();
      if (typeof args['project_id'] === 'string' && args['project_id'] !== '') {
        api.project = args['project_id'];
      }
      const id = `trackbook-${kind.idOf(args, api)}`;
      if (!opening.has(id) && ![...shell.widgets('main')].some(widget => widget.id === id)) {
        const widget = kind.make(args, api, id);
        // To make a document and to show it are two tasks: in one they would keep the page too long.
        opening.add(id);
        await new Promise(done => setTimeout(done));
        opening.delete(id);
        const kept = kind.restored?.(args) ?? args;
        remembered.set(widget, { ...kept, project_id: api.project });
        void tracker.add(widget);
        shell.add(widget, 'main');
      }
      shell.activateById(id);
    }
  });
  void parts.restorer?.restore(tracker, {
    command: kind.command,
    args: widget => (remembered.get(widget) ?? {}) as { [key: string]: ReadonlyJSONValue },
    name: widget => widget.id
  });
}

/** What a document opens, always in the project that it shows itself. */
function openers(parts: IDocumentParts, api: TrackbookApi) {
  const { commands } = parts.app;
  const project_id = api.project;
  return {
    onOpenRun: (run_id: string, run_name: string): void =>
      void commands.execute(CommandIDs.openRun, { run_id, run_name, project_id }),
    onOpenDataset: (name: string): void =>
      void commands.execute(CommandIDs.openDataset, { name, project_id }),
    onOpenFile: (path: string): void => void commands.execute('docmanager:open', { path }),
    onShowPanel: (): void => void commands.execute(CommandIDs.show),
    onCompare: (ids: readonly string[]): void =>
      void commands.execute(CommandIDs.compareRuns, { ids: [...ids], project_id })
  };
}

function run(parts: IDocumentParts): IKind {
  const { languages, rendermime, themes } = parts;
  return {
    command: CommandIDs.openRun,
    label: 'Trackbook: Open Run',
    idOf: args => `run-${text(args, 'run_id')}`,
    make: (args, api, id) => {
      const runId = text(args, 'run_id');
      const props = { api, runId, languages, rendermime, ...openers(parts, api) };
      return makeRunDocument(props, themes, id, text(args, 'run_name') || runId.slice(0, 8));
    }
  };
}

function runs(parts: IDocumentParts): IKind {
  return {
    command: CommandIDs.openRuns,
    label: 'Trackbook: All Runs',
    idOf: (_, api) => `runs-${api.project ?? ''}`,
    make: (args, api, id) => {
      const { onOpenRun, onCompare } = openers(parts, api);
      const actions = {
        open: ({ run_id, run_name }: IRunSummary) => onOpenRun(run_id, run_name),
        compare: (chosen: readonly IRunSummary[]) => onCompare(chosen.map(each => each.run_id))
      };
      const model = new RunsModel(api, actions, parts.kept);
      void model.start(text(args, 'filter'));
      return makeRunsDocument({ model, themes: parts.themes }, id);
    }
  };
}

function compare(parts: IDocumentParts): IKind {
  const { rendermime, themes } = parts;
  const idsOf = (args: Args): readonly string[] => [args['ids'] ?? []].flat().map(String);
  return {
    command: CommandIDs.compareRuns,
    label: 'Trackbook: Compare Runs',
    idOf: args => `compare-${idsOf(args).join('-')}`,
    make: (args, api, id) => {
      const ids = idsOf(args);
      const props = { api, ids, rendermime, ...openers(parts, api) };
      return makeCompareDocument(props, themes, id, `Compare ${count(ids.length, 'run')}`);
    }
  };
}

function dataset(parts: IDocumentParts): IKind {
  return {
    command: CommandIDs.openDataset,
    label: 'Trackbook: Open Dataset',
    idOf: (args, api) => `dataset-${api.project ?? ''}-${text(args, 'name')}`,
    make: (args, api, id) => {
      const name = text(args, 'name');
      return makeDatasetDocument({ api, name, ...openers(parts, api) }, id, name);
    }
  };
}

function model(parts: IDocumentParts): IKind {
  const { languages } = parts;
  return {
    command: CommandIDs.openModel,
    label: 'Trackbook: Open Model',
    idOf: (args, api) => `model-${api.project ?? ''}-${text(args, 'name')}`,
    make: (args, api, id) => {
      const name = text(args, 'name');
      return makeModelDocument({ api, name, languages, ...openers(parts, api) }, id, name);
    }
  };
}

/** The document of a pipeline, and the commands that open it and ask it for something. */
function addPipelines(parts: IDocumentParts): void {
  const { app, notebooks, rendermime, themes } = parts;
  const { commands } = app;
  const wished = new Signal<object, { path: string; wish: ConversionWish }>({});
  const requested = new Signal<object, { path: string; request: IRunRequest }>({});
  const pathOf = (args: Args): string => text(args, 'path') || (notebooks.current ?? '');
  const open = new Map<string, MainAreaWidget>();
  addKind(parts, {
    command: CommandIDs.openPipeline,
    label: 'Trackbook: Open Pipeline of Notebook',
    isEnabled: args => pathOf(args) !== '',
    idOf: args => `pipeline-${pathOf(args)}`,
    restored: args => ({ path: pathOf(args) }),
    make: (args, api, id) => {
      const path = pathOf(args);
      const wish = text(args, 'wish') as ConversionWish | '';
      const { onOpenFile } = openers(parts, api);
      const props = {
        api,
        path,
        wished,
        wish: wish || null,
        requested,
        request: (args['request'] as IRunRequest | undefined) ?? null,
        rendermime,
        // The notebook's project is known only when the page has asked for it.
        onOpenRun: (run_id: string, run_name: string) =>
          openers(parts, api).onOpenRun(run_id, run_name),
        onStepMenu: (of: string, step: string, x: number, y: number) =>
          openGraphMenu(app, { path: of, step }, x, y),
        saved: notebooks.saved,
        changed: notebooks.changed,
        isDirty: (of: string) => notebooks.isDirty(of),
        onWriteSteps: (of: string, cells: readonly IGraphCell[]) => notebooks.writeSteps(of, cells),
        onSave: (of: string) => notebooks.save(of),
        onOpenCell: (of: string, cellId: string, index: number, line: number | null = null) =>
          void notebooks.showCell(of, cellId, index, line),
        onOpenFile
      };
      const widget = makePipelineDocument(props, themes, id, `Pipeline of ${baseName(path)}`);
      open.set(path, widget);
      widget.disposed.connect(() => open.delete(path));
      return widget;
    }
  });
  const ask = (wish: ConversionWish, label: string): void => {
    commands.addCommand(wish === 'verify' ? CommandIDs.verify : CommandIDs.convert, {
      label,
      isEnabled: args => pathOf(args) !== '',
      execute: async args => {
        const path = pathOf(args);
        const isOpen = open.has(path);
        await commands.execute(CommandIDs.openPipeline, isOpen ? { path } : { path, wish });
        if (isOpen) {
          wished.emit({ path, wish });
        }
      }
    });
  };
  const run = async (path: string, request: IRunRequest): Promise<void> => {
    const isOpen = open.has(path);
    const args = { path, ...(isOpen ? {} : { request: { ...request } }) };
    await commands.execute(CommandIDs.openPipeline, args);
    if (isOpen) {
      requested.emit({ path, request });
    }
  };
  addRunCommands(app, pathOf, () => notebooks.currentCell, run);
  ask('convert', 'Trackbook: Convert Notebook to Script');
  ask('verify', 'Trackbook: Convert Notebook and Verify');
}

function drift(parts: IDocumentParts): IKind {
  const { rendermime, themes } = parts;
  return {
    command: CommandIDs.openDriftReport,
    label: 'Trackbook: Open Drift Report',
    idOf: args => `drift-report-${text(args, 'report_id')}`,
    make: (args, api, id) => {
      const name = args['reference'] ? `${args['reference']} → ${args['current']}` : 'Drift';
      const props = { api, reportId: text(args, 'report_id'), rendermime };
      return makeDriftDocument(props, themes, id, name);
    }
  };
}

function text(args: Args, name: string): string {
  const value = args[name];
  return typeof value === 'string' ? value : '';
}
