import { type KeyboardEvent, useId, useMemo, useState } from 'react';

import { count } from '../format';
import {
  arrange,
  clip,
  type ILayout,
  type ILine,
  type IPlaced,
  NODE_HEIGHT,
  NODE_WIDTH
} from '../layout';
import type { ILineage, INode, NodeKind } from '../proof';
import { moveFocus, useLoaded } from './hooks';
import { Problem } from './Problem';

interface ILineageProps {
  readonly load: () => Promise<ILineage>;
  /** What the columns are called, where a run is not in the middle. */
  readonly titles?: readonly string[];
  /** What is said when there is nothing to draw. */
  readonly none: string;
  readonly onOpen: (node: INode | null) => void;
}

/** The picture of what a run, or a dataset version, was made from and what became of it. */
export function Lineage(props: ILineageProps): JSX.Element {
  const { value, error } = useLoaded(props.load, () => false);
  if (error) {
    return <Problem error={error} />;
  }
  if (value === null) {
    return <p className="tb-None tb-Lineage-waiting">Drawing the lineage …</p>;
  }
  if (value.links.length === 0) {
    return <p className="tb-None">{props.none}</p>;
  }
  return <Picture {...props} lineage={value} />;
}

function Picture(props: ILineageProps & { lineage: ILineage }): JSX.Element {
  const { lineage, titles, onOpen } = props;
  const layout = useMemo(() => arrange(lineage, titles), [lineage, titles]);
  const [hot, setHot] = useState<string | null>(null);
  const arrow = useId();
  const isHot = (line: ILine): boolean => line.source.id === hot || line.target.id === hot;
  return (
    <div className="tb-Lineage" role="group" aria-label={summary(layout)} onKeyDown={moveFocus}>
      <svg
        width={layout.width}
        height={layout.height}
        viewBox={`0 0 ${layout.width} ${layout.height}`}
        style={{ minWidth: 0.8 * layout.width }}
      >
        <defs>
          <marker
            id={arrow}
            viewBox="0 0 6 6"
            refX="1"
            refY="3"
            markerWidth="6"
            markerHeight="6"
            orient="auto"
          >
            <path className="tb-Lineage-arrow" d="M0,0.5 L5,3 L0,5.5" />
          </marker>
        </defs>
        {layout.columns.map(column => (
          <text key={column.title} className="tb-Lineage-title" x={column.x + 1} y={12}>
            {column.title}
          </text>
        ))}
        {layout.lines.map(line => (
          <path
            key={`${line.source.id}\n${line.target.id}`}
            className={`tb-Lineage-line${isHot(line) ? ' tb-mod-hot' : ''}`}
            d={line.path}
            markerEnd={`url(#${arrow})`}
          />
        ))}
        {layout.nodes.map(placed => (
          <Thing
            key={placed.id}
            placed={placed}
            label={nameOf(placed, layout.lines)}
            onHot={setHot}
            onOpen={() => onOpen(placed.node)}
          />
        ))}
        {layout.lines.map(line => (
          <Names key={`${line.source.id}\n${line.target.id}`} line={line} hot={isHot(line)} />
        ))}
      </svg>
    </div>
  );
}

function Thing(props: {
  placed: IPlaced;
  label: string;
  onHot: (id: string | null) => void;
  onOpen: () => void;
}): JSX.Element {
  const { placed, onHot, onOpen } = props;
  const kind = placed.node?.kind ?? 'more';
  const isCode = kind === 'cell';
  const press = (event: KeyboardEvent): void => {
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      onOpen();
    }
  };
  return (
    <g
      className={`tb-Lineage-node tb-kind-${kind}${placed.node?.stage === 2 ? ' tb-mod-own' : ''}`}
      transform={`translate(${placed.x},${placed.y})`}
      role="button"
      tabIndex={0}
      data-row
      aria-label={props.label}
      onClick={onOpen}
      onKeyDown={press}
      onFocus={() => onHot(placed.id)}
      onBlur={() => onHot(null)}
      onMouseEnter={() => onHot(placed.id)}
      onMouseLeave={() => onHot(null)}
    >
      <title>{[placed.label, placed.detail, placed.node?.path].filter(Boolean).join('\n')}</title>
      <rect className="tb-Lineage-box" width={NODE_WIDTH} height={NODE_HEIGHT} rx={4} />
      <path className="tb-Lineage-icon" d={ICONS[kind]} transform="translate(9,12)" />
      <text className="tb-Lineage-label" x={34} y={17}>
        {clip(placed.label, 20)}
      </text>
      <text className={`tb-Lineage-detail${isCode ? ' tb-mod-code' : ''}`} x={34} y={31}>
        {clip(placed.detail, isCode ? 20 : 24)}
      </text>
    </g>
  );
}

