import { count } from '../../format';
import type { IComparison, ICodeDifference, IDiffLine } from '../../runs/types';

/** What leads from the code of the first run to that of each other one. */
export function CodeDifferences(props: { comparison: IComparison }): JSX.Element {
  const { code, runs } = props.comparison;
  const same = code.filter(difference => difference.lines.length === 0);
  const other = code.filter(difference => difference.lines.length > 0);
  const nameOf = (id: string): string => runs.find(run => run.run_id === id)?.run_name ?? id;
  if (other.length === 0) {
    return <p className="tb-None">All runs ran the same code.</p>;
  }
  return (
    <>
      {other.map((difference, place) => (
        <CodeDifference
          key={difference.run_id}
          name={nameOf(difference.run_id)}
          difference={difference}
          open={place === 0}
        />
      ))}
      {same.length > 0 && (
        <p className="tb-None">
          The same code: {same.map(difference => nameOf(difference.run_id)).join(', ')}
        </p>
      )}
    </>
  );
}

const SIGNS: Readonly<Record<IDiffLine['kind'], string>> = {
  same: ' ',
  added: '+',
  removed: '−',
  place: ''
};

function CodeDifference(props: {
  name: string;
  difference: ICodeDifference;
  open: boolean;
}): JSX.Element {
  const { name, difference } = props;
  return (
    <details className="tb-Details tb-Diff" open={props.open}>
      <summary>
        {name}{' '}
        <span className="tb-Quiet">
          {count(difference.added, 'line')} more, {count(difference.removed, 'line')} fewer
        </span>
      </summary>
      <pre
        className="tb-Code"
        tabIndex={0}
        role="region"
        aria-label={`Code of ${name}, difference`}
      >
        {difference.lines.map((line, index) => (
          <span key={index} className={`tb-Diff-line tb-mod-${line.kind}`}>
            {SIGNS[line.kind]}
            {line.text}
            {'\n'}
          </span>
        ))}
      </pre>
    </details>
  );
}
