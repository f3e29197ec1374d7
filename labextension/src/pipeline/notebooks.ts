/** What the Pipeline document asks of open notebooks: to be saved, to show a cell, to say when they were saved. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { ToolbarButton } from '@jupyterlab/apputils';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { type ISignal, Signal } from '@lumino/signaling';

import { trackbookIcon } from '../icons';
import { CommandIDs } from '../tokens';

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
      const button = new ToolbarButton({
        icon: trackbookIcon,
        tooltip: 'Pipeline: graph, convert and verify',
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

  /** The path of the notebook that is in front, as the server calls it. */
  get current(): string | null {
    const panel = this._tracker.currentWidget;
    return panel === null ? null : this._localPath(panel);
  }

  /** Save a notebook that is open and has changed. */
  async save(path: string): Promise<void> {
    const panel = this._find(path);
    if (panel?.context.model.dirty) {
      await panel.context.save();
    }
  }

  /** Show a cell, by its id or else as the code cell at `index`; the notebook is opened when it is not. */
  async showCell(path: string, cellId: string, index: number): Promise<void> {
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
    }
  }

  private _find(path: string): NotebookPanel | undefined {
    return this._tracker.find(panel => this._localPath(panel) === path);
  }

  private _localPath(panel: NotebookPanel): string {
    return this._app.serviceManager.contents.localPath(panel.context.path);
  }

  private readonly _saved = new Signal<this, string>(this);
}
