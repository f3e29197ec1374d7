/** Keeps the badges of one open notebook up to date.  The notebook's own text is read and never written. */

import type { NotebookPanel } from '@jupyterlab/notebook';
import { Debouncer, Poll } from '@lumino/polling';
import { Signal } from '@lumino/signaling';

import type { TrackbookApi } from '../api';
import { asApiError } from '../model';
import type { ICellBadge, ICellBadges, INotebook } from '../proof';
import { BADGE_INTERVAL } from '../tokens';
import { Badge } from './Badge';
import { describe } from './rules';

type CellWidget = NotebookPanel['content']['widgets'][number];

export interface IBadgeOptions {
  readonly api: TrackbookApi;
  /** The path of the notebook as the server calls it. */
  readonly localPath: (path: string) => string;
  /** Opens a run of the project. */
  readonly onOpen: (badge: ICellBadge, projectId: string) => void;
}

/**
 * Asks the server after a cell has run, after the kernel has restarted and, for files that changed, every few
 * seconds while the notebook can be seen; an edit is judged here, cell by cell.
 */
export class NotebookBadges {
  constructor(
    private readonly _panel: NotebookPanel,
    private readonly _options: IBadgeOptions
  ) {
    this._poll = new Poll({
      name: 'trackbook:badges',
      auto: false,
      standby: () => document.hidden || !this._panel.isVisible,
      frequency: { interval: BADGE_INTERVAL, backoff: 2, max: 12 * BADGE_INTERVAL },
      factory: () => this._load()
    });
    const { context, sessionContext, content } = _panel;
    context.pathChanged.connect(this._forget, this);
    sessionContext.statusChanged.connect(this._onStatus, this);
    sessionContext.kernelChanged.connect(this._onKernel, this);
    content.modelContentChanged.connect(this._onContent, this);
    _panel.disposed.connect(this.dispose, this);
    void context.ready.then(() => {
      if (!this._poll.isDisposed) {
        void this._poll.start();
      }
    });
  }

  /** Look at the server soon: a cell has run. */
  nudge(): void {
    void this._asking.invoke();
  }

  dispose(): void {
    if (!this._poll.isDisposed) {
      this._poll.dispose();
      this._asking.dispose();
      this._drawing.dispose();
      Signal.clearData(this);
      for (const badge of this._badges.values()) {
        badge.dispose();
      }
    }
  }

  private async _load(): Promise<void> {
    try {
      this._notebook ??= await this._options.api.openProject(
        this._options.localPath(this._panel.context.path)
      );
      const told = await this._options.api.cells(this._notebook);
      if (told !== this._told) {
        this._told = told;
        this._draw();
      }
    } catch (error) {
      const problem = asApiError(error);
      if (problem.code === 'unknown_project') {
        this._notebook = null; // the server has restarted; tell it again the next time
      }
      throw problem;
    }
  }

  /** Give every cell that has a run its badge, and take away those of cells that have none. */
  private _draw(): void {
    if (this._poll.isDisposed || this._told === null) {
      return;
    }
    const told = new Map(this._told.cells.map(cell => [cell.cell_id, cell]));
    const seen = new Set<CellWidget>();
    for (const widget of this._panel.content.widgets) {
      const cell = widget.model.type === 'code' ? told.get(widget.model.id) : undefined;
      if (cell !== undefined) {
        seen.add(widget);
        this._show(widget, cell);
      }
    }
    for (const [widget, badge] of this._badges) {
      if (!seen.has(widget)) {
        badge.dispose();
        this._badges.delete(widget);
      }
    }
  }

  private _show(widget: CellWidget, cell: ICellBadge): void {
    const host = widget.node.querySelector<HTMLElement>('.jp-Cell-inputWrapper');
    if (host === null) {
      // A long notebook makes the inside of a cell when it comes into view.
      if (!this._awaited.has(widget)) {
        this._awaited.add(widget);
        widget.inViewportChanged.connect(this._onContent, this);
        void widget.ready.then(() => this._drawing.invoke());
      }
      return;
    }
    let badge = this._badges.get(widget);
    if (badge === undefined) {
      badge = new Badge(host);
      this._badges.set(widget, badge);
    }
    const source = widget.model.sharedModel.getSource();
    badge.show(describe(cell, source, this._isEarlier(cell)), () =>
      this._options.onOpen(cell, this._notebook?.project_id ?? '')
    );
  }

  private _isEarlier(cell: ICellBadge): boolean {
    const session = cell.session;
    return session !== null && (session !== this._told?.session || session === this._ended);
  }

  private _onContent(): void {
    void this._drawing.invoke();
  }

  private _onStatus(_: unknown, status: string): void {
    if (status === 'restarting' || status === 'autorestarting') {
      this._endSession();
    } else if (status === 'idle') {
      this.nudge();
    }
  }

  private _onKernel(_: unknown, change: { oldValue: unknown; newValue: unknown }): void {
    if (change.oldValue !== null) {
      this._endSession();
    }
  }

  /** What the kernel knew is gone; the server hears of a new session only when that executes something. */
  private _endSession(): void {
    this._ended = this._told?.session ?? null;
    this._draw();
    this.nudge();
  }

  private _forget(): void {
    this._notebook = null;
    this.nudge();
  }

  private readonly _poll: Poll;
  private readonly _asking = new Debouncer(() => this._poll.refresh(), 100);
  private readonly _drawing = new Debouncer(() => this._draw(), 200);
  private readonly _badges = new Map<CellWidget, Badge>();
  private readonly _awaited = new WeakSet<CellWidget>();
  private _notebook: INotebook | null = null;
  private _told: ICellBadges | null = null;
  private _ended: string | null = null;
}
