/** The shadows at the edges beyond which a grid goes on. */

import type { DataGrid, GraphicsContext } from '@lumino/datagrid';

/** A part of the screen, in pixels. */
export interface IRect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Draw a shadow at each edge of the body that hides more of it, in the colours of the grid's style. */
export function drawShadows(gc: GraphicsContext, grid: DataGrid): void {
  const shadow = grid.style.scrollShadow;
  if (!shadow) {
    return;
  }
  const { size } = shadow;
  const { headerWidth: left, headerHeight: top, viewportWidth: right, viewportHeight: low } = grid;
  const width = Math.min(right, left + grid.bodyWidth - grid.scrollX);
  const height = Math.min(low, top + grid.bodyHeight - grid.scrollY);
  const edges: readonly (readonly [boolean, IRect, number, number])[] = [
    [grid.scrollY > 0, { x: 0, y: top, width, height: size }, 0, size],
    [grid.scrollX > 0, { x: left, y: 0, width: size, height }, size, 0],
    [grid.scrollY < grid.maxScrollY, { x: 0, y: low, width, height: -size }, 0, -size],
    [grid.scrollX < grid.maxScrollX, { x: right, y: 0, width: -size, height }, -size, 0]
  ];
  for (const [isHiding, { x, y, width, height }, dx, dy] of edges) {
    if (isHiding) {
      const gradient = gc.createLinearGradient(x, y, x + dx, y + dy);
      gradient.addColorStop(0, shadow.color1);
      gradient.addColorStop(0.5, shadow.color2);
      gradient.addColorStop(1, shadow.color3);
      gc.fillStyle = gradient;
      gc.fillRect(x, y, width, height);
    }
  }
}
