import { useEffect, useState } from 'react';

import type { ApiError } from '../../api';
import { baseName, count, formatDuration, type ILook, look, sentence } from '../../format';
import { follow, isOpen } from '../../jobs';
import { asApiError } from '../../model';
import type { IConversion, IConversions, IVerification } from '../../pipeline/types';
import type { INotebook } from '../../proof';
import { Chip } from '../Chip';
import { CellLinks } from './CellLinks';
import { useNow } from '../hooks';
import { Notice, Problem } from '../Problem';
import type { IPipelineDocumentProps } from './PipelineDocument';

export type ConversionWish = 'convert' | 'verify';

/** How many differences a table shows. */
const SHOWN = 50;

const LOOKS: Readonly<Record<IVerification['verdict'], ILook>> = {
  same: { word: 'same', sign: '✓', tone: 'good' },
  differs: { word: 'differs', sign: '≠', tone: 'bad' },
  cannot_run: { word: 'cannot run', sign: '!', tone: 'warn' }
};

/** The runs that go on side by side, in the order in which they are shown. */
const RUNS: Readonly<Record<string, { word: string; of: string }>> = {
  notebook: { word: 'Notebook', of: 'cell' },
  again: { word: 'Notebook again', of: 'cell' },
  script: { word: 'Script', of: 'step' }
};

type IConversionProps = IPipelineDocumentProps & {
  readonly notebook: INotebook;
  /** How often the notebook was saved while this was open. */
  readonly saves: number;
};

/** The buttons that write the script and compare it with the notebook, how that goes, and what came out. */
export function Conversion(props: IConversionProps): JSX.Element {
  const { told, job, error, start, cancel } = useConversions(props);
  const { path } = props;
  const script = told?.script ?? null;
  const busy = isOpen(job);
  const verification = told?.verification ?? null;
  return (
    <div className="tb-Conversion">
      <div className="tb-Conversion-actions">
        <button
          className="tb-Button"
          disabled={busy}
          title="Write the script; none of the notebook's code is run"
          onClick={() => start('convert')}
        >
          Convert
        </button>
        <button
          className="tb-Button"
          disabled={busy}
          title="Write the script, run notebook and script afresh in copies of the folder, and compare"
          onClick={() => start('verify')}
        >
          Convert and verify
        </button>
        {script !== null && (
          <button className="tb-LinkButton" title={script} onClick={() => props.onOpenFile(script)}>
            {baseName(script)}
          </button>
        )}
        {job?.state === 'done' && job.conversion !== null && (
          <span className="tb-Quiet" role="status">
            {count(job.conversion.steps.length, 'step')} written
          </span>
        )}
      </div>
      {busy && <Progress job={job} onCancel={cancel} />}
      {error && <Problem error={error} />}
      {job?.state === 'failed' && (
        <>
          <Notice tone="bad" title="The notebook was not converted">
            {sentence(job.message)}
          </Notice>
          <CellLinks cells={job.cells} onOpen={index => props.onOpenCell(path, '', index)} />
        </>
      )}
      {job?.state === 'cancelled' && <p className="tb-None">Cancelled.</p>}
      {!busy && verification && (
        <Verdict verification={verification} current={told?.current ?? true} />
      )}
    </div>
  );
}

interface IState {
  readonly told: IConversions | null;
  readonly job: IConversion | null;
  readonly error: ApiError | null;
}

/** What the server knows, asked again while a conversion is going on. */
function useConversions(
  props: IConversionProps
): IState & { start: (wish: ConversionWish) => void; cancel: () => void } {
  const { api, notebook, path, wished } = props;
  const [state, setState] = useState<IState>({ told: null, job: null, error: null });
  const update = (change: Partial<IState>): void => setState(old => ({ ...old, ...change }));
  const fail = (reason: unknown): void => update({ error: asApiError(reason) });
  const load = async (): Promise<void> => {
    const told = await api.conversions(notebook);
    setState(old => ({
      told,
      job: told.running ?? (isOpen(old.job) ? null : old.job),
      error: null
    }));
  };
  const start = (wish: ConversionWish): void => {
    const work = async (): Promise<void> => {
      await props.onSave(path);
      update({ job: await api.convert(notebook, wish === 'verify'), error: null });
    };
    work().catch(fail);
  };
  useEffect(() => {
    load().then(() => props.wish && start(props.wish), fail);
    const heard = (_: unknown, asked: { path: string; wish: ConversionWish }): void => {
      if (asked.path === path) {
        start(asked.wish);
      }
    };
    wished.connect(heard);
    return () => void wished.disconnect(heard);
  }, [notebook.notebook_id]);
  useEffect(() => {
    if (props.saves > 0) {
      load().catch(fail);
    }
  }, [props.saves]);
  const jobId = isOpen(state.job) ? state.job.job_id : null;
  useEffect(() => {
    if (jobId !== null) {
      return follow(() => api.conversion(jobId), {
        job: async job => {
          if (!isOpen(job)) {
            await load();
          }
          update({ job, error: null });
        },
        forgotten: () => {
          update({ job: null });
          load().catch(fail);
        },
        error: fail
      });
    }
    return undefined;
  }, [jobId]);
  return {
    ...state,
    start,
    cancel: () => {
      if (jobId !== null) {
        api.cancelConversion(jobId).then(job => update({ job }), fail);
      }
    }
  };
}

