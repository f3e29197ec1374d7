import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';

import type { IRunSummary, TrackbookApi } from '../../api';
import { count, formatAgo, formatDuration, formatNumber, look, RUN_LOOKS } from '../../format';
import type { IComparison } from '../../runs/types';
import { LIST_INTERVAL } from '../../tokens';
import { Chart } from '../Chart';
import { Chip } from '../Chip';
import { Block } from '../Facts';
import { useLoaded, useNow } from '../hooks';
import { Problem } from '../Problem';
import { Table } from '../Table';
import { Curves } from './Curves';
import { CodeDifferences } from './CodeDifferences';
import { Differences } from './Differences';

export interface ICompareDocumentProps {
  readonly api: TrackbookApi;
  readonly ids: readonly string[];
  readonly rendermime: IRenderMimeRegistry;
  readonly theme: string | null;
  readonly onOpenRun: (runId: string, name: string) => void;
}

const isRunning = (comparison: IComparison): boolean =>
  comparison.runs.some(run => run.status === 'RUNNING');

/** Runs beside each other; as long as one of them is going on, all of it is looked at again. */
export function CompareDocument(props: ICompareDocumentProps): JSX.Element {
  const { value, error } = useLoaded(
    () => props.api.compareRuns(props.ids),
    isRunning,
    LIST_INTERVAL
  );
  if (error) {
    return <Problem error={error} />;
  }
  if (value === null) {
    return <p className="tb-None">Comparing the runs …</p>;
  }
  return <ComparePage {...props} comparison={value} />;
}

function ComparePage(props: ICompareDocumentProps & { comparison: IComparison }): JSX.Element {
  const { comparison, api, ids, rendermime, theme } = props;
  const { runs } = comparison;
  return (
    <article
      className="tb-Document tb-Compare"
      aria-label={`Comparison of ${count(runs.length, 'run')}`}
    >
      <header className="tb-Document-header">
        <div className="tb-Document-heading">
          <h1>{count(runs.length, 'run')} compared</h1>
        </div>
        <RunsTable runs={runs} colors={comparison.colors} onOpenRun={props.onOpenRun} />
      </header>
      {comparison.curves.length > 0 && (
        <Block title="Curves">
          <Curves
            api={api}
            ids={ids}
            metrics={comparison.curves}
            live={isRunning(comparison)}
            rendermime={rendermime}
            theme={theme}
          />
        </Block>
      )}
      <Block title="Params and metrics" note="a line a run, over what differs">
        <Parallel {...props} />
      </Block>
      <Block title="Params that differ">
        <Differences
          label="Params that differ"
          runs={runs}
          values={comparison.params}
          none="All params are the same."
        />
      </Block>
      <Block title="Metrics that differ">
        <Differences
          label="Metrics that differ"
          runs={runs}
          values={comparison.metrics}
          format={value => formatNumber(value)}
          none="All metrics are the same."
        />
      </Block>
      <Block title="Code" note={`against ${runs[0]?.run_name ?? ''}`}>
        <CodeDifferences comparison={comparison} />
      </Block>
      <Block title="Environment">
        <Differences
          label="Environment that differs"
          runs={runs}
          values={comparison.environment}
          none="The environments are the same."
        />
      </Block>
    </article>
  );
}

function Parallel(props: ICompareDocumentProps & { comparison: IComparison }): JSX.Element {
  const { api, ids, comparison } = props;
  const { value, error } = useLoaded(
    async () => ({ chart: await api.parallel(ids) }),
    () => false,
    LIST_INTERVAL,
    [comparison.metrics, comparison.params]
  );
  if (error) {
    return <Problem error={error} />;
  }
  if (value === null) {
    return <p className="tb-None">Drawing …</p>;
  }
  return value.chart === null ? (
    <p className="tb-None">Fewer than two params and metrics differ.</p>
  ) : (
    <div role="group" aria-label="Params and metrics, parallel coordinates">
      <Chart spec={value.chart} rendermime={props.rendermime} theme={props.theme} />
    </div>
  );
}

function RunsTable(props: {
  runs: readonly IRunSummary[];
  colors: readonly string[];
  onOpenRun: ICompareDocumentProps['onOpenRun'];
}): JSX.Element {
  const now = useNow(1000);
  return (
    <Table
      label="Compared runs"
      heads={['run', 'status', 'experiment', { number: 'started' }, { number: 'took' }]}
    >
      {props.runs.map((run, place) => (
        <tr key={run.run_id}>
          <th scope="row">
            <span className="tb-Swatch" style={{ background: props.colors[place] }} aria-hidden />
            <button
              className="tb-LinkButton tb-Ellipsed"
              title={`${run.run_name}\n${run.run_id}`}
              onClick={() => props.onOpenRun(run.run_id, run.run_name)}
            >
              {run.run_name}
            </button>
          </th>
          <td>
            <Chip look={look(RUN_LOOKS, run.status)} />
          </td>
          <td>{run.experiment}</td>
          <td className="tb-Number">{formatAgo(run.start_time, now)}</td>
          <td className="tb-Number">{formatDuration(run.start_time, run.end_time, now)}</td>
        </tr>
      ))}
    </Table>
  );
}
