import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { ISignal } from '@lumino/signaling';
import { useEffect, useMemo, useReducer, useRef, useState } from 'react';

import type { TrackbookApi } from '../../api';
import { baseName, count, sentence } from '../../format';
import { isOpen } from '../../jobs';
import type { IRunRequest } from '../../pipeline/commands';
import { foremost, foreseen, type INodeState, isGoing, NO_STEP, nodeOf } from '../../pipeline/run';
import type { IRunWish } from '../../pipeline/runTypes';
import type { IGraph, IGraphCell, IGraphProblem } from '../../pipeline/types';
import type { INotebook } from '../../proof';
import { Block } from '../Facts';
import { useLoaded, useNow } from '../hooks';
import { Problem } from '../Problem';
import { CellLinks } from './CellLinks';
import { Conversion, type ConversionWish } from './Conversion';
import { Graph } from './Graph';
import { History } from './History';
import { RunBar } from './RunBar';
import { StepPanel } from './StepPanel';
import { Trials } from './Trials';
import { type IRunControl, useRun } from './useRun';

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
  readonly onOpenCell: (path: string, cellId: string, index: number, line?: number | null) => void;
  readonly onOpenFile: (path: string) => void;
  /** Emits what somebody asks of this notebook's runs by a command. */
  readonly requested: ISignal<unknown, { readonly path: string; readonly request: IRunRequest }>;
  readonly request: IRunRequest | null;
  readonly onOpenRun: (runId: string, name: string) => void;
  readonly onStepMenu: (path: string, step: string, x: number, y: number) => void;
  readonly rendermime: IRenderMimeRegistry;
  readonly theme: string | null;
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
  return <PipelinePage {...props} {...value} saves={saves} />;
}

type IPageProps = IPipelineDocumentProps & IPage & { readonly saves: number };

function PipelinePage(props: IPageProps): JSX.Element {
  const { api, path, graph, notebook, saves } = props;
  const page = useRef<HTMLElement>(null);
  const [params, setParams] = useState<Readonly<Record<string, string>>>({});
  const onSave = (): Promise<void> => props.onSave(path);
  const run = useRun({ api, path, notebook, saves, params, onSave, page });
  useRequests(props, wish => void run.start({ params, ...wish }));
  const openAt = (index: number): void =>
    props.onOpenCell(path, graph.cells[index]?.id ?? '', index);
  return (
    <article
      ref={page}
      className="tb-Document tb-Pipeline"
      aria-label={`Pipeline of ${baseName(path)}`}
    >
      <header className="tb-Document-header">
        <div className="tb-Document-heading">
          <h1>{baseName(path)}</h1>
          <span className="tb-Quiet">{extentOf(graph)}</span>
        </div>
        <div className="tb-Pipeline-head">
          {graph.cells.length > 0 && (
            <RunBar
              run={run}
              given={params}
              onGive={setParams}
              onOpenRun={props.onOpenRun}
              onOpenCell={openAt}
            />
          )}
          <Conversion {...props} notebook={notebook} saves={saves} />
        </div>
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
          <Steps {...props} run={run} onRun={wish => void run.start({ params, ...wish })} />
        )}
      </Block>
      <p className="tb-Heard" role="status">
        {run.view.said}
      </p>
      <Block title="Runs" note="choose one to see its steps in the graph, or a sweep's trials">
        <History
          runs={run.history?.runs ?? []}
          chosen={run.past?.run.run_id ?? null}
          onChoose={run.choose}
          onMore={run.more}
          onOpenRun={props.onOpenRun}
        />
      </Block>
      {run.past?.run.kind === 'sweep' && (
        <Block title="Trials" note="a line a trial">
          <Trials {...props} runId={run.past.run.run_id} />
        </Block>
      )}
    </article>
  );
}

/** The graph with the states of its steps: of a run of the past, of the one that goes on, or as they would be. */
function Steps(
  props: IPageProps & { run: IRunControl; onRun: (wish: IRunWish) => void }
): JSX.Element {
  const { graph, path, run } = props;
  const { steps } = run;
  // A sweep has no steps of its own; its trials are told beside the graph.
  const past = run.past?.run.kind === 'sweep' ? null : run.past;
  const view = past?.view ?? (run.job !== null ? run.view : null);
  const isMoving = view !== null && [...view.steps.values()].some(isGoing);
  const now = useNow(isMoving ? 500 : 60_000) + run.ahead;
  const forecasts = useMemo(
    () => new Map(steps?.steps.map(step => [step.name, step]) ?? []),
    [steps]
  );
  const waiting = past === null && isOpen(run.job) ? NO_STEP : undefined;
  const states = new Map<string, INodeState>();
  for (const { step } of graph.cells) {
    // A run that has only just been asked for names no steps yet: they wait.
    const told = step === null ? undefined : (view?.steps.get(step) ?? waiting);
    const forecast = step === null ? undefined : forecasts.get(step);
    const node = told ? nodeOf(told, now) : view === null && forecast ? foreseen(forecast) : null;
    if (step !== null && node !== null) {
      states.set(step, node);
    }
  }
  const details = (name: string): JSX.Element => (
    <StepPanel
      name={name}
      cells={graph.cells.filter(cell => cell.step === name)}
      node={states.get(name) ?? null}
      step={view?.steps.get(name) ?? null}
      forecast={view === null ? (forecasts.get(name) ?? null) : null}
      isPast={past !== null}
      onRunFrom={isOpen(run.job) ? null : () => props.onRun({ start: name })}
      onOpenRun={props.onOpenRun}
      onOpenCell={(cell, line) => props.onOpenCell(path, cell.id, cell.index, line)}
    />
  );
  return (
    <>
      {past !== null && (
        <p className="tb-Pipeline-note" role="status">
          These are the steps of a run of the past.
          <button className="tb-LinkButton" onClick={() => run.choose(null)}>
            Back to now
          </button>
        </p>
      )}
      <Graph
        graph={graph}
        states={states}
        foremost={view === null ? null : foremost(view)}
        run={view?.runId ?? null}
        details={details}
        onOpen={cell => props.onOpenCell(path, cell.id, cell.index)}
        onStepMenu={(step, x, y) => props.onStepMenu(path, step, x, y)}
      />
    </>
  );
}

/** Do what commands ask for: with the one that opened this page, and with those that come later. */
function useRequests(props: IPageProps, start: (wish: IRunWish) => void): void {
  const { requested, path, graph } = props;
  const answer = (request: IRunRequest): void => {
    const cell = graph.cells.find(each => each.id === request.cell);
    const step = request.step ?? cell?.step ?? null;
    start(step === null ? {} : request.only ? { only: [step] } : { start: step });
  };
  const latest = useRef(answer);
  latest.current = answer;
  useEffect(() => {
    if (props.request !== null) {
      latest.current(props.request);
    }
    const heard = (_: unknown, asked: { path: string; request: IRunRequest }): void => {
      if (asked.path === path) {
        latest.current(asked.request);
      }
    };
    requested.connect(heard);
    return () => void requested.disconnect(heard);
  }, [requested, path]);
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
