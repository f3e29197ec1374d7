import { describe, expect, test } from 'vitest';

import { describe as badgeOf, plain, reasonsOf } from '../src/badges/rules';
import type { ICellBadge } from '../src/proof';

const CELL: ICellBadge = {
  cell_id: 'c',
  run_id: 'a1',
  run_name: 'forest',
  status: 'FINISHED',
  start_time: null,
  execution_count: 3,
  source: 'x = 1',
  session: 's',
  error: null,
  stale: false,
  reasons: []
};

const CHANGED = { code: 'file', text: 'data.csv changed' };

describe('the code of a cell', () => {
  // The same cases as in tests/tracking/test_badges.py: both sides must take off the same.
  test.each([
    ['%%track diabetes --name x\nx = 1\n', 'x = 1'],
    ['\n%%step load\n%%track\n\nx = 1\n\n', 'x = 1'],
    ['%%tracking\nx', '%%tracking\nx'],
    ['%%time\n%%track\nx', '%%time\n%%track\nx'],
    ['  x = 1', '  x = 1'],
    ['', '']
  ])('%j is %j', (source, expected) => {
    expect(plain(source)).toBe(expected);
  });
});

describe('the badge of a cell', () => {
  test('says the name of its run, and nothing more while all is well', () => {
    const badge = badgeOf(CELL, '%%track\nx = 1', false);
    expect(badge).toMatchObject({ text: 'forest', label: 'Run forest, tracked. Open the run' });
    expect(badge.look.tone).toBe('good');
  });

  test('is stale after an edit, which is said first', () => {
    const stale = { ...CELL, stale: true, reasons: [CHANGED] };
    expect(reasonsOf(stale, 'x = 2')).toEqual([
      'this cell was edited since its run',
      'data.csv changed'
    ]);
    const badge = badgeOf(stale, 'x = 2', false);
    expect(badge.text).toBe('forest · stale: this cell was edited since its run, and 1 more');
    expect(badge.label).toContain('data.csv changed');
    expect(badge.tooltip).toContain('• data.csv changed');
  });

  test('is as before when the edit is taken back', () => {
    expect(badgeOf(CELL, 'x = 1\n', false).look.word).toBe('tracked');
  });

  test('of a failed run says so, also when something has changed since', () => {
    const failed: ICellBadge = { ...CELL, status: 'FAILED', error: 'ValueError: boom' };
    expect(badgeOf(failed, 'x = 1', false).text).toBe('forest · failed');
    const edited = badgeOf(failed, 'x = 2', false);
    expect(edited.look).toMatchObject({ word: 'failed', tone: 'bad' });
    expect(edited.text).toBe('forest · failed; since then this cell was edited');
    expect(edited.tooltip).toContain('ValueError: boom');
  });

  test('of an earlier session says so and is not stale by that alone', () => {
    const badge = badgeOf(CELL, 'x = 1', true);
    expect(badge.text).toBe('forest · earlier session');
    expect(badge.look).toMatchObject({ word: 'tracked', tone: 'quiet' });
  });

  test('of a run that is going on is not compared with anything', () => {
    const running: ICellBadge = { ...CELL, status: 'RUNNING', reasons: [CHANGED] };
    expect(badgeOf(running, 'other', false).text).toBe('forest · running');
  });
});
