/** How the arrow keys go through a graph: from a cell to its edges, and along an edge to the cell at its end. */

import { keyOf, type IPicture } from './layout';
import type { IGraphEdge } from './types';

/** What has the focus: a cell, or an edge as seen from one of its cells. */
export type Focus =
  | { readonly on: 'cell'; readonly cell: number }
  | { readonly on: 'edge'; readonly edge: string; readonly from: number };

/** Where a key leads; the same place where it leads nowhere. */
export function walk(picture: IPicture, focus: Focus, key: string): Focus {
  return focus.on === 'cell' ? fromCell(picture, focus, key) : alongEdge(picture, focus, key);
}

function fromCell(picture: IPicture, focus: Focus & { on: 'cell' }, key: string): Focus {
  const order = picture.cells.map(placed => placed.cell.index);
  const here = order.indexOf(focus.cell);
  const targets: Record<string, number> = {
    ArrowDown: here + 1,
    ArrowUp: here - 1,
    Home: 0,
    End: order.length - 1
  };
  if (key === 'ArrowRight' || key === 'ArrowLeft') {
    const [first] = edgesOf(picture, focus.cell, key === 'ArrowRight');
    return first ? { on: 'edge', edge: keyOf(first), from: focus.cell } : focus;
  }
  const cell = order[targets[key] ?? -1];
  return cell === undefined ? focus : { on: 'cell', cell };
}

function alongEdge(picture: IPicture, focus: Focus & { on: 'edge' }, key: string): Focus {
  const edge = picture.edges.find(placed => placed.key === focus.edge)?.edge;
  if (edge === undefined) {
    return focus;
  }
  const outwards = edge.source === focus.from;
  const beside = edgesOf(picture, focus.from, outwards);
  const here = beside.findIndex(each => keyOf(each) === focus.edge);
  switch (key) {
    case 'ArrowRight':
      return { on: 'cell', cell: edge.target };
    case 'ArrowLeft':
      return { on: 'cell', cell: edge.source };
    case 'Escape':
      return { on: 'cell', cell: focus.from };
    case 'ArrowDown':
    case 'ArrowUp': {
      const next = beside[here + (key === 'ArrowDown' ? 1 : -1)];
      return next ? { ...focus, edge: keyOf(next) } : focus;
    }
    default:
      return focus;
  }
}

/** The edges that leave a cell, or that come to it, from the top of the picture to its bottom. */
function edgesOf(picture: IPicture, cell: number, outwards: boolean): readonly IGraphEdge[] {
  const height = new Map(picture.cells.map(placed => [placed.cell.index, placed.y]));
  const far = (edge: IGraphEdge): number => height.get(outwards ? edge.target : edge.source) ?? 0;
  return picture.edges
    .map(placed => placed.edge)
    .filter(edge => (outwards ? edge.source : edge.target) === cell)
    .sort((one, other) => far(one) - far(other));
}
