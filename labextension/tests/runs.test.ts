import { describe, expect, test } from 'vitest';

import type { IRunSummary } from '../src/api';
import { sentences } from '../src/datasets/difference';
import type { IDatasetDifference, IFrameDifference } from '../src/datasets/types';
import { allColumns, chosenColumns, defaultColumns, describeRow } from '../src/runs/columns';
import { draftOf, editOf } from '../src/runs/draft';
import { both, groupFilter, keyOf, nextOrder, orderText } from '../src/runs/query';
import { RunSelection } from '../src/runs/selection';

function run(run_id: string, more: Partial<IRunSummary> = {}): IRunSummary {
  return {
    run_id,
    experiment: 'churn',
    run_name: `name of ${run_id}`,
    status: 'FINISHED',
    start_time: '2026-01-01T00:00:00Z',
    end_time: '2026-01-01T00:00:03Z',
    params: {},
    metrics: {},
    tags: {},
    kind: 'python',
    parent_run_id: null,
    ...more
  };
}

describe('a filter', () => {
  test('names any key that a run can have', () => {
    expect(keyOf('metrics', 'test.r2')).toBe('metrics.test.r2');
    expect(keyOf('params', 'learning rate')).toBe('params.`learning rate`');
    expect(keyOf('tags', 'a`b"c')).toBe('tags."a`b""c"');
  });

  test('of a group is that of its value', () => {
    expect(groupFilter('params.model', "o'hara")).toBe("params.model = 'o''hara'");
    expect(groupFilter('params.model', null)).toBe('params.model IS NULL');
  });

  test('holds where both do', () => {
    expect(both(' a = 1 or b = 2', 'c = 3')).toBe('(a = 1 or b = 2) and (c = 3)');
    expect(both('', 'c = 3')).toBe('c = 3');
    expect(both('', '')).toBe('');
  });
});

test('pressing a title sorts, turns round, and ends the order', () => {
  const first = nextOrder(null, 'metrics.r2', true);
  const second = nextOrder(first, 'metrics.r2', true);
  expect([first, second].map(orderText)).toEqual(['metrics.r2 DESC', 'metrics.r2 ASC']);
  expect(nextOrder(second, 'metrics.r2', true)).toBeNull();
  expect(orderText(nextOrder(first, 'run_name', false))).toBe('run_name ASC');
});

describe('columns', () => {
  const keys = {
    attributes: [],
    params: ['depth', 'model', 'unused'],
    metrics: ['loss', 'r2'],
    tags: ['team'],
    experiments: []
  };

  test('that nobody has chosen are what the newest runs have', () => {
    const newest = [run('a', { params: { model: 'x' }, metrics: { r2: 0.4, loss: 1 } })];
    const shown = defaultColumns(keys, newest);
    expect(shown.slice(-3)).toEqual(['metrics.r2', 'metrics.loss', 'params.model']);
    expect(defaultColumns(keys, [])).toContain('params.unused');
  });

  test('that are gone are left out, the others stand in the order of the chooser', () => {
    const all = allColumns(keys);
    const chosen = chosenColumns(all, ['tags.team', 'params.gone', 'status', 'metrics.r2']);
    expect(chosen.map(column => column.id)).toEqual(['status', 'metrics.r2', 'tags.team']);
  });

  test('make a sentence of a row', () => {
    const columns = chosenColumns(allColumns(keys), [
      'status',
      'took',
      'metrics.r2',
      'params.depth'
    ]);
    const row = run('a', { metrics: { r2: 0.45678 } });
    expect(describeRow(row, columns, 0)).toBe('name of a, Status finished, Took 3.0 s, r2 0.4568');
  });

  test('show names of objects as any other name', () => {
    const [column] = chosenColumns(allColumns({ ...keys, params: ['constructor'] }), [
      'params.constructor'
    ]);
    expect(column?.text(run('a'), 0)).toBe('');
  });
});

describe('an edit', () => {
  test('holds only what is other than before', () => {
    const before = run('a', { note: 'old', tags: { team: 'blue', gone: '1', same: '2' } });
    const draft = draftOf([before]);
    expect(editOf([before], draft)).toEqual({});
    const tags = [['team', 'green'] as const, ['same', '2'] as const, ['new', '3'] as const];
    expect(editOf([before], { name: ' b ', note: '', tags })).toEqual({
      run_name: 'b',
      note: '',
      tags: { gone: null, team: 'green', new: '3' }
    });
  });

  test('of several runs is one of the tags that they share', () => {
    const runs = [run('a', { tags: { x: '1', y: '1' } }), run('b', { tags: { x: '1', y: '2' } })];
    expect(draftOf(runs).tags).toEqual([['x', '1']]);
    expect(editOf(runs, { name: 'z', note: 'z', tags: [] })).toEqual({ tags: { x: null } });
  });
});

test('a selection keeps to its runs, each once', () => {
  const selection = new RunSelection();
  selection.set([run('a'), run('b')]);
  selection.add([run('b'), run('c')]);
  selection.toggle(run('a'));
  selection.renew(run('c', { run_name: 'renamed' }));
  expect(selection.runs.map(({ run_name }) => run_name)).toEqual(['name of b', 'renamed']);
  expect([selection.has('a'), selection.has('c')]).toEqual([false, true]);
});

describe('a difference of dataset versions', () => {
  const frame: IFrameDifference = {
    kind: 'frame',
    columns_added: [],
    columns_removed: [],
    columns_retyped: [],
    rows_before: 3,
    rows_after: 3,
    rows_added: 0,
    rows_removed: 0,
    rows_changed: null,
    columns_changed: {},
    reordered: false
  };
  const answer = (
    difference: IDatasetDifference['difference'],
    same = false
  ): IDatasetDifference => ({
    name: 'x',
    version: 2,
    against: 1,
    same,
    difference
  });
  const words = (given: IDatasetDifference): readonly string[] =>
    sentences(given).map(({ what, names }) => [what, ...names].join(' | '));

  test('tells what happened to rows and columns', () => {
    const difference = {
      ...frame,
      rows_added: 40,
      rows_changed: 1,
      columns_added: ['risk'],
      columns_retyped: [{ name: 'age', before: 'int64', after: 'float64' }],
      columns_changed: { bmi: 2 }
    };
    expect(words(answer(difference))).toEqual([
      '40 rows added',
      '1 row changed',
      '1 column added | risk',
      '1 column of another type | age: int64 → float64',
      '1 column with other values | bmi: 2 values'
    ]);
  });

  test('says so where there is none, or none in the rows', () => {
    expect(words(answer(frame, true))).toEqual(['The same content']);
    expect(words(answer({ ...frame, columns_removed: ['a'] }))).toEqual([
      'The same rows',
      '1 column removed | a'
    ]);
  });

  test('of files and folders tells sizes and paths', () => {
    expect(words(answer({ kind: 'file', size_before: 10, size_after: 2000 }))).toEqual([
      'Other bytes | 10 B → 2.0 kB'
    ]);
    expect(
      words(answer({ kind: 'folder', added: ['a'], removed: [], changed: ['b', 'c'] }))
    ).toEqual(['1 file added | a', '2 files changed | b | c']);
  });
});
