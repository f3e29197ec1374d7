import { describe, expect, test } from 'vitest';

import * as format from '../src/format';

const NOON = Date.parse('2026-01-02T12:00:00.000Z');
const before = (seconds: number): string => new Date(NOON - seconds * 1000).toISOString();

test.each([
  [0, '0'],
  [0.45261, '0.4526'],
  [0.5, '0.5'],
  [12345.678, '12,346'],
  [2859.69, '2,860'],
  [-3.14159, '-3.142'],
  [0.00000032, '3.2e-7'],
  [1e12, '1e12'],
  ['NaN', 'NaN'],
  [null, '–']
] as const)('the number %s reads %s', (value, text) => {
  expect(format.formatNumber(value)).toBe(text);
});

test.each([
  [0.00000001, '< 0.001'],
  [0.0042, '0.004'],
  [0.049, '0.049'],
  [1, '1.000']
])('the probability %s reads %s', (value, text) => {
  expect(format.formatProbability(value)).toBe(text);
});

test.each([
  [0, '0%'],
  [0.0001, '< 0.1%'],
  [0.05, '5%'],
  [0.042, '4.2%'],
  [0.5, '50%']
])('the share %s reads %s', (value, text) => {
  expect(format.formatPercent(value)).toBe(text);
});

test.each([
  [3, 'just now'],
  [45, '40 s ago'],
  [150, '2 min ago'],
  [7200, '2 h ago'],
  [200000, '2 d ago']
])('%i seconds ago reads %s', (seconds, text) => {
  expect(format.formatAgo(before(seconds), NOON)).toBe(text);
});

test('a clock that is ahead of the server does not make times negative', () => {
  expect(format.formatAgo(before(-30), NOON)).toBe('just now');
});

test.each([
  [0.012, '12 ms'],
  [3.42, '3.4 s'],
  [42, '42 s'],
  [125, '2 min 05 s'],
  [4800, '1 h 20 min']
])('a duration of %d seconds reads %s', (seconds, text) => {
  expect(format.formatDuration(before(seconds), before(0), NOON)).toBe(text);
  expect(format.formatDuration(before(seconds), null, NOON)).toBe(text);
});

test.each([
  [512, '512 B'],
  [3400, '3.4 kB'],
  [12_000_000, '12 MB']
])('%i bytes read %s', (bytes, text) => {
  expect(format.formatSize(bytes)).toBe(text);
});

test('every state has a word and a sign of its own, so that colour is never the only difference', () => {
  for (const looks of [format.RUN_LOOKS, format.DRIFT_LOOKS, format.STAGE_LOOKS]) {
    const all = Object.values(looks);
    expect(new Set(all.map(look => look.word)).size).toBe(all.length);
    expect(new Set(all.map(look => look.sign)).size).toBe(all.length);
  }
});

test('a state that a newer server sends is shown by its name', () => {
  expect(format.look(format.RUN_LOOKS, 'QUEUED')).toMatchObject({ word: 'QUEUED', sign: '?' });
});

describe('small helpers', () => {
  test('plurals, base names and the colours of a terminal', () => {
    expect(format.count(1, 'run')).toBe('1 run');
    expect(format.count(1200, 'run')).toBe('1,200 runs');
    expect(format.baseName('/a/b/')).toBe('b');
    expect(format.baseName('C:\\a\\b')).toBe('b');
    expect(format.stripAnsi('\u001b[0;31mValueError\u001b[0m: x')).toBe('ValueError: x');
  });
});
