/** Choices that the panel makes about what to show: pure functions on what the server sent. */

import type {
  IDriftColumn,
  IDriftReport,
  IGateResult,
  IModel,
  IModelVersion,
  IRunSummary,
  MetricValue,
  Stage
} from './api';

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

/** The metric that stands for a version: one that a gate looked at, else that of a run. */
export function judgedMetric(version: IModelVersion): readonly [string, MetricValue] | null {
  const judged = version.gates.map(({ gate }) => gate.metric).find(name => name in version.metrics);
  return judged === undefined
    ? mainMetric(version.metrics)
    : [judged, version.metrics[judged] as MetricValue];
}

/** The aliases of one version, in alphabetical order. */
export function aliasesOf(model: IModel, version: number): readonly string[] {
  return Object.keys(model.aliases)
    .filter(alias => model.aliases[alias] === version)
    .sort();
}

/** The newest judgement of each gate that still holds for the version's bytes. */
export function currentGates(results: readonly IGateResult[]): readonly IGateResult[] {
  const newest = new Map<string, IGateResult>();
  for (const result of results.filter(each => !each.void)) {
    newest.set(JSON.stringify([result.stage, result.gate]), result);
  }
  return [...newest.values()];
}

export const STAGES: readonly Stage[] = ['staging', 'production', 'archived', 'none'];

/** The stages that a version can be asked to enter: all but the one that it has. */
export function otherStages(stage: Stage): readonly Stage[] {
  return STAGES.filter(other => other !== stage);
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
