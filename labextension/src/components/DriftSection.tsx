import type { IDriftReportSummary } from '../api';
import { DRIFT_LOOKS, formatAgo, look } from '../format';
import type { IState } from '../model';
import { Mark } from './Chip';
import { Empty } from './Empty';
import { moveFocus, useNow } from './hooks';
import { Problem } from './Problem';
import { Section } from './Section';

interface IDriftSectionProps {
  readonly state: IState;
  readonly onOpen: (report: IDriftReportSummary) => void;
}

/** The newest drift reports. */
export function DriftSection(props: IDriftSectionProps): JSX.Element {
  const { reports, problems } = props.state;
  const now = useNow(10000);
  const total = reports ? `${reports.drift_reports.length}${reports.next_cursor ? '+' : ''}` : null;
  return (
    <Section title="Drift" total={total}>
      {problems.drift && <Problem error={problems.drift} />}
      {!problems.drift && reports?.drift_reports.length === 0 && (
        <Empty title="No drift reports yet.">
          Run <code>%drift REFERENCE CURRENT</code> with two frames, dataset versions or files.
        </Empty>
      )}
      {reports && reports.drift_reports.length > 0 && (
        <ul className="tb-List" aria-label="Drift reports" onKeyDown={moveFocus}>
          {reports.drift_reports.map(report => (
            <li key={report.report_id}>
              <ReportButton report={report} now={now} onOpen={props.onOpen} />
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

function ReportButton(props: {
  report: IDriftReportSummary;
  now: number;
  onOpen: IDriftSectionProps['onOpen'];
}): JSX.Element {
  const { report, now } = props;
  const state = look(DRIFT_LOOKS, report.state);
  const ago = formatAgo(report.created_time, now);
  return (
    <button
      className="tb-Row"
      data-row
      data-report-id={report.report_id}
      aria-label={`${report.reference} against ${report.current}, ${state.word}, ${ago}`}
      onClick={() => props.onOpen(report)}
    >
      <Mark look={state} />
      <span className="tb-Row-main">
        <span className="tb-Row-line">
          <span className="tb-Row-name" title={`${report.reference} → ${report.current}`}>
            {report.reference} <span className="tb-Arrow">→</span> {report.current}
          </span>
        </span>
        <span className="tb-Row-line tb-Row-detail">
          <span className={`tb-Word tb-tone-${state.tone}`}>{state.word}</span>
          <span className="tb-Row-time">{ago}</span>
        </span>
      </span>
    </button>
  );
}
