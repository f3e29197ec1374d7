import { useEffect, useMemo, useRef, useState } from 'react';

import { count, formatSeconds } from '../../format';
import { spotOf } from '../../pipeline/failure';
import {
  type INodeState,
  isGoing,
  type IStepRun,
  readable,
  readableTraceback,
  secondsOf
} from '../../pipeline/run';
import type { IForecast } from '../../pipeline/runTypes';
import type { IGraphCell } from '../../pipeline/types';
import { Chip } from '../Chip';
import { CopyButton } from '../Facts';

interface IStepPanelProps {
  readonly name: string;
  readonly cells: readonly IGraphCell[];
  readonly node: INodeState | null;
  readonly step: IStepRun | null;
  readonly forecast: IForecast | null;
  /** Whether it is of a run of the past, of which the log is not told here. */
  readonly isPast: boolean;
  /** Null while nothing can be started. */
  readonly onRunFrom: (() => void) | null;
  readonly onOpenRun: (runId: string, name: string) => void;
  readonly onOpenCell: (cell: IGraphCell, line: number | null) => void;
}

/** One step: how it stands, why it ran, why it is not kept, where it failed, and what it printed. */
export function StepPanel(props: IStepPanelProps): JSX.Element {
  const { name, node, step, cells } = props;
  const { onRunFrom } = props;
  const spot = step?.state === 'failed' ? spotOf(step.traceback, cells) : null;
  return (
    <section className="tb-StepPanel" aria-label={`Step ${name}`}>
      <div className="tb-StepPanel-head">
        <h3>{name}</h3>
        {node && <Chip look={node.look} />}
        <span className="tb-Quiet tb-Number">{timesOf(step, props.forecast, node)}</span>
        <span className="tb-StepPanel-actions">
          {spot && (
            <button
              className="tb-Button tb-Button-main"
              onClick={() => props.onOpenCell(spot.cell, spot.line)}
            >
              Go to cell {spot.cell.index + 1}
              {spot.line === null ? '' : `, line ${spot.line}`}
            </button>
          )}
          {onRunFrom && (
            <button
              className="tb-Button"
              title={`Run ${name} anew, and all that follows from it`}
              onClick={onRunFrom}
            >
              Run from here
            </button>
          )}
          {step && step.runId !== '' && (
            <button className="tb-LinkButton" onClick={() => props.onOpenRun(step.runId, name)}>
              Open its run
            </button>
          )}
        </span>
      </div>
      <Reasons {...props} />
      {step && step.traceback !== '' && (
        <pre className="tb-Log tb-mod-traceback" tabIndex={0} role="region" aria-label="Traceback">
          {readableTraceback(step.traceback)}
        </pre>
      )}
      {step && step.log !== '' && (
        <Log key={name} name={name} log={step.log} cut={step.cut} live={isGoing(step)} />
      )}
    </section>
  );
}

function Reasons(props: IStepPanelProps): JSX.Element | null {
  const { step, forecast } = props;
  const lines: readonly (readonly [string, string])[] =
    step === null
      ? [[forecast?.state === 'runs' ? 'It would run:' : '', forecast?.why ?? '']]
      : step.state === 'executed' || isGoing(step)
        ? [
            ['It ran because', step.why],
            [
              step.state === 'retrying' ? 'It is tried again:' : 'Its result is not kept: it',
              step.reason
            ]
          ]
        : [
            [step.state === 'failed' ? 'It ran because' : '', step.why],
            ['', step.traceback.includes(step.reason) ? '' : step.reason]
          ];
  const said = lines.filter(([, text]) => text !== '');
  if (said.length === 0) {
    const none = step === null || (step.log === '' && !isGoing(step) && step.traceback === '');
    return none ? <p className="tb-None">{quietWord(props)}</p> : null;
  }
  return (
    <ul className="tb-StepPanel-reasons">
      {said.map(([word, text]) => (
        <li key={text}>
          {word && <span className="tb-Quiet">{word} </span>}
          {text}
        </li>
      ))}
    </ul>
  );
}

function quietWord({ node, step, isPast }: IStepPanelProps): string {
  if (isPast && step !== null) {
    return step.runId === '' ? 'It was not reached.' : 'Its run holds what was recorded of it.';
  }
  if (step !== null) {
    return step.state === 'waiting' ? 'It has not begun.' : 'It printed nothing.';
  }
  return node?.state === 'cached'
    ? 'Nothing has changed since its result was kept: a run would take that.'
    : 'Nothing is known of its runs yet.';
}

function timesOf(
  step: IStepRun | null,
  forecast: IForecast | null,
  node: INodeState | null
): string {
  if (step !== null && isGoing(step)) {
    return node?.text ?? '';
  }
  if (step !== null) {
    return step.seconds !== null && step.state !== 'cached' && step.state !== 'skipped'
      ? secondsOf(step.seconds)
      : '';
  }
  return forecast?.expected ? `took ${formatSeconds(forecast.expected)} when it last ran` : '';
}

/** How near to its end a log counts as read to the end, in pixels. */
const NEAR = 24;

/** What a step printed; while it is read from the middle, it does not run away. */
function Log(props: { name: string; log: string; cut: number; live: boolean }): JSX.Element {
  const { name, log, cut } = props;
  const node = useRef<HTMLPreElement>(null);
  const [isFollowed, setFollowed] = useState(true);
  const text = useMemo(() => readable(log), [log]);
  useEffect(() => {
    if (isFollowed && node.current !== null) {
      node.current.scrollTop = node.current.scrollHeight;
    }
  }, [text, isFollowed]);
  return (
    <div className="tb-LogBox">
      <div className="tb-LogBox-head">
        <span className="tb-Quiet">
          Log
          {cut > 0 && `, without ${count(cut, 'character')} at its beginning`}
        </span>
        <span className="tb-StepPanel-actions">
          {!isFollowed && (
            <button className="tb-LinkButton" onClick={() => setFollowed(true)}>
              To its end
            </button>
          )}
          <CopyButton name="the log" value={text} />
        </span>
      </div>
      <pre
        className="tb-Log"
        ref={node}
        tabIndex={0}
        role="log"
        aria-live="off"
        aria-label={`Log of step ${name}`}
        onScroll={event => {
          const { scrollHeight, scrollTop, clientHeight } = event.currentTarget;
          setFollowed(scrollHeight - scrollTop - clientHeight < NEAR);
        }}
      >
        {text}
      </pre>
    </div>
  );
}
