import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { ReactNode } from 'react';

import type { IRun, IRunData, TrackbookApi } from '../api';
import {
  baseName,
  count,
  formatDuration,
  formatNumber,
  formatSize,
  formatTime,
  look,
  RUN_LOOKS,
  short,
  stripAnsi
} from '../format';
import { Chip } from './Chip';
import { Code } from './Code';
import { Block, Digest, Facts, Values } from './Facts';
import { useLoaded, useNow } from './hooks';
import { Notice, Problem } from './Problem';

export interface IRunDocumentProps {
  readonly api: TrackbookApi;
  readonly runId: string;
  readonly languages: IEditorLanguageRegistry | null;
  readonly onOpenRun: (runId: string, name: string) => void;
}

/** Everything that a run holds; a run that is still going is read again until it ends. */
export function RunDocument(props: IRunDocumentProps): JSX.Element {
  const { value, error } = useLoaded(
    () => props.api.run(props.runId),
    run => run.status === 'RUNNING'
  );
  if (error) {
    return <Problem error={error} />;
  }
  if (value === null) {
    return <p className="tb-None">Loading the run …</p>;
  }
  return <RunPage {...props} run={value} />;
}

function RunPage(props: IRunDocumentProps & { run: IRun }): JSX.Element {
  const { run } = props;
  const inputs = run.data.filter(item => item.role !== 'written');
  const outputs = run.data.filter(item => item.role === 'written');
  return (
    <article className="tb-Document" aria-label={`Run ${run.run_name}`}>
      <RunHeader run={run} />
      {run.error && <RunError error={run.error} />}
      {run.source && (
        <Block title="Code" note={place(run)}>
          <Code source={run.source} languages={props.languages} label="Source of the run" />
        </Block>
      )}
      <div className="tb-Columns">
        <Block title="Metrics">
          <Values
            label="Metrics"
            head="metric"
            numeric
            none="None. trackbook.log_metric, or --metric NAME after %%track, adds one."
            values={Object.entries(run.metrics).map(([key, value]) => [key, formatNumber(value)])}
          />
        </Block>
        <Block title="Params">
          <Values
            label="Params"
            head="param"
            none="None. trackbook.log_param, or --param NAME after %%track, adds one."
            values={Object.entries(run.params)}
          />
        </Block>
      </div>
      <div className={run.data.length === 0 ? 'tb-Columns' : undefined}>
        <Block title="Inputs">
          <DataTable label="Inputs" data={inputs} none="The run read no data that Trackbook saw." />
        </Block>
        <Block title="Outputs">
          <DataTable
            label="Outputs"
            data={outputs}
            none="The run left no data that Trackbook saw."
          />
        </Block>
      </div>
      {run.children.length > 0 && (
        <Block title="Child runs">
          <Children run={run} onOpenRun={props.onOpenRun} />
        </Block>
      )}
      <div className="tb-Columns">
        <Block title="Tags">
          <Values label="Tags" head="tag" none="None." values={Object.entries(run.tags)} />
        </Block>
        <Block title="Artifacts">
          <Values
            label="Artifacts"
            head="artifact"
            none="None."
            values={run.artifacts.map(item => [item.path, formatSize(item.size)])}
          />
        </Block>
      </div>
      <Block title="Environment">
        <Environment run={run} />
      </Block>
    </article>
  );
}

function RunHeader(props: { run: IRun }): JSX.Element {
  const { run } = props;
  const now = useNow(1000);
  const facts: (readonly [string, ReactNode])[] = [
    ['Experiment', run.experiment],
    ['Started', formatTime(run.start_time)],
    [
      'Took',
      <span className="tb-Number">{formatDuration(run.start_time, run.end_time, now)}</span>
    ],
    ['By', run.user || '–'],
    ['Git', run.git_commit ? <Git commit={run.git_commit} branch={run.git_branch} /> : 'no commit'],
    ['Run', <Digest value={run.run_id} name="the run's id" />]
  ];
  return (
    <header className="tb-Document-header">
      <div className="tb-Document-heading">
        <h1>{run.run_name}</h1>
        <Chip look={look(RUN_LOOKS, run.status)} />
      </div>
      <Facts label="About the run" pairs={facts} />
    </header>
  );
}

