/** What keys and the mouse do in the table of runs. */

import { BasicMouseHandler, type DataGrid } from '@lumino/datagrid';
import { Platform } from '@lumino/domutils';

import { CHECKBOX } from './renderers';

/** What a table lets keys and mouse do. */
export interface IControls {
  readonly cursor: number;
  readonly pageRows: number;
  readonly lastRow: number;
  moveTo(row: number, how: 'only' | 'extend' | 'keep'): void;
  moveAside(columns: number): void;
  toggle(row: number): void;
  sort(column: number): void;
  pointAt(row: number, column: number): void;
  open(row: number): void;
  selectAll(): void;
  clear(): void;
  rename(): void;
  remove(): void;
}

export class RunsKeyHandler implements DataGrid.IKeyHandler {
  constructor(private readonly _table: IControls) {}

  isDisposed = false;

  dispose(): void {
    this.isDisposed = true;
  }

  /** Keys that mean nothing here, Tab among them, go on to the page. */
  onKeyDown(_: DataGrid, event: KeyboardEvent): void {
    if (this._move(event) || this._act(event)) {
      event.preventDefault();
      event.stopPropagation();
    }
  }

  private _move(event: KeyboardEvent): boolean {
    const { cursor, pageRows, lastRow } = this._table;
    const targets: Readonly<Record<string, number>> = {
      ArrowUp: cursor - 1,
      ArrowDown: cursor + 1,
      PageUp: cursor - pageRows,
      PageDown: cursor + pageRows,
      Home: 0,
      End: lastRow
    };
    const target = targets[event.key];
    if (target === undefined || event.altKey) {
      return false;
    }
    const how = event.shiftKey ? 'extend' : Platform.accelKey(event) ? 'keep' : 'only';
    this._table.moveTo(Math.max(0, Math.min(lastRow, target)), how);
    return true;
  }

  private _act(event: KeyboardEvent): boolean {
    const table = this._table;
    const accel = Platform.accelKey(event);
    const actions: Readonly<Record<string, () => void>> = {
      ArrowLeft: () => table.moveAside(-1),
      ArrowRight: () => table.moveAside(1),
      Enter: () => table.open(table.cursor),
      ' ': () => table.toggle(table.cursor),
      Escape: () => table.clear(),
      F2: () => table.rename(),
      Delete: () => table.remove()
    };
    const action = accel
      ? event.key === 'a'
        ? () => table.selectAll()
        : null
      : actions[event.key];
    if (!action || event.altKey) {
      return false;
    }
    action();
    return true;
  }
}

export class RunsMouseHandler extends BasicMouseHandler {
  constructor(private readonly _table: IControls) {
    super();
  }

  override onMouseDown(grid: DataGrid, event: MouseEvent): void {
    const hit = grid.hitTest(event.clientX, event.clientY);
    if (hit.region === 'body' || hit.region === 'row-header') {
      event.preventDefault();
      grid.viewport.node.focus({ preventScroll: true });
      this._press(hit, event);
      return;
    }
    this._header = atEdge(hit) ? null : { region: hit.region, column: hit.column };
    super.onMouseDown(grid, event);
  }

  override onMouseUp(grid: DataGrid, event: MouseEvent): void {
    const hit = grid.hitTest(event.clientX, event.clientY);
    const header = this._header;
    this._header = null;
    super.onMouseUp(grid, event);
    if (header && hit.region === header.region && hit.column === header.column) {
      if (hit.region === 'column-header' || hit.region === 'corner-header') {
        this._table.sort(hit.region === 'corner-header' ? -1 : hit.column);
      }
    }
  }

  override onMouseDoubleClick(grid: DataGrid, event: MouseEvent): void {
    const { region, row } = grid.hitTest(event.clientX, event.clientY);
    if (region === 'body' || region === 'row-header') {
      this._table.open(row);
    }
  }

  override onMouseHover(grid: DataGrid, event: MouseEvent): void {
    super.onMouseHover(grid, event);
    const { region, row, column } = grid.hitTest(event.clientX, event.clientY);
    const inRow = region === 'body' || region === 'row-header';
    this._table.pointAt(inRow ? row : -1, region === 'body' ? column : -1);
  }

  override onMouseLeave(grid: DataGrid, event: MouseEvent): void {
    super.onMouseLeave(grid, event);
    this._table.pointAt(-1, -1);
  }

  private _press(hit: DataGrid.HitTestResult, event: MouseEvent): void {
    const onBox = hit.region === 'row-header' && hit.x < CHECKBOX.right;
    if (event.shiftKey) {
      this._table.moveTo(hit.row, 'extend');
    } else if (onBox || Platform.accelKey(event)) {
      this._table.moveTo(hit.row, 'keep');
      this._table.toggle(hit.row);
    } else {
      this._table.moveTo(hit.row, 'only');
    }
  }

  private _header: { region: string; column: number } | null = null;
}

/** Near an edge a press takes hold of the width. */
function atEdge(hit: DataGrid.HitTestResult): boolean {
  return hit.x < 6 || hit.width - hit.x < 6;
}
