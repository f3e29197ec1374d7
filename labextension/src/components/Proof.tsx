import { useEffect, useState } from 'react';

import { type ApiError, type TrackbookApi } from '../api';
import {
  count,
  formatAgo,
  formatDuration,
  formatTime,
  look,
  sentence,
  short,
  VERDICT_LOOKS
} from '../format';
import { follow, isOpen } from '../jobs';
import { asApiError } from '../model';
import type { EnvironmentChoice, IDifference, IJob, IReproduction } from '../proof';
import { Chip } from './Chip';
import { useNow } from './hooks';
import { Notice, Problem } from './Problem';
import { Table } from './Table';

interface IProofProps {
  readonly api: TrackbookApi;
  readonly runId: string;
  readonly hasProgram: boolean;
  readonly running: boolean;
}

interface IState {
  readonly reproductions: readonly IReproduction[] | null;
  readonly job: IJob | null;
  readonly error: ApiError | null;
}

/** The verdicts of repeating the run, and the button that repeats it; whoever started it, its progress is seen here. */
export function Proof(props: IProofProps): JSX.Element {
  const { state, start, cancel } = useReproductions(props.api, props.runId);
  const { reproductions, job, error } = state;
  const [newest, ...older] = reproductions ?? [];
  return (
    <div className="tb-Proof">
      {error && <Problem error={error} />}
      {isOpen(job) ? (
        <Progress job={job} onCancel={cancel} />
      ) : (
        <Start {...props} loading={reproductions === null && !error} onStart={start} />
      )}
      {job?.state === 'failed' && (
        <Notice tone="bad" title="The reproduction itself failed">
          {sentence(job.message)}
        </Notice>
      )}
      {job?.state === 'cancelled' && <p className="tb-None">Cancelled; nothing was kept.</p>}
      {newest && <VerdictOf reproduction={newest} dimmed={isOpen(job)} />}
      {older.length > 0 && (
        <details className="tb-Details">
          <summary>{count(older.length, 'earlier attempt')}</summary>
          {older.slice(0, 50).map(each => (
            <VerdictOf key={each.reproduction_id} reproduction={each} dimmed={false} />
          ))}
        </details>
      )}
    </div>
  );
}

/** What the server knows, asked again while an attempt is going on. */
function useReproductions(
  api: TrackbookApi,
  runId: string
): { state: IState; start: (choice: EnvironmentChoice) => void; cancel: () => void } {
  const [state, setState] = useState<IState>({ reproductions: null, job: null, error: null });
  const update = (change: Partial<IState>): void => setState(old => ({ ...old, ...change }));
  const fail = (reason: unknown): void => update({ error: asApiError(reason) });
  const load = (): Promise<void> =>
    api.reproductions(runId).then(
      told =>
        setState(old => ({
          reproductions: told.reproductions,
          job: told.running ?? (isOpen(old.job) ? null : old.job),
          error: null
        })),
      fail
    );
  useEffect(() => void load(), []);
  const jobId = isOpen(state.job) ? state.job.job_id : null;
  useEffect(() => {
    if (jobId === null) {
      return undefined;
    }
    return follow(() => api.reproduction(jobId), {
      job: async job => {
        if (!isOpen(job)) {
          await load();
        }
        update({ job, error: null });
      },
      forgotten: () => {
        update({ job: null });
        void load();
      },
      error: fail
    });
  }, [jobId]);
  return {
    state,
    start: choice =>
      void api.reproduce(runId, choice).then(job => update({ job, error: null }), fail),
    cancel: () => {
      if (jobId !== null) {
        void api.cancelReproduction(jobId).then(job => update({ job }), fail);
      }
    }
  };
}

function Start(
  props: IProofProps & { loading: boolean; onStart: (choice: EnvironmentChoice) => void }
): JSX.Element {
  const [choice, setChoice] = useState<EnvironmentChoice>('current');
  const why = props.running
    ? 'The run is still going on.'
    : props.hasProgram
      ? null
      : 'No program was recorded, so there is nothing to repeat.';
  return (
    <div className="tb-Proof-start">
      <button
        className="tb-Button tb-Button-main"
        disabled={props.loading || why !== null}
        onClick={() => props.onStart(choice)}
      >
        Reproduce
      </button>
      {why === null ? (
        <label className="tb-Compare-choice">
          <span>in</span>
          <select
            className="tb-Select"
            aria-label="Environment of the reproduction"
            value={choice}
            onChange={event => setChoice(event.target.value as EnvironmentChoice)}
          >
            <option value="current">the current environment</option>
            <option value="locked">an environment rebuilt from the run’s lock</option>
          </select>
        </label>
      ) : (
        <span className="tb-Quiet">{why}</span>
      )}
    </div>
  );
}

