/** Where the steps of a pipeline and their cells stand: columns by what must come before.  Pure functions. */

import type { IGraph, IGraphCell, IGraphEdge } from './types';

export const NARROWEST = 148;
export const WIDEST = 260;
export const HEAD_HEIGHT = 30;
export const CELL_HEIGHT = 28;
const PAD = 7;
const GAP_X = 56;
const GAP_Y = 22;
const LANE = 18;
const MARGIN = 6;
const QUIET = new Set(['role imports', 'role functions', 'role skip']);

/** The cells of a step, or of a role; a cell that has neither stands alone. */
export interface IGroup {
  readonly key: string;
  readonly title: string;
  readonly kind: 'step' | 'role' | 'cell';
  readonly cells: readonly IGraphCell[];
  readonly column: number;
  readonly x: number;
  readonly y: number;
  readonly height: number;
}

export interface IPlacedCell {
  readonly cell: IGraphCell;
  readonly group: IGroup;
  readonly x: number;
  readonly y: number;
}

export interface IPlacedEdge {
  readonly edge: IGraphEdge;
  readonly key: string;
  readonly path: string;
  /** Of imports or functions, which nearly every cell needs, or of skipped cells: faint until somebody looks. */
  readonly quiet: boolean;
}

export interface IPicture {
  readonly groups: readonly IGroup[];
  readonly cells: readonly IPlacedCell[];
  readonly edges: readonly IPlacedEdge[];
  readonly width: number;
  readonly height: number;
  /** How wide a card is. */
  readonly card: number;
}

/** A group, or the lane in which an edge passes a column: what is ordered within a column. */
interface ISlot {
  readonly key: string;
  readonly height: number;
  readonly order: number;
}

/** Where everything stands in a frame that is `room` wide; what does not fit, even narrow, is scrolled to. */
export function arrange(graph: IGraph, room = 0): IPicture {
  const bare = groupsOf(graph.cells);
  const home = new Map(
    bare.flatMap(group => group.cells.map(cell => [cell.index, group] as const))
  );
  const links = linksOf(graph.edges, home);
  const column = columnsOf(bare, links);
  const { slots, lanes } = slotsOf(bare, links, column);
  const { place, height } = stack(slots, lanes);
  const columns = slots.length;
  const card = cardWidth(columns, room);
  // Edges within a card of the first column run at its left.
  const isInner = (edge: IGraphEdge): boolean => {
    const group = home.get(edge.source);
    return group === home.get(edge.target) && column.get(group?.key ?? '') === 0;
  };
  const start = graph.edges.some(isInner) ? GAP_X / 2 : MARGIN;
  const left = (place: number): number => start + place * (card + GAP_X);
  const groups = bare.map(group => ({
    ...group,
    column: column.get(group.key) ?? 0,
    x: left(column.get(group.key) ?? 0),
    y: place.get(group.key) ?? MARGIN,
    height: heightOf(group)
  }));
  const cells = groups.flatMap(group =>
    group.cells.map((cell, row) => ({
      cell,
      group,
      x: group.x,
      y: group.y + HEAD_HEIGHT + row * CELL_HEIGHT
    }))
  );
  const at = new Map(cells.map(placed => [placed.cell.index, placed]));
  const edges = graph.edges.flatMap(edge => {
    const source = at.get(edge.source);
    const target = at.get(edge.target);
    if (source === undefined || target === undefined) {
      return [];
    }
    const passed = lanes.get(`${source.group.key}\n${target.group.key}`) ?? [];
    const points = passed.map(lane => ({
      x: left(lane.column),
      y: (place.get(lane.key) ?? 0) + LANE / 2
    }));
    const quiet = QUIET.has(source.group.key) || QUIET.has(target.group.key);
    return [{ edge, key: keyOf(edge), path: pathOf(source, target, points, card), quiet }];
  });
  const width = left(columns) - GAP_X + MARGIN;
  return { groups, cells, edges, width, height, card };
}

/** Cards share the room that the gaps leave, within bounds. */
function cardWidth(columns: number, room: number): number {
  const share = (room - MARGIN - GAP_X / 2 - (columns - 1) * GAP_X) / columns;
  return Math.round(Math.max(NARROWEST, Math.min(WIDEST, share)));
}

export function keyOf(edge: IGraphEdge): string {
  return `${edge.source}-${edge.target}`;
}

type Bare = Pick<IGroup, 'key' | 'title' | 'kind' | 'cells'>;

/** The groups in the order of their first cells. */
function groupsOf(cells: readonly IGraphCell[]): readonly Bare[] {
  const groups = new Map<string, { title: string; kind: IGroup['kind']; cells: IGraphCell[] }>();
  for (const cell of cells) {
    const kind = cell.step !== null ? 'step' : cell.role !== null ? 'role' : 'cell';
    const name = cell.step ?? cell.role ?? String(cell.index);
    const key = `${kind} ${name}`;
    const title = kind === 'cell' ? (cell.heading ?? `Cell ${cell.index + 1}`) : name;
    const group = groups.get(key) ?? { title, kind, cells: [] };
    group.cells.push(cell);
    groups.set(key, group);
  }
  return [...groups].map(([key, group]) => ({ key, ...group }));
}

