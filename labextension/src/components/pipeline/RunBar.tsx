import { useState } from 'react';

import { count, formatSeconds, sentence } from '../../format';
import { isOpen } from '../../jobs';
import { extent, isGoing, summary } from '../../pipeline/run';
import { CellLinks } from './CellLinks';
import { Chip } from '../Chip';
import { useNow } from '../hooks';
import { Notice, Problem } from '../Problem';
import { Params } from './Params';
import type { IRunControl } from './useRun';

interface IRunBarProps {
  readonly run: IRunControl;
  readonly given: Readonly<Record<string, string>>;
  readonly onGive: (given: Readonly<Record<string, string>>) => void;
  readonly onOpenRun: (runId: string, name: string) => void;
  readonly onOpenCell: (index: number) => void;
}

/** What starts and stops a run, how it goes, and how it went. */
export function RunBar(props: IRunBarProps): JSX.Element {
  const { run, given } = props;
  const { job, steps, error } = run;
  const [isAsked, setAsked] = useState(false);
  const params = steps?.params ?? [];
  const faults = steps?.faults ?? {};
  const isWrong = Object.keys(faults).length > 0;
  const busy = isOpen(job);
  const begin = (use_cache: boolean): void => {
    if (isWrong) {
      setAsked(true);
    } else {
      void run.start({ params: given, use_cache });
    }
  };
  // What is wrong with a param stands at its field.
  const shown = error !== null && isWrong && error.status === 400 ? null : error;
  return (
    <div className="tb-RunBar">
      <div className="tb-Conversion-actions" role="group" aria-label="Run">
        <button
          className="tb-Button tb-Button-main"
          disabled={busy || steps === null || steps.problem !== null}
          title="Run the notebook as a pipeline; steps whose results are sure to be the same are not repeated"
          onClick={() => begin(true)}
        >
          Run
        </button>
        <button
          className="tb-Button"
          disabled={busy || steps === null || steps.problem !== null}
          title="Run every step, also those whose results are kept"
          onClick={() => begin(false)}
        >
          Run anew
        </button>
        {params.length > 0 && (
          <button
            className="tb-Button"
            aria-expanded={isAsked || isWrong}
            title="Parameters of the next run"
            onClick={() => setAsked(!isAsked)}
          >
            {Object.keys(given).length === 0
              ? 'Parameters'
              : `Parameters: ${Object.entries(given)
                  .map(([name, value]) => `${name}=${value}`)
                  .join(', ')}`}
          </button>
        )}
      </div>
      {(isAsked || isWrong) && params.length > 0 && (
        <Params
          params={params}
          given={given}
          faults={faults}
          onChange={props.onGive}
          onRun={() => begin(true)}
        />
      )}
      {steps?.problem && (
        <div className="tb-Pipeline-note" role="status">
          <span>It cannot run as a pipeline yet: {steps.problem.message}</span>
          <CellLinks cells={steps.problem.cells} onOpen={props.onOpenCell} />
        </div>
      )}
      {busy ? <Going {...props} /> : <Outcome {...props} />}
      {run.isLost && (
        <Notice tone="bad" title="The server was started anew">
          The run ended with it. What was done is kept, and the next run goes on from there.
        </Notice>
      )}
      {shown && <Problem error={shown} />}
    </div>
  );
}

/** How far a run is: steps done, time, and the time that it took before. */
function Going(props: IRunBarProps): JSX.Element {
  const { job, view, ahead } = props.run;
  const now = useNow(500) + ahead;
  const { done, total } = extent(view);
  const names = [...view.steps].filter(([, step]) => isGoing(step)).map(([name]) => name);
  const elapsed = Math.max(0, now - Date.parse(job?.start_time ?? '')) / 1000 || 0;
  const expected = view.expected !== null && view.expected >= 1 ? view.expected : null;
  const text =
    job?.state === 'waiting'
      ? 'Waiting for other work to end'
      : names.length > 0
        ? `Running ${names.join(', ')}`
        : 'Starting';
  return (
    <div className="tb-Progress" role="group" aria-label="Run">
      <div className="tb-Progress-line">
        <span className="tb-Progress-text">{text}</span>
        <span className="tb-Quiet tb-Number">
          {total > 0 && `${done} of ${count(total, 'step')} · `}
          {formatSeconds(Math.floor(elapsed))}
          {expected !== null && `, steps took ${formatSeconds(expected)} before`}
        </span>
        <button
          className="tb-Button"
          title="End the run; what is done is kept, and the next run goes on from there"
          onClick={props.run.stop}
        >
          Stop
        </button>
      </div>
      <div
        className={`tb-Progress-track${total > 0 ? '' : ' tb-mod-unknown'}`}
        role="progressbar"
        aria-label="Steps"
        {...(total > 0
          ? { 'aria-valuemin': 0, 'aria-valuemax': total, 'aria-valuenow': done }
          : {})}
      >
        <div
          className="tb-Progress-bar"
          style={{ width: total > 0 ? `${(100 * done) / total}%` : undefined }}
        />
      </div>
    </div>
  );
}

const OUTCOMES = {
  FINISHED: { word: 'finished', sign: '✓', tone: 'good' },
  FAILED: { word: 'failed', sign: '✕', tone: 'bad' },
  stopped: { word: 'stopped', sign: '■', tone: 'warn' }
} as const;

function Outcome(props: IRunBarProps): JSX.Element | null {
  const { job, view } = props.run;
  if (job === null) {
    return null;
  }
  if (job.state === 'failed') {
    return (
      <>
        <Notice tone="bad" title="The pipeline did not run">
          {sentence(job.message)}
        </Notice>
        <CellLinks cells={job.cells} onOpen={props.onOpenCell} />
      </>
    );
  }
  const status = job.pipeline_run?.status === 'FAILED' ? 'FAILED' : 'FINISHED';
  const look = OUTCOMES[job.state === 'cancelled' ? 'stopped' : status];
  const whole = (Date.parse(job.end_time ?? '') - Date.parse(job.start_time)) / 1000;
  const seconds = job.pipeline_run?.seconds ?? whole;
  const { runId } = view;
  return (
    <div className="tb-RunBar-outcome">
      <Chip look={look} />
      <span>
        {summary(view)}
        {Number.isFinite(seconds) && ` in ${formatSeconds(Math.max(0, seconds))}`}
        {job.state === 'cancelled' && '; what was done is kept'}
      </span>
      {runId !== null && (
        <button className="tb-LinkButton" onClick={() => props.onOpenRun(runId, 'pipeline')}>
          Open the run
        </button>
      )}
      {view.notices.length > 0 && (
        <details className="tb-Details">
          <summary>{count(view.notices.length, 'note')}</summary>
          <ul>
            {view.notices.map(text => (
              <li key={text}>{sentence(text)}</li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}
