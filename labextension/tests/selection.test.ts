import { expect, test } from 'vitest';

import type { IDriftReport, IRunSummary } from '../src/api';
import { countStates, mainMetric, nest, rankColumns } from '../src/selection';

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
