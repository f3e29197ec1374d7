import { useEffect, useState } from 'react';

import type { IRunSummary } from '../api';
import type { IState, TrackbookModel } from '../model';
import { nest } from '../selection';
import { Empty } from './Empty';
import { moveFocus, useNow } from './hooks';
import { Problem } from './Problem';
import { RunRow } from './RunRow';
import { Section } from './Section';

interface IRunsSectionProps {
  readonly model: TrackbookModel;
  readonly state: IState;
  readonly onOpen: (run: IRunSummary) => void;
  readonly onOpenAll: (filter: string) => void;
}

/** The newest runs of the project, and a filter over them. */
export function RunsSection(props: IRunsSectionProps): JSX.Element {
  const { model, state } = props;
  const runs = state.runs?.runs;
  const problem = state.problems.runs;
  const total = runs ? `${runs.length}${state.runs?.next_cursor ? '+' : ''}` : null;
  const untouched = runs?.length === 0 && state.filter === '';
  return (
    <Section title="Runs" total={total}>
      {!untouched && <FilterBox model={model} />}
      {problem && <Problem error={problem} />}
      {!problem && untouched && (
        <Empty title="No runs yet.">
          Put <code>%%track</code> on the first line of a cell and run it. In a new notebook, run{' '}
          <code>%load_ext trackbook</code> first.
        </Empty>
      )}
      {!problem && runs?.length === 0 && state.filter !== '' && (
        <Empty title="No run meets this filter.">Change it, or empty it to see every run.</Empty>
      )}
      {runs && runs.length > 0 && <RunList runs={runs} onOpen={props.onOpen} />}
      {runs && runs.length > 0 && (
        <div className="tb-Section-more">
          {state.runs?.next_cursor && (
            <button className="tb-LinkButton" onClick={() => model.showOlderRuns()}>
              Show older runs
            </button>
          )}
          <button className="tb-LinkButton" onClick={() => props.onOpenAll(state.filter)}>
            All runs
          </button>
        </div>
      )}
    </Section>
  );
}

function RunList(props: {
  runs: readonly IRunSummary[];
  onOpen: IRunsSectionProps['onOpen'];
}): JSX.Element {
  const running = props.runs.some(run => run.status === 'RUNNING');
  const now = useNow(running ? 1000 : 10000);
  return (
    <ul className="tb-List" aria-label="Runs" onKeyDown={moveFocus}>
      {nest(props.runs).map(node => (
        <RunRow key={node.run.run_id} node={node} now={now} onOpen={props.onOpen} />
      ))}
    </ul>
  );
}

/** The filter goes to the server when typing pauses. */
function FilterBox(props: { model: TrackbookModel }): JSX.Element {
  const [text, setText] = useState(props.model.state.filter);
  useEffect(() => {
    const timer = setTimeout(() => props.model.setFilter(text), 300);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <input
      className="tb-Filter"
      type="search"
      aria-label="Filter runs"
      placeholder="Filter, e.g. metrics.r2 > 0.4"
      title="Filter in MLflow's grammar, e.g. metrics.r2 > 0.4 and params.model = 'ridge'"
      spellCheck={false}
      value={text}
      onChange={event => setText(event.target.value)}
    />
  );
}
