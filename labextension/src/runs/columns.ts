/** The columns of the table of runs: what they are called, what they say, how they sort.  Pure functions. */

import type { IRunSummary } from '../api';
import { formatAgo, formatDuration, formatNumber, look, RUN_LOOKS } from '../format';
import { type Collection, keyOf } from './query';
import type { IRunKeys } from './types';

export interface IColumn {
  /** The key in a filter, which also tells columns apart. */
  readonly id: string;
  readonly title: string;
  /** Params and metrics stand in groups of the chooser under their kind. */
  readonly kind: 'run' | Collection;
  readonly numeric: boolean;
  /** What to sort by. */
  readonly order: string;
  readonly width: number;
  text(run: IRunSummary, now: number): string;
}

export const NAME: IColumn = {
  id: 'run_name',
  title: 'Run',
  kind: 'run',
  numeric: false,
  order: 'run_name',
  width: 240,
  text: run => run.run_name
};

export const RUN_COLUMNS: readonly IColumn[] = [
  {
    id: 'status',
    title: 'Status',
    kind: 'run',
    numeric: false,
    order: 'status',
    width: 92,
    text: run => look(RUN_LOOKS, run.status).word
  },
  {
    id: 'experiment',
    title: 'Experiment',
    kind: 'run',
    numeric: false,
    order: 'experiment',
    width: 120,
    text: run => run.experiment
  },
  {
    id: 'start_time',
    title: 'Started',
    kind: 'run',
    numeric: true,
    order: 'start_time',
    width: 104,
    text: (run, now) => formatAgo(run.start_time, now)
  },
  {
    id: 'took',
    title: 'Took',
    kind: 'run',
    numeric: true,
    order: 'duration',
    width: 92,
    text: (run, now) => formatDuration(run.start_time, run.end_time, now)
  },
  {
    id: 'note',
    title: 'Note',
    kind: 'run',
    numeric: false,
    order: 'note',
    width: 160,
    text: run => run.note ?? ''
  }
];

const SHOWN_RUN_COLUMNS = ['status', 'experiment', 'start_time', 'took'];
const SHOWN_OF_EACH = 4;

export function metricColumn(name: string): IColumn {
  return {
    id: keyOf('metrics', name),
    title: name,
    kind: 'metrics',
    numeric: true,
    order: keyOf('metrics', name),
    width: widthOf(name, 84),
    text: ({ metrics }) => (Object.hasOwn(metrics, name) ? formatNumber(metrics[name] ?? null) : '')
  };
}

export function paramColumn(name: string): IColumn {
  return {
    id: keyOf('params', name),
    title: name,
    kind: 'params',
    numeric: false,
    order: keyOf('params', name),
    width: widthOf(name, 96),
    text: ({ params }) => (Object.hasOwn(params, name) ? (params[name] ?? '') : '')
  };
}

export function tagColumn(name: string): IColumn {
  return {
    id: keyOf('tags', name),
    title: name,
    kind: 'tags',
    numeric: false,
    order: keyOf('tags', name),
    width: widthOf(name, 96),
    text: ({ tags }) => (Object.hasOwn(tags, name) ? (tags[name] ?? '') : '')
  };
}

function widthOf(title: string, least: number): number {
  return Math.min(200, Math.max(least, 32 + 7.2 * title.length));
}

/** Everything that can be a column, in the order of the chooser. */
export function allColumns(keys: IRunKeys): readonly IColumn[] {
  return [
    ...RUN_COLUMNS,
    ...keys.metrics.map(metricColumn),
    ...keys.params.map(paramColumn),
    ...keys.tags.map(tagColumn)
  ];
}

/** What is shown until somebody chooses: what the newest runs have, their first metrics and params. */
export function defaultColumns(keys: IRunKeys, newest: readonly IRunSummary[]): readonly string[] {
  const seen = (kind: 'metrics' | 'params'): readonly string[] => {
    const names = new Set(newest.flatMap(run => Object.keys(run[kind])));
    const used = names.size > 0 ? [...names] : keys[kind];
    return used.slice(0, SHOWN_OF_EACH).map(name => keyOf(kind, name));
  };
  return [...SHOWN_RUN_COLUMNS, ...seen('metrics'), ...seen('params')];
}

/** The chosen columns in the order of the chooser; those that are gone are left out. */
export function chosenColumns(all: readonly IColumn[], ids: readonly string[]): readonly IColumn[] {
  const chosen = new Set(ids);
  return all.filter(column => chosen.has(column.id));
}

/** A row as a sentence, for those who cannot see the grid. */
export function describeRow(run: IRunSummary, columns: readonly IColumn[], now: number): string {
  const values = columns
    .map(column => [column.title, column.text(run, now)] as const)
    .filter(([, text]) => text !== '')
    .map(([title, text]) => `${title} ${text}`);
  return [run.run_name, ...values].join(', ');
}
