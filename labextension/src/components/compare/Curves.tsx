import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { useId, useState } from 'react';

import type { TrackbookApi } from '../../api';
import type { ICurveChoice } from '../../runs/types';
import { LIST_INTERVAL } from '../../tokens';
import { Chart } from '../Chart';
import { useLoaded, useSettled } from '../hooks';
import { Problem } from '../Problem';

interface ICurvesProps {
  readonly api: TrackbookApi;
  readonly ids: readonly string[];
  /** The metrics that have curves. */
  readonly metrics: readonly string[];
  /** Whether one of the runs is still going. */
  readonly live: boolean;
  readonly rendermime: IRenderMimeRegistry;
  readonly theme: string | null;
}

/** How many metrics are drawn until somebody chooses. */
const DRAWN = 4;

/** Metrics over the course of runs; those of a run that is going on grow before one's eyes. */
export function Curves(props: ICurvesProps): JSX.Element {
  const [choice, setChoice] = useState<ICurveChoice>({ x: 'step', log: false, smoothing: 0 });
  const [chosen, setChosen] = useState<readonly string[] | null>(null);
  const drawn = chosen ?? props.metrics.slice(0, DRAWN);
  // A slider says a hundred things on its way.
  const asked = useSettled(choice, 120);
  return (
    <div className="tb-CurvesPart">
      <Controls choice={choice} onChange={setChoice} live={props.live} />
      {props.metrics.length > 1 && (
        <Metrics metrics={props.metrics} drawn={drawn} onChange={setChosen} />
      )}
      {drawn.length === 0 ? (
        <p className="tb-None">Choose a metric to draw.</p>
      ) : (
        <Picture {...props} keys={drawn} choice={asked} />
      )}
    </div>
  );
}

function Picture(
  props: ICurvesProps & { keys: readonly string[]; choice: ICurveChoice }
): JSX.Element {
  const { api, ids, keys, choice, live } = props;
  const { value, error } = useLoaded(
    async () => ({ chart: await api.curves(ids, keys, choice) }),
    () => live,
    LIST_INTERVAL,
    [ids.join(), keys.join('\n'), choice, live]
  );
  if (error) {
    return <Problem error={error} />;
  }
  if (value === null) {
    return <p className="tb-None tb-Curves-waiting">Drawing the curves …</p>;
  }
  return value.chart === null ? (
    <p className="tb-None">There is nothing to draw yet.</p>
  ) : (
    <div role="group" aria-label={`Curves of ${keys.join(', ')}`}>
      <Chart spec={value.chart} rendermime={props.rendermime} theme={props.theme} />
    </div>
  );
}

function Controls(props: {
  choice: ICurveChoice;
  live: boolean;
  onChange: (choice: ICurveChoice) => void;
}): JSX.Element {
  const { choice, onChange } = props;
  const slider = useId();
  return (
    <div className="tb-Controls" role="group" aria-label="How the curves are drawn">
      <span className="tb-Choice">
        <label htmlFor={slider}>Smoothing</label>
        <input
          id={slider}
          type="range"
          min={0}
          max={0.99}
          step={0.01}
          value={choice.smoothing}
          onChange={event => onChange({ ...choice, smoothing: event.target.valueAsNumber })}
        />
        <output className="tb-Number" htmlFor={slider}>
          {choice.smoothing.toFixed(2)}
        </output>
      </span>
      <label className="tb-Choice">
        <input
          type="checkbox"
          checked={choice.log}
          onChange={event => onChange({ ...choice, log: event.target.checked })}
        />
        <span>Log scale</span>
      </label>
      <label className="tb-Choice">
        <span>Over</span>
        <select
          value={choice.x}
          onChange={event => onChange({ ...choice, x: event.target.value as ICurveChoice['x'] })}
        >
          <option value="step">step</option>
          <option value="time">time</option>
        </select>
      </label>
      {props.live && (
        <span className="tb-Live tb-tone-busy" role="status">
          <span aria-hidden="true">●</span> live
        </span>
      )}
    </div>
  );
}

/** Which metrics are drawn, as buttons that stay pressed. */
function Metrics(props: {
  metrics: readonly string[];
  drawn: readonly string[];
  onChange: (drawn: readonly string[]) => void;
}): JSX.Element {
  const { metrics, drawn } = props;
  const toggle = (name: string): void =>
    props.onChange(drawn.includes(name) ? drawn.filter(other => other !== name) : [...drawn, name]);
  return (
    <div className="tb-Metrics" role="group" aria-label="Metrics that are drawn">
      {metrics.map(name => (
        <button
          key={name}
          className="tb-Pick"
          aria-pressed={drawn.includes(name)}
          title={name}
          onClick={() => toggle(name)}
        >
          {name}
        </button>
      ))}
    </div>
  );
}