/** Which group needs which, without those against the order of first cells: a circle must not bend the picture. */
function linksOf(
  edges: readonly IGraphEdge[],
  home: ReadonlyMap<number, Bare>
): readonly (readonly [string, string])[] {
  const order = new Map([...new Set(home.values())].map((group, index) => [group.key, index]));
  const links = new Map<string, readonly [string, string]>();
  for (const edge of edges) {
    const source = home.get(edge.source)?.key;
    const target = home.get(edge.target)?.key;
    if (source !== undefined && target !== undefined) {
      if ((order.get(source) ?? 0) < (order.get(target) ?? 0)) {
        links.set(`${source}\n${target}`, [source, target]);
      }
    }
  }
  return [...links.values()];
}

/** One column further than the last of what it needs. */
function columnsOf(
  groups: readonly Bare[],
  links: readonly (readonly [string, string])[]
): ReadonlyMap<string, number> {
  const column = new Map<string, number>();
  for (const group of groups) {
    const before = links.filter(([, target]) => target === group.key);
    const last = Math.max(-1, ...before.map(([source]) => column.get(source) ?? 0));
    column.set(group.key, last + 1);
  }
  return column;
}

interface ILane {
  readonly key: string;
  readonly column: number;
}

/** What stands in each column, with a lane for every link that passes it. */
function slotsOf(
  groups: readonly Bare[],
  links: readonly (readonly [string, string])[],
  column: ReadonlyMap<string, number>
): { slots: readonly (readonly ISlot[])[]; lanes: ReadonlyMap<string, readonly ILane[]> } {
  const slots: ISlot[][] = Array.from({ length: Math.max(0, ...column.values()) + 1 }, () => []);
  groups.forEach((group, order) => {
    slots[column.get(group.key) ?? 0]?.push({ key: group.key, height: heightOf(group), order });
  });
  const lanes = new Map<string, readonly ILane[]>();
  for (const [source, target] of links) {
    const from = (column.get(source) ?? 0) + 1;
    const passed = Array.from(
      { length: Math.max(0, (column.get(target) ?? 0) - from) },
      (_, step) => {
        const lane = { key: `${source}\n${target}\n${from + step}`, column: from + step };
        const order = groups.findIndex(group => group.key === source);
        slots[lane.column]?.push({ key: lane.key, height: LANE, order });
        return lane;
      }
    );
    if (passed.length > 0) {
      lanes.set(`${source}\n${target}`, passed);
    }
  }
  return { slots, lanes };
}

/** Stack each column, what is nearest to its sources first, and centre it on the tallest. */
function stack(
  slots: readonly (readonly ISlot[])[],
  lanes: ReadonlyMap<string, readonly ILane[]>
): { place: ReadonlyMap<string, number>; height: number } {
  const gap = (slot: ISlot): number => (slot.height === LANE ? 4 : GAP_Y);
  const tall = slots.map(column => column.reduce((sum, slot) => sum + slot.height + gap(slot), 0));
  const height = Math.max(1, ...tall) - 4;
  const place = new Map<string, number>();
  const centre = new Map<string, number>();
  slots.forEach((column, index) => {
    const wish = new Map(column.map(slot => [slot.key, wishOf(slot, lanes, centre)]));
    const sorted = [...column].sort(
      (one, other) =>
        (wish.get(one.key) ?? 0) - (wish.get(other.key) ?? 0) || one.order - other.order
    );
    let y = MARGIN + (height - (tall[index] ?? 0)) / 2 + 2;
    for (const slot of sorted) {
      place.set(slot.key, y);
      centre.set(slot.key, y + slot.height / 2);
      y += slot.height + gap(slot);
    }
  });
  return { place, height: height + 2 * MARGIN };
}

/** A lane wants to go on where it came from; a group stands in the order of the notebook. */
function wishOf(
  slot: ISlot,
  lanes: ReadonlyMap<string, readonly ILane[]>,
  centre: ReadonlyMap<string, number>
): number {
  const [source = '', target, at] = slot.key.split('\n');
  if (at === undefined) {
    return slot.order * 1000;
  }
  const before = lanes.get(`${source}\n${target}`)?.find(lane => lane.column === Number(at) - 1);
  const from = centre.get(before?.key ?? source) ?? 0;
  return slot.order * 1000 + from / 1000;
}

function heightOf(group: Bare): number {
  return HEAD_HEIGHT + group.cells.length * CELL_HEIGHT + PAD;
}

interface IPoint {
  readonly x: number;
  readonly y: number;
}

/** From side to side through the lanes; within a card, or back, an arc at the left. */
function pathOf(
  source: IPlacedCell,
  target: IPlacedCell,
  lanes: readonly IPoint[],
  card: number
): string {
  const end = { x: target.x - 6, y: target.y + CELL_HEIGHT / 2 };
  if (source.group === target.group || target.group.x <= source.group.x) {
    const y = source.y + CELL_HEIGHT / 2;
    const bulge = Math.min(GAP_X / 2, 16 + Math.abs(end.y - y) / 6);
    const x = source.x;
    return `M${x},${y} C${x - bulge},${y} ${end.x - bulge},${end.y} ${end.x},${end.y}`;
  }
  const start = { x: source.x + card, y: source.y + CELL_HEIGHT / 2 };
  const stops = lanes.flatMap(lane => [lane, { x: lane.x + card, y: lane.y }]);
  const points = [start, ...stops, end];
  const parts = points.slice(1).map((point, index) => {
    const from = points[index] ?? start;
    const middle = (from.x + point.x) / 2;
    return `C${middle},${from.y} ${middle},${point.y} ${point.x},${point.y}`;
  });
  return `M${start.x},${start.y} ${parts.join(' ')}`;
}
