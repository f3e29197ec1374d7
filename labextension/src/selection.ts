/** Choices that the panel makes about what to show: pure functions on what the server sent. */

import type { IDriftColumn, IDriftReport, IRunSummary, MetricValue } from './api';

/** A run with the runs that it started, all newest first. */
export interface IRunNode {
  readonly run: IRunSummary;
  readonly children: readonly IRunNode[];
}

/** Put runs under the run that started them; a run whose parent is not in the list stands for itself. */
export function nest(runs: readonly IRunSummary[]): readonly IRunNode[] {
  const children = new Map<string | null, IRunNode[]>(runs.map(run => [run.run_id, []]));
  const roots: IRunNode[] = [];
  for (const run of runs) {
    const siblings = children.get(run.parent_run_id) ?? roots;
    siblings.push({ run, children: children.get(run.run_id) ?? [] });
  }
  return roots;
}

/** The metric that stands for a run in one line: the first that is a number, else the first. */
export function mainMetric(
  metrics: Readonly<Record<string, MetricValue>>
): readonly [string, MetricValue] | null {
  const entries = Object.entries(metrics);
  return entries.find(([, value]) => typeof value === 'number') ?? entries[0] ?? null;
}

const GRAVITY: readonly string[] = ['drift', 'cannot_tell', 'negligible', 'none'];

/** The columns of a report, those that need a look first, then by the size of the effect. */
export function rankColumns(report: IDriftReport): readonly (readonly [string, IDriftColumn])[] {
  const rank = (column: IDriftColumn): number => GRAVITY.indexOf(column.state);
  return Object.entries(report.columns).sort(
    ([, one], [, other]) => rank(one) - rank(other) || other.effect - one.effect
  );
}

/** How many columns are in each state, gravest first; states that no column has are left out. */
export function countStates(report: IDriftReport): readonly (readonly [string, number])[] {
  const states = Object.values(report.columns).map(column => column.state);
  return GRAVITY.map(
    state => [state, states.filter(other => other === state).length] as const
  ).filter(([, number]) => number > 0);
}
