import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import { useState } from 'react';

import type { IRunSummary } from '../api';
import { count, formatAgo, formatDuration, formatNumber, look, RUN_LOOKS } from '../format';
import { type IRunNode, mainMetric } from '../selection';
import { Mark } from './Chip';

interface IRunRowProps {
  readonly node: IRunNode;
  readonly now: number;
  readonly onOpen: (run: IRunSummary) => void;
}

/** One run in two lines; the runs that it started unfold under it. */
export function RunRow(props: IRunRowProps): JSX.Element {
  const { node, now, onOpen } = props;
  const [open, setOpen] = useState(false);
  const nested = node.children.length;
  const Caret = (open ? caretDownIcon : caretRightIcon).react;
  return (
    <li>
      <RunButton run={node.run} now={now} onOpen={onOpen} />
      {nested > 0 && (
        <button className="tb-Fold" aria-expanded={open} onClick={() => setOpen(!open)}>
          <Caret tag="span" width="14px" height="14px" />
          {count(nested, 'child run')}
        </button>
      )}
      {open && (
        <ul className="tb-List tb-List-nested" aria-label={`Child runs of ${node.run.run_name}`}>
          {node.children.map(child => (
            <RunRow key={child.run.run_id} node={child} now={now} onOpen={onOpen} />
          ))}
        </ul>
      )}
    </li>
  );
}

function RunButton(props: {
  run: IRunSummary;
  now: number;
  onOpen: IRunRowProps['onOpen'];
}): JSX.Element {
  const { run, now, onOpen } = props;
  const state = look(RUN_LOOKS, run.status);
  const metric = mainMetric(run.metrics);
  const shown = metric && [metric[0], formatNumber(metric[1])];
  const ago = formatAgo(run.start_time, now);
  const label = [run.run_name, state.word, shown?.join(' '), run.experiment, ago];
  return (
    <button
      className="tb-Row"
      data-row
      data-run-id={run.run_id}
      aria-label={label.filter(Boolean).join(', ')}
      onClick={() => onOpen(run)}
    >
      <Mark look={state} />
      <span className="tb-Row-main">
        <span className="tb-Row-line">
          <span className="tb-Row-name" title={run.run_name}>
            {run.run_name}
          </span>
          {shown && (
            <span className="tb-Metric" title={`${shown[0]} = ${metric?.[1]}`}>
              <span className="tb-Metric-name">{shown[0]}</span>
              <span className="tb-Metric-value">{shown[1]}</span>
            </span>
          )}
        </span>
        <span className="tb-Row-line tb-Row-detail">
          <span className="tb-Row-facts">
            <span className={`tb-Word tb-tone-${state.tone}`}>{state.word}</span>
            <span className="tb-Row-experiment" title={run.experiment}>
              {run.experiment}
            </span>
          </span>
          <span className="tb-Row-time">
            {run.status === 'RUNNING' ? formatDuration(run.start_time, null, now) : ago}
          </span>
        </span>
      </span>
    </button>
  );
}
