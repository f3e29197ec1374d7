/** Where the things of a lineage stand: columns from sources to results.  Pure functions. */

import { count, look, RUN_LOOKS } from './format';
import type { ILineage, ILink, INode } from './proof';

export const NODE_WIDTH = 164;
export const NODE_HEIGHT = 40;
export const HEAD_HEIGHT = 26;
const GAP_X = 84;
const GAP_Y = 10;
const MARGIN = 2;

/** How many things a column shows; the rest is one thing that says how many more there are. */
export const COLUMN_LIMIT = 7;

export interface IPlaced {
  /** `null` stands for several that are left out. */
  readonly node: INode | null;
  readonly id: string;
  readonly label: string;
  readonly detail: string;
  readonly x: number;
  readonly y: number;
}

export interface ILine {
  readonly source: IPlaced;
  readonly target: IPlaced;
  readonly names: readonly string[];
  readonly path: string;
}

export interface ILayout {
  readonly columns: readonly { readonly title: string; readonly x: number }[];
  readonly nodes: readonly IPlaced[];
  readonly lines: readonly ILine[];
  readonly width: number;
  readonly height: number;
}

const TITLES: readonly string[] = ['Made by', 'Read', 'Program', 'Run', 'Made', 'Used by'];

/** The columns when a dataset version stands in the middle. */
export const DATASET_TITLES: readonly string[] = [
  'Made by',
  'Made by',
  'Made by',
  'Dataset version',
  'Read by',
  'Models'
];

/** The columns when a model version is what all leads to. */
export const MODEL_TITLES: readonly string[] = [
  'Made by',
  'Data',
  'Program',
  'Run',
  'Model version',
  'Used as'
];

type Column = number;
const PROGRAM: Column = 2;

/** What the run itself read stands above the cells, so that no line runs behind a cell. */
function columnOf(node: INode, upstream: ReadonlySet<string>, near: ReadonlySet<string>): Column {
  if (node.stage === 0) {
    return upstream.has(node.id) ? 0 : near.has(node.id) ? PROGRAM : 1;
  }
  return node.stage + 1;
}

function titleOf(column: Column, nodes: readonly INode[], titles: readonly string[]): string {
  const read = titles === TITLES && column === PROGRAM && nodes.some(node => node.stage === 0);
  const cells = nodes.some(node => node.stage === 1);
  return read ? (cells ? 'Read, and program' : 'Read') : (titles[column] ?? '');
}

/** Place everything; the longest column decides the height, and each column stands in the middle of it. */
export function arrange(lineage: ILineage, titles = TITLES): ILayout {
  const stages = new Map(lineage.nodes.map(node => [node.id, node.stage]));
  const upstream = new Set(
    lineage.links.filter(link => stages.get(link.target) === 0).map(link => link.source)
  );
  const own = lineage.nodes.find(node => node.stage === 2);
  const near = new Set(
    lineage.links.filter(link => link.target === own?.id).map(link => link.source)
  );
  const columns = TITLES.map((_, index) =>
    lineage.nodes
      .filter(node => columnOf(node, upstream, near) === index)
      .sort((one, other) => one.stage - other.stage)
  );
  const used = columns.flatMap((nodes, index) => (nodes.length > 0 ? [index] : []));
  const folded = new Map(used.map(index => [index, fold(columns[index] ?? [], near)]));
  const tallest = Math.max(1, ...[...folded.values()].map(rows => rows.length));
  const height = HEAD_HEIGHT + tallest * (NODE_HEIGHT + GAP_Y) - GAP_Y + MARGIN;
  const cells = new Set(lineage.nodes.filter(node => node.stage === 1).map(node => node.id));
  const arcs = lineage.links.some(link => cells.has(link.source) && cells.has(link.target));
  // Arcs between cells need room at their left, where no column stands.
  const left = MARGIN + (arcs && used[0] === PROGRAM ? GAP_X - 20 : 0);
  const placed = new Map<string, IPlaced>();
  const nodes = used.flatMap((index, position) => {
    const rows = folded.get(index) ?? [];
    const free = height - HEAD_HEIGHT - MARGIN - rows.length * (NODE_HEIGHT + GAP_Y) + GAP_Y;
    return rows.map((row, place) => {
      const x = left + position * (NODE_WIDTH + GAP_X);
      const y = HEAD_HEIGHT + free / 2 + place * (NODE_HEIGHT + GAP_Y);
      const at = { node: row.node, id: row.id, label: row.label, detail: row.detail, x, y };
      row.members.forEach(id => placed.set(id, at));
      return at;
    });
  });
  return {
    columns: used.map((index, position) => ({
      title: titleOf(index, columns[index] ?? [], titles),
      x: left + position * (NODE_WIDTH + GAP_X)
    })),
    nodes,
    lines: join(lineage.links, placed),
    width: left + used.length * (NODE_WIDTH + GAP_X) - GAP_X + MARGIN,
    height
  };
}

