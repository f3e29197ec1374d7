import type { IThemeManager } from '@jupyterlab/apputils';
import { useEffect, useState, useSyncExternalStore } from 'react';

import { count } from '../../format';
import type { IRunsState, RunsModel } from '../../runs/model';
import { Empty } from '../Empty';
import { Notice, Problem } from '../Problem';
import { Actions } from './Actions';
import { Choosers } from './Choosers';
import { Groups } from './Groups';
import { SearchBox } from './SearchBox';
import { Table } from './Table';

export interface IRunsDocumentProps {
  readonly model: RunsModel;
  readonly themes: IThemeManager | null;
}

/** All runs of a project: searched, sorted, grouped, and acted upon. */
export function RunsDocument(props: IRunsDocumentProps): JSX.Element {
  const { model } = props;
  const state = useRuns(model);
  return (
    <div className="tb-Runs" role="region" aria-label="All runs">
      <header className="tb-Runs-head">
        <div className="tb-Runs-bar">
          <SearchBox
            filter={state.filter}
            keys={state.keys}
            onFilter={filter => model.setFilter(filter)}
            problem={model.source.problem?.code === 'usage' ? model.source.problem : null}
          />
          <Choosers model={model} state={state} />
        </div>
        <Actions model={model} state={state} />
        <Messages model={model} state={state} />
      </header>
      <div className="tb-Runs-body">
        {state.by !== null && <Groups model={model} state={state} />}
        <div className="tb-Runs-table">
          <Table table={model.table} themes={props.themes} />
          <Nothing model={model} state={state} />
        </div>
      </div>
      <Spoken model={model} saying={state.saying} />
    </div>
  );
}

/** The model's state; the component is drawn again whenever something has changed in or around it. */
function useRuns(model: RunsModel): IRunsState {
  const [, setTurn] = useState(0);
  useEffect(() => {
    const again = (): void => setTurn(turn => turn + 1);
    model.changed.connect(again);
    again();
    return () => void model.changed.disconnect(again);
  }, [model]);
  return model.state;
}

function Messages(props: { model: RunsModel; state: IRunsState }): JSX.Element | null {
  const { model, state } = props;
  const problem = model.source.problem;
  const grave = problem && problem.code !== 'usage' ? problem : null;
  return (
    <>
      {grave && (
        <div className="tb-Runs-problem">
          <Problem error={grave} />
          <button className="tb-Button" onClick={() => void model.retry()}>
            Try again
          </button>
        </div>
      )}
      {state.fault && (
        <Notice tone="bad" title="That did not work" onDismiss={() => model.dismissFault()}>
          {state.fault.message}
        </Notice>
      )}
      {state.deletion && <Deletion model={model} deletion={state.deletion} />}
    </>
  );
}

function Deletion(props: {
  model: RunsModel;
  deletion: NonNullable<IRunsState['deletion']>;
}): JSX.Element {
  const { runs, state } = props.deletion;
  const what = runs.length === 1 && runs[0] ? `“${runs[0].run_name}”` : count(runs.length, 'run');
  return (
    <div className="tb-Runs-undo" role="status">
      <span className="tb-Runs-undo-text">
        {state === 'pending' ? 'Deleting' : state === 'undoing' ? 'Bringing back' : 'Deleted'}{' '}
        {what}
        {state === 'done' ? '.' : ' …'}
      </span>
      {state === 'done' && (
        <>
          <button className="tb-LinkButton" onClick={() => void props.model.undo()}>
            Undo
          </button>
          <button className="tb-LinkButton" onClick={() => props.model.dismissDeletion()}>
            Dismiss
          </button>
        </>
      )}
    </div>
  );
}

/** What an empty table says. */
function Nothing(props: { model: RunsModel; state: IRunsState }): JSX.Element | null {
  const { source } = props.model;
  if (source.total > 0 || (source.problem !== null && !source.loading)) {
    return null;
  }
  const { filter, experiment, group } = props.state;
  return (
    <div className="tb-Runs-nothing">
      {source.loading ? (
        <p className="tb-None">Loading the runs …</p>
      ) : filter || experiment || group ? (
        <Empty title="No run meets this.">
          Change the filter or the experiment, or empty both.
        </Empty>
      ) : (
        <Empty title="No runs yet.">
          Put <code>%%track</code> on the first line of a cell and run it. In a new notebook, run{' '}
          <code>%load_ext trackbook</code> first.
        </Empty>
      )}
    </div>
  );
}

/** The row that has the focus, and what has just been done, for those who cannot see the grid. */
function Spoken(props: { model: RunsModel; saying: string }): JSX.Element {
  const { table } = props.model;
  const row = useSyncExternalStore(
    notify => {
      table.cursorMoved.connect(notify);
      return () => void table.cursorMoved.disconnect(notify);
    },
    () => (table.focused ? table.description : '')
  );
  return (
    <>
      <div className="tb-Spoken" role="status" aria-label="Focused row">
        {row}
      </div>
      <div className="tb-Spoken" role="status" aria-label="Last action">
        {props.saying}
      </div>
    </>
  );
}
