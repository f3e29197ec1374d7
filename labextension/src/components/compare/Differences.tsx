import type { IRunSummary } from '../../api';

/** Values under the names where runs differ: a row a name, a column a run. */
export function Differences<T extends string | number>(props: {
  label: string;
  runs: readonly IRunSummary[];
  values: Readonly<Record<string, readonly (T | null)[]>>;
  format?: (value: T) => string;
  none: string;
}): JSX.Element {
  const { runs, values, format } = props;
  const rows = Object.entries(values);
  if (rows.length === 0) {
    return <p className="tb-None">{props.none}</p>;
  }
  const kind = format ? 'tb-Number' : '';
  return (
    <div className="tb-Scroll" tabIndex={0} role="group" aria-label={`${props.label}, table`}>
      <table className="tb-Table tb-Differences" aria-label={props.label}>
        <thead>
          <tr>
            <th scope="col">name</th>
            {runs.map(run => (
              <th scope="col" key={run.run_id} className={kind} title={run.run_name}>
                <span className="tb-Ellipsed">{run.run_name}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, row]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {runs.map((run, place) => (
                <Value
                  key={run.run_id}
                  value={row[place] ?? null}
                  first={row[0] ?? null}
                  kind={kind}
                  format={format ?? String}
                />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** What is other than in the first run stands out. */
function Value<T extends string | number>(props: {
  value: T | null;
  first: T | null;
  kind: string;
  format: (value: T) => string;
}): JSX.Element {
  const { value, first, kind } = props;
  const other = value !== first ? ' tb-mod-other' : '';
  return (
    <td className={`${kind}${other}`} title={value === null ? 'none' : String(value)}>
      {value === null ? <span className="tb-Quiet">–</span> : props.format(value)}
    </td>
  );
}