interface IRow {
  readonly node: INode | null;
  readonly id: string;
  readonly label: string;
  readonly detail: string;
  readonly members: readonly string[];
}

/** Keep what is nearest to the run; all others of a column become one row, in the place of the first of them. */
function fold(nodes: readonly INode[], near: ReadonlySet<string>): readonly IRow[] {
  const single = (node: INode): IRow => ({
    node,
    id: node.id,
    label: node.label,
    detail: node.kind === 'run' ? wordOf(node.detail) : node.detail,
    members: [node.id]
  });
  if (nodes.length <= COLUMN_LIMIT) {
    return nodes.map(single);
  }
  const rank = (node: INode): number => (near.has(node.id) ? 0 : 1);
  const kept = new Set(
    nodes
      .map((node, index) => ({ node, index }))
      .sort((one, other) => rank(one.node) - rank(other.node) || other.index - one.index)
      .slice(0, COLUMN_LIMIT - 1)
      .map(({ node }) => node.id)
  );
  const rest = nodes.filter(node => !kept.has(node.id));
  const more: IRow = {
    node: null,
    id: `more:${rest[0]?.id ?? ''}`,
    label: `${rest.length.toLocaleString('en-US')} more`,
    detail: moreOf(rest),
    members: rest.map(node => node.id)
  };
  return nodes.flatMap(node =>
    kept.has(node.id) ? [single(node)] : node === rest[0] ? [more] : []
  );
}

/** A run's state in words; what else is said of a run stays as it is. */
function wordOf(detail: string): string {
  return look(RUN_LOOKS, detail).word;
}

function moreOf(rest: readonly INode[]): string {
  const cells = rest.filter(node => node.kind === 'cell').length;
  return cells === rest.length ? 'cells of the program' : count(rest.length, 'thing');
}

function join(links: readonly ILink[], placed: ReadonlyMap<string, IPlaced>): readonly ILine[] {
  const lines = new Map<string, { source: IPlaced; target: IPlaced; names: Set<string> }>();
  for (const link of links) {
    const source = placed.get(link.source);
    const target = placed.get(link.target);
    if (source && target && source !== target) {
      const key = `${source.id}\n${target.id}`;
      const line = lines.get(key) ?? { source, target, names: new Set<string>() };
      link.names.forEach(name => line.names.add(name));
      lines.set(key, line);
    }
  }
  return [...lines.values()].map(line => ({
    ...line,
    names: [...line.names],
    path: curve(line.source, line.target)
  }));
}

/** From side to side, or, within a column, an arc that is the wider the further it goes. */
function curve(source: IPlaced, target: IPlaced): string {
  const y1 = source.y + NODE_HEIGHT / 2;
  const y2 = target.y + NODE_HEIGHT / 2;
  if (source.x === target.x) {
    const x = source.x;
    const bulge = Math.min(GAP_X - 24, 14 + Math.abs(y2 - y1) / 5);
    return `M${x},${y1 + 6} C${x - bulge},${y1 + 6} ${x - bulge},${y2 - 6} ${x - 5},${y2 - 6}`;
  }
  const x1 = source.x + NODE_WIDTH;
  const x2 = target.x - 5;
  const middle = (x1 + x2) / 2;
  return `M${x1},${y1} C${middle},${y1} ${middle},${y2} ${x2},${y2}`;
}

/** A text that fits into so many letters. */
export function clip(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
