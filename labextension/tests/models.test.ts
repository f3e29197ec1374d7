import { describe, expect, test } from 'vitest';

import {
  extentOf,
  gateLook,
  gatesLook,
  marksOf,
  newestResults,
  signed,
  sortEvidence,
  spoken,
  stageSpans,
  stagesFor,
  told,
  toldEvent
} from '../src/models/rules';
import type { IAuditEvent, IGateResult, IModelSummary, IVersion } from '../src/models/types';

function result(title: string, passed: boolean, why: string | null = null): IGateResult {
  const gate = { type: 'metric', title, stage: 'production', settings: {} };
  return { gate, stage: 'production', passed, void: why, reason: '' } as unknown as IGateResult;
}

describe('the results of gates', () => {
  test('of repeated judgements the newest counts; what failed comes first, what is void last', () => {
    const results = [
      result('r2', false),
      result('auc', true, 'the bytes are others'),
      result('r2', true),
      result('size', false)
    ];
    expect(newestResults(results).map(({ gate, passed }) => [gate.title, passed])).toEqual([
      ['size', false],
      ['r2', true],
      ['auc', true]
    ]);
  });

  test('a result that is void is never shown as passed', () => {
    expect(gateLook(result('auc', true, 'other bytes'))).toMatchObject({
      word: 'void',
      tone: 'quiet'
    });
    expect(gatesLook({ passed: 3, failed: 0, void: 1 }).word).toBe('1 gate void');
    expect(gatesLook({ passed: 3, failed: 2, void: 1 }).word).toBe('2 gates refused');
    expect(gatesLook({ passed: 0, failed: 0, void: 0 }).word).toBe('not checked');
  });

  test('their marks are bounds and margins, and where nothing differs', () => {
    const champion = result('better', true);
    const gate = { ...champion.gate, type: 'champion', settings: { margin: 0.01, metric: 'auc' } };
    expect(marksOf({ ...champion, gate })).toEqual([
      ['no difference', 0],
      ['margin', 0.01]
    ]);
    const fair = { ...champion.gate, type: 'fairness', settings: { max: 0.1, min: null } };
    expect(marksOf({ ...champion, gate: fair })).toEqual([['max', 0.1]]);
  });
});

describe('evidence', () => {
  test('is sorted into facts, pictures and tables, and nothing is left out', () => {
    const sorted = sortEvidence({
      metric: 'auc',
      comparison: { test: 'DeLong', difference: 0.02, low: 0.01, high: 0.03, rows_needed: null },
      slices: [
        { difference: -0.01, low: -0.02, high: 0.001, slice: 'north', rows: 4, verdict: 'worse' },
        { slice: '<b>', rows: 3, verdict: 'too small' }
      ]
    });
    expect(sorted.facts).toEqual([
      ['metric', 'auc'],
      ['test', 'DeLong']
    ]);
    expect(sorted.pictures.map(({ title, bounded }) => [title, bounded])).toEqual([
      ['what was found', true],
      ['slices', true]
    ]);
    expect(sorted.pictures[0]?.intervals[0]).toMatchObject({ value: 0.02, low: 0.01, high: 0.03 });
    const north = { label: 'north', value: -0.01, note: '4 rows', passed: false };
    expect(sorted.pictures[1]?.intervals).toMatchObject([north]);
    const [table] = sorted.tables;
    expect(table?.heads).toEqual(['slice', 'difference', 'low', 'high', 'rows', 'verdict']);
    expect(table?.rows[1]).toEqual(['<b>', null, null, null, 3, 'too small']);
  });

  test('of groups has a picture a rate, on a scale of its own', () => {
    const sorted = sortEvidence({
      estimate: { value: 0.1, low: 0, high: 0.2, group: null },
      groups: [
        { group: 'f', rows: 9, selection_rate: [0.5, 0.4, 0.6] },
        { group: 'm', rows: 8, selection_rate: [0.25, 0.2, 0.3] }
      ]
    });
    expect(sorted.pictures.map(({ title, bounded }) => [title, bounded])).toEqual([
      ['what was found', true],
      ['selection rate', false]
    ]);
    expect(sorted.pictures[1]?.intervals.map(({ label, low }) => [label, low])).toEqual([
      ['f', 0.4],
      ['m', 0.2]
    ]);
    expect(told(sorted.tables[0]?.rows[0]?.[2] ?? null)).toBe('0.5 (0.4 to 0.6)');
  });

  test('of another kind is still shown', () => {
    const groups = { f: { rate: 0.5 }, m: { rate: 0.25 } };
    expect(sortEvidence({ groups }).tables[0]?.rows).toEqual([
      ['f', 0.5],
      ['m', 0.25]
    ]);
    expect(sortEvidence({ leakage: { found: 0, note: '', share: null } }).facts).toEqual([
      ['leakage found', '0']
    ]);
    expect(sortEvidence(null)).toEqual({ facts: [], pictures: [], tables: [] });
  });

  test('is drawn on a scale that holds the marks, too', () => {
    const interval = { label: '', value: 0.5, low: 0.4, high: 0.6, passed: null, note: '' };
    const [low, high] = extentOf([interval], [0]);
    expect(low).toBeLessThan(0);
    expect(high).toBeGreaterThan(0.6);
    expect(extentOf([], [])).toEqual([0, 1]);
  });
});