const STAGES: Readonly<Record<string, string>> = {
  environment: 'Building the environment',
  files: 'Fetching code and data',
  run: 'Running the program',
  compare: 'Comparing',
  again: 'Running once more, to tell chance from change'
};

function Progress(props: { job: IJob; onCancel: () => void }): JSX.Element {
  const { job } = props;
  const now = useNow(500);
  const known = job.total > 0;
  const text = job.state === 'waiting' ? 'Waiting for another reproduction to end' : stageText(job);
  return (
    <div className="tb-Progress" role="group" aria-label="Reproduction">
      <div className="tb-Progress-line">
        <span className="tb-Progress-text" aria-live="polite">
          {text}
        </span>
        <span className="tb-Quiet tb-Number">{formatDuration(job.start_time, null, now)}</span>
        <button className="tb-Button" onClick={props.onCancel}>
          Cancel
        </button>
      </div>
      <div
        className={`tb-Progress-track${known ? '' : ' tb-mod-unknown'}`}
        role="progressbar"
        aria-label="Cells repeated"
        {...(known
          ? { 'aria-valuemin': 0, 'aria-valuemax': job.total, 'aria-valuenow': job.position }
          : {})}
      >
        <div
          className="tb-Progress-bar"
          style={{ width: known ? `${(100 * job.position) / job.total}%` : undefined }}
        />
      </div>
    </div>
  );
}

function stageText(job: IJob): string {
  const stage = STAGES[job.stage] ?? 'Starting';
  return job.total > 0 && job.position > 0
    ? `${stage}: cell ${job.position} of ${job.total}`
    : stage;
}

function VerdictOf(props: { reproduction: IReproduction; dimmed: boolean }): JSX.Element {
  const { reproduction } = props;
  const state = look(VERDICT_LOOKS, reproduction.verdict);
  const now = useNow(30_000);
  const took = formatDuration(reproduction.start_time, reproduction.end_time, now);
  const compared =
    reproduction.compared > 0 ? `, ${count(reproduction.compared, 'thing')} compared` : '';
  return (
    <section
      className={`tb-Verdict tb-tone-${state.tone}${props.dimmed ? ' tb-mod-dimmed' : ''}`}
      aria-label={`Verdict: ${state.word}`}
    >
      <div className="tb-Verdict-head">
        <Chip look={state} />
        <span className="tb-Verdict-reason">{sentence(reproduction.reason)}</span>
        <span className="tb-Quiet tb-Verdict-when" title={formatTime(reproduction.end_time)}>
          {formatAgo(reproduction.end_time, now)} by {reproduction.user}
        </span>
      </div>
      {reproduction.causes.length > 0 && (
        <div className="tb-Verdict-part">
          <h3>Likely {reproduction.causes.length === 1 ? 'cause' : 'causes'}</h3>
          <ul>
            {reproduction.causes.map(cause => (
              <li key={cause}>{cause}</li>
            ))}
          </ul>
        </div>
      )}
      {reproduction.differences.length > 0 && (
        <Differences differences={reproduction.differences} />
      )}
      {reproduction.notes.map(note => (
        <p className="tb-Verdict-note" key={note}>
          {note}
        </p>
      ))}
      <p className="tb-Verdict-note">
        {`In the ${reproduction.environment} environment, ${took}${compared}.`}
      </p>
    </section>
  );
}

/** How many differences are shown; the first is the one to look at. */
const SHOWN = 12;

function Differences(props: { differences: readonly IDifference[] }): JSX.Element {
  const { differences } = props;
  const [all, setAll] = useState(false);
  const rows = all ? differences : differences.slice(0, SHOWN);
  return (
    <>
      <Table
        label="Differences"
        heads={[count(differences.length, 'difference'), 'in the run', 'repeated', '']}
      >
        {rows.map(each => (
          <tr key={`${each.what} ${each.name}`}>
            <th scope="row">
              <span className="tb-Quiet">{each.what}</span> {each.name}
            </th>
            <Side value={each.original} />
            <Side value={each.repeated} />
            <td className="tb-Why">{each.detail}</td>
          </tr>
        ))}
      </Table>
      {rows.length < differences.length && (
        <button className="tb-LinkButton" onClick={() => setAll(true)}>
          Show all {count(differences.length, 'difference')}
        </button>
      )}
    </>
  );
}

function Side(props: { value: string | null }): JSX.Element {
  const { value } = props;
  if (value === null) {
    return (
      <td>
        <span className="tb-Quiet">not there</span>
      </td>
    );
  }
  const isDigest = /^[0-9a-f]{64}$/.test(value);
  return (
    <td title={value.slice(0, 2000)}>
      <code className="tb-Side">{isDigest ? short(value, 12) : value.slice(0, 400)}</code>
    </td>
  );
}
