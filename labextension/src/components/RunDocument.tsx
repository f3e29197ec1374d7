import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { type ReactNode, useRef, useState } from 'react';

import type { IRun, TrackbookApi } from '../api';
import { inputsOf, outputsOf } from '../data';
import {
  baseName,
  count,
  formatDuration,
  formatNumber,
  formatTime,
  look,
  RUN_LOOKS,
  stripAnsi
} from '../format';
import type { INode } from '../proof';
import { Chip } from './Chip';
import { Code } from './Code';
import { Curves } from './compare/Curves';
import { DataTable } from './DataTable';
import { Environment } from './Environment';
import { Block, Digest, Facts, Values } from './Facts';
import { useLoaded, useNow } from './hooks';
import { Lineage } from './Lineage';
import { Trials } from './pipeline/Trials';
import { Git, GitShort, Randomness, Resources } from './Origin';
import { Notice, Problem } from './Problem';
import { Program } from './Program';
import { Proof } from './Proof';
import { Artifacts, Outputs } from './Shown';

export interface IRunDocumentProps {
  readonly api: TrackbookApi;
  readonly runId: string;
  readonly languages: IEditorLanguageRegistry | null;
  readonly onOpenRun: (runId: string, name: string) => void;
  /** Opens a file by its path below the server's root. */
  readonly onOpenFile: (path: string) => void;
  readonly onShowPanel: () => void;
  readonly rendermime: IRenderMimeRegistry;
  readonly theme: string | null;
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

/** The parts of the page, in their order; those without content are left out. */
interface IPart {
  readonly id: string;
  readonly title: string;
  readonly note?: string;
  readonly content: JSX.Element;
}

function RunPage(props: IRunDocumentProps & { run: IRun }): JSX.Element {
  const { run } = props;
  const page = useRef<HTMLElement>(null);
  const [wanted, setWanted] = useState<{ place: number; time: number } | null>(null);
  const find = (selector: string): HTMLElement | null =>
    page.current?.querySelector<HTMLElement>(selector) ?? null;
  const open = (node: INode | null): void => {
    if (node === null || node.kind === 'cell') {
      setWanted({ place: node?.number ?? 0, time: Date.now() });
    } else if (node.kind === 'run' && node.run_id !== null && node.run_id !== run.run_id) {
      props.onOpenRun(node.run_id, node.label);
    } else if (node.kind === 'model_version') {
      props.onShowPanel();
    } else if (node.contents_path !== null) {
      props.onOpenFile(node.contents_path);
    } else {
      goTo(find(targetOf(node)));
    }
  };
  const parts = partsOf(props, wanted, open);
  return (
    <article className="tb-Document" aria-label={`Run ${run.run_name}`} ref={page}>
      <RunHeader run={run} />
      <nav className="tb-Nav" aria-label="Parts of this page">
        {parts.map(part => (
          <button key={part.id} onClick={() => goTo(find(`[data-part="${part.id}"]`))}>
            {part.title}
          </button>
        ))}
      </nav>
      {run.error && <RunError error={run.error} />}
      {parts.map(part => (
        <div key={part.id} data-part={part.id} tabIndex={-1} className="tb-Part">
          <Block title={part.title} {...(part.note ? { note: part.note } : {})}>
            {part.content}
          </Block>
        </div>
      ))}
    </article>
  );
}

function partsOf(
  props: IRunDocumentProps & { run: IRun },
  wanted: { place: number; time: number } | null,
  onOpen: (node: INode | null) => void
): readonly IPart[] {
  const { run, api, languages } = props;
  const outputs = run.artifacts.filter(artifact => artifact.path.startsWith('outputs/'));
  const artifacts = run.artifacts.filter(artifact => !artifact.path.startsWith('outputs/'));
  const { program } = run;
  const own = { api, runId: run.run_id };
  const parts: readonly (IPart | null)[] = [
    run.kind === 'sweep'
      ? {
          id: 'trials',
          title: 'Trials',
          note: 'a line a trial',
          content: <Trials {...props} {...own} />
        }
      : null,
    {
      id: 'proof',
      title: 'Proof',
      content: <Proof {...own} hasProgram={program.length > 0} running={run.status === 'RUNNING'} />
    },
    {
      id: 'lineage',
      title: 'Lineage',
      content: (
        <Lineage
          key={run.status}
          load={() => api.lineage(run.run_id)}
          none="The run read and made nothing that Trackbook saw."
          onOpen={onOpen}
        />
      )
    },
    program.length > 0
      ? {
          id: 'program',
          title: 'Program',
          note: [place(run), `${count(program.length, 'cell')} in the order in which they ran`]
            .filter(Boolean)
            .join(', '),
          content: <Program run={run} languages={languages} wanted={wanted} />
        }
      : run.source
        ? {
            id: 'program',
            title: 'Code',
            note: place(run),
            content: <Code source={run.source} languages={languages} label="Source of the run" />
          }
        : null,
    { id: 'values', title: 'Metrics and params', content: <MetricsAndParams run={run} /> },
    run.curves.length > 0
      ? {
          id: 'curves',
          title: 'Curves',
          content: (
            <Curves
              api={api}
              ids={[run.run_id]}
              metrics={run.curves}
              live={run.status === 'RUNNING'}
              rendermime={props.rendermime}
              theme={props.theme}
            />
          )
        }
      : null,
    {
      id: 'inputs',
      title: 'Inputs',
      content: (
        <DataTable
          label="Inputs"
          uses={inputsOf(run.data)}
          none="The run read no data that Trackbook saw."
        />
      )
    },
    {
      id: 'outputs',
      title: 'Outputs',
      content: (
        <DataTable
          label="Outputs"
          uses={outputsOf(run.data)}
          none="The run left no data that Trackbook saw."
        />
      )
    },
    outputs.length > 0
      ? { id: 'shown', title: 'Shown', content: <Outputs {...own} artifacts={outputs} /> }
      : null,
    artifacts.length > 0
      ? {
          id: 'artifacts',
          title: 'Artifacts',
          content: <Artifacts {...own} artifacts={artifacts} />
        }
      : null,
    run.children.length > 0
      ? {
          id: 'children',
          title: 'Child runs',
          content: <Children run={run} onOpenRun={props.onOpenRun} />
        }
      : null,
    { id: 'environment', title: 'Environment', content: <Environment api={api} run={run} /> },
    { id: 'git', title: 'Git', content: <Git api={api} run={run} /> },
    run.facts.random || run.facts.resources
      ? {
          id: 'chance',
          title: 'Randomness and resources',
          content: (
            <div className="tb-Columns">
              <Randomness random={run.facts.random} />
              <Resources resources={run.facts.resources} />
            </div>
          )
        }
      : null,
    Object.keys(run.tags).length > 0
      ? {
          id: 'tags',
          title: 'Tags',
          content: <Values label="Tags" head="tag" none="None." values={Object.entries(run.tags)} />
        }
      : null
  ];
  return parts.filter(part => part !== null);
}

/** Bring something into view and give it the focus, so that the keyboard goes on from there. */
function goTo(node: HTMLElement | null): void {
  if (node !== null) {
    node.scrollIntoView({ block: node.dataset['part'] ? 'start' : 'center' });
    node.focus({ preventScroll: true });
  }
}

/** Where the page speaks of a thing of the lineage. */
function targetOf(node: INode): string {
  const part = node.stage === 0 ? 'inputs' : node.stage === 2 ? 'program' : 'outputs';
  const name = node.path ?? node.label;
  return node.kind === 'data' || node.kind === 'file'
    ? `[data-part="${part}"] tr[data-name="${CSS.escape(name)}"] th`
    : `[data-part="${part}"]`;
}

function MetricsAndParams(props: { run: IRun }): JSX.Element {
  const { run } = props;
  return (
    <div className="tb-Columns">
      <Values
        label="Metrics"
        head="metric"
        numeric
        none="No metrics. trackbook.log_metric, or --metric NAME after %%track, adds one."
        values={Object.entries(run.metrics).map(([key, value]) => [key, formatNumber(value)])}
      />
      <Values
        label="Params"
        head="param"
        none="No params. trackbook.log_param, or --param NAME after %%track, adds one."
        values={Object.entries(run.params)}
      />
    </div>
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
    ...(run.note ? [['Note', run.note] as const] : []),
    [
      'Git',
      run.git_commit ? <GitShort commit={run.git_commit} branch={run.git_branch} /> : 'no commit'
    ],
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

/** Where the code stood: notebook and execution count. */
function place(run: IRun): string {
  const parts = [run.notebook && baseName(run.notebook)];
  if (run.execution_count !== null) {
    parts.push(`In [${run.execution_count}]`);
  }
  return parts.filter(Boolean).join(', ');
}
