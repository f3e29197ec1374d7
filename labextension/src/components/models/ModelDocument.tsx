import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { useRef, useState } from 'react';

import type { Stage, TrackbookApi } from '../../api';
import { formatDuration, formatSize, formatTime, sentence } from '../../format';
import { isOpen } from '../../jobs';
import { MODEL_TITLES } from '../../layout';
import { stagesFor } from '../../models/rules';
import type { IAuditPage, ICheckJob, IModelDetail, IVersion } from '../../models/types';
import type { INode } from '../../proof';
import { Block, Digest, Facts, Values } from '../Facts';
import { useLoaded, useNow } from '../hooks';
import { Lineage } from '../Lineage';
import { Notice, Problem } from '../Problem';
import { formatNumber } from '../../format';
import { Audit } from './Audit';
import { CardView } from './CardView';
import { Comparison } from './Comparison';
import { Gates } from './Gates';
import { Approvals, nameOf, Standing } from './Standing';
import { Timeline } from './Timeline';
import {
  askAlias,
  askDecision,
  askDeprecation,
  askPromotion,
  askRollback,
  type IModelPageState,
  useCheck,
  useModelPage
} from './useModelPage';

export interface IModelDocumentProps {
  readonly api: TrackbookApi;
  readonly name: string;
  readonly languages: IEditorLanguageRegistry | null;
  readonly onOpenRun: (runId: string, name: string) => void;
  readonly onOpenDataset: (name: string) => void;
  readonly onOpenFile: (path: string) => void;
}

/** A model: its versions over time, what stands between one and a stage, and how it came to be. */
export function ModelDocument(props: IModelDocumentProps): JSX.Element {
  const state = useModelPage(props.api, props.name);
  if (state.error) {
    return <Problem error={state.error} />;
  }
  if (state.model === null || state.trail === null) {
    return <p className="tb-None">Loading the model …</p>;
  }
  return <ModelPage {...props} state={state} model={state.model} trail={state.trail} />;
}

interface IPageProps extends IModelDocumentProps {
  readonly state: IModelPageState;
  readonly model: IModelDetail;
  readonly trail: IAuditPage;
}

const PARTS = [
  'Versions',
  'Promotion',
  'Gates',
  'Compare',
  'Lineage',
  'Card',
  'Audit trail'
] as const;
type Part = (typeof PARTS)[number];

function ModelPage(props: IPageProps): JSX.Element {
  const { api, model, state, trail } = props;
  const page = useRef<HTMLElement>(null);
  const [chosen, setChosen] = useState<number | null>(null);
  const version = model.versions.find(each => each.version === chosen) ?? model.versions[0];
  if (version === undefined) {
    return <p className="tb-None">{model.name} has no versions any more.</p>;
  }
  const number = version.version;
  const contents: Readonly<Record<Part, JSX.Element | null>> = {
    Versions: (
      <>
        <Timeline
          versions={model.versions}
          events={trail.events}
          chosen={number}
          onChoose={setChosen}
        />
        <About {...props} version={version} />
      </>
    ),
    Promotion: null,
    Gates: null,
    Compare:
      model.versions.length > 1 ? (
        <Comparison api={api} name={model.name} versions={model.versions} version={number} />
      ) : (
        <p className="tb-None">There is one version only.</p>
      ),
    Lineage: (
      <Lineage
        key={`${number} ${version.stage} ${version.aliases.join()}`}
        load={() => api.modelLineage(model.name, number)}
        titles={MODEL_TITLES}
        none="The version came from no run, and is used as nothing yet."
        onOpen={node => openNode(props, node)}
      />
    ),
    Card: (
      <CardView
        key={state.revision}
        api={api}
        name={model.name}
        version={number}
        languages={props.languages}
      />
    ),
    'Audit trail': (
      <Audit api={api} name={model.name} events={trail.events} cursor={trail.next_cursor} />
    )
  };
  const find = (part: Part): void => {
    const found = page.current?.querySelector<HTMLElement>(`[data-part="${part}"]`);
    void found?.scrollIntoView({ block: 'start' });
    found?.focus({ preventScroll: true });
  };
  return (
    <article className="tb-Document" aria-label={`Model ${model.name}`} ref={page}>
      <Header model={model} />
      <nav className="tb-Nav" aria-label="Parts of this page">
        {PARTS.map(part => (
          <button key={part} onClick={() => find(part)}>
            {part}
          </button>
        ))}
      </nav>
      {state.outcome && (
        <Notice tone={state.outcome.tone} title={state.outcome.title} onDismiss={state.dismiss}>
          {sentence(state.outcome.message)}
        </Notice>
      )}
      <PartOf part="Versions">{contents.Versions}</PartOf>
      <Judged key={number} {...props} version={version} />
      {PARTS.slice(3).map(part => (
        <PartOf
          key={part}
          part={part}
          {...(part === 'Audit trail' ? {} : { note: `of version ${number}` })}
        >
          {contents[part]}
        </PartOf>
      ))}
    </article>
  );
}

