import { expect, test } from 'vitest';

import type { IDriftReport, IGateResult, IModelVersion, IRunSummary } from '../src/api';
import {
  aliasesOf,
  countStates,
  currentGates,
  judgedMetric,
  mainMetric,
  nest,
  otherStages,
  rankColumns
} from '../src/selection';

function run(run_id: string, parent_run_id: string | null = null): IRunSummary {
  return { run_id, parent_run_id } as IRunSummary;
}

test('child runs stand under their parent, at any depth, in the order of the server', () => {
  const tree = nest([run('d', 'b'), run('c', 'a'), run('b', 'a'), run('a'), run('z')]);
  expect(tree.map(node => node.run.run_id)).toEqual(['a', 'z']);
  expect(tree[0]?.children.map(node => node.run.run_id)).toEqual(['c', 'b']);
  expect(tree[0]?.children[1]?.children.map(node => node.run.run_id)).toEqual(['d']);
});

test('a run whose parent is not in the list is not lost', () => {
  expect(nest([run('b', 'elsewhere')]).map(node => node.run.run_id)).toEqual(['b']);
});

test('the metric that stands for a run is the first number', () => {
  expect(mainMetric({ loss: 'NaN', r2: 0.4 })).toEqual(['r2', 0.4]);
  expect(mainMetric({ loss: 'NaN' })).toEqual(['loss', 'NaN']);
  expect(mainMetric({})).toBeNull();
});

test('the metric that stands for a version is one that a gate looked at', () => {
  const gates = [{ gate: { type: 'metric', metric: 'r2', min: 0.3, max: null } }];
  const version = { metrics: { error: 44, r2: 0.5 }, gates } as unknown as IModelVersion;
  expect(judgedMetric(version)).toEqual(['r2', 0.5]);
  expect(judgedMetric({ ...version, gates: [] })).toEqual(['error', 44]);
});

test('a version shows its own aliases only', () => {
  const model = { name: 'm', aliases: { champion: 2, beta: 2, old: 1 }, versions: [] };
  expect(aliasesOf(model, 2)).toEqual(['beta', 'champion']);
});

test('the stage that a version has is not offered', () => {
  expect(otherStages('production')).toEqual(['staging', 'archived', 'none']);
});

test('columns that drifted come first, then the larger effect', () => {
  const column = (state: string, effect: number): unknown => ({ state, effect });
  const report = {
    columns: {
      a: column('none', 0.01),
      b: column('drift', 0.2),
      c: column('cannot_tell', 0),
      d: column('drift', 0.6)
    }
  } as unknown as IDriftReport;
  expect(rankColumns(report).map(([name]) => name)).toEqual(['d', 'b', 'c', 'a']);
  expect(countStates(report)).toEqual([
    ['drift', 2],
    ['cannot_tell', 1],
    ['none', 1]
  ]);
});

test('of repeated judgements the newest counts, and of other bytes none', () => {
  const judged = (min: number, passed: boolean, other = false): IGateResult =>
    ({ stage: 'production', gate: { metric: 'r2', min }, passed, void: other }) as IGateResult;
  const results = [
    judged(0.3, false),
    judged(0.5, false),
    judged(0.3, true),
    judged(0.9, true, true)
  ];
  expect(currentGates(results).map(({ gate, passed }) => [gate.min, passed])).toEqual([
    [0.3, true],
    [0.5, false]
  ]);
});
