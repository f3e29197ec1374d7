import { count, formatAgo, formatDuration, formatTime, look, RUN_LOOKS } from '../../format';
import { changesOf, type IChange } from '../../pipeline/history';
import { counts } from '../../pipeline/run';
import type { IPastRun } from '../../pipeline/runTypes';
import { Chip } from '../Chip';
import { moveFocus, useNow } from '../hooks';
import { Table } from '../Table';

interface IHistoryProps {
  readonly runs: readonly IPastRun[];
  /** The run whose steps the graph shows. */
  readonly chosen: string | null;
  readonly onChoose: (run: IPastRun | null) => void;
  readonly onMore: (() => void) | null;
  readonly onOpenRun: (runId: string, name: string) => void;
}

/** The runs of a pipeline, newest first, with what was changed from one to the next. */
export function History(props: IHistoryProps): JSX.Element {
  const { runs, chosen } = props;
  const now = useNow(1000);
  const changes = changesOf(runs);
  if (runs.length === 0) {
    return <p className="tb-None">It has not run yet.</p>;
  }
  return (
    <div onKeyDown={moveFocus}>
      <Table
        label="Runs of this pipeline"
        className="tb-History"
        heads={['run', 'status', 'steps', 'params that changed', { number: 'took' }, '']}
      >
        {runs.map((run, place) => (
          <tr key={run.run_id} className={run.run_id === chosen ? 'tb-mod-chosen' : ''}>
            <th scope="row">
              <button
                className="tb-LinkButton"
                data-row
                aria-pressed={run.run_id === chosen}
                title={`${formatTime(run.start_time)}\nShow ${
                  run.kind === 'sweep' ? 'its trials' : 'how its steps went, in the graph'
                }`}
                onClick={() => props.onChoose(run.run_id === chosen ? null : run)}
              >
                {formatAgo(run.start_time, now)}
              </button>
              {run.kind === 'sweep' && <span className="tb-Quiet"> sweep</span>}
            </th>
            <td>
              <Chip look={look(RUN_LOOKS, run.status)} />
            </td>
            <td>{counts(run.steps) || '–'}</td>
            <td>
              <Changes changes={changes[place] ?? []} />
            </td>
            <td className="tb-Number">{formatDuration(run.start_time, run.end_time, now)}</td>
            <td className="tb-Number">
              <button
                className="tb-LinkButton"
                aria-label={`Open the run of ${formatTime(run.start_time)}`}
                onClick={() => props.onOpenRun(run.run_id, run.run_name)}
              >
                Open
              </button>
            </td>
          </tr>
        ))}
      </Table>
      {props.onMore && (
        <button className="tb-LinkButton" onClick={props.onMore}>
          Show more
        </button>
      )}
    </div>
  );
}

const SHOWN = 4;

function Changes(props: { changes: readonly IChange[] }): JSX.Element {
  const { changes } = props;
  if (changes.length === 0) {
    return <span className="tb-Quiet">none</span>;
  }
  return (
    <>
      {changes.slice(0, SHOWN).map(({ name, value, before }) => (
        <span key={name} className="tb-History-change">
          <code>{name}</code> {value ?? 'not set'}
          {before !== null && <span className="tb-Quiet"> was {before}</span>}
        </span>
      ))}
      {changes.length > SHOWN && (
        <span className="tb-Quiet">and {count(changes.length - SHOWN, 'other')}</span>
      )}
    </>
  );
}
