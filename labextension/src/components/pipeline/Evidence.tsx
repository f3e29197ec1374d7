import { Fragment } from 'react';

import type { ILook } from '../../format';
import type { IPlacedEdge } from '../../pipeline/layout';
import { carried, inWords } from '../../pipeline/names';
import type {
  EdgeKind,
  IEvidence,
  IGraph,
  IGraphCell,
  IGraphEdge,
  IPlace
} from '../../pipeline/types';
import type { Focus } from '../../pipeline/walk';
import { Chip } from '../Chip';

interface IEvidenceProps {
  readonly graph: IGraph;
  readonly edges: readonly IPlacedEdge[];
  readonly focus: Focus | null;
  readonly onOpen: (cell: IGraphCell) => void;
}

const LOOKS: Readonly<Record<EdgeKind, ILook>> = {
  proved: { word: 'proved', sign: '✓', tone: 'good' },
  may: { word: 'may', sign: '?', tone: 'warn' },
  declared: { word: 'declared', sign: '⚑', tone: 'busy' }
};

/** Why the edge at hand is there: the names it carries, and the statements that write and read them. */
export function Evidence(props: IEvidenceProps): JSX.Element {
  const { graph, edges, focus } = props;
  return (
    <section className="tb-Evidence" aria-label="Why" aria-live="polite">
      {focus === null ? (
        <p className="tb-None">Look at a cell or an edge to see what it needs, and why.</p>
      ) : edges.length === 0 ? (
        <p className="tb-None">No other cell needs this one, and it needs none.</p>
      ) : (
        edges.map(({ key, edge }) => (
          <Why
            key={key}
            edge={edge}
            graph={graph}
            onOpen={props.onOpen}
            whole={focus.on === 'edge' || edges.length === 1}
          />
        ))
      )}
    </section>
  );
}

function Why(props: {
  edge: IGraphEdge;
  graph: IGraph;
  whole: boolean;
  onOpen: (cell: IGraphCell) => void;
}): JSX.Element {
  const { edge, graph, whole } = props;
  const open = (index: number): void => {
    const cell = graph.cells.find(each => each.index === index);
    if (cell !== undefined) {
      props.onOpen(cell);
    }
  };
  const evidence = edge.evidence ?? [];
  return (
    <div className="tb-Why-edge">
      <h3>
        {labelOf(graph, edge.source)} <span className="tb-Arrow">→</span>{' '}
        {labelOf(graph, edge.target)}
        <Chip look={LOOKS[edge.kind]} />
        <span className="tb-Why-names">{edge.names.map(inWords).join(', ')}</span>
      </h3>
      {whole &&
        (evidence.length > 0 ? (
          <table className="tb-Table" aria-label="Evidence">
            <tbody>
              {evidence.map((each, index) => (
                <Reason key={index} evidence={each} onOpen={open} />
              ))}
            </tbody>
          </table>
        ) : (
          <p className="tb-None">
            {edge.kind === 'declared' ? 'The tag of a cell says so.' : 'No statement was named.'}
          </p>
        ))}
    </div>
  );
}

function Reason(props: { evidence: IEvidence; onOpen: (index: number) => void }): JSX.Element {
  const { name, certain, writes, reads, source } = props.evidence;
  const notes = [
    certain ? '' : 'Whether it is needed depends on what happens.',
    source === 'static' ? '' : `Seen when the cells were ${source}.`
  ].filter(Boolean);
  const { kind, text } = carried(name);
  return (
    <tr>
      <th scope="row">
        {kind && <span className="tb-Quiet">{kind} </span>}
        <code>{text}</code>
      </th>
      <td>
        <Statement
          word={kind === 'state of' ? 'changed' : 'written'}
          place={writes}
          onOpen={props.onOpen}
        />
      </td>
      <td>
        <Statement word="read" place={reads} onOpen={props.onOpen} />
      </td>
      <td className="tb-Why">{notes.join(' ')}</td>
    </tr>
  );
}

function Statement(props: {
  word: string;
  place: IPlace | null;
  onOpen: (index: number) => void;
}): JSX.Element {
  const { word, place } = props;
  if (place === null) {
    return <Fragment />;
  }
  return (
    <>
      <span className="tb-Quiet">
        {word} in{' '}
        <button className="tb-LinkButton" onClick={() => props.onOpen(place.cell)}>
          cell {place.cell + 1}, line {place.line}
        </button>
      </span>
      <code className="tb-Statement">{place.statement.trim()}</code>
    </>
  );
}

function labelOf(graph: IGraph, index: number): string {
  const step = graph.cells.find(cell => cell.index === index)?.step;
  return `cell ${index + 1}${step ? ` (${step})` : ''}`;
}
