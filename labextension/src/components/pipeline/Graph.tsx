import {
  type KeyboardEvent,
  type MouseEvent,
  type ReactNode,
  useEffect,
  useId,
  useMemo,
  useRef,
  useState
} from 'react';

import { clip } from '../../layout';
import {
  arrange,
  CELL_HEIGHT,
  type IGroup,
  type IPicture,
  type IPlacedCell,
  type IPlacedEdge
} from '../../pipeline/layout';
import type { INodeState } from '../../pipeline/run';
import type { IGraph, IGraphCell } from '../../pipeline/types';
import { type Focus, walk } from '../../pipeline/walk';
import { coloursOf } from '../../steps/rules';
import { useWidth } from '../hooks';
import { Evidence } from './Evidence';

interface IGraphProps {
  readonly graph: IGraph;
  /** How each step stands, by its name. */
  readonly states: ReadonlyMap<string, INodeState>;
  /** The step that is shown as long as nobody has chosen another in this run. */
  readonly foremost: string | null;
  /** Changes with the run; what somebody chose in another one counts no more. */
  readonly run: string | null;
  /** What is told of a step, beside the reasons of its edges. */
  readonly details: (step: string) => ReactNode;
  readonly onOpen: (cell: IGraphCell) => void;
  readonly onStepMenu: (step: string, x: number, y: number) => void;
}

/** Cells in the cards of their steps, and edges between them; below, why the edge at hand is there. */
export function Graph(props: IGraphProps): JSX.Element {
  const { graph, onOpen, states } = props;
  const frame = useRef<HTMLDivElement>(null);
  const room = useWidth(frame);
  const picture = useMemo(() => arrange(graph, room), [graph, room]);
  const first = picture.cells[0]?.cell.index ?? 0;
  const [focus, setFocus] = useState<Focus>({ on: 'cell', cell: first });
  const [hovered, setHovered] = useState<Focus | null>(null);
  const [touched, setTouched] = useState(false);
  const [picked, setPicked] = useState<string | null>(null);
  const seen = hovered ?? (touched ? focus : null);
  const isHot = (placed: IPlacedEdge): boolean => touches(placed, seen);
  const broken = new Set(
    graph.problems.flatMap(problem => (problem.severity === 'error' ? problem.cells : []))
  );
  const colours = coloursOf([...new Set(graph.cells.flatMap(cell => cell.step ?? []))]);

  const stepOf = (index: number): string | null =>
    graph.cells.find(cell => cell.index === index)?.step ?? null;
  const shown = picked !== null && states.has(picked) ? picked : props.foremost;
  useEffect(() => setPicked(null), [props.run]);
  // What is told below is seen above, also in a graph that is wider than the page.
  useEffect(() => {
    const card = picture.groups.find(group => group.kind === 'step' && group.title === shown);
    const { current } = frame;
    if (card === undefined || current === null) {
      return;
    }
    const { scrollLeft, clientWidth } = current;
    if (card.x < scrollLeft || card.x + picture.card > scrollLeft + clientWidth) {
      current.scrollTo({ left: card.x - (clientWidth - picture.card) / 2 });
    }
  }, [shown, picture]);
  const pick = (cell: number): void => {
    setFocus({ on: 'cell', cell });
    setPicked(stepOf(cell));
  };
  const openMenu = (step: string, event: MouseEvent): void => {
    event.preventDefault();
    event.stopPropagation();
    props.onStepMenu(step, event.clientX, event.clientY);
  };

  useEffect(() => {
    if (touched) {
      frame.current?.querySelector<SVGElement>('[tabindex="0"]')?.focus();
    }
  }, [focus]);

  const press = (event: KeyboardEvent): void => {
    if (event.key === 'Enter') {
      const index = focus.on === 'cell' ? focus.cell : targetOf(picture, focus.edge);
      const cell = graph.cells.find(each => each.index === index);
      if (cell) {
        event.preventDefault();
        onOpen(cell);
      }
      return;
    }
    const isMenuKey = event.key === 'ContextMenu' || (event.key === 'F10' && event.shiftKey);
    const step = focus.on === 'cell' ? stepOf(focus.cell) : null;
    if (isMenuKey && step !== null && event.target instanceof Element) {
      event.preventDefault();
      event.stopPropagation();
      const { left, bottom } = event.target.getBoundingClientRect();
      props.onStepMenu(step, left + 40, bottom);
      return;
    }
    const next = walk(picture, focus, event.key);
    if (next !== focus) {
      event.preventDefault();
      event.stopPropagation();
      setHovered(null);
      setFocus(next);
      if (next.on === 'cell') {
        setPicked(stepOf(next.cell));
      }
    }
  };
  return (
    <>
      <div
        className="tb-Graph"
        ref={frame}
        role="group"
        aria-label="Graph of cells"
        onKeyDown={press}
        onFocus={() => setTouched(true)}
      >
        <svg
          width={picture.width}
          height={picture.height}
          viewBox={`0 0 ${picture.width} ${picture.height}`}
        >
          <Arrow />
          {picture.groups.map(group => (
            <Card
              key={group.key}
              group={group}
              width={picture.card}
              colour={colours.get(group.title) ?? null}
              node={group.kind === 'step' ? (states.get(group.title) ?? null) : null}
              shown={group.kind === 'step' && group.title === shown}
              onPick={() => {
                const [first] = group.cells;
                if (first) {
                  setTouched(true);
                  pick(first.index);
                }
              }}
              onMenu={event => group.kind === 'step' && openMenu(group.title, event)}
            />
          ))}
          {[...picture.edges]
            .sort((one, other) => Number(isHot(one)) - Number(isHot(other)))
            .map(placed => (
              <Line
                key={placed.key}
                placed={placed}
                hot={isHot(placed)}
                current={focus.on === 'edge' && focus.edge === placed.key}
                onHover={setHovered}
                onChoose={() =>
                  setFocus({ on: 'edge', edge: placed.key, from: placed.edge.source })
                }
              />
            ))}
          {picture.cells.map(placed => (
            <Row
              key={placed.cell.index}
              placed={placed}
              width={picture.card}
              label={nameOf(placed.cell, graph, states)}
              broken={broken.has(placed.cell.index)}
              hot={seen !== null && isEnd(picture, placed.cell.index, seen)}
              current={focus.on === 'cell' && focus.cell === placed.cell.index}
              onHover={setHovered}
              onChoose={() => pick(placed.cell.index)}
              onOpen={() => onOpen(placed.cell)}
              onMenu={event => placed.cell.step !== null && openMenu(placed.cell.step, event)}
            />
          ))}
        </svg>
      </div>
      <Legend picture={picture} />
      <div className="tb-Dock">
        {shown !== null && props.details(shown)}
        <Evidence graph={graph} edges={picture.edges.filter(isHot)} focus={seen} onOpen={onOpen} />
      </div>
    </>
  );
}