function PartOf(props: { part: Part; note?: string; children: JSX.Element | null }): JSX.Element {
  return (
    <div className="tb-Part" data-part={props.part} tabIndex={-1}>
      <Block title={props.part} {...(props.note ? { note: props.note } : {})}>
        {props.children}
      </Block>
    </div>
  );
}

function Header(props: { model: IModelDetail }): JSX.Element {
  const { model } = props;
  const production = model.versions.find(each => each.stage === 'production');
  return (
    <header className="tb-Document-header">
      <div className="tb-Document-heading">
        <h1>{model.name}</h1>
      </div>
      {model.description && <p className="tb-Lead">{model.description}</p>}
      <Facts
        label="About the model"
        pairs={[
          ['In production', production ? `version ${production.version}` : 'none'],
          ['Versions', formatNumber(model.versions.length)],
          ['Owner', model.owner || 'not stated'],
          ['You are', model.you.words],
          ...Object.entries(model.tags).map(([key, value]) => [key, value] as const)
        ]}
      />
      {production?.override != null && (
        <p className="tb-Card-red" role="alert">
          Version {production.version} is in production by an override: {production.override}
        </p>
      )}
    </header>
  );
}

/** The facts of the version that is chosen, and the steps that need no gate. */
function About(props: IPageProps & { version: IVersion }): JSX.Element {
  const { version, state, model } = props;
  const on = { ...props, version, name: model.name, stage: version.stage, standing: null };
  const { run_id } = version;
  return (
    <section className="tb-About" aria-label={`Version ${version.version}`}>
      {version.override !== null && (
        <p className="tb-Card-red">
          Version {version.version} is in {nameOf(version.stage)} by an override: {version.override}
        </p>
      )}
      {version.deprecated !== null && (
        <p className="tb-Standing-line tb-tone-warn">
          <span className="tb-Word">Deprecated</span> {version.deprecated}
        </p>
      )}
      {version.description && <p>{version.description}</p>}
      <Facts
        label={`About version ${version.version}`}
        pairs={[
          ['Use it as', <Digest value={version.uri} name="the name of this version" length={60} />],
          ['Format', `${version.format}, ${formatSize(version.size)}`],
          ['Digest', <Digest value={version.digest} name="the digest" length={12} />],
          ['Registered', `${formatTime(version.created_time)} by ${version.created_by}`],
          [
            'Run',
            run_id === null ? (
              'none'
            ) : (
              <button
                className="tb-LinkButton"
                onClick={() => props.onOpenRun(run_id, run_id.slice(0, 8))}
              >
                {run_id.slice(0, 8)}
              </button>
            )
          ],
          ...(version.owner ? [['Owner', version.owner] as const] : []),
          ...Object.entries(version.tags)
        ]}
      />
      <Values
        label="Metrics"
        head="metric"
        values={Object.entries(version.metrics).map(([name, value]) => [name, formatNumber(value)])}
        numeric
        none="No metrics were recorded."
      />
      <div className="tb-Steps-bar" role="toolbar" aria-label={`Version ${version.version}, steps`}>
        <button className="tb-Button" onClick={() => void askAlias(on, state.take)}>
          Set alias …
        </button>
        <button className="tb-Button" onClick={() => void askDeprecation(on, state.take)}>
          {version.deprecated === null ? 'Deprecate …' : 'No longer deprecate …'}
        </button>
        {version.stage === 'production' && (
          <button className="tb-Button" onClick={() => void askRollback(on, state.take)}>
            Roll back …
          </button>
        )}
      </div>
    </section>
  );
}

