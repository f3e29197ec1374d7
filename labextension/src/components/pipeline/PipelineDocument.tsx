import type { ISignal } from '@lumino/signaling';
import { useEffect, useReducer } from 'react';

import type { TrackbookApi } from '../../api';
import { baseName, count, sentence } from '../../format';
import type { IGraph, IGraphCell, IGraphProblem } from '../../pipeline/types';
import type { INotebook } from '../../proof';
import { Block } from '../Facts';
import { useLoaded } from '../hooks';
import { Problem } from '../Problem';
import { CellLinks } from './CellLinks';
import { Conversion, type ConversionWish } from './Conversion';
import { Graph } from './Graph';

export interface IPipelineDocumentProps {
  readonly api: TrackbookApi;
  /** The path of the notebook as the server calls it. */
  readonly path: string;
  /** Emits the path of a notebook that was saved. */
  readonly saved: ISignal<unknown, string>;
  /** Emits the path of a notebook that has unsaved changes from now on, or none any more. */
  readonly changed: ISignal<unknown, string>;
  readonly isDirty: (path: string) => boolean;
  /** Emits what somebody asks of this notebook by a command. */
  readonly wished: ISignal<unknown, { readonly path: string; readonly wish: ConversionWish }>;
  readonly wish: ConversionWish | null;
  /** Saves the notebook where it is open and has changed. */
  readonly onSave: (path: string) => Promise<void>;
  /** Writes the steps of cells as tags. */
  readonly onWriteSteps: (path: string, cells: readonly IGraphCell[]) => Promise<void>;
  readonly onOpenCell: (path: string, cellId: string, index: number) => void;
  readonly onOpenFile: (path: string) => void;
}

interface IPage {
  readonly notebook: INotebook;
  readonly graph: IGraph;
}

/** A notebook as a pipeline: its graph, and the script that it becomes. */
export function PipelineDocument(props: IPipelineDocumentProps): JSX.Element {
  const { api, path, saved } = props;
  const saves = useCount(saved, path);
  useCount(props.changed, path);
  const load = async (): Promise<IPage> => {
    const notebook = await api.openProject(path);
    api.project = notebook.project_id;
    return { notebook, graph: await api.graph(notebook) };
  };
  const { value, error } = useLoaded(load, () => false, 1000, [saves]);
  if (error && value === null) {
    return <Problem error={error} />;
  }
  if (value === null) {
    return <p className="tb-None">Reading the notebook …</p>;
  }
  const { graph, notebook } = value;
  return (
    <article className="tb-Document tb-Pipeline" aria-label={`Pipeline of ${baseName(path)}`}>
      <header className="tb-Document-header">
        <div className="tb-Document-heading">
          <h1>{baseName(path)}</h1>
          <span className="tb-Quiet">{extentOf(graph)}</span>
        </div>
        <Conversion {...props} notebook={notebook} saves={saves} />
      </header>
      {props.isDirty(path) && (
        <p className="tb-Pipeline-note" role="status">
          The notebook has changes that are not saved; this is what was saved last.
          <button className="tb-LinkButton" onClick={() => void props.onSave(path)}>
            Save
          </button>
        </p>
      )}
      {graph.inferred && graph.cells.some(cell => cell.step !== null) && (
        <p className="tb-Pipeline-note">
          No cell is tagged: headings and data flow made these steps.
          <button
            className="tb-LinkButton"
            title="Tag the cells so; one undo in the notebook takes it back"
            onClick={() => void props.onWriteSteps(path, graph.cells)}
          >
            Write them as tags
          </button>
        </p>
      )}
      {graph.problems.length > 0 && (
        <Problems
          problems={graph.problems}
          graph={graph}
          onOpen={(id, index) => props.onOpenCell(path, id, index)}
        />
      )}
      <Block title="Graph" note="which cell needs which; arrow keys walk, Enter goes to the cell">
        {graph.cells.length === 0 ? (
          <p className="tb-None">The notebook has no code cells yet.</p>
        ) : (
          <Graph graph={graph} onOpen={cell => props.onOpenCell(path, cell.id, cell.index)} />
        )}
      </Block>
    </article>
  );
}

/** How often a signal has named this path. */
function useCount(signal: ISignal<unknown, string>, path: string): number {
  const [times, add] = useReducer((number: number) => number + 1, 0);
  useEffect(() => {
    const heard = (_: unknown, other: string): void => {
      if (other === path) {
        add();
      }
    };
    signal.connect(heard);
    return () => void signal.disconnect(heard);
  }, [signal, path]);
  return times;
}

function extentOf(graph: IGraph): string {
  const steps = new Set(graph.cells.flatMap(cell => cell.step ?? []));
  return [
    count(steps.size, 'step'),
    count(graph.cells.length, 'code cell'),
    count(graph.edges.length, 'edge')
  ].join(' · ');
}

function Problems(props: {
  problems: readonly IGraphProblem[];
  graph: IGraph;
  onOpen: (id: string, index: number) => void;
}): JSX.Element {
  return (
    <ul className="tb-Pipeline-problems" role="alert" aria-label="Problems">
      {props.problems.map(({ message, cells, severity }) => (
        <li key={message} className={`tb-tone-${severity === 'error' ? 'bad' : 'warn'}`}>
          <span>{sentence(message)}</span>
          <CellLinks
            cells={cells}
            onOpen={index => props.onOpen(props.graph.cells[index]?.id ?? '', index)}
          />
        </li>
      ))}
    </ul>
  );
}
