import { type RefObject, useEffect, useRef, useState } from 'react';

import type { ApiError, TrackbookApi } from '../../api';
import { follow, isOpen } from '../../jobs';
import { asApiError } from '../../model';
import { stepsOf, withTracebacks } from '../../pipeline/history';
import { hear, type IRunView, NO_RUN } from '../../pipeline/run';
import type {
  IPastRun,
  IPipelineJob,
  IRunHistory,
  IRunWish,
  ISteps
} from '../../pipeline/runTypes';
import type { INotebook } from '../../proof';

/** Milliseconds between two looks whether a run was started elsewhere. */
const HISTORY_INTERVAL = 4000;
/** Milliseconds for which nothing may change before a run is foreseen anew. */
const FORECAST_PAUSE = 400;
/** How many runs the history shows at first, and how many more each time. */
export const HISTORY_SIZE = 10;
const MOST_STEPS = 1000;

export interface IRunState {
  readonly steps: ISteps | null;
  readonly history: IRunHistory | null;
  /** The run that this page follows, also when it has ended. */
  readonly job: IPipelineJob | null;
  readonly view: IRunView;
  /** A run of the past that is shown instead. */
  readonly past: { readonly run: IPastRun; readonly view: IRunView } | null;
  readonly error: ApiError | null;
  /** Whether the server has forgotten the run that was going on, as it was started anew. */
  readonly isLost: boolean;
  /** What the server's clock is ahead of this one, in milliseconds. */
  readonly ahead: number;
}

export interface IRunControl extends IRunState {
  readonly start: (wish: IRunWish) => Promise<void>;
  readonly stop: () => void;
  readonly choose: (run: IPastRun | null) => void;
  readonly more: (() => void) | null;
}

const NOTHING: IRunState = {
  steps: null,
  history: null,
  job: null,
  view: NO_RUN,
  past: null,
  error: null,
  isLost: false,
  ahead: 0
};

interface IAsked {
  readonly api: TrackbookApi;
  readonly path: string;
  readonly notebook: INotebook;
  readonly saves: number;
  /** The params in the form that differ from their defaults. */
  readonly params: Readonly<Record<string, string>>;
  readonly onSave: () => Promise<void>;
  /** What is on the page: while that cannot be seen, nothing is asked. */
  readonly page: RefObject<HTMLElement>;
}

/** What the server knows of a notebook's runs, followed while one goes on. */
export function useRun(asked: IAsked): IRunControl {
  const { api, notebook, saves } = asked;
  const [state, setState] = useState(NOTHING);
  const [limit, setLimit] = useState(HISTORY_SIZE);
  const cursor = useRef<string | null>(null);
  const update = (change: Partial<IRunState>): void => setState(old => ({ ...old, ...change }));
  const fail = (reason: unknown): void => update({ error: asApiError(reason) });
  const take = (job: IPipelineJob): void => {
    const isFirst = cursor.current === null;
    cursor.current = job.next_cursor;
    const ahead = Date.parse(job.now) - Date.now();
    setState(old => ({ ...old, job, view: hear(old.view, job, isFirst), ahead, error: null }));
  };
  /** Ask what is new; what another question has brought meanwhile is not taken twice. */
  const ask = async (id: string): Promise<IPipelineJob> => {
    const from = cursor.current;
    const job = await api.pipelineRun(id, from);
    return from === cursor.current
      ? job
      : { ...job, events: [], next_cursor: cursor.current ?? '' };
  };
  const begin = (): void => {
    cursor.current = null;
    update({ view: NO_RUN, past: null, error: null, isLost: false });
  };
  const jobId = state.job?.job_id ?? null;
  const isRunning = isOpen(state.job);

  /** A server that was started anew knows the notebook again as soon as that is announced. */
  const surely = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (reason) {
      if (asApiError(reason).code !== 'unknown_project') {
        throw reason;
      }
      await api.openProject(asked.path);
      return work();
    }
  };
  const loadHistory = async (): Promise<void> => {
    const history = await surely(() => api.pipelineRuns(notebook, limit));
    setState(old => ({
      ...old,
      history,
      error: old.error?.code === 'unreachable' ? null : old.error
    }));
    if (history.running !== null && (history.running !== jobId || !isRunning)) {
      begin();
      take(await ask(history.running));
    }
  };
  const forecast = async (): Promise<void> =>
    update({ steps: await surely(() => api.steps(notebook, asked.params)) });

  useEffect(() => {
    loadHistory().catch(fail);
    const timer = setInterval(() => {
      if (asked.page.current?.offsetParent && !isRunning) {
        loadHistory().catch(() => undefined);
      }
    }, HISTORY_INTERVAL);
    return () => clearInterval(timer);
  }, [notebook.notebook_id, limit, jobId, isRunning]);

  // What would be, foreseen anew when the notebook or a param has changed, and when a run has ended.
  const given = JSON.stringify(asked.params);
  useEffect(() => {
    if (isRunning) {
      return undefined;
    }
    const timer = setTimeout(() => void forecast().catch(fail), FORECAST_PAUSE);
    return () => clearTimeout(timer);
  }, [notebook.notebook_id, saves, given, isRunning]);

  // The states of a run that has ended say nothing about a notebook that was changed since.
  useEffect(() => {
    if (saves > 0 && !isRunning) {
      update({ job: null, view: NO_RUN });
    }
  }, [saves]);

  useEffect(() => {
    if (!isRunning || jobId === null) {
      return undefined;
    }
    return follow(() => ask(jobId), {
      job: async job => take(job),
      forgotten: () => update({ job: null, isLost: true, error: null }),
      error: fail
    });
  }, [jobId, isRunning]);

  const choose = (run: IPastRun | null): void => {
    if (run === null) {
      update({ past: null });
      return;
    }
    const load = async (): Promise<void> => {
      const filter = `attributes.parent_run_id = '${run.run_id}' AND attributes.kind = 'step'`;
      const { runs } = await api.runs(filter, MOST_STEPS);
      const names = state.steps?.steps.map(step => step.name) ?? [];
      const steps = stepsOf(runs, names);
      const view = { ...NO_RUN, runId: run.run_id, params: run.params, steps };
      const past = { run, view };
      update({ past });
      const failed = [...steps.values()].filter(step => step.state === 'failed');
      const told = await Promise.all(failed.map(step => api.run(step.runId)));
      const tracebacks = new Map(told.map(each => [each.run_id, each.error?.traceback ?? '']));
      const whole = { run, view: { ...view, steps: withTracebacks(steps, tracebacks) } };
      setState(old => (old.past === past ? { ...old, past: whole } : old));
    };
    load().catch(fail);
  };
  const start = async (wish: IRunWish): Promise<void> => {
    try {
      await asked.onSave();
      const job = await surely(() => api.runPipeline(notebook, wish));
      begin();
      take(job);
    } catch (reason) {
      fail(reason);
    }
  };
  const stop = (): void => {
    if (jobId !== null) {
      api
        .stopPipelineRun(jobId)
        .then(() => ask(jobId))
        .then(take, fail);
    }
  };
  const hasMore = state.history !== null && state.history.next_cursor !== null;
  return {
    ...state,
    start,
    stop,
    choose,
    more: hasMore ? () => setLimit(limit + HISTORY_SIZE) : null
  };
}
