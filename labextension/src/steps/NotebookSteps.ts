/** Keeps the chips of one open notebook in step with the tags of its cells. */

import type { NotebookPanel } from '@jupyterlab/notebook';
import { Debouncer } from '@lumino/polling';
import { Signal } from '@lumino/signaling';

import { Chips } from './Chips';
import { chipsOf } from './rules';
import { textOf } from './tags';

type CellWidget = NotebookPanel['content']['widgets'][number];

export class NotebookSteps {
  constructor(
    private readonly _panel: NotebookPanel,
    private readonly _onOpen: (panel: NotebookPanel, index: number, button: HTMLElement) => void
  ) {
    const { context, content } = _panel;
    content.modelContentChanged.connect(this._onContent, this);
    _panel.disposed.connect(this.dispose, this);
    void context.ready.then(() => this._onContent());
  }

  /** The element of a cell under which its menu opens. */
  anchor(widget: CellWidget): HTMLElement {
    return this._chips.get(widget)?.anchor ?? widget.node;
  }

  dispose(): void {
    if (!this._drawing.isDisposed) {
      this._drawing.dispose();
      Signal.clearData(this);
      for (const chips of this._chips.values()) {
        chips.dispose();
      }
    }
  }

  private _draw(): void {
    if (this._drawing.isDisposed) {
      return;
    }
    const cells = this._panel.content.widgets.filter(widget => widget.model.type === 'code');
    const told = chipsOf(cells.map(widget => textOf(widget.model)));
    const seen = new Set<CellWidget>();
    cells.forEach((widget, index) => {
      const shown = told[index] ?? [];
      const host = widget.node.querySelector<HTMLElement>('.jp-Cell-inputWrapper');
      this._follow(widget);
      if (shown.length > 0) {
        seen.add(widget);
        if (host !== null) {
          this._chipsOf(widget, host).show(shown);
        }
      }
    });
    for (const [widget, chips] of this._chips) {
      if (!seen.has(widget)) {
        chips.dispose();
        this._chips.delete(widget);
      }
    }
  }

  /** Draw again when a cell comes into view: a long notebook makes the inside of a cell only then. */
  private _follow(widget: CellWidget): void {
    if (!this._followed.has(widget)) {
      this._followed.add(widget);
      widget.inViewportChanged.connect(this._onContent, this);
      void widget.ready.then(() => this._onContent());
    }
  }

  private _chipsOf(widget: CellWidget, host: HTMLElement): Chips {
    const known = this._chips.get(widget);
    if (known?.host === host) {
      return known;
    }
    known?.dispose();
    const chips = new Chips(host, button => this._open(widget, button));
    this._chips.set(widget, chips);
    return chips;
  }

  private _open(widget: CellWidget, button: HTMLElement): void {
    this._onOpen(this._panel, this._panel.content.widgets.indexOf(widget), button);
  }

  private _onContent(): void {
    if (!this._drawing.isDisposed) {
      void this._drawing.invoke();
    }
  }

  private readonly _drawing = new Debouncer(() => this._draw(), 50);
  private readonly _chips = new Map<CellWidget, Chips>();
  private readonly _followed = new WeakSet<CellWidget>();
}
