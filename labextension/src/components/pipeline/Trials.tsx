import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';

import type { TrackbookApi } from '../../api';
import { count, formatNumber, look, RUN_LOOKS } from '../../format';
import type { ITrials } from '../../pipeline/runTypes';
import { LIST_INTERVAL } from '../../tokens';
import { Chart } from '../Chart';
import { Chip } from '../Chip';
import { useLoaded } from '../hooks';
import { Problem } from '../Problem';
import { Table } from '../Table';

interface ITrialsProps {
  readonly api: TrackbookApi;
  readonly runId: string;
  readonly rendermime: IRenderMimeRegistry;
  readonly theme: string | null;
  readonly onOpenRun: (runId: string, name: string) => void;
}

/** How many trials the table shows; the picture has them all. */
const SHOWN = 100;

/** The trials of a sweep as parallel coordinates, and in a table; drawn again while it goes on. */
export function Trials(props: ITrialsProps): JSX.Element {
  const { value, error } = useLoaded(
    () => props.api.trials(props.runId),
    trials => trials.status === 'RUNNING',
    LIST_INTERVAL,
    [props.runId]
  );
  if (error) {
    return <Problem error={error} />;
  }
  if (value === null) {
    return <p className="tb-None">Drawing …</p>;
  }
  return (
    <div className="tb-Trials">
      {value.chart !== null ? (
        <div role="group" aria-label="Trials, parallel coordinates">
          <Chart spec={value.chart} rendermime={props.rendermime} theme={props.theme} />
        </div>
      ) : (
        <p className="tb-None">A picture needs two trials, and two params or metrics.</p>
      )}
      <TrialsTable trials={value} onOpenRun={props.onOpenRun} />
    </div>
  );
}

function TrialsTable(props: {
  trials: ITrials;
  onOpenRun: ITrialsProps['onOpenRun'];
}): JSX.Element {
  const { params, metrics, trials, best } = props.trials;
  const names = [...params, ...metrics];
  return (
    <>
      <Table label="Trials" heads={['trial', 'status', ...names.map(number => ({ number }))]}>
        {trials.slice(0, SHOWN).map(trial => (
          <tr key={trial.run_id}>
            <th scope="row">
              <button
                className="tb-LinkButton"
                onClick={() => props.onOpenRun(trial.run_id, trial.run_name)}
              >
                {trial.number}
              </button>
              {trial.run_id === best && <span className="tb-Quiet"> best</span>}
            </th>
            <td>
              <Chip look={look(RUN_LOOKS, trial.status)} />
            </td>
            {names.map(name => (
              <td key={name} className="tb-Number">
                {shown(trial.values[name] ?? null)}
              </td>
            ))}
          </tr>
        ))}
      </Table>
      {trials.length > SHOWN && (
        <p className="tb-None">and {count(trials.length - SHOWN, 'trial')} more</p>
      )}
    </>
  );
}

function shown(value: string | number | null): string {
  return typeof value === 'string' ? value : formatNumber(value);
}
