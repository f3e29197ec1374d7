/** What the Pipeline document asks of open notebooks: to be saved, to show a cell, to take tags, to say what changed. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { ToolbarButton } from '@jupyterlab/apputils';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { type ISignal, Signal } from '@lumino/signaling';

import { trackbookIcon } from '../icons';
import { placed } from '../steps/rules';
import { tagsOf } from '../steps/tags';
import { CommandIDs } from '../tokens';
import type { IGraphCell } from './types';

export class Notebooks {
  constructor(
    private readonly _app: JupyterFrontEnd,
    private readonly _tracker: INotebookTracker
  ) {
    const add = (panel: NotebookPanel): void => {
      panel.context.saveState.connect((_, state) => {
        if (state === 'completed') {
          this._saved.emit(this._localPath(panel));
        }
      });
      panel.context.model.stateChanged.connect((_, change) => {
        if (change.name === 'dirty') {
          this._changed.emit(this._localPath(panel));
        }
      });
      const button = new ToolbarButton({
        icon: trackbookIcon,
        tooltip: 'Pipeline: graph, run, convert and verify',
        onClick: () =>
          void _app.commands.execute(CommandIDs.openPipeline, { path: this._localPath(panel) })
      });
      panel.toolbar.insertItem(10, 'trackbook-pipeline', button);
    };
    _tracker.forEach(add);
    _tracker.widgetAdded.connect((_, panel) => add(panel));
  }

  /** The path of a notebook that has been saved. */
  get saved(): ISignal<this, string> {
    return this._saved;
  }

  /** The path of a notebook that has unsaved changes from now on, or none any more. */
  get changed(): ISignal<this, string> {
    return this._changed;
  }

  /** Whether a notebook is open and has changes that are not saved. */
  isDirty(path: string): boolean {
    return this._find(path)?.context.model.dirty ?? false;
  }

  /** The path of the notebook that is in front, as the server calls it. */
  get current(): string | null {
    const panel = this._tracker.currentWidget;
    return panel === null ? null : this._localPath(panel);
  }

  /** The id of the cell that is active in the notebook in front. */
  get currentCell(): string | null {
    return this._tracker.activeCell?.model.id ?? null;
  }

  /** Save a notebook that is open and has changed. */
  async save(path: string): Promise<void> {
    const panel = this._find(path);
    if (panel?.context.model.dirty) {
      await panel.context.save();
    }
  }

  /**
   * Show a cell, by its id or else as the code cell at `index`, with the cursor in a line of it, counted from 1.
   *
   * The notebook is opened when it is not.
   */
  async showCell(
    path: string,
    cellId: string,
    index: number,
    line: number | null = null
  ): Promise<void> {
    await this._app.commands.execute('docmanager:open', { path });
    const panel = this._find(path);
    if (panel === undefined) {
      return;
    }
    await panel.context.ready;
    const { widgets } = panel.content;
    const code = widgets.filter(widget => widget.model.type === 'code');
    const cell = widgets.find(widget => widget.model.id === cellId) ?? code[index];
    if (cell) {
      const position = widgets.indexOf(cell);
      panel.content.deselectAll();
      panel.content.activeCellIndex = position;
      await panel.content.scrollToItem(position, 'center');
      panel.content.activate();
      if (line !== null) {
        await cell.ready;
        cell.editor?.setCursorPosition({ line: line - 1, column: 0 });
      }
    }
  }

  private _find(path: string): NotebookPanel | undefined {
    return this._tracker.find(panel => this._localPath(panel) === path);
  }

  private _localPath(panel: NotebookPanel): string {
    return this._app.serviceManager.contents.localPath(panel.context.path);
  }

  /** Tag the cells of a notebook with their steps, in one undoable change, and save it. */
  async writeSteps(path: string, cells: readonly IGraphCell[]): Promise<void> {
    await this._app.commands.execute('docmanager:open', { path });
    const panel = this._find(path);
    await panel?.context.ready;
    const code = (panel?.content.widgets ?? [])
      .map(widget => widget.model)
      .filter(model => model.type === 'code');
    panel?.content.model?.sharedModel.transact(() => {
      for (const { index, step, role } of cells) {
        const model = code[index];
        const tag = step === null ? role : `step:${step}`;
        if (model !== undefined && tag !== null && model.sharedModel.getSource().trim() !== '') {
          model.setMetadata('tags', [...placed(tagsOf(model), tag)]);
        }
      }
    });
    await panel?.context.save();
  }

  private readonly _saved = new Signal<this, string>(this);
  private readonly _changed = new Signal<this, string>(this);
}