/** What stands between the version and a stage: the steps, approvals, and gates with their evidence. */
function Judged(props: IPageProps & { version: IVersion }): JSX.Element {
  const { api, model, state, version } = props;
  const [wanted, setWanted] = useState<Stage | null>(null);
  const stages = stagesFor(version);
  const stage =
    wanted ?? (version.stage === 'production' ? 'production' : (stages[0] ?? 'production'));
  const [checks, setChecks] = useState(0);
  const { value: standing, error } = useLoaded(
    () => api.standing(model.name, version.version, stage),
    () => true,
    4000,
    [stage, state.revision, checks]
  );
  const check = useCheck(api, model.name, () => setChecks(before => before + 1));
  const on = { api, name: model.name, version, stage, standing };
  const isThere = version.stage === stage;
  const note = `of version ${version.version} for ${nameOf(stage)}`;
  return (
    <>
      <PartOf part="Promotion" note={note}>
        <>
          <div className="tb-Steps-bar" role="toolbar" aria-label="Promotion, steps">
            <label className="tb-Choice">
              <span>Stage</span>
              <select value={stage} onChange={event => setWanted(event.target.value as Stage)}>
                {(['production', 'staging', 'archived', 'none'] as const).map(each => (
                  <option key={each} value={each}>
                    {nameOf(each)}
                  </option>
                ))}
              </select>
            </label>
            <button
              className="tb-Button"
              disabled={isOpen(check.job)}
              onClick={() => check.start(version.version, stage)}
            >
              Check gates
            </button>
            <button className="tb-Button" onClick={() => void askDecision(on, true, state.take)}>
              Approve …
            </button>
            <button className="tb-Button" onClick={() => void askDecision(on, false, state.take)}>
              Reject …
            </button>
            <button
              className="tb-Button tb-Button-main"
              disabled={isThere}
              title={isThere ? `Version ${version.version} is in ${nameOf(stage)}` : ''}
              onClick={() => void askPromotion(on, state.take)}
            >
              Promote …
            </button>
          </div>
          {error && <Problem error={error} />}
          <CheckProgress {...check} />
          {isThere && (
            <p className="tb-Standing-line tb-tone-good">
              <span className="tb-Word">▲</span> Version {version.version} is in {nameOf(stage)}.
            </p>
          )}
          {standing && <Standing standing={standing} version={version.version} />}
          {standing && <Approvals tallies={standing.tallies} />}
        </>
      </PartOf>
      <PartOf part="Gates" note={note}>
        {standing ? (
          <Gates results={standing.results} gates={standing.gates} />
        ) : (
          <p className="tb-None">Asking what the gates said …</p>
        )}
      </PartOf>
    </>
  );
}

function CheckProgress(props: ReturnType<typeof useCheck>): JSX.Element | null {
  const { job, error, cancel } = props;
  const now = useNow(500);
  if (error) {
    return <Problem error={error} />;
  }
  if (job?.state === 'failed') {
    return (
      <Notice tone="bad" title="The check itself failed">
        {sentence(job.message)}
      </Notice>
    );
  }
  return isOpen(job) ? <Going job={job} now={now} onCancel={cancel} /> : null;
}

function Going(props: { job: ICheckJob; now: number; onCancel: () => void }): JSX.Element {
  const { job, now } = props;
  const known = job.total > 0;
  return (
    <div className="tb-Progress" role="group" aria-label="Check of the gates">
      <div className="tb-Progress-line">
        <span className="tb-Progress-text" aria-live="polite">
          {job.text || 'The gates judge the version'}
        </span>
        <span className="tb-Quiet tb-Number">{formatDuration(job.start_time, null, now)}</span>
        <button className="tb-Button" onClick={props.onCancel}>
          Cancel
        </button>
      </div>
      <div
        className={`tb-Progress-track${known ? '' : ' tb-mod-unknown'}`}
        role="progressbar"
        aria-label="Gates judged"
      >
        <div
          className="tb-Progress-bar"
          style={{ width: known ? `${(100 * job.position) / job.total}%` : undefined }}
        />
      </div>
    </div>
  );
}

function openNode(props: IPageProps, node: INode | null): void {
  if (node?.kind === 'run' && node.run_id !== null) {
    props.onOpenRun(node.run_id, node.label);
  } else if (node?.kind === 'dataset_version') {
    props.onOpenDataset(node.label.replace(/ v\d+$/, ''));
  } else if (node?.contents_path) {
    props.onOpenFile(node.contents_path);
  }
}