/** The arrow heads; a marker takes no colour from its line, so there is one for each. */
function Arrow(): JSX.Element {
  return (
    <defs>
      {['plain', 'hot'].map(look => (
        <marker
          key={look}
          id={`tb-arrow-${look}`}
          viewBox="0 0 6 6"
          refX="1"
          refY="3"
          markerWidth={7}
          markerHeight={7}
          markerUnits="userSpaceOnUse"
          orient="auto"
        >
          <path className={`tb-Graph-arrow tb-mod-${look}`} d="M0,0 L6,3 L0,6 z" />
        </marker>
      ))}
    </defs>
  );
}

function Card(props: {
  group: IGroup;
  width: number;
  colour: number | null;
  node: INodeState | null;
  shown: boolean;
  onPick: () => void;
  onMenu: (event: MouseEvent) => void;
}): JSX.Element {
  const { group, width, colour, node, shown } = props;
  const looks = [
    `tb-kind-${group.kind}`,
    node ? `tb-state-${node.state} tb-tone-${node.look.tone}` : '',
    node?.isForecast ? 'tb-mod-forecast' : '',
    shown ? 'tb-mod-shown' : ''
  ];
  const state = node ? `${node.look.sign} ${node.text}` : '';
  // The state has its room first: of a name the beginning tells enough, and the whole stands in the panel.
  const room = Math.floor((width - 34 - state.length * 6.6) / 7.6);
  return (
    <g
      className={['tb-Graph-card', ...looks].filter(Boolean).join(' ')}
      data-tb-colour={colour ?? undefined}
      transform={`translate(${group.x},${group.y})`}
      aria-hidden="true"
      onClick={props.onPick}
      onContextMenu={props.onMenu}
    >
      <rect className="tb-Graph-box" width={width} height={group.height} rx={6} />
      <path className="tb-Graph-band" d={bandOf(group.height)} />
      <text className="tb-Graph-title" x={14} y={20}>
        <title>{node ? `${group.title}: ${node.label}` : group.title}</title>
        {clip(group.title, Math.max(3, room))}
      </text>
      {node && (
        <text className="tb-Graph-state" x={width - 10} y={20} textAnchor="end">
          <title>{node.label}</title>
          <tspan className="tb-Graph-sign">{node.look.sign}</tspan> {node.text}
        </text>
      )}
      {node?.share != null && (
        <rect
          className="tb-Graph-share"
          x={14}
          y={26}
          width={Math.max(2, (width - 24) * node.share)}
          height={2}
          rx={1}
        />
      )}
    </g>
  );
}

/** The coloured edge at the left of a card, round where the card is. */
function bandOf(height: number): string {
  return `M5,0 H6 V${height} H5 A5,5 0 0 1 0,${height - 6} V6 A5,5 0 0 1 5,0 z`;
}

