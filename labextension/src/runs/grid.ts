/**
 * A grid that draws its cells straight onto the canvas that is seen.
 *
 * `DataGrid` draws every cell into a hidden canvas and copies it from there, one copy a cell.  A browser without a GPU
 * (a remote desktop, a virtual machine) takes milliseconds for each of these, which makes more than a second a page.
 * Clipping a column and drawing its cells in place needs no copy.  What the table of runs has no use for is left out:
 * merged cells, renderers that load, and a last row or column that is stretched.
 */

import { type CellRenderer, DataGrid, DataModel, GraphicsContext } from '@lumino/datagrid';

import { type IBand, spansOf } from './spans';

/** A part of the screen, in pixels. */
interface IRect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

interface IPaint {
  readonly ground: string | undefined;
  readonly across: string | undefined;
  readonly down: string | undefined;
}

export class DirectGrid extends DataGrid {
  /** Called when the grid has drawn: only then can somebody see other rows than before. */
  onPainted: () => void = () => undefined;

  protected override paintContent(x: number, y: number, width: number, height: number): void {
    const context = this.canvasGC;
    const ratio = Math.ceil(window.devicePixelRatio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(x, y, width, height);
    const gc = new GraphicsContext(context);
    gc.save();
    clip(gc, { x, y, width, height });
    this._fill(gc, { x, y, width, height }, this.style.voidColor);
    this._paintRegions(gc, { x, y, width, height });
    gc.dispose();
    this.onPainted();
  }

  private _paintRegions(gc: GraphicsContext, dirty: IRect): void {
    const { style } = this;
    const left = { sections: this.rowHeaderSections, start: 0, end: this.headerWidth, scroll: 0 };
    const top = {
      sections: this.columnHeaderSections,
      start: 0,
      end: this.headerHeight,
      scroll: 0
    };
    const rows = {
      sections: this.rowSections,
      start: this.headerHeight,
      end: this.viewportHeight,
      scroll: this.scrollY
    };
    const columns = {
      sections: this.columnSections,
      start: this.headerWidth,
      end: this.viewportWidth,
      scroll: this.scrollX
    };
    const body = {
      ground: style.backgroundColor,
      across: style.horizontalGridLineColor ?? style.gridLineColor,
      down: style.verticalGridLineColor ?? style.gridLineColor
    };
    const head = {
      ground: style.headerBackgroundColor,
      across: style.headerHorizontalGridLineColor ?? style.headerGridLineColor,
      down: style.headerVerticalGridLineColor ?? style.headerGridLineColor
    };
    this._paintRegion(gc, 'body', rows, columns, dirty, body);
    this._paintRegion(gc, 'row-header', rows, left, dirty, head);
    this._paintRegion(gc, 'column-header', top, columns, dirty, head);
    this._paintRegion(gc, 'corner-header', top, left, dirty, head);
  }

  private _paintRegion(
    gc: GraphicsContext,
    region: DataModel.CellRegion,
    rows: IBand,
    columns: IBand,
    dirty: IRect,
    paint: IPaint
  ): void {
    const tall = spansOf(rows, dirty.y, dirty.y + dirty.height);
    for (const column of spansOf(columns, dirty.x, dirty.x + dirty.width)) {
      const { at: x, size: width } = column;
      const left = Math.max(x, columns.start);
      const area = {
        x: left,
        y: rows.start,
        width: x + width - left,
        height: rows.end - rows.start
      };
      gc.save();
      clip(gc, area);
      for (const { index, at: y, size: height } of tall) {
        this._fill(gc, { x, y, width, height }, paint.ground);
        this._paintCell(gc, { region, row: index, column: column.index, x, y, width, height });
        this._fill(gc, { x, y: y + height - 1, width, height: 1 }, paint.across);
        this._fill(gc, { x: x + width - 1, y, width: 1, height }, paint.down);
      }
      gc.restore();
    }
  }

  private _paintCell(
    gc: GraphicsContext,
    place: Omit<CellRenderer.CellConfig, 'value' | 'metadata'>
  ): void {
    const value: unknown = this.dataModel?.data(place.region, place.row, place.column);
    const config = { ...place, value, metadata: DataModel.emptyMetadata };
    this.cellRenderers.get(config).paint(gc, config);
  }

  private _fill(gc: GraphicsContext, { x, y, width, height }: IRect, color?: string): void {
    if (color) {
      gc.fillStyle = color;
      gc.fillRect(x, y, width, height);
    }
  }
}

function clip(gc: GraphicsContext, { x, y, width, height }: IRect): void {
  gc.beginPath();
  gc.rect(x, y, width, height);
  gc.clip();
}
