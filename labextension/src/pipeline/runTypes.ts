/** What the server tells about runs of a pipeline. */

import type { IRunSummary } from '../api';
import type { IServerJob } from '../jobs';
import type { Spec } from '../runs/types';

export interface IRunParam {
  readonly name: string;
  readonly type: string;
  /** As somebody would type it; null where a value must be given. */
  readonly default: string | null;
  /** The values that there are, where they can be listed. */
  readonly choices: readonly string[] | null;
}

/** What a run would do with a step; `state` is null where that cannot be told. */
export interface IForecast {
  readonly name: string;
  readonly cells: readonly string[];
  readonly state: 'cached' | 'runs' | 'depends' | 'skipped' | null;
  readonly why: string;
  /** Seconds that it took when it last ran. */
  readonly expected: number | null;
}

export interface ISteps {
  readonly params: readonly IRunParam[];
  readonly steps: readonly IForecast[];
  /** What is wrong with params, by their names. */
  readonly faults: Readonly<Record<string, string>>;
  /** Why the notebook cannot run as a pipeline. */
  readonly problem: { readonly message: string; readonly cells: readonly number[] } | null;
}

/** What a run is to be; without `jobs` those of `trackbook.toml` count. */
export interface IRunWish {
  readonly params?: Readonly<Record<string, string>>;
  readonly start?: string;
  readonly only?: readonly string[];
  readonly use_cache?: boolean;
  readonly jobs?: number;
}

interface ITimed {
  readonly time: string;
}

export interface IRunStarted extends ITimed {
  readonly event: 'run';
  readonly run_id: string;
  readonly steps: readonly string[];
  readonly params: Readonly<Record<string, string>>;
  readonly expected: number | null;
}

export interface IStepProgress extends ITimed {
  readonly event: 'step';
  readonly state: 'started' | 'retrying' | 'executed' | 'cached' | 'failed' | 'skipped';
  readonly name: string;
  readonly seconds: number;
  readonly reason: string;
  readonly why: string;
  readonly run_id: string;
  readonly expected: number | null;
  readonly traceback: string;
}

export interface IOutputPrinted extends ITimed {
  readonly event: 'output';
  readonly step: string;
  readonly stream: string;
  readonly text: string;
}

export interface INoticed extends ITimed {
  readonly event: 'notice';
  readonly text: string;
}

export interface IRunEnded extends ITimed {
  readonly event: 'end';
}

export type RunEvent = IRunStarted | IStepProgress | IOutputPrinted | INoticed | IRunEnded;

export interface IPipelineJob extends IServerJob {
  readonly params: Readonly<Record<string, unknown>>;
  readonly options: { readonly start: string | null; readonly use_cache: boolean };
  /** The cells that the message is about. */
  readonly cells: readonly number[];
  /** What happened since the cursor. */
  readonly events: readonly RunEvent[];
  /** How many characters at the beginning of a step's log the server has let go. */
  readonly cut: Readonly<Record<string, number>>;
  readonly next_cursor: string;
  readonly now: string;
  readonly pipeline_run: {
    readonly run_id: string;
    readonly status: string;
    readonly seconds: number;
  } | null;
}

/** A run of the past, with how many of its steps ended in which way. */
export interface IPastRun extends IRunSummary {
  readonly steps: Readonly<Record<string, number>>;
}

export interface IRunHistory {
  readonly runs: readonly IPastRun[];
  readonly next_cursor: string | null;
  /** The job that is going on in this server. */
  readonly running: string | null;
}

/** The trials of a sweep: what varies, what was measured, and a picture of both, a line a trial. */
export interface ITrials {
  readonly status: string;
  readonly params: readonly string[];
  readonly metrics: readonly string[];
  readonly trials: readonly {
    readonly number: number;
    readonly run_id: string;
    readonly run_name: string;
    readonly status: string;
    readonly values: Readonly<Record<string, string | number | null>>;
  }[];
  readonly best: string | null;
  readonly chart: Spec | null;
}
