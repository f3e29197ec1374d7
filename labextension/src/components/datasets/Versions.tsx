import type { IDatasetVersion } from '../../datasets/types';
import { formatAgo, formatNumber, formatSize, formatTime } from '../../format';
import { useNow } from '../hooks';
import { Table } from '../Table';

interface IVersionsProps {
  readonly versions: readonly IDatasetVersion[];
  readonly chosen: number;
  readonly onChoose: (version: number) => void;
  readonly onOpenRun: (runId: string, name: string) => void;
}

/** The versions of a dataset; the one that is chosen is told about below. */
export function Versions(props: IVersionsProps): JSX.Element {
  const now = useNow(10_000);
  return (
    <Table
      className="tb-Versions"
      label="Versions"
      heads={[
        'version',
        { number: 'rows' },
        { number: 'columns' },
        { number: 'size' },
        'made',
        'by',
        'run'
      ]}
    >
      {props.versions.map(version => (
        <Row key={version.version} version={version} now={now} {...props} />
      ))}
    </Table>
  );
}

function Row(props: IVersionsProps & { version: IDatasetVersion; now: number }): JSX.Element {
  const { version, chosen } = props;
  const { run_id, run_name } = version;
  const isChosen = version.version === chosen;
  return (
    <tr className={isChosen ? 'tb-mod-chosen' : ''}>
      <th scope="row">
        <button
          className="tb-LinkButton"
          aria-pressed={isChosen}
          onClick={() => props.onChoose(version.version)}
        >
          version {version.version}
        </button>
        {version.automatic && <span className="tb-Quiet"> automatic</span>}
      </th>
      <td className="tb-Number">{formatNumber(version.rows)}</td>
      <td className="tb-Number">{formatNumber(version.columns)}</td>
      <td className="tb-Number">{formatSize(version.size)}</td>
      <td title={formatTime(version.created_time)}>{formatAgo(version.created_time, props.now)}</td>
      <td>{version.created_by}</td>
      <td>
        {run_id === null ? (
          <span className="tb-Quiet">–</span>
        ) : (
          <button
            className="tb-LinkButton tb-Ellipsed"
            title={run_name ?? run_id}
            onClick={() => props.onOpenRun(run_id, run_name ?? run_id.slice(0, 8))}
          >
            {run_name ?? run_id.slice(0, 8)}
          </button>
        )}
      </td>
    </tr>
  );
}
