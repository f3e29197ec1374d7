import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { TrackbookModel } from '../src/model';
import { type IAnswer, type IRequest, TestServer } from './server';

let server: TestServer;
let model: TrackbookModel;
beforeEach(async () => {
  server = await TestServer.start();
  server.answer = request => answers(request, []);
  model = new TrackbookModel(server.api(), 20);
});
afterEach(async () => {
  model.dispose();
  await server.stop();
});

function answers(request: IRequest, runs: readonly string[]): IAnswer {
  const [path] = request.path.split('/');
  const bodies: Record<string, unknown> = {
    runs: { runs: runs.map(run_id => ({ run_id })), next_cursor: null },
    datasets: { datasets: [] },
    models: { models: [], total: 0, next_cursor: null },
    'drift-reports': { drift_reports: [], next_cursor: null },
    status: { project_id: 'default', root: '/work' },
    projects: { project_id: 'p1', root: '/home/ann/p1' }
  };
  const body = bodies[path ?? ''];
  return { body, etag: JSON.stringify(body) };
}

const asked = (path: string): readonly IRequest[] =>
  server.requests.filter(request => request.path === path);

describe('while the panel is visible', () => {
  test('a new run appears without being asked for', async () => {
    model.visible = true;
    await vi.waitFor(() => expect(model.state.runs?.runs).toEqual([]));
    server.answer = request => answers(request, ['r1']);
    await vi.waitFor(() => expect(model.state.runs?.runs).toEqual([{ run_id: 'r1' }]));
  });

  test('polls that bring nothing new draw nothing', async () => {
    model.visible = true;
    await vi.waitFor(() => expect(model.state.reports).not.toBeNull());
    let changes = 0;
    model.changed.connect(() => changes++);
    const before = asked('runs').length;
    await vi.waitFor(() => expect(asked('runs').length).toBeGreaterThan(before + 3));
    expect(changes).toBe(0);
  });

  test('hiding it ends the polling', async () => {
    model.visible = true;
    await vi.waitFor(() => expect(model.state.runs).not.toBeNull());
    model.visible = false;
    await new Promise(done => setTimeout(done, 60));
    const before = server.requests.length;
    await new Promise(done => setTimeout(done, 120));
    expect(server.requests.length).toBe(before);
  });
});

describe('the project', () => {
  test('is the one of the server until a notebook is open', async () => {
    await model.refresh();
    expect(model.state.project).toMatchObject({ project_id: 'default' });
    expect(asked('runs')[0]?.query.has('project')).toBe(false);
  });

  test('follows the notebook that is open', async () => {
    model.openNotebook('a/b.ipynb');
    await model.refresh();
    expect(asked('projects').map(request => request.body)).toEqual([{ path: 'a/b.ipynb' }]);
    expect(asked('runs')[0]?.query.get('project')).toBe('p1');
    expect(model.state.project).toEqual({ project_id: 'p1', root: '/home/ann/p1' });
  });

  test('is told again to a server that has forgotten it', async () => {
    model.openNotebook('a/b.ipynb');
    await model.refresh();
    const error = { code: 'unknown_project', message: 'unknown' };
    server.answer = () => ({ status: 404, body: { error } });
    await model.refresh();
    server.answer = request => answers(request, ['r1']);
    await model.refresh();
    expect(asked('projects').length).toBe(2);
    expect(model.state.problems).toEqual({});
    expect(model.state.runs?.runs).toEqual([{ run_id: 'r1' }]);
  });
});

describe('a failure', () => {
  test('of one list leaves the others as they are', async () => {
    const error = { code: 'usage', message: 'no such column' };
    server.answer = request =>
      request.path === 'runs' ? { status: 400, body: { error } } : answers(request, []);
    model.setFilter('nonsense');
    await model.refresh();
    expect(model.state.problems.runs?.message).toBe('no such column');
    expect(model.state.problems.models).toBeUndefined();
    expect(model.state.models?.models).toEqual([]);
  });
});
