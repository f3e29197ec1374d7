import { formatAgo, formatNumber, formatTime, sentence } from '../../format';
import { gateLook, marksOf, newestResults, sortEvidence, told } from '../../models/rules';
import type { IGateResult } from '../../models/types';
import { Chip } from '../Chip';
import { Facts } from '../Facts';
import { useNow } from '../hooks';
import { Table } from '../Table';
import { Intervals } from './Intervals';

/** What the gates said, each with its evidence; what failed comes first, what does not count any more last. */
export function Gates(props: { results: readonly IGateResult[]; gates: number }): JSX.Element {
  const results = newestResults(props.results);
  if (results.length === 0) {
    return (
      <p className="tb-None">
        {props.gates === 0
          ? 'trackbook.toml has no gates for this stage.'
          : 'The gates have not judged this version yet. Check it to see what they say.'}
      </p>
    );
  }
  return (
    <ul className="tb-GateList">
      {results.map((result, place) => (
        <Gate key={place} result={result} />
      ))}
    </ul>
  );
}

function Gate(props: { result: IGateResult }): JSX.Element {
  const { result } = props;
  const now = useNow(10_000);
  const { facts, pictures, tables } = sortEvidence(result.evidence);
  const isVoid = result.void !== null;
  const name = result.gate.title;
  return (
    <li
      className={`tb-Gate tb-tone-${gateLook(result).tone}${isVoid ? ' tb-mod-void' : ''}`}
      aria-label={`Gate ${name}, ${gateLook(result).word}`}
    >
      <div className="tb-Gate-head">
        <Chip look={gateLook(result)} />
        <strong className="tb-Gate-title">{name}</strong>
        <span className="tb-Quiet">{result.gate.type}</span>
        <span className="tb-Quiet tb-Gate-time" title={formatTime(result.time)}>
          {formatAgo(result.time, now)}
        </span>
      </div>
      <p className="tb-Gate-reason">{result.reason}</p>
      {isVoid && (
        <p className="tb-Gate-void">
          <strong>Void:</strong> {result.void}
        </p>
      )}
      {pictures.length === 0 && result.value !== null && (
        <Bound result={result} value={result.value} />
      )}
      {pictures.map(({ title, intervals, bounded }) => (
        <div key={title} className="tb-Gate-picture">
          <h3>{sentence(title)}</h3>
          <Intervals
            label={`${sentence(title)} of ${name}`}
            intervals={intervals}
            marks={bounded ? marksOf(result) : []}
          />
        </div>
      ))}
      {facts.length > 0 && <Facts label={`Evidence of ${name}`} pairs={facts} />}
      {tables.map(table => (
        <details className="tb-Details" key={table.title} open={pictures.length === 0}>
          <summary>Table: {table.title}</summary>
          <Table label={`${sentence(table.title)} of ${name}`} heads={table.heads}>
            {table.rows.map((row, place) => (
              <tr key={place}>
                {row.map((cell, column) => (
                  <td key={column} className={typeof cell === 'number' ? 'tb-Number' : undefined}>
                    {told(cell)}
                  </td>
                ))}
              </tr>
            ))}
          </Table>
        </details>
      ))}
    </li>
  );
}

/** A value without an interval beside its bounds. */
function Bound(props: { result: IGateResult; value: IGateResult['value'] }): JSX.Element | null {
  const { result, value } = props;
  const marks = marksOf(result);
  if (typeof value !== 'number' || marks.length === 0) {
    return null;
  }
  const { passed } = result;
  const point = { label: result.gate.title, value, low: value, high: value, passed, note: '' };
  const bounds = marks.map(([name, bound]) => `${name} ${formatNumber(bound)}`).join(', ');
  return (
    <Intervals
      label={`${result.gate.title} ${formatNumber(value)}, ${bounds}`}
      intervals={[point]}
      marks={marks}
    />
  );
}