/** What a line carries, at its end; within a column only while somebody looks at it. */
function Names(props: { line: ILine; hot: boolean }): JSX.Element | null {
  const { source, target, names } = props.line;
  if (names.length === 0 || (source.x === target.x && !props.hot)) {
    return null;
  }
  const inside = source.x === target.x;
  const text = clip(names.join(', '), props.hot ? 40 : 14);
  const y = (inside ? target.y - 6 : source.y) + NODE_HEIGHT / 2 - 5;
  const x = inside ? target.x - 8 : source.x + NODE_WIDTH + 6;
  return (
    <text
      className={`tb-Lineage-names${props.hot ? ' tb-mod-hot' : ''}`}
      x={x}
      y={y}
      textAnchor={inside ? 'end' : 'start'}
      aria-hidden="true"
    >
      {text}
    </text>
  );
}

const WORDS: Readonly<Record<NodeKind, string>> = {
  file: 'File',
  data: 'Data',
  cell: 'Cell',
  run: 'Run',
  dataset_version: 'Dataset version',
  model_version: 'Model version',
  stage: 'Stage',
  alias: 'Alias'
};

function nameOf(placed: IPlaced, lines: readonly ILine[]): string {
  const word = placed.node ? WORDS[placed.node.kind] : '';
  const to = lines
    .filter(line => line.source === placed)
    .map(line => `${line.names.join(', ') || 'goes'} to ${line.target.label}`);
  const own = placed.node?.kind === 'cell' ? placed.label.replace('In ', '') : placed.label;
  return [`${word} ${own}`.trim(), placed.detail, ...to].filter(Boolean).join('; ');
}

function summary(layout: ILayout): string {
  const parts = layout.columns.map(({ title, x }) => {
    const number = layout.nodes.filter(node => node.x === x).length;
    return `${title} ${number}`;
  });
  return `Lineage, ${count(layout.nodes.length, 'thing')}: ${parts.join(', ')}`;
}

/** Sixteen by sixteen, drawn with a pen. */
const ICONS: Readonly<Record<NodeKind | 'more', string>> = {
  file: 'M3.5 1.5h6l3 3v10h-9z M9.5 1.5v3h3',
  data: 'M1.5 2.5h13v11h-13z M1.5 6h13 M1.5 9.7h13 M6 2.5v11',
  cell: 'M5.5 2.5h-3v11h3 M10.5 2.5h3v11h-3',
  run: 'M8 1.5a6.5 6.5 0 1 0 .01 0z M6.3 5l4.8 3-4.8 3z',
  dataset_version:
    'M2.5 4c0-3 11-3 11 0v8c0 3-11 3-11 0z M2.5 4c0 3 11 3 11 0 M2.5 8c0 3 11 3 11 0',
  model_version: 'M8 1.5l6 3.3v6.4l-6 3.3-6-3.3v-6.4z M2 4.8l6 3.3 6-3.3 M8 8.1v6.4',
  stage: 'M3.5 14.5v-13 M3.5 2.5h9l-2.5 3 2.5 3h-9',
  alias: 'M2 2h5.5l6.5 6.5-5.5 5.5L2 7.5z M5 5h.01',
  more: 'M3 8h.01 M8 8h.01 M13 8h.01'
};