function Progress(props: { job: IConversion; onCancel: () => void }): JSX.Element {
  const { job } = props;
  const now = useNow(500);
  const runs = Object.entries(RUNS).filter(() => job.stage === 'verify');
  return (
    <div className="tb-Progress" role="group" aria-label="Conversion">
      <div className="tb-Progress-line">
        <span className="tb-Progress-text" role="status">
          {stageOf(job)}
        </span>
        <span className="tb-Quiet tb-Number">{formatDuration(job.start_time, null, now)}</span>
        <button className="tb-Button" onClick={props.onCancel}>
          Cancel
        </button>
      </div>
      {runs.length === 0 && <Bar label="Conversion" />}
      {runs.map(([name, { word, of }]) => {
        const part = job.parts[name];
        return (
          <div key={name} className="tb-Progress-part">
            <span>{word}</span>
            <Bar label={word} {...part} />
            <span className="tb-Quiet tb-Number">
              {part ? `${part.position} of ${count(part.total, of)}` : 'starting'}
            </span>
          </div>
        );
      })}
    </div>
  );
}

function stageOf(job: IConversion): string {
  if (job.state === 'waiting') {
    return 'Waiting for other work to end';
  }
  return job.text === '' ? 'Starting' : sentence(job.text);
}

function Bar(props: { label: string; position?: number; total?: number }): JSX.Element {
  const { label, position = 0, total = 0 } = props;
  const known = total > 0;
  return (
    <div
      className={`tb-Progress-track${known ? '' : ' tb-mod-unknown'}`}
      role="progressbar"
      aria-label={label}
      {...(known ? { 'aria-valuemin': 0, 'aria-valuemax': total, 'aria-valuenow': position } : {})}
    >
      <div
        className="tb-Progress-bar"
        style={{ width: known ? `${(100 * position) / total}%` : undefined }}
      />
    </div>
  );
}

function Verdict(props: { verification: IVerification; current: boolean }): JSX.Element {
  const { verification } = props;
  const { differences, seconds, current } = verification;
  const state = look(LOOKS, verification.verdict);
  const old = !(current && props.current);
  return (
    <section
      className={`tb-Verdict tb-tone-${state.tone}${old ? ' tb-mod-dimmed' : ''}`}
      aria-label={`Verdict: ${state.word}`}
    >
      <div className="tb-Verdict-head">
        <Chip look={state} />
        <span className="tb-Verdict-reason">{reasonOf(verification)}</span>
        <span className="tb-Quiet tb-Verdict-when">in {seconds.toFixed(1)} s</span>
      </div>
      {verification.verdict !== 'cannot_run' && (
        <p className="tb-Quiet">Compared: {comparedIn(verification)}.</p>
      )}
      {differences.length > 0 && <Differences differences={differences} />}
      <Remarks verification={verification} />
      {old && (
        <p className="tb-Verdict-note">
          {current
            ? 'The notebook is no longer what this script was made of; convert and verify once more.'
            : 'The script has changed since; convert and verify once more.'}
        </p>
      )}
    </section>
  );
}

function Differences(props: { differences: IVerification['differences'] }): JSX.Element {
  const { differences } = props;
  return (
    <div className="tb-Scroll" tabIndex={0} role="group" aria-label="Differences, table">
      <table className="tb-Table" aria-label="Differences">
        <thead>
          <tr>
            <th scope="col">{count(differences.length, 'difference')}</th>
            <th scope="col">step</th>
            <th scope="col">in the notebook</th>
            <th scope="col">in the script</th>
          </tr>
        </thead>
        <tbody>
          {differences.slice(0, SHOWN).map((each, index) => (
            <tr key={index}>
              <th scope="row">
                <span className="tb-Quiet">{each.what}</span> {each.name}
              </th>
              <td>{each.step}</td>
              <td>
                <code className="tb-Side">{each.notebook}</code>
              </td>
              <td>
                <code className="tb-Side">{each.script}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {differences.length > SHOWN && (
        <p className="tb-None">and {differences.length - SHOWN} more</p>
      )}
    </div>
  );
}

/** What was not compared, what is unstable, and how far numbers may be apart. */
function Remarks(props: { verification: IVerification }): JSX.Element {
  const { not_compared, unstable, tolerances } = props.verification;
  const groups: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
    [
      `${count(unstable.length, 'thing')} unstable in the notebook itself, not counted`,
      unstable.map(({ name, step, cause }) => [
        step ? `${name} after ${step}` : name,
        cause || 'cause unknown'
      ])
    ],
    [
      `${count(Object.keys(not_compared).length, 'thing')} not compared`,
      Object.entries(not_compared)
    ],
    ['Exact, but for tolerances', Object.entries(tolerances)]
  ];
  return (
    <>
      {groups
        .filter(([, items]) => items.length > 0)
        .map(([title, items]) => (
          <details key={title} className="tb-Details">
            <summary>{title}</summary>
            <ul>
              {items.map(([name, text], index) => (
                <li key={index}>
                  <code>{name}</code> {text}
                </li>
              ))}
            </ul>
          </details>
        ))}
    </>
  );
}

function comparedIn(verification: IVerification): string {
  const words = Object.entries(verification.counts)
    .filter(([kind]) => kind !== 'error')
    .map(([kind, number]) => count(number, kind === 'output' ? 'printed line' : kind));
  return words.join(', ') || 'nothing';
}

function reasonOf(verification: IVerification): string {
  const { verdict, raises, reason } = verification;
  switch (verdict) {
    case 'same':
      return raises
        ? `The script does what the notebook does: both raise ${raises.split('\n')[0]}`
        : 'The script does what the notebook does.';
    case 'differs':
      return 'The script does not do what the notebook does.';
    default:
      return sentence(reason);
  }
}