function Line(props: {
  placed: IPlacedEdge;
  hot: boolean;
  current: boolean;
  onHover: (focus: Focus | null) => void;
  onChoose: () => void;
}): JSX.Element {
  const { placed, hot, current, onHover, onChoose } = props;
  const { edge, key, path, quiet } = placed;
  const looks = [
    `tb-kind-${edge.kind}`,
    quiet && !hot ? 'tb-mod-quiet' : '',
    hot ? 'tb-mod-hot' : ''
  ];
  return (
    <g
      className={['tb-Graph-edge', ...looks].filter(Boolean).join(' ')}
      role="button"
      tabIndex={current ? 0 : -1}
      aria-label={`${edge.names.join(', ') || 'Order'}, from cell ${edge.source + 1} to cell ${edge.target + 1}, ${edge.kind}`}
      onFocus={onChoose}
      onClick={onChoose}
      onMouseEnter={() => onHover({ on: 'edge', edge: key, from: edge.source })}
      onMouseLeave={() => onHover(null)}
    >
      <path className="tb-Graph-reach" d={path} />
      <path
        className="tb-Graph-line"
        d={path}
        markerEnd={`url(#tb-arrow-${hot ? 'hot' : 'plain'})`}
      />
    </g>
  );
}

function Row(props: {
  placed: IPlacedCell;
  width: number;
  label: string;
  broken: boolean;
  hot: boolean;
  current: boolean;
  onHover: (focus: Focus | null) => void;
  onChoose: () => void;
  onOpen: () => void;
  onMenu: (event: MouseEvent) => void;
}): JSX.Element {
  const { placed, width, label, broken, hot, current, onHover, onChoose, onOpen } = props;
  const { cell, x, y } = placed;
  const id = useId();
  return (
    <g
      className={`tb-Graph-cell${broken ? ' tb-mod-broken' : ''}${hot ? ' tb-mod-hot' : ''}`}
      transform={`translate(${x},${y})`}
      role="button"
      tabIndex={current ? 0 : -1}
      aria-label={label}
      onFocus={onChoose}
      onClick={onChoose}
      onDoubleClick={onOpen}
      onContextMenu={props.onMenu}
      onMouseEnter={() => onHover({ on: 'cell', cell: cell.index })}
      onMouseLeave={() => onHover(null)}
    >
      <title>{cell.source}</title>
      <rect
        className="tb-Graph-row"
        x={9}
        y={1}
        width={width - 14}
        height={CELL_HEIGHT - 2}
        rx={4}
      />
      <text className="tb-Graph-number" x={32} y={18} textAnchor="end">
        {broken ? '!' : cell.index + 1}
      </text>
      <clipPath id={id}>
        <rect x={38} y={0} width={width - 48} height={CELL_HEIGHT} />
      </clipPath>
      <text className="tb-Graph-code" x={38} y={18} clipPath={`url(#${id})`}>
        {clip(firstLine(cell.source), Math.floor((width - 50) / 6))}
      </text>
    </g>
  );
}

function Legend(props: { picture: IPicture }): JSX.Element {
  const kinds = [...new Set(props.picture.edges.map(placed => placed.edge.kind))].sort();
  const words: Record<string, string> = {
    proved: 'proved by the code',
    may: 'may be needed',
    declared: 'declared by a tag'
  };
  return (
    <p className="tb-Graph-legend">
      {kinds.length > 0 &&
        kinds.map(kind => (
          <span key={kind}>
            <svg width="26" height="8" aria-hidden="true">
              <path className={`tb-Graph-line tb-kind-${kind}`} d="M0,4 H26" />
            </svg>
            {words[kind] ?? kind}
          </span>
        ))}
      {props.picture.edges.some(placed => placed.quiet) && (
        <span>Faint until you look at a cell: imports, functions and skipped cells.</span>
      )}
    </p>
  );
}

function touches(placed: IPlacedEdge, seen: Focus | null): boolean {
  if (seen === null) {
    return false;
  }
  return seen.on === 'edge'
    ? placed.key === seen.edge
    : placed.edge.source === seen.cell || placed.edge.target === seen.cell;
}

function isEnd(picture: IPicture, index: number, seen: Focus): boolean {
  if (seen.on === 'cell') {
    return seen.cell === index;
  }
  const edge = picture.edges.find(placed => placed.key === seen.edge)?.edge;
  return edge !== undefined && (edge.source === index || edge.target === index);
}

function targetOf(picture: IPicture, key: string): number {
  return picture.edges.find(placed => placed.key === key)?.edge.target ?? -1;
}

function firstLine(source: string): string {
  const lines = source.split('\n').map(line => line.trim());
  return lines.find(line => line !== '' && !line.startsWith('#')) ?? lines.find(Boolean) ?? '';
}

/** What a screen reader says of a cell: where it is, what it needs, what needs it, and how its step stands. */
function nameOf(cell: IGraphCell, graph: IGraph, states: ReadonlyMap<string, INodeState>): string {
  const needs = graph.edges.filter(edge => edge.target === cell.index).map(edge => edge.source + 1);
  const feeds = graph.edges.filter(edge => edge.source === cell.index).map(edge => edge.target + 1);
  return [
    `Cell ${cell.index + 1}${cell.step === null ? '' : ` of step ${cell.step}`}`,
    firstLine(cell.source),
    needs.length > 0 ? `needs ${needs.join(', ')}` : '',
    feeds.length > 0 ? `feeds ${feeds.join(', ')}` : '',
    states.get(cell.step ?? '')?.label ?? ''
  ]
    .filter(Boolean)
    .join('; ');
}
