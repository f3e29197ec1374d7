import { describe, expect, test } from 'vitest';

import { accept, suggest } from '../src/runs/completion';
import type { IRunKeys } from '../src/runs/types';

const KEYS: IRunKeys = {
  attributes: [
    { name: 'status', numeric: false },
    { name: 'start_time', numeric: true },
    { name: 'experiment', numeric: false }
  ],
  params: ['model', 'learning rate'],
  metrics: ['r2', 'r2.test', 'rmse'],
  tags: ['team'],
  experiments: ['churn', "o'hara"]
};

function texts(text: string): readonly string[] {
  return suggest(text, text.length, KEYS)?.items.map(item => item.text) ?? [];
}

describe('at the begin of a condition', () => {
  test('everything that has a key is offered', () => {
    const all = ['metrics.', 'params.', 'tags.', 'status', 'start_time', 'experiment'];
    expect(texts('')).toEqual(all);
    expect(texts("status = 'FAILED' and ")).toEqual(all);
    expect(texts('not (')).toEqual(all);
  });

  test('names follow their collection, unusual ones in backticks', () => {
    expect(texts('metrics.')).toEqual(['metrics.r2', 'metrics.r2.test', 'metrics.rmse']);
    expect(texts('metrics.rm')).toEqual(['metrics.rmse']);
    expect(texts('params.')).toEqual(['params.model', 'params.`learning rate`']);
    expect(texts('params.rate')).toEqual(['params.`learning rate`']);
  });

  test('a name is found without its collection', () => {
    expect(texts('tea')).toEqual(['tags.team']);
  });
});

describe('behind a key', () => {
  test('operators are those that its kind can be compared with', () => {
    expect(texts('metrics.r2 ')).toEqual([
      '>',
      '>=',
      '<',
      '<=',
      '=',
      '!=',
      'IS NULL',
      'IS NOT NULL'
    ]);
    expect(texts('status ')).toEqual(['=', '!=', 'LIKE', 'ILIKE', 'IN']);
    expect(texts('start_time ')).not.toContain('LIKE');
    expect(texts('params.`learning rate` ')).toContain('LIKE');
  });

  test('values are offered where there are only so many', () => {
    expect(texts('status = ')).toEqual(["'FINISHED'", "'RUNNING'", "'FAILED'", "'KILLED'"]);
    expect(texts("status = 'FA")).toEqual(["'FAILED'"]);
    expect(texts('experiment = ')).toEqual(["'churn'", "'o''hara'"]);
    expect(texts('metrics.r2 > ')).toEqual([]);
  });

  test('a complete condition goes on with and, or', () => {
    expect(texts('metrics.r2 > 0.5 ')).toEqual(['and', 'or']);
    expect(texts("status IN ('FAILED') ")).toEqual(['and', 'or']);
    expect(texts('metrics.r2 IS NOT NULL ')).toEqual(['and', 'or']);
  });
});

test('what is no filter gets no suggestions', () => {
  expect(texts('metrics.r2 metrics.rmse ')).toEqual([]);
  expect(texts('> 3 ')).toEqual([]);
});

test('what is written out in full is not offered again', () => {
  expect(suggest('and ', 0, KEYS)?.items.length).toBeGreaterThan(0);
  expect(texts('metrics.rmse')).toEqual([]);
});

test('a suggestion replaces what was begun and leaves the rest', () => {
  const text = "metrics.rm and status = 'FAILED'";
  const found = suggest(text, 10, KEYS);
  const item = found?.items[0];
  expect(found && item && accept(text, 10, found.from, item)).toEqual({
    text: "metrics.rmse and status = 'FAILED'",
    caret: 12
  });
});
