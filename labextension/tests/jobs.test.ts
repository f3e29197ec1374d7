import { describe, expect, it, vi } from 'vitest';

import { ApiError } from '../src/api';
import { follow, type IServerJob, isOpen } from '../src/jobs';

const job = (state: IServerJob['state']): IServerJob => ({
  job_id: 'j',
  start_time: '',
  end_time: null,
  state,
  stage: '',
  text: '',
  position: 0,
  total: 0,
  message: ''
});

describe('follow', () => {
  it('asks again until it is stopped', async () => {
    const states: string[] = [];
    await new Promise<void>(done => {
      const stop = follow(() => Promise.resolve(job(states.length ? 'done' : 'running')), {
        job: async told => {
          states.push(told.state);
          if (!isOpen(told)) {
            stop();
            done();
          }
        },
        forgotten: () => undefined,
        error: () => undefined
      });
    });
    expect(states).toEqual(['running', 'done']);
  });

  it('goes on after an error, and ends where the server has forgotten the job', async () => {
    const answers = [new ApiError(0, 'lost', 'no answer'), new ApiError(404, 'not_found', 'gone')];
    const ask = vi.fn(() => Promise.reject<IServerJob>(answers.shift()));
    const error = vi.fn();
    await new Promise<void>(forgotten => {
      follow(ask, { job: async () => undefined, forgotten, error });
    });
    await new Promise(later => setTimeout(later, 500));
    expect([ask.mock.calls.length, error.mock.calls.length]).toEqual([2, 1]);
  });
});
