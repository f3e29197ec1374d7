import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { type Change, RunsSource } from '../src/runs/source';
import type { IRunsQuery } from '../src/runs/types';
import { type IAnswer, type IRequest, TestServer } from './server';

const ALL: IRunsQuery = { filter: '', experiment: null, order: null };

let server: TestServer;
let source: RunsSource;
let changes: Change[];
/** The ids of the runs that the server has, newest first. */
let ids: string[];
let running: ReadonlySet<string>;

beforeEach(async () => {
  ids = Array.from({ length: 100_000 }, (_, index) => String(100_000 - index));
  running = new Set();
  server = await TestServer.start();
  server.answer = answer;
  source = new RunsSource(server.api(), 20);
  changes = [];
  source.changed.connect((_, change) => changes.push(change));
});
afterEach(async () => {
  source.dispose();
  await server.stop();
});

function answer({ path, query }: IRequest): IAnswer {
  if (path === 'runs/count') {
    return { body: { count: ids.length } };
  }
  const cursor = query.get('cursor');
  const begin = (cursor === null ? 0 : ids.indexOf(cursor) + 1) + Number(query.get('skip') ?? 0);
  const end = begin + Number(query.get('limit'));
  const runs = ids.slice(begin, end).map(run_id => ({
    run_id,
    status: running.has(run_id) ? 'RUNNING' : 'FINISHED'
  }));
  return { body: { runs, next_cursor: end < ids.length ? ids[end - 1] : null } };
}

const settled = async (): Promise<void> => {
  await vi.waitFor(() => expect(source.loading).toBe(false));
  await new Promise(done => setTimeout(done, 30));
};

describe('a list of 100,000 runs', () => {
  test('is opened with one page', async () => {
    await source.open(ALL);
    expect([source.total, source.row(0)?.run_id]).toEqual([100_000, '100000']);
    expect(source.fetched).toBe(100);
    expect(changes[changes.length - 1]).toEqual({ type: 'opened' });
  });

  test('is fetched only where somebody looks', async () => {
    await source.open(ALL);
    for (const first of [50_000, 99_960, 20]) {
      source.view(first, first + 30);
      await vi.waitFor(() =>
        expect(source.row(Math.min(first + 30, 99_999))?.run_id).toBe(
          String(100_000 - Math.min(first + 30, 99_999))
        )
      );
    }
    await settled();
    expect(source.fetched).toBeLessThanOrEqual(800);
  });

  test('never asks for more than two blocks at once, however fast one scrolls', async () => {
    await source.open(ALL);
    const before = server.requests.length;
    for (let row = 0; row < 90_000; row += 1000) {
      source.view(row, row + 30);
    }
    expect(server.requests.length - before).toBeLessThanOrEqual(2);
    await vi.waitFor(() => expect(source.row(89_010)).toBeDefined());
    expect(source.fetched).toBeLessThanOrEqual(600);
  });

  test('gives a range that has not been looked at', async () => {
    await source.open(ALL);
    const rows = await source.range(250, 449);
    expect(rows.map(run => run.run_id)).toEqual(ids.slice(250, 450));
  });
});

describe('while somebody looks', () => {
  beforeEach(async () => {
    await source.open(ALL);
    source.view(0, 20);
    source.visible = true;
  });

  test('new runs come at the top, and the others keep their places', async () => {
    let told = 0;
    source.stateChanged.connect(() => told++);
    ids = ['100002', '100001', ...ids];
    await vi.waitFor(() => expect(source.row(0)?.run_id).toBe('100002'));
    expect(source.row(2)?.run_id).toBe('100000');
    expect(source.total).toBe(100_002);
    expect(changes).toContainEqual({ type: 'inserted', rows: 2 });
    expect(told).toBe(1);
  });

  test('a run that is deleted elsewhere goes', async () => {
    ids = ids.filter(id => id !== '99995');
    await vi.waitFor(() => expect(source.row(5)?.run_id).toBe('99994'));
    expect(source.total).toBe(99_999);
  });

  test('a run that is going on is renewed, wherever it stands', async () => {
    running = new Set(['99000']);
    source.view(990, 1010);
    await vi.waitFor(() => expect(source.row(1000)?.status).toBe('RUNNING'));
    running = new Set();
    await vi.waitFor(() => expect(source.row(1000)?.status).toBe('FINISHED'));
  });

  test('a server that fails leaves the rows, says so, and is forgiven when it answers again', async () => {
    server.answer = () => ({ status: 500, text: 'no' });
    await vi.waitFor(() => expect(source.problem?.code).toBe('server'));
    expect(source.row(0)?.run_id).toBe('100000');
    server.answer = answer;
    await vi.waitFor(() => expect(source.problem).toBeNull());
  });
});

describe('another filter', () => {
  const other = { ...ALL, filter: 'metrics.r2 > 0.5' };

  test('that cannot be read leaves the list before and says where it is wrong', async () => {
    await source.open(ALL);
    const error = { code: 'usage', message: 'expected a value' };
    server.answer = () => ({ status: 400, body: { error } });
    await source.open(other);
    expect(source.problem?.message).toBe('expected a value');
    expect([source.total, source.row(3)?.run_id]).toEqual([100_000, '99997']);
    await settled();
    const before = server.requests.length;
    source.visible = true;
    await new Promise(done => setTimeout(done, 100));
    expect(server.requests.length).toBe(before);
    server.answer = answer;
    await source.open(ALL);
    expect(source.problem).toBeNull();
  });

  test('shows nothing of the list before once its own rows have come', async () => {
    await source.open(ALL);
    ids = ids.slice(0, 3);
    await source.open(other);
    expect(source.total).toBe(3);
    expect(source.row(3)).toBeUndefined();
    expect(server.requests[server.requests.length - 1]?.query.get('filter')).toBe(other.filter);
  });

  test('that comes before the one before is answered gives that one up, without a fault', async () => {
    const given = source.open(other);
    await Promise.all([source.open(ALL), given]);
    await settled();
    expect([source.problem, source.total]).toEqual([null, 100_000]);
    expect(changes.filter(change => change.type === 'opened')).toHaveLength(1);
  });
});
