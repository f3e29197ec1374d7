/**
 * A grid that draws on a canvas of its own, at most once a frame.
 *
 * `DataGrid` draws every cell into a hidden canvas and copies it from there, one copy a cell; it copies the whole
 * picture to scroll it, or to make a column wider; and it lays a second canvas over it, whose every change costs as
 * much as one of the first.  A browser without a GPU (a remote desktop, a virtual machine) takes milliseconds for each
 * of these.  To draw all that is seen anew takes less than one such copy.  What the table of runs has no use for is
 * left out: merged cells, renderers that load, a selection of cells, and a last row or column that is stretched.
 */

import { type CellRenderer, DataGrid, DataModel, GraphicsContext } from '@lumino/datagrid';

import { drawShadows, type IRect } from './shadows';
import { type IBand, type ISpan, spansOf } from './spans';

interface IPaint {
  readonly ground: string | undefined;
  readonly across: string | undefined;
  readonly down: string | undefined;
}

export class DirectGrid extends DataGrid {
  constructor(options: DataGrid.IOptions) {
    super(options);
    const { node } = this.viewport;
    node.querySelectorAll('canvas').forEach(keepEmpty);
    this.canvasGC.drawImage = () => undefined;
    this._screen.style.position = 'absolute';
    this._screen.style.inset = '0 auto auto 0';
    node.appendChild(this._screen);
  }

  /** Called when the grid has drawn: only then can somebody see other rows than before. */
  onPainted: () => void = () => undefined;

  override dispose(): void {
    cancelAnimationFrame(this._frame);
    super.dispose();
  }

  /** Whatever part is to be drawn, and however many of them: all is drawn, when the browser shows its next frame. */
  protected override paintContent(): void {
    this._frame ||= requestAnimationFrame(() => {
      this._frame = 0;
      this._paint();
      this.onPainted();
    });
  }

  private _paint(): void {
    const { viewportWidth: width, viewportHeight: height } = this;
    const context = this._context;
    if (context === null || !this.viewport.isVisible) {
      return;
    }
    this._fit(width, height);
    const ratio = Math.ceil(window.devicePixelRatio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const gc = new GraphicsContext(context);
    gc.save();
    fill(gc, { x: 0, y: 0, width, height }, this.style.voidColor);
    this._paintRegions(gc);
    drawShadows(gc, this);
    gc.dispose();
  }

  /** Give the canvas the size of what is seen. */
  private _fit(width: number, height: number): void {
    const ratio = Math.ceil(window.devicePixelRatio);
    const screen = this._screen;
    if (screen.width !== width * ratio || screen.height !== height * ratio) {
      screen.width = width * ratio;
      screen.height = height * ratio;
      screen.style.width = `${width}px`;
      screen.style.height = `${height}px`;
    }
  }

  private _paintRegions(gc: GraphicsContext): void {
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
    this._paintRegion(gc, 'body', rows, columns, body);
    this._paintRegion(gc, 'row-header', rows, left, head);
    this._paintRegion(gc, 'column-header', top, columns, head);
    this._paintRegion(gc, 'corner-header', top, left, head);
  }

  private _paintRegion(
    gc: GraphicsContext,
    region: DataModel.CellRegion,
    rows: IBand,
    columns: IBand,
    paint: IPaint
  ): void {
    const tall = spansOf(rows, rows.start, rows.end);
    const wide = spansOf(columns, columns.start, columns.end);
    const [x, width] = extentOf(columns, wide);
    const [y, height] = extentOf(rows, tall);
    const area = { x, y, width, height };
    fill(gc, area, paint.ground);
    for (const { index: column, at, size: width } of wide) {
      const left = Math.max(at, columns.start);
      gc.save();
      clip(gc, { ...area, x: left, width: at + width - left });
      for (const { index: row, at: y, size: height } of tall) {
        this._paintCell(gc, { region, row, column, x: at, y, width, height });
      }
      gc.restore();
    }
    for (const { at, size } of tall) {
      fill(gc, { ...area, y: at + size - 1, height: 1 }, paint.across);
    }
    for (const { at, size } of wide) {
      fill(gc, { ...area, x: at + size - 1, width: 1 }, paint.down);
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

  private readonly _screen = document.createElement('canvas');
  private readonly _context = this._screen.getContext('2d', { alpha: false });
  private _frame = 0;
}

/** Take its pixels from a canvas that nobody is to see, for good: `DataGrid` goes on to size it and to draw on it. */
function keepEmpty(canvas: HTMLCanvasElement): void {
  canvas.width = canvas.height = 0;
  const none = { get: () => 0, set: () => undefined };
  Object.defineProperties(canvas, { width: none, height: none });
  canvas.style.display = 'none';
}

/** Where the rows or columns of a band begin on the screen, and how many pixels they take. */
function extentOf({ start, end }: IBand, spans: readonly ISpan[]): readonly [number, number] {
  const last = spans[spans.length - 1];
  return [start, last ? Math.min(end, last.at + last.size) - start : 0];
}

function fill(gc: GraphicsContext, { x, y, width, height }: IRect, color?: string): void {
  if (color) {
    gc.fillStyle = color;
    gc.fillRect(x, y, width, height);
  }
}

function clip(gc: GraphicsContext, { x, y, width, height }: IRect): void {
  gc.beginPath();
  gc.rect(x, y, width, height);
  gc.clip();
}
