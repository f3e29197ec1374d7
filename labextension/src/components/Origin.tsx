import { useState } from 'react';

import type { ApiError, IRun, TrackbookApi } from '../api';
import { count, formatSeconds, formatSize, short } from '../format';
import { asApiError } from '../model';
import type { IFacts } from '../proof';
import { Digest, Facts } from './Facts';
import { Problem } from './Problem';
import { LongText } from './Shown';

/** Where the code stood: commit, branch, remote, and what it had beyond the commit. */
export function Git(props: { api: TrackbookApi; run: IRun }): JSX.Element {
  const { run } = props;
  if (run.git_commit === null && run.git_branch === null) {
    return <p className="tb-None">The code stood in no git repository.</p>;
  }
  const leftOut = run.facts.patch_left_out ?? [];
  return (
    <>
      <Facts
        label="Git"
        pairs={[
          [
            'Commit',
            run.git_commit ? (
              <Digest value={run.git_commit} name="the commit" length={10} />
            ) : (
              'none yet'
            )
          ],
          ['Branch', run.git_branch ?? 'detached'],
          ['Remote', run.git_remote ?? 'none'],
          ['Beyond the commit', run.git_patch === null ? 'nothing' : 'a patch']
        ]}
      />
      {run.git_patch !== null && <Patch api={props.api} runId={run.run_id} />}
      {leftOut.length > 0 && (
        <details className="tb-Details">
          <summary>{count(leftOut.length, 'file')} left out of the patch</summary>
          <ul className="tb-Unseeded" aria-label="Left out of the patch">
            {leftOut.map(([path, reason]) => (
              <li key={path}>
                <code>{path}</code> <span className="tb-Quiet">{reason}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

function Patch(props: { api: TrackbookApi; runId: string }): JSX.Element {
  const [text, setText] = useState<string | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const load = (): void => {
    if (text === null) {
      props.api.patch(props.runId).then(setText, (reason: unknown) => setError(asApiError(reason)));
    }
  };
  return (
    <details className="tb-Details" onToggle={event => event.currentTarget.open && load()}>
      <summary>Patch</summary>
      {error && <Problem error={error} />}
      {text === null && !error && <p className="tb-None">Loading …</p>}
      {text !== null && <LongText text={text} name="Patch" from="begin" />}
    </details>
  );
}

/** What chance had to do with the run. */
export function Randomness(props: { random: IFacts['random'] }): JSX.Element {
  const { random } = props;
  if (random === undefined) {
    return <p className="tb-None">Not recorded.</p>;
  }
  const unseeded = random.unseeded ?? [];
  const states = Object.entries(random.states ?? {});
  return (
    <div>
      <Facts
        label="Randomness"
        pairs={[
          ['Seed', random.seed ?? 'none given'],
          ['Drawn from', (random.consumed ?? []).map(generator).join(', ') || 'no generator'],
          [
            'Unseeded',
            unseeded.length === 0
              ? 'nothing found'
              : count(unseeded.length, 'place') + ', see below'
          ]
        ]}
      />
      {unseeded.length > 0 && (
        <ul className="tb-Unseeded" aria-label="Unseeded randomness">
          {unseeded.map(each => (
            <li key={`${each.name} ${each.line}`}>
              <code>{each.name}</code>
              {each.line !== null && <span className="tb-Quiet"> in line {each.line}</span>}
            </li>
          ))}
        </ul>
      )}
      {states.length > 0 && (
        <details className="tb-Details">
          <summary>State of {count(states.length, 'generator')} at the start</summary>
          <Facts
            label="Generators"
            pairs={states.map(([name, digest]) => [
              name,
              <Digest value={digest} name={`the state of ${name}`} length={12} />
            ])}
          />
        </details>
      )}
    </div>
  );
}

/** `numpy.random`, without the word that tells process state from variables. */
function generator(name: string): string {
  return name.replace(/^state:/, '');
}

/** Time and memory, as numbers and as two small curves. */
export function Resources(props: { resources: IFacts['resources'] }): JSX.Element {
  const { resources } = props;
  if (resources === undefined) {
    return <p className="tb-None">Not recorded.</p>;
  }
  const samples = resources.samples ?? [];
  const { cpu_seconds, peak_memory_bytes } = resources;
  return (
    <div className="tb-Resources">
      <Facts
        label="Resources"
        pairs={[
          ['Processor time', cpu_seconds === undefined ? '–' : formatSeconds(cpu_seconds)],
          ['Peak memory', peak_memory_bytes === undefined ? '–' : formatSize(peak_memory_bytes)]
        ]}
      />
      {samples.length > 1 && (
        <div className="tb-Curves">
          <Curve
            name="Processor"
            points={samples.map(([time, percent]) => [time, percent])}
            format={value => `${Math.round(value)}%`}
          />
          <Curve
            name="Memory"
            points={samples.map(([time, , bytes]) => [time, bytes])}
            format={formatSize}
          />
        </div>
      )}
    </div>
  );
}

const WIDTH = 200;
const HEIGHT = 36;

function Curve(props: {
  name: string;
  points: readonly (readonly [number, number])[];
  format: (value: number) => string;
}): JSX.Element {
  const { points, name, format } = props;
  const start = points[0]?.[0] ?? 0;
  const end = Math.max(...points.map(([time]) => time), start + 1e-9);
  const top = Math.max(...points.map(([, value]) => value), 1e-9);
  const x = (time: number): string => (((time - start) / (end - start)) * WIDTH).toFixed(1);
  const y = (value: number): string => (HEIGHT - (value / top) * (HEIGHT - 2)).toFixed(1);
  const line = points.map(([time, value]) => `${x(time)},${y(value)}`).join(' L');
  const label = `${name} up to ${format(top)} over ${formatSeconds(end)}`;
  return (
    <figure className="tb-Curve" aria-label={label}>
      <figcaption>
        {name} <span className="tb-Quiet tb-Number">up to {format(top)}</span>
      </figcaption>
      <svg width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
        <path className="tb-Curve-area" d={`M0,${HEIGHT} L${line} L${WIDTH},${HEIGHT} Z`} />
        <path className="tb-Curve-line" d={`M${line}`} />
      </svg>
    </figure>
  );
}

export function GitShort(props: { commit: string; branch: string | null }): JSX.Element {
  return (
    <span title={props.commit}>
      <code>{short(props.commit)}</code>
      {props.branch !== null && ` on ${props.branch}`}
    </span>
  );
}
