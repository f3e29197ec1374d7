/** The table of runs: a grid, its rows, where the cursor stands and what is selected. */

import { type ISignal, Signal } from '@lumino/signaling';

import type { IRunSummary } from '../api';
import { SELECTED_RUNS } from '../tokens';
import { describeRow, type IColumn, NAME } from './columns';
import { DirectGrid } from './grid';
import { RunsGridModel } from './gridModel';
import { type IControls, RunsKeyHandler, RunsMouseHandler } from './handlers';
import { type ILookup, makeRenderers } from './renderers';
import { RunSelection } from './selection';
import type { Change, RunsSource } from './source';
import { gridStyle, readTheme } from './theme';
import type { IOrder } from './types';

export const ROW_HEIGHT = 28;
const HEAD_HEIGHT = 30;

/** What the table asks of the document around it. */
export interface ITableActions {
  open(run: IRunSummary): void;
  sort(column: IColumn): void;
  rename(): void;
  remove(): void;
  say(text: string): void;
}

export class RunsTable implements ILookup, IControls {
  constructor(
    readonly source: RunsSource,
    private readonly _actions: ITableActions
  ) {
    const sizes = { rowHeight: ROW_HEIGHT, columnHeaderHeight: HEAD_HEIGHT };
    this._model = new RunsGridModel(source);
    this.grid = new DirectGrid({
      defaultSizes: { ...sizes, columnWidth: 110, rowHeaderWidth: NAME.width },
      minimumSizes: { ...sizes, columnWidth: 56, rowHeaderWidth: 120 },
      headerVisibility: 'all'
    });
    this.grid.addClass('tb-Grid');
    this.grid.dataModel = this._model;
    this.grid.keyHandler = new RunsKeyHandler(this);
    this.grid.mouseHandler = new RunsMouseHandler(this);
    this.grid.onPainted = this._look;
    this._prepareNode();
    source.changed.connect(this._onChange, this);
    this.selection.changed.connect(() => this._repaint());
    this._clock = setInterval(() => this._repaint(), 10_000);
  }

  readonly grid: DirectGrid;
  readonly selection = new RunSelection();

  /** Emitted when the row that has the cursor is another, or says something else. */
  readonly cursorMoved: ISignal<this, void> = new Signal<this, void>(this);

  order: IOrder | null = null;
  focused = false;
  cursor = 0;
  cursorColumn = -1;

  get columns(): readonly IColumn[] {
    return this._model.columns;
  }

  set columns(columns: readonly IColumn[]) {
    this._model.columns = columns;
    columns.forEach((column, index) => this.grid.resizeColumn('body', index, column.width));
    this.cursorColumn = Math.min(this.cursorColumn, columns.length - 1);
  }

  get pageRows(): number {
    return Math.max(1, Math.floor(this.grid.pageHeight / ROW_HEIGHT) - 1);
  }

  get lastRow(): number {
    return this.source.total - 1;
  }

  /** The run under the cursor; undefined while its row is on its way. */
  get current(): IRunSummary | undefined {
    return this.source.row(this.cursor);
  }

  /** The row under the cursor in words. */
  get description(): string {
    const run = this.current;
    if (run === undefined) {
      return '';
    }
    const place = `Row ${(this.cursor + 1).toLocaleString('en-US')} of ${this.source.total.toLocaleString('en-US')}`;
    const column = this.columns[this.cursorColumn];
    const cell = column ? `${column.title}: ${column.text(run, this.now()) || 'empty'}. ` : '';
    const state = this.selection.has(run.run_id) ? ', selected' : '';
    return `${cell}${place}${state}: ${describeRow(run, this.columns, this.now())}`;
  }

  isSelected(run: IRunSummary): boolean {
    return this.selection.has(run.run_id);
  }

  now(): number {
    return Date.now();
  }

  // -- what keys and the mouse do

  moveTo(row: number, how: 'only' | 'extend' | 'keep'): void {
    if (this.source.total === 0) {
      return;
    }
    this.cursor = row;
    this.grid.scrollToRow(row);
    if (how === 'extend') {
      void this._extend(row);
    } else {
      this._anchor = row;
      const run = this.current;
      if (how === 'only') {
        this.selection.set(run ? [run] : []);
        this._selectWhenCome = run ? -1 : row;
      }
    }
    this._repaint();
    this._moved();
  }

  moveAside(columns: number): void {
    this.cursorColumn = Math.max(
      -1,
      Math.min(this.columns.length - 1, this.cursorColumn + columns)
    );
    if (this.cursorColumn >= 0) {
      this.grid.scrollToColumn(this.cursorColumn);
    }
    this._repaint();
    this._moved();
  }

  toggle(row: number): void {
    const run = this.source.row(row);
    if (run) {
      this.selection.toggle(run);
      this._moved();
    }
  }

  /** Sort by a column; -1 is the one of the names. */
  sort(column: number): void {
    const chosen = column < 0 ? NAME : this.columns[column];
    if (chosen) {
      this._actions.sort(chosen);
    }
  }

