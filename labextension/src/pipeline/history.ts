/** Runs of the past: what was changed from one to the next, and how their steps ended.  Pure functions. */

import type { IRunSummary, MetricValue } from '../api';
import { NO_STEP, type IStepRun } from './run';
import type { IPastRun } from './runTypes';

/** A param that differs from the run before; `before` is null where that had none. */
export interface IChange {
  readonly name: string;
  readonly value: string | null;
  readonly before: string | null;
}

/** The params of each run that differ from the run before it; of the oldest, all.  Runs come newest first. */
export function changesOf(runs: readonly IPastRun[]): readonly (readonly IChange[])[] {
  return runs.map((run, place) => {
    const earlier = runs.slice(place + 1).find(other => other.kind === run.kind);
    const old = earlier?.params ?? {};
    const names = [...new Set([...Object.keys(run.params), ...Object.keys(old)])];
    return names
      .filter(name => run.params[name] !== old[name])
      .map(name => ({ name, value: run.params[name] ?? null, before: old[name] ?? null }));
  });
}

/** The steps of a run from the runs that it started; those of which nothing is recorded were not reached. */
export function stepsOf(
  children: readonly IRunSummary[],
  names: readonly string[]
): ReadonlyMap<string, IStepRun> {
  const found = new Map<string, IStepRun>(
    names.map(name => [name, { ...NO_STEP, state: 'skipped' }])
  );
  for (const child of children) {
    const name = child.tags['step'] ?? child.run_name;
    found.set(name, {
      ...NO_STEP,
      state: stateOf(child),
      began: child.start_time === null ? null : Date.parse(child.start_time),
      seconds: asNumber(child.metrics['seconds']),
      runId: child.run_id
    });
  }
  return found;
}

/** The traceback of the step itself, in what its run has kept of the error. */
export function innermost(traceback: string): string {
  const start = traceback.lastIndexOf('Traceback (most recent call last):');
  return start < 0 ? traceback : traceback.slice(start);
}

/** Steps with the tracebacks of those that failed, by the ids of their runs. */
export function withTracebacks(
  steps: ReadonlyMap<string, IStepRun>,
  tracebacks: ReadonlyMap<string, string>
): ReadonlyMap<string, IStepRun> {
  return new Map(
    [...steps].map(([name, step]) => [
      name,
      { ...step, traceback: innermost(tracebacks.get(step.runId) ?? '') }
    ])
  );
}

function stateOf(child: IRunSummary): string {
  const status = child.tags['step.status'];
  return status ?? (child.status === 'RUNNING' ? 'running' : 'stopped');
}

function asNumber(value: MetricValue | undefined): number | null {
  return typeof value === 'number' ? value : null;
}
