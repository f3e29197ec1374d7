import { formatNumber } from '../../format';
import { extentOf, type IInterval } from '../../models/rules';

/** How many intervals a picture shows; the table beside it has them all. */
const SHOWN = 30;

interface IIntervalsProps {
  readonly label: string;
  readonly intervals: readonly IInterval[];
  /** Where bounds, margins and zero are, by what they are called. */
  readonly marks: readonly (readonly [string, number])[];
}

/** Estimates with their intervals on one scale, a row each. */
export function Intervals(props: IIntervalsProps): JSX.Element | null {
  const { intervals, marks } = props;
  if (intervals.length === 0) {
    return null;
  }
  const shown = intervals.slice(0, SHOWN);
  const [low, high] = extentOf(
    shown,
    marks.map(([, value]) => value)
  );
  const place = (value: number): string => `${(100 * (value - low)) / (high - low)}%`;
  return (
    <figure className="tb-Intervals" aria-label={props.label}>
      <div className="tb-Intervals-marks" aria-hidden="true">
        <span />
        <span className="tb-Intervals-track">
          {marks.map(([name, value]) => (
            <span key={name} className="tb-Intervals-mark" style={{ left: place(value) }}>
              {name} {formatNumber(value)}
            </span>
          ))}
        </span>
        <span />
      </div>
      {shown.map((each, row) => (
        <div
          key={row}
          className={`tb-Intervals-row ${toneOf(each)}`}
          role="img"
          aria-label={spoken(each)}
          title={spoken(each)}
        >
          <span className="tb-Intervals-label">
            {each.label} {each.note && <span className="tb-Quiet">{each.note}</span>}
          </span>
          <span className="tb-Intervals-track" aria-hidden="true">
            {marks.map(([name, value]) => (
              <span key={name} className="tb-Intervals-line" style={{ left: place(value) }} />
            ))}
            <span
              className="tb-Intervals-bar"
              style={{ left: place(each.low), right: `calc(100% - ${place(each.high)})` }}
            />
            {each.value !== null && (
              <span className="tb-Intervals-point" style={{ left: place(each.value) }} />
            )}
          </span>
          <span className="tb-Intervals-value tb-Number">
            {each.value !== null && <strong>{formatNumber(each.value)}</strong>}{' '}
            {each.low < each.high && (
              <span className="tb-Quiet">
                {formatNumber(each.low)} to {formatNumber(each.high)}
              </span>
            )}
          </span>
        </div>
      ))}
      {intervals.length > SHOWN && (
        <p className="tb-None">{intervals.length - SHOWN} more stand in the table.</p>
      )}
    </figure>
  );
}

function toneOf(interval: IInterval): string {
  return interval.passed === null ? 'tb-tone-busy' : `tb-tone-${interval.passed ? 'good' : 'bad'}`;
}

function spoken(interval: IInterval): string {
  const value = interval.value === null ? '' : ` ${formatNumber(interval.value)},`;
  const range = `from ${formatNumber(interval.low)} to ${formatNumber(interval.high)}`;
  return `${interval.label}:${value} ${range}${interval.note && `, ${interval.note}`}`;
}