describe('the timeline', () => {
  const at = (hour: number): string => new Date(Date.UTC(2026, 0, 1, hour)).toISOString();
  const version = (number: number, hour: number): IVersion =>
    ({ version: number, created_time: at(hour), stage: 'none' }) as IVersion;
  const moved = (seq: number, hour: number, number: number, more: object): IAuditEvent =>
    ({
      seq,
      time: at(hour),
      version: number,
      archived: [],
      red: false,
      ...more
    }) as unknown as IAuditEvent;

  test('tells when each version was in which stage, and what moved it out', () => {
    const events = [
      moved(4, 6, 2, { stage: 'production', archived: [1], red: true }),
      moved(2, 2, 1, { stage: 'production' }),
      moved(3, 3, 1, { stage: null })
    ];
    const spans = stageSpans([version(2, 4), version(1, 0)], events, Date.parse(at(8)));
    expect(spans.get(1)).toEqual([
      { stage: 'none', start: 0, end: 0.25, override: false },
      { stage: 'production', start: 0.25, end: 0.75, override: false },
      { stage: 'archived', start: 0.75, end: 1, override: false }
    ]);
    expect(spans.get(2)).toEqual([
      { stage: 'none', start: 0.5, end: 0.75, override: false },
      { stage: 'production', start: 0.75, end: 1, override: true }
    ]);
  });

  test('of one version that was registered just now is no division by nothing', () => {
    const spans = stageSpans([version(1, 0)], [], Date.parse(at(0)));
    expect(spans.get(1)?.every(({ start, end }) => start >= 0 && end <= 1)).toBe(true);
  });

  test('the stage that a version has is not offered', () => {
    expect(stagesFor({ stage: 'production' } as IVersion)).toEqual(['staging', 'archived', 'none']);
  });
});

test('a model is told in one line: production, overrides, what is newest, and who is waited for', () => {
  const brief = { gates: { passed: 2, failed: 0, void: 0 }, deprecated: null };
  const model = {
    name: 'churn',
    production: { ...brief, version: 2, override: 'the old one is down' },
    newest: { ...brief, version: 3, override: null },
    waiting: 1,
    aliases: { champion: 2 }
  } as unknown as IModelSummary;
  expect(spoken(model)).toBe(
    'Model churn, version 2 in production, by an override, newest 3, 2 gates passed, ' +
      'waits for 1 approval, champion is version 2'
  );
});

test('changes have a sign, and events a subject', () => {
  expect([signed(0.0123456), signed(-2), signed(0), signed('NaN'), signed(null)]).toEqual([
    '+0.01235',
    '−2',
    '0',
    'NaN',
    '–'
  ]);
  const event = { version: 3, words: 'promoted to production' } as IAuditEvent;
  expect(toldEvent(event)).toBe('Version 3 promoted to production');
});