  get hover(): number {
    return this._hover;
  }

  /** A row under the mouse is tinted; a text that may be cut is told in full. */
  pointAt(row: number, column: number): void {
    const run = this.source.row(row);
    const shown = column < 0 ? NAME : this.columns[column];
    this.grid.viewport.node.title = run && shown ? shown.text(run, this.now()) : '';
    if (row !== this._hover) {
      const before = this._hover;
      this._hover = row;
      this._model.touch(before, before);
      this._model.touch(row, row);
    }
  }

  open(row: number): void {
    const run = this.source.row(row);
    if (run) {
      this._actions.open(run);
    }
  }

  selectAll(): void {
    this._anchor = 0;
    void this._extend(this.lastRow);
  }

  clear(): void {
    this.selection.clear();
    this._moved();
  }

  rename(): void {
    this._actions.rename();
  }

  remove(): void {
    this._actions.remove();
  }

  // -- around

  /** Take the colours of the theme as it is now. */
  applyTheme(): void {
    const theme = readTheme(this.grid.node);
    this.grid.style = gridStyle(theme);
    this.grid.cellRenderers = makeRenderers(theme, this);
  }

  /** Draw the titles again, with the arrow of the order. */
  showOrder(order: IOrder | null): void {
    this.order = order;
    this._model.touchHeader();
  }

  focus(): void {
    this.grid.viewport.node.focus();
  }

  dispose(): void {
    clearInterval(this._clock);
    clearTimeout(this._timer);
    Signal.clearData(this);
    this.grid.dispose();
  }

  /** Select from where the last plain move ended to `row`, as far as so many can be selected. */
  private async _extend(row: number): Promise<void> {
    const up = row < this._anchor;
    const far = up
      ? Math.max(row, this._anchor - SELECTED_RUNS + 1)
      : Math.min(row, this._anchor + SELECTED_RUNS - 1);
    if (far !== row) {
      this._actions.say(`At most ${SELECTED_RUNS} runs can be selected at once.`);
    }
    const [first, last] = up ? [far, this._anchor] : [this._anchor, far];
    this.selection.set(await this.source.range(first, last));
    this._moved();
  }

  private _onChange(_: RunsSource, change: Change): void {
    if (change.type === 'opened') {
      this._rewind();
    } else if (change.type === 'inserted') {
      this._insert(change.rows);
    } else if (change.type === 'reset') {
      this._model.syncRows();
      this.cursor = Math.max(0, Math.min(this.cursor, this.lastRow));
      this._repaint();
    } else {
      this._model.syncRows();
      this._model.touch(change.first, change.last);
      this._takeCome();
    }
    this._look();
    this._moved();
  }

  /** Another list begins at its top. */
  private _rewind(): void {
    this.cursor = 0;
    this._anchor = 0;
    this.selection.clear();
    this._model.syncRows();
    this.grid.scrollTo(this.grid.scrollX, 0);
    this._repaint();
  }

  /** New rows push the others down; whoever has scrolled keeps seeing the same ones. */
  private _insert(rows: number): void {
    const { grid } = this;
    const scrolled = grid.scrollY > 0;
    this.cursor += this.cursor > 0 || scrolled ? rows : 0;
    this._anchor += rows;
    this._model.insertAbove(rows);
    if (scrolled) {
      grid.scrollTo(grid.scrollX, grid.scrollY + rows * ROW_HEIGHT);
    }
  }

  /** The cursor went to a row before that had come. */
  private _takeCome(): void {
    const run = this._selectWhenCome === this.cursor ? this.current : undefined;
    if (run) {
      this._selectWhenCome = -1;
      this.selection.set([run]);
    }
  }

  private _repaint(): void {
    const view = this.grid.currentViewport;
    if (view) {
      this._model.touch(view.firstRow, view.lastRow);
    }
  }

  private _moved(): void {
    (this.cursorMoved as Signal<this, void>).emit();
  }

  /** Tell the source what is looked at, not more often than the eye follows. */
  private readonly _look = (): void => {
    this._timer ??= setTimeout(() => {
      this._timer = undefined;
      const view = this.grid.currentViewport;
      if (view) {
        this.source.view(view.firstRow, view.lastRow);
      }
    }, 50);
  };

  private _prepareNode(): void {
    const { node } = this.grid.viewport;
    node.tabIndex = 0;
    node.setAttribute('role', 'application');
    node.setAttribute('aria-roledescription', 'table');
    node.setAttribute('aria-label', 'Runs, table');
    node.addEventListener('focus', () => this._setFocused(true));
    node.addEventListener('blur', () => this._setFocused(false));
  }

  private _setFocused(focused: boolean): void {
    this.focused = focused;
    this._repaint();
    this._moved();
  }

  private readonly _model: RunsGridModel;
  private readonly _clock: ReturnType<typeof setInterval>;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _anchor = 0;
  private _hover = -1;
  private _selectWhenCome = -1;
}
