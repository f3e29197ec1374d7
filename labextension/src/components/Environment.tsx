import { useEffect, useState } from 'react';

import type { ApiError, IEnvironment, IRun, IRunSummary, TrackbookApi } from '../api';
import { count, formatAgo } from '../format';
import { asApiError } from '../model';
import type { IEnvironmentAnswer, IEnvironmentDifference } from '../proof';
import { Digest, Facts } from './Facts';
import { Problem } from './Problem';

interface IEnvironmentProps {
  readonly api: TrackbookApi;
  readonly run: IRun;
}

/** What the run ran in: facts, the distributions to be searched, and the difference to another run's. */
export function Environment(props: IEnvironmentProps): JSX.Element {
  const { run } = props;
  const environment = run.environment;
  if (environment === null) {
    return <p className="tb-None">Not recorded.</p>;
  }
  return (
    <>
      <Facts
        label="Environment"
        pairs={[
          ...facts(environment, run.environment_digest),
          ...(run.facts.cwd ? [['Folder', run.facts.cwd] as const] : [])
        ]}
      />
      <Distributions environment={environment} />
      <Comparison {...props} />
    </>
  );
}

function facts(
  environment: IEnvironment,
  digest: string | null
): readonly (readonly [string, JSX.Element | string])[] {
  const optional: readonly (readonly [string, string | null | undefined])[] = [
    ['BLAS', environment.blas],
    ['Processors', environment.cpus === null ? null : environment.cpus?.toString()],
    ['Locale', environment.locale]
  ];
  return [
    ['Python', `${environment.implementation} ${environment.python}`],
    ['Platform', environment.platform],
    ...optional.flatMap(([name, value]) => (value ? [[name, value] as const] : [])),
    ['Digest', <Digest value={digest ?? ''} name="the environment's digest" length={12} />]
  ];
}

function Distributions(props: { environment: IEnvironment }): JSX.Element {
  const all = Object.entries(props.environment.distributions);
  const [text, setText] = useState('');
  const wanted = text.trim().toLowerCase();
  const found = all.filter(([name]) => name.toLowerCase().includes(wanted));
  return (
    <details className="tb-Details">
      <summary>{count(all.length, 'distribution')}</summary>
      <input
        className="tb-Input"
        type="search"
        aria-label="Find a distribution"
        placeholder="Find a distribution"
        spellCheck={false}
        value={text}
        onChange={event => setText(event.target.value)}
      />
      <ul className="tb-Distributions" aria-label="Distributions">
        {found.map(([name, version]) => (
          <li key={name}>
            {name} <span className="tb-Quiet">{version}</span>
          </li>
        ))}
      </ul>
      {found.length === 0 && <p className="tb-None">None is called so.</p>}
    </details>
  );
}

/** Another run is chosen out of the newest; what differs stands below. */
function Comparison(props: IEnvironmentProps): JSX.Element {
  const { api, run } = props;
  const [runs, setRuns] = useState<readonly IRunSummary[] | null>(null);
  const [against, setAgainst] = useState('');
  const [answer, setAnswer] = useState<IEnvironmentAnswer | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const fail = (reason: unknown): void => setError(asApiError(reason));
  useEffect(() => {
    api.runs('', 100).then(page => setRuns(page.runs), fail);
  }, []);
  useEffect(() => {
    let stale = false;
    setError(null);
    if (against === '') {
      setAnswer(null);
      return;
    }
    api.environment(run.run_id, against).then(
      value => !stale && setAnswer(value),
      reason => !stale && fail(reason)
    );
    return () => {
      stale = true;
    };
  }, [against]);
  const others = (runs ?? []).filter(other => other.run_id !== run.run_id);
  return (
    <div className="tb-Compare">
      <label className="tb-Compare-choice">
        <span>Difference to</span>
        <select
          className="tb-Select"
          value={against}
          disabled={others.length === 0}
          onChange={event => setAgainst(event.target.value)}
        >
          <option value="">{others.length === 0 ? 'no other run' : 'choose a run'}</option>
          {others.map(other => (
            <option key={other.run_id} value={other.run_id}>
              {`${other.run_name} · ${formatAgo(other.start_time, Date.now())} · ${other.run_id.slice(0, 8)}`}
            </option>
          ))}
        </select>
      </label>
      {error && <Problem error={error} />}
      {answer && !error && (
        <Difference
          difference={answer.differences}
          own={run.run_name}
          other={answer.against?.run_name ?? ''}
        />
      )}
    </div>
  );
}

function Difference(props: {
  difference: IEnvironmentDifference | null;
  own: string;
  other: string;
}): JSX.Element {
  const { difference } = props;
  if (difference === null) {
    return <p className="tb-None">One of the two environments was not recorded.</p>;
  }
  const rows = rowsOf(difference);
  if (rows.length === 0) {
    return <p className="tb-None tb-Same">✓ Both ran in the same environment.</p>;
  }
  return (
    <table className="tb-Table" aria-label="Difference of the environments">
      <thead>
        <tr>
          <th scope="col">{count(rows.length, 'difference')}</th>
          <th scope="col">this run, {props.own}</th>
          <th scope="col">{props.other}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, one, other]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{one ?? <span className="tb-Quiet">not there</span>}</td>
            <td>{other ?? <span className="tb-Quiet">not there</span>}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

type Row = readonly [name: string, one: string | null, other: string | null];

/** Facts first, then distributions by name. */
function rowsOf(difference: IEnvironmentDifference): readonly Row[] {
  const { facts, changed, added, removed } = difference;
  const distributions: Row[] = [
    ...Object.entries(changed).map(([name, [one, other]]): Row => [name, one, other]),
    ...Object.entries(added).map(([name, other]): Row => [name, null, other]),
    ...Object.entries(removed).map(([name, one]): Row => [name, one, null])
  ];
  return [
    ...Object.entries(facts).map(([name, [one, other]]): Row => [name, one, other]),
    ...distributions.sort(([one], [other]) => one.localeCompare(other))
  ];
}
