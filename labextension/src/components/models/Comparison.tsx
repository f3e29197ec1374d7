import { useState } from 'react';

import type { TrackbookApi } from '../../api';
import { formatNumber } from '../../format';
import { signed } from '../../models/rules';
import type { IVersion, IVersionComparison, Pairs } from '../../models/types';
import { useLoaded } from '../hooks';
import { Problem } from '../Problem';
import { Table } from '../Table';
import { Intervals } from './Intervals';

interface IComparisonProps {
  readonly api: TrackbookApi;
  readonly name: string;
  readonly versions: readonly IVersion[];
  /** The version that is looked at; what is in production, else the one before it, stands beside it at first. */
  readonly version: number;
}

/** Two versions beside each other: what was gained, and what is another now. */
export function Comparison(props: IComparisonProps): JSX.Element {
  const { versions, version } = props;
  const [chosen, setChosen] = useState<number | null>(null);
  const others = versions.filter(each => each.version !== version);
  const usual = others.find(each => each.stage === 'production') ?? others[0];
  const against = others.find(each => each.version === chosen) ?? usual;
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
                {each.stage === 'none' ? '' : `, ${each.stage}`}
              </option>
            ))}
          </select>
        </label>
      </div>
      {against && <Answer {...props} against={against.version} />}
    </>
  );
}

function Answer(props: IComparisonProps & { against: number }): JSX.Element {
  const { api, name, version, against } = props;
  const { value, error } = useLoaded(
    () => api.compareVersions(name, against, version),
    () => false,
    1000,
    [name, version, against]
  );
  if (error) {
    return <Problem error={error} />;
  }
  if (value === null || value.versions[0] !== against || value.versions[1] !== version) {
    return <p className="tb-None">Comparing the versions …</p>;
  }
  return <Differences comparison={value} />;
}

function Differences(props: { comparison: IVersionComparison }): JSX.Element {
  const { comparison } = props;
  const [one, other] = comparison.versions;
  const parts: readonly (readonly [string, Pairs])[] = [
    ['About', comparison.facts],
    ['Params', comparison.params],
    ['Data', comparison.data],
    ['Signature', comparison.signature],
    ['Environment', comparison.environment]
  ];
  const bounded = comparison.metrics.flatMap(({ metric, slice, change, low, high }) =>
    low === null || high === null
      ? []
      : [
          {
            label: [metric, slice].filter(Boolean).join(', '),
            value: typeof change === 'number' ? change : null,
            low,
            high,
            passed: null,
            note: ''
          }
        ]
  );
  return (
    <div role="group" aria-label={`Version ${other} against version ${one}`}>
      {comparison.metrics.length > 0 && (
        <Table
          label="Metrics"
          heads={[
            'metric',
            { number: `version ${one}` },
            { number: `version ${other}` },
            { number: 'change' }
          ]}
        >
          {comparison.metrics.map((each, place) => (
            <tr key={place}>
              <th scope="row">
                {each.metric} {each.slice && <span className="tb-Quiet">{each.slice}</span>}
              </th>
              <td className="tb-Number">{formatNumber(each.one)}</td>
              <td className="tb-Number">{formatNumber(each.other)}</td>
              <td className="tb-Number">{signed(each.change)}</td>
            </tr>
          ))}
        </Table>
      )}
      <Intervals
        label="Changes with their intervals"
        intervals={bounded}
        marks={[['no difference', 0]]}
      />
      {comparison.gates.length > 0 && (
        <PairTable
          label="Gates"
          versions={[one, other]}
          pairs={comparison.gates.map(each => [
            `${each.gate} (${each.stage})`,
            [each.one, each.other]
          ])}
        />
      )}
      {parts.map(([label, pairs]) => (
        <PairTable
          key={label}
          label={label}
          versions={[one, other]}
          pairs={Object.entries(pairs)}
        />
      ))}
    </div>
  );
}

function PairTable(props: {
  label: string;
  versions: readonly [number, number];
  pairs: readonly (readonly [string, readonly [string | null, string | null]])[];
}): JSX.Element | null {
  const { label, versions, pairs } = props;
  if (pairs.length === 0) {
    return null;
  }
  return (
    <Table
      label={label}
      className="tb-PairTable"
      heads={[label.toLowerCase(), ...versions.map(each => `version ${each}`)]}
    >
      {pairs.map(([name, pair]) => (
        <tr key={name}>
          <th scope="row">{name}</th>
          {pair.map((value, side) => (
            <td key={side} className={value === null ? 'tb-Quiet' : undefined}>
              {value ?? '–'}
            </td>
          ))}
        </tr>
      ))}
    </Table>
  );
}
