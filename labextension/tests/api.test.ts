import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { ApiError } from '../src/api';
import { TestServer } from './server';

let server: TestServer;
beforeEach(async () => {
  server = await TestServer.start();
});
afterEach(() => server.stop());

async function failure(promise: Promise<unknown>): Promise<ApiError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason
  );
  expect(error).toBeInstanceOf(ApiError);
  return error as ApiError;
}

describe('a request', () => {
  test('names the project, the limit and the filter, and leaves out what is not set', async () => {
    server.answer = () => ({ body: { runs: [], next_cursor: null } });
    const api = server.api();
    api.project = 'p1';
    await api.runs('metrics.r2 > 0.4', 7);
    const { method, path, query } = server.requests[0]!;
    expect([method, path]).toEqual(['GET', 'runs']);
    expect(query.get('filter')).toBe('metrics.r2 > 0.4');
    expect(query.get('limit')).toBe('7');
    expect(query.get('project')).toBe('p1');
    expect(query.has('cursor')).toBe(false);
  });

  test('escapes the names that it puts into a path', async () => {
    server.answer = () => ({ body: {} });
    const wish = { stage: 'production', reason: null, override: false } as const;
    await server.api().promote('a/b c', 2, wish);
    expect(server.requests[0]).toMatchObject({
      method: 'POST',
      path: 'models/a%2Fb%20c/versions/2/promotions',
      body: wish
    });
  });

  test('that is repeated sends the ETag and gets the very same page for a 304', async () => {
    server.answer = () => ({ body: { models: [{ name: 'm' }] }, etag: '"1"' });
    const api = server.api();
    const first = await api.models();
    const second = await api.models();
    expect(server.requests.map(request => request.etag)).toEqual([undefined, '"1"']);
    expect(second).toBe(first);
  });

  test('sees a change as soon as the ETag is another one', async () => {
    const api = server.api();
    server.answer = () => ({ body: { models: [] }, etag: '"1"' });
    await api.models();
    server.answer = () => ({ body: { models: [{ name: 'new' }] }, etag: '"2"' });
    expect(await api.models()).toEqual({ models: [{ name: 'new' }] });
  });
});

describe('a failure', () => {
  test('carries the code and the message of the server', async () => {
    const error = { code: 'gate_refused', message: 'r2 is 0.2, below 0.3' };
    server.answer = () => ({ status: 409, body: { error } });
    const wish = { stage: 'production', reason: null, override: false } as const;
    expect(await failure(server.api().promote('m', 1, wish))).toMatchObject({
      status: 409,
      ...error
    });
  });

  test.each([
    [404, 'no_extension'],
    [403, 'not_signed_in'],
    [500, 'server']
  ])('with status %i and no body of Trackbook is %s', async (status, code) => {
    server.answer = () => ({ status, text: '<html>' });
    expect(await failure(server.api().models())).toMatchObject({ status, code });
  });

  test('of a server that is gone is "unreachable"', async () => {
    const api = server.api();
    await server.stop();
    expect(await failure(api.models())).toMatchObject({ status: 0, code: 'unreachable' });
    server = await TestServer.start();
  });
});
