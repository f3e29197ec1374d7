import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';

import type { IDriftColumn, IDriftReport, TrackbookApi } from '../api';
import {
  count,
  DRIFT_LOOKS,
  formatMethod,
  formatPercent,
  formatProbability,
  formatTime,
  look
} from '../format';
import { countStates, rankColumns } from '../selection';
import { Chart } from './Chart';
import { Chip } from './Chip';
import { Block, Facts } from './Facts';
import { useLoaded } from './hooks';
import { Problem } from './Problem';
import { Table } from './Table';

/** The method of a column that held nothing to test. */
const NOT_TESTED = 'not_tested';

export interface IDriftDocumentProps {
  readonly api: TrackbookApi;
  readonly reportId: string;
  readonly rendermime: IRenderMimeRegistry;
  readonly theme: string | null;
}

/** A drift report: what it says in one line, then a table of the columns, then a picture of each. */
export function DriftDocument(props: IDriftDocumentProps): JSX.Element {
  const { value, error } = useLoaded(
    () => props.api.driftReport(props.reportId),
    () => false
  );
  if (error) {
    return <Problem error={error} />;
  }
  if (value === null) {
    return <p className="tb-None">Loading the report …</p>;
  }
  return <ReportPage {...props} report={value} />;
}

function ReportPage(props: IDriftDocumentProps & { report: IDriftReport }): JSX.Element {
  const { report } = props;
  const columns = rankColumns(report);
  return (
    <article
      className="tb-Document"
      aria-label={`Drift report ${report.reference} against ${report.current}`}
    >
      <ReportHeader report={report} />
      <Block title="Columns" note="gravest first">
        <ColumnTable columns={columns} />
      </Block>
      <Block title="Distributions" note="reference against current">
        <div className="tb-Charts">
          {columns
            .filter(([name]) => name in report.charts)
            .map(([name, column]) => (
              <figure className="tb-Figure" key={name} aria-label={`Distribution of ${name}`}>
                <figcaption>
                  <span>{name}</span>
                  <Chip look={look(DRIFT_LOOKS, column.state)} />
                </figcaption>
                <Chart
                  spec={report.charts[name] ?? {}}
                  rendermime={props.rendermime}
                  theme={props.theme}
                />
              </figure>
            ))}
        </div>
      </Block>
    </article>
  );
}

function ReportHeader(props: { report: IDriftReport }): JSX.Element {
  const { report } = props;
  const total = Object.keys(report.columns).length;
  const parts = countStates(report).map(
    ([state, number]) => `${number} ${look(DRIFT_LOOKS, state).word}`
  );
  return (
    <header className="tb-Document-header">
      <div className="tb-Document-heading">
        <h1>
          {report.reference} <span className="tb-Arrow">→</span> {report.current}
        </h1>
        <Chip look={look(DRIFT_LOOKS, report.state)} />
      </div>
      <p className="tb-Lead">{report.reason}</p>
      <Facts
        label="About the report"
        pairs={[
          [count(total, 'column'), parts.join(', ')],
          ['Reference', `${report.reference}, ${count(report.n_reference, 'row')}`],
          ['Current', `${report.current}, ${count(report.n_current, 'row')}`],
          ['False alarms', `at most ${formatPercent(report.alpha)} of those reported, on average`],
          ['Made', formatTime(report.created_time)]
        ]}
      />
    </header>
  );
}

function ColumnTable(props: {
  columns: readonly (readonly [string, IDriftColumn])[];
}): JSX.Element {
  return (
    <Table
      label="Columns"
      heads={[
        'column',
        'state',
        'method',
        { number: 'effect' },
        { number: 'interval' },
        { number: 'adjusted p' },
        { number: 'missing' },
        'why'
      ]}
    >
      {props.columns.map(([name, column]) => (
        <ColumnRow key={name} name={name} column={column} />
      ))}
    </Table>
  );
}

function ColumnRow(props: { name: string; column: IDriftColumn }): JSX.Element {
  const { name, column } = props;
  const tested = column.method !== NOT_TESTED;
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>
        <Chip look={look(DRIFT_LOOKS, column.state)} />
      </td>
      <td className="tb-Nowrap">{formatMethod(column.method)}</td>
      <td className="tb-Number">{tested ? formatPercent(column.effect) : '–'}</td>
      <td className="tb-Number">
        {tested
          ? `${formatPercent(column.effect_low)} to ${formatPercent(column.effect_high)}`
          : '–'}
      </td>
      <td className="tb-Number">{tested ? formatProbability(column.p_adjusted) : '–'}</td>
      <td className="tb-Number">{missing(column)}</td>
      <td className="tb-Why">{column.reason}</td>
    </tr>
  );
}

/** Missing values as shares of all rows, before and after. */
function missing(column: IDriftColumn): string {
  const share = (lost: number, present: number): string =>
    formatPercent(lost + present === 0 ? 0 : lost / (lost + present));
  const before = share(column.missing_reference, column.n_reference);
  const after = share(column.missing_current, column.n_current);
  return before === after ? before : `${before} → ${after}`;
}
