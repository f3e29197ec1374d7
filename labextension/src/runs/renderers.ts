/** How cells are drawn.  What the table is doing (selection, focus, order) is asked for at each cell. */

import {
  type CellRenderer,
  type GraphicsContext,
  RendererMap,
  TextRenderer
} from '@lumino/datagrid';

import type { IRunSummary } from '../api';
import { look, RUN_LOOKS } from '../format';
import { type IColumn, NAME } from './columns';
import { Elision, measureIn } from './elision';
import type { ICell } from './gridModel';
import type { ITheme } from './theme';
import type { IOrder } from './types';

export interface ILookup {
  readonly order: IOrder | null;
  readonly focused: boolean;
  readonly cursor: number;
  readonly cursorColumn: number;
  readonly hover: number;
  isSelected(run: IRunSummary): boolean;
  now(): number;
}

/** Where the checkbox of a row stands, from the left edge. */
export const CHECKBOX = { left: 10, size: 14, right: 32 } as const;

const PLACEHOLDER = '·····';

/** What `TextRenderer` leaves free beside a text. */
const MARGINS = 14;

export function makeRenderers(theme: ITheme, table: ILookup): RendererMap {
  const cell = new CellText(theme, table);
  const name = new NameText(theme, table);
  const header = new HeaderText(theme, table);
  return new RendererMap(
    { body: cell, 'row-header': name, 'column-header': header, 'corner-header': header },
    cell
  );
}

const cellOf = (config: CellRenderer.CellConfig): ICell => config.value as ICell;

/** One value of a run; a row that is on its way shows dots. */
class CellText extends TextRenderer {
  constructor(
    protected readonly theme: ITheme,
    protected readonly table: ILookup,
    font = theme.font
  ) {
    const elision = new Elision(measureIn(font));
    super({
      font,
      textColor: config => colorOf(config, theme),
      horizontalAlignment: config => (cellOf(config).column.numeric ? 'right' : 'left'),
      elideDirection: 'none',
      horizontalPadding: 10,
      format: config => {
        const { column, run } = cellOf(config);
        const text = run ? clipped(column.text(run, table.now())) : PLACEHOLDER;
        return elision.fit(text, config.width - MARGINS);
      }
    });
  }

  override drawBackground(gc: GraphicsContext, config: CellRenderer.CellConfig): void {
    const { run } = cellOf(config);
    const { table, theme } = this;
    if (config.region === 'row-header') {
      // Names are a column like the others, although they stay when one scrolls to the side.
      fill(gc, config, theme.ground);
    }
    if (run && table.isSelected(run)) {
      fill(gc, config, theme.selected);
    } else if (config.row === table.hover) {
      fill(gc, config, theme.hover);
    }
    if (config.row === table.cursor) {
      this.drawCursor(gc, config);
    }
  }

  /** The focused row stands between two lines, the focused cell within four. */
  protected drawCursor(gc: GraphicsContext, config: CellRenderer.CellConfig): void {
    const { x, y, width, height } = config;
    gc.fillStyle = this.table.focused ? this.theme.focus : this.theme.line;
    const thick = this.table.focused ? 2 : 1;
    gc.fillRect(x, y, width, thick);
    gc.fillRect(x, y + height - 1 - thick, width, thick);
    if (
      this.table.focused &&
      config.region === 'body' &&
      config.column === this.table.cursorColumn
    ) {
      gc.fillRect(x, y, 2, height - 1);
      gc.fillRect(x + width - 3, y, 2, height - 1);
    }
  }
}

/** Long texts are cut before they are measured: measuring is what takes time. */
function clipped(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length > 120 ? `${line.slice(0, 119)}…` : line;
}

function colorOf(config: CellRenderer.CellConfig, theme: ITheme): string {
  const { column, run } = cellOf(config);
  if (run === undefined) {
    return theme.quiet;
  }
  if (column.id === 'status') {
    return theme.tones[look(RUN_LOOKS, run.status).tone];
  }
  return column.kind === 'run' && column.id !== NAME.id ? theme.quiet : theme.text;
}

/** The name of a run behind its checkbox and the sign of its state. */
class NameText extends CellText {
  constructor(theme: ITheme, table: ILookup) {
    super(theme, table, theme.bold);
  }

  override drawText(gc: GraphicsContext, config: CellRenderer.CellConfig): void {
    const { run } = cellOf(config);
    const middle = config.y + config.height / 2;
    this._drawCheckbox(gc, config.x + CHECKBOX.left, middle, run);
    if (run) {
      this._drawSign(gc, config.x + CHECKBOX.right + 10, middle, run);
    }
    const left = CHECKBOX.right + 16;
    super.drawText(gc, { ...config, x: config.x + left, width: config.width - left });
  }

  private _drawCheckbox(
    gc: GraphicsContext,
    left: number,
    middle: number,
    run: IRunSummary | undefined
  ): void {
    const { size } = CHECKBOX;
    const top = Math.round(middle - size / 2) - 0.5;
    const selected = run !== undefined && this.table.isSelected(run);
    gc.beginPath();
    gc.rect(left + 0.5, top, size - 1, size - 1);
    if (selected) {
      gc.fillStyle = this.theme.focus;
      gc.fill();
      gc.strokeStyle = this.theme.ground;
      gc.lineWidth = 2;
      gc.beginPath();
      gc.moveTo(left + 3, top + 7);
      gc.lineTo(left + 6, top + 10);
      gc.lineTo(left + 11, top + 3.5);
      gc.stroke();
    } else {
      gc.strokeStyle = this.theme.quiet;
      gc.lineWidth = 1;
      gc.stroke();
    }
  }

  private _drawSign(gc: GraphicsContext, centre: number, middle: number, run: IRunSummary): void {
    const { sign, tone } = look(RUN_LOOKS, run.status);
    gc.fillStyle = this.theme.tones[tone];
    gc.font = this.theme.bold;
    gc.textAlign = 'center';
    gc.textBaseline = 'middle';
    gc.fillText(sign, centre, middle + 1);
  }
}

/** The title of a column, with an arrow where the rows are in its order. */
class HeaderText extends TextRenderer {
  constructor(theme: ITheme, table: ILookup) {
    super({
      font: theme.head,
      textColor: config =>
        (config.value as IColumn).order === table.order?.key ? theme.text : theme.quiet,
      horizontalAlignment: config => ((config.value as IColumn).numeric ? 'right' : 'left'),
      elideDirection: 'right',
      horizontalPadding: 10,
      format: config => {
        const { title, order } = config.value as IColumn;
        const arrow = table.order?.descending ? '↓' : '↑';
        return order === table.order?.key ? `${arrow} ${title}` : title;
      }
    });
  }
}

function fill(gc: GraphicsContext, config: CellRenderer.CellConfig, color: string): void {
  gc.fillStyle = color;
  gc.fillRect(config.x, config.y, config.width, config.height);
}
