import { useState } from 'react';

import type { TrackbookApi } from '../../api';
import { sentences } from '../../datasets/difference';
import type { IDatasetVersion } from '../../datasets/types';
import { useLoaded } from '../hooks';
import { Problem } from '../Problem';

interface IDifferenceProps {
  readonly api: TrackbookApi;
  readonly name: string;
  readonly versions: readonly IDatasetVersion[];
  /** The version that is looked at; the one before it is compared with until another is chosen. */
  readonly version: number;
}

/** What came, went and changed between two versions. */
export function Difference(props: IDifferenceProps): JSX.Element {
  const { versions, version } = props;
  const [chosen, setChosen] = useState<number | null>(null);
  const [key, setKey] = useState<string | null>(null);
  const columns = versions.find(each => each.version === version)?.schema.columns ?? [];
  const others = versions.filter(each => each.version !== version);
  const before = others.find(each => each.version < version) ?? others[0];
  const against = others.find(each => each.version === chosen) ?? before;
  return (
    <>
      <div className="tb-Controls">
        <label className="tb-Choice">
          <span>Version {version} against</span>
          <select
            value={against?.version}
            onChange={event => setChosen(Number(event.target.value))}
          >
            {others.map(each => (
              <option key={each.version} value={each.version}>
                version {each.version}
              </option>
            ))}
          </select>
        </label>
        {columns.length > 0 && (
          <label
            className="tb-Choice"
            title="The column that tells rows apart, so that changed ones are counted"
          >
            <span>Rows by</span>
            <select value={key ?? ''} onChange={event => setKey(event.target.value || null)}>
              <option value="">all values</option>
              {columns.map(({ name }) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      {against && <Answer {...props} against={against.version} by={key} />}
    </>
  );
}

function Answer(props: IDifferenceProps & { against: number; by: string | null }): JSX.Element {
  const { api, name, version, against, by } = props;
  const { value, error } = useLoaded(
    () => api.datasetDifference(name, version, against, by),
    () => false,
    1000,
    [name, version, against, by]
  );
  if (error) {
    return <Problem error={error} />;
  }
  if (value === null || value.version !== version || value.against !== against) {
    return <p className="tb-None">Comparing the versions …</p>;
  }
  return (
    <dl className="tb-DifferenceList" aria-label={`Version ${version} against ${against}`}>
      {sentences(value).map(({ what, tone, names }) => (
        <div key={what} className={`tb-tone-${tone}`}>
          <dt className="tb-Word">{what}</dt>
          <dd>
            <Names names={names} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** How many names are shown; more say nothing more. */
const SHOWN = 40;

function Names(props: { names: readonly string[] }): JSX.Element {
  const { names } = props;
  return (
    <>
      {names.slice(0, SHOWN).map(name => (
        <code key={name}>{name}</code>
      ))}
      {names.length > SHOWN && <span className="tb-Quiet">and {names.length - SHOWN} more</span>}
    </>
  );
}
