/** The rows at hand, as `@lumino/datagrid` asks for them. */

import { DataModel } from '@lumino/datagrid';

import type { IRunSummary } from '../api';
import { type IColumn, NAME } from './columns';
import type { RunsSource } from './source';

/** The value of a cell: its column and its run, undefined while that is on its way. */
export interface ICell {
  readonly column: IColumn;
  readonly run: IRunSummary | undefined;
}

export class RunsGridModel extends DataModel {
  constructor(private readonly _source: RunsSource) {
    super();
  }

  get columns(): readonly IColumn[] {
    return this._columns;
  }

  set columns(columns: readonly IColumn[]) {
    this._columns = columns;
    this.emitChanged({ type: 'model-reset' });
  }

  rowCount(region: DataModel.RowRegion): number {
    return region === 'body' ? this._rows : 1;
  }

  columnCount(region: DataModel.ColumnRegion): number {
    return region === 'body' ? this._columns.length : 1;
  }

  data(region: DataModel.CellRegion, row: number, column: number): ICell | IColumn | null {
    const own =
      region.startsWith('row') || region.startsWith('corner') ? NAME : this._columns[column];
    if (own === undefined) {
      return null;
    }
    return region === 'body' || region === 'row-header'
      ? { column: own, run: this._source.row(row) }
      : own;
  }

  /** Take over how many rows there are; says whether that was news. */
  syncRows(): boolean {
    if (this._rows === this._source.total) {
      return false;
    }
    this._rows = this._source.total;
    this.emitChanged({ type: 'model-reset' });
    return true;
  }

  insertAbove(span: number): void {
    this._rows += span;
    this.emitChanged({ type: 'rows-inserted', region: 'body', index: 0, span });
  }

  /** Draw some rows again. */
  touch(first: number, last: number): void {
    const rows = { row: Math.max(0, first), rowSpan: last - first + 1 };
    if (rows.rowSpan > 0) {
      const columnSpan = this._columns.length;
      this.emitChanged({
        type: 'cells-changed',
        region: 'row-header',
        column: 0,
        columnSpan: 1,
        ...rows
      });
      this.emitChanged({ type: 'cells-changed', region: 'body', column: 0, columnSpan, ...rows });
    }
  }

  touchHeader(): void {
    const row = { row: 0, rowSpan: 1, column: 0 };
    const columnSpan = this._columns.length;
    this.emitChanged({ type: 'cells-changed', region: 'column-header', columnSpan, ...row });
    this.emitChanged({ type: 'cells-changed', region: 'corner-header', columnSpan: 1, ...row });
  }

  private _columns: readonly IColumn[] = [];
  private _rows = 0;
}