function Git(props: { commit: string; branch: string | null }): JSX.Element {
  return (
    <span title={props.commit}>
      <code>{short(props.commit)}</code>
      {props.branch !== null && ` on ${props.branch}`}
    </span>
  );
}

function RunError(props: { error: NonNullable<IRun['error']> }): JSX.Element {
  const { type, message, traceback } = props.error;
  return (
    <div className="tb-Failure">
      <Notice tone="bad" title={type}>
        {message}
      </Notice>
      {traceback && (
        <details>
          <summary>Traceback</summary>
          <pre className="tb-Code" tabIndex={0}>
            {stripAnsi(traceback)}
          </pre>
        </details>
      )}
    </div>
  );
}

function DataTable(props: { label: string; data: readonly IRunData[]; none: string }): JSX.Element {
  if (props.data.length === 0) {
    return <p className="tb-None">{props.none}</p>;
  }
  return (
    <div className="tb-Scroll" tabIndex={0} role="group" aria-label={`${props.label}, table`}>
      <table className="tb-Table" aria-label={props.label}>
        <thead>
          <tr>
            <th scope="col">name</th>
            <th scope="col">kind</th>
            <th scope="col" className="tb-Number">
              size
            </th>
            <th scope="col">fingerprint</th>
          </tr>
        </thead>
        <tbody>
          {props.data.map(item => (
            <DataRow key={item.name} item={item} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function DataRow(props: { item: IRunData }): JSX.Element {
  const { item } = props;
  const columns = item.columns && Object.keys(item.columns);
  return (
    <tr>
      <th scope="row" title={item.name}>
        {item.kind === 'file' ? baseName(item.name) : item.name}
      </th>
      <td>{item.kind}</td>
      <td className="tb-Number" title={columns?.join(', ')}>
        {extent(item)}
      </td>
      <td>
        {item.fingerprint ? (
          <Digest value={item.fingerprint} name={`the fingerprint of ${item.name}`} length={12} />
        ) : (
          <span className="tb-Quiet">{item.reason ?? '–'}</span>
        )}
      </td>
    </tr>
  );
}

/** `442 × 11` for a frame, `442 rows` for a series, bytes for a file. */
function extent(item: IRunData): string {
  if (item.rows !== null) {
    const columns = item.columns && Object.keys(item.columns).length;
    return columns ? `${formatNumber(item.rows)} × ${columns}` : count(item.rows, 'row');
  }
  return item.size === null ? '–' : formatSize(item.size);
}

function Children(props: { run: IRun; onOpenRun: IRunDocumentProps['onOpenRun'] }): JSX.Element {
  const now = useNow(1000);
  return (
    <table className="tb-Table" aria-label="Child runs">
      <tbody>
        {props.run.children.map(child => (
          <tr key={child.run_id}>
            <th scope="row">
              <button
                className="tb-LinkButton"
                onClick={() => props.onOpenRun(child.run_id, child.run_name)}
              >
                {child.run_name}
              </button>
            </th>
            <td>
              <Chip look={look(RUN_LOOKS, child.status)} />
            </td>
            <td className="tb-Number">{formatDuration(child.start_time, child.end_time, now)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Environment(props: { run: IRun }): JSX.Element {
  const environment = props.run.environment;
  if (environment === null) {
    return <p className="tb-None">Not recorded.</p>;
  }
  const distributions = Object.entries(environment.distributions);
  return (
    <>
      <Facts
        label="Environment"
        pairs={[
          ['Python', `${environment.implementation} ${environment.python}`],
          ['Platform', environment.platform],
          [
            'Digest',
            <Digest
              value={props.run.environment_digest ?? ''}
              name="the environment's digest"
              length={12}
            />
          ]
        ]}
      />
      <details className="tb-Details">
        <summary>{count(distributions.length, 'distribution')}</summary>
        <ul className="tb-Distributions" aria-label="Distributions">
          {distributions.map(([name, version]) => (
            <li key={name}>
              {name} <span className="tb-Quiet">{version}</span>
            </li>
          ))}
        </ul>
      </details>
    </>
  );
}

/** Where the code stood: notebook and execution count. */
function place(run: IRun): string {
  const parts = [run.notebook && baseName(run.notebook)];
  if (run.execution_count !== null) {
    parts.push(`In [${run.execution_count}]`);
  }
  return parts.filter(Boolean).join(', ');
}
