/** What the server says about many runs at once: lists, keys, groups, curves, comparisons. */

import type { IRunSummary, MetricValue } from '../api';

/** What a list of runs is asked for; `order` null means newest first. */
export interface IRunsQuery {
  readonly filter: string;
  readonly experiment: string | null;
  readonly order: IOrder | null;
}

/** `key` is written as in a filter: `start_time`, `metrics.r2`. */
export interface IOrder {
  readonly key: string;
  readonly descending: boolean;
}

/** The names that filters, columns and groups can use. */
export interface IRunKeys {
  readonly attributes: readonly { readonly name: string; readonly numeric: boolean }[];
  readonly params: readonly string[];
  readonly metrics: readonly string[];
  readonly tags: readonly string[];
  readonly experiments: readonly string[];
}

/** The runs that have the same value of a key; null stands for those without one. */
export interface IRunGroup {
  readonly value: string | null;
  readonly runs: number;
  readonly metric: {
    readonly min: MetricValue;
    readonly mean: MetricValue;
    readonly max: MetricValue;
  } | null;
}

export interface IRunGroups {
  readonly by: string;
  readonly metric: string | null;
  readonly groups: readonly IRunGroup[];
  /** How many groups there are beyond those listed. */
  readonly more: number;
}

/** A change of what people may change; a tag that is null goes. */
export interface IRunEdit {
  readonly run_name?: string;
  readonly note?: string;
  readonly tags?: Readonly<Record<string, string | null>>;
}

/** A line of a difference; a `place` says which lines of both texts follow. */
export interface IDiffLine {
  readonly kind: 'same' | 'added' | 'removed' | 'place';
  readonly text: string;
}

/** What leads from the code of the run `against` to that of another. */
export interface ICodeDifference {
  readonly run_id: string;
  readonly against: string;
  readonly added: number;
  readonly removed: number;
  readonly lines: readonly IDiffLine[];
}

type Values<T> = Readonly<Record<string, readonly (T | null)[]>>;

/** Values under every name where runs differ, in the order of `runs`. */
export interface IComparison {
  readonly runs: readonly IRunSummary[];
  /** The colour that each run has in every picture of these runs. */
  readonly colors: readonly string[];
  readonly params: Values<string>;
  readonly metrics: Values<MetricValue>;
  readonly environment: Values<string>;
  readonly code: readonly ICodeDifference[];
  /** The metrics that have more than one value in one of the runs. */
  readonly curves: readonly string[];
}

/** How a curve is to be drawn. */
export interface ICurveChoice {
  readonly x: 'step' | 'time';
  readonly log: boolean;
  /** 0 is none, 0.99 the most. */
  readonly smoothing: number;
}

export type Spec = Readonly<Record<string, unknown>>;
