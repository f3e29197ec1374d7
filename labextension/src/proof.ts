/** What the server sends about the proof of a run: program, lineage, environment, reproductions, badges. */

import type { IEnvironment, IProject, RunStatus } from './api';
import type { IServerJob } from './jobs';

/** A cell of a run's program; `gives` tells what it hands to which later places. */
export interface IExecution {
  readonly session: string;
  readonly number: number;
  readonly source: string;
  readonly start_time: number;
  /** How long it took. */
  readonly seconds: number;
  readonly status: 'ok' | 'error' | 'unknown';
  readonly notebook: string | null;
  readonly cell_id: string | null;
  readonly execution_count: number | null;
  readonly error_line: number | null;
  readonly gives: readonly { readonly place: number; readonly names: readonly string[] }[];
}

/** What else was captured, by name; a run of an older Trackbook has none of it. */
export interface IFacts {
  readonly random?: {
    readonly states?: Readonly<Record<string, string>>;
    readonly consumed?: readonly string[];
    readonly unseeded?: readonly {
      readonly name: string;
      readonly line: number | null;
      readonly kind?: string;
    }[];
    readonly seed?: number | null;
  };
  readonly resources?: {
    readonly cpu_seconds?: number;
    readonly peak_memory_bytes?: number;
    /** Seconds since the start, percent of one processor, bytes. */
    readonly samples?: readonly (readonly [number, number, number])[];
  };
  /** Files with the reason why the patch does not hold them. */
  readonly patch_left_out?: readonly (readonly [string, string])[];
  readonly cwd?: string;
  readonly [name: string]: unknown;
}

export type NodeKind =
  'file' | 'data' | 'cell' | 'run' | 'dataset_version' | 'model_version' | 'stage' | 'alias';

/** A thing in the picture; `stage` is its column, from sources (0) over the run (2) to who uses its results (4). */
export interface INode {
  readonly id: string;
  readonly kind: NodeKind;
  readonly label: string;
  readonly detail: string;
  readonly stage: number;
  readonly run_id: string | null;
  readonly number: number | null;
  readonly path: string | null;
  /** The file below the server's root, where it lies there and can be opened. */
  readonly contents_path: string | null;
}

export interface ILink {
  readonly source: string;
  readonly target: string;
  readonly names: readonly string[];
}

export interface ILineage {
  readonly nodes: readonly INode[];
  readonly links: readonly ILink[];
}

type Pair<T> = readonly [T, T];

/** What the other run's environment has that this one has not, and the reverse. */
export interface IEnvironmentDifference {
  readonly facts: Readonly<Record<string, Pair<string | null>>>;
  readonly changed: Readonly<Record<string, Pair<string>>>;
  readonly added: Readonly<Record<string, string>>;
  readonly removed: Readonly<Record<string, string>>;
}

export interface IEnvironmentAnswer {
  readonly run_id: string;
  readonly digest: string | null;
  readonly environment: IEnvironment | null;
  readonly against: { readonly run_id: string; readonly run_name: string } | null;
  readonly differences: IEnvironmentDifference | null;
}

export type EnvironmentChoice = 'current' | 'locked';
export type Verdict = 'reproduced' | 'differs' | 'cannot_run';

export interface IDifference {
  readonly what: string;
  readonly name: string;
  readonly original: string | null;
  readonly repeated: string | null;
  readonly detail: string;
}

/** An attempt to repeat a run, and what came of it; the first difference is the one to look at. */
export interface IReproduction {
  readonly reproduction_id: string;
  readonly run_id: string;
  readonly verdict: Verdict;
  readonly reason: string;
  readonly environment: string;
  readonly start_time: string;
  readonly end_time: string;
  readonly user: string;
  readonly compared: number;
  readonly differences: readonly IDifference[];
  readonly causes: readonly string[];
  readonly notes: readonly string[];
}

/** An attempt that the server has started. */
export interface IJob extends IServerJob {
  readonly run_id: string;
  readonly environment: EnvironmentChoice;
  readonly reproduction: IReproduction | null;
}

export interface IReproductions {
  readonly reproductions: readonly IReproduction[];
  readonly running: IJob | null;
}

export interface INotebook extends IProject {
  readonly notebook_id: string;
}

/** The latest run of a cell; `source` is its code without first lines. */
export interface ICellBadge {
  readonly cell_id: string;
  readonly run_id: string;
  readonly run_name: string;
  readonly status: RunStatus;
  readonly start_time: string | null;
  readonly execution_count: number | null;
  readonly source: string;
  readonly session: string | null;
  readonly error: string | null;
  readonly stale: boolean;
  readonly reasons: readonly { readonly code: string; readonly text: string }[];
}

/** `session` is the one that has executed a cell last. */
export interface ICellBadges {
  readonly session: string | null;
  readonly session_time: string | null;
  readonly cells: readonly ICellBadge[];
}
