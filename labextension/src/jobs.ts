import type { ApiError } from './api';
import { asApiError } from './model';

/** Work that the server has started and goes on with by itself; `position` of `total` cells have begun. */
export interface IServerJob {
  readonly job_id: string;
  readonly start_time: string;
  readonly end_time: string | null;
  readonly state: 'waiting' | 'running' | 'done' | 'failed' | 'cancelled';
  readonly stage: string;
  readonly text: string;
  readonly position: number;
  readonly total: number;
  readonly message: string;
}

/** Milliseconds between two questions. */
const PAUSE = 400;

export function isOpen<Job extends IServerJob>(job: Job | null): job is Job {
  return job !== null && (job.state === 'waiting' || job.state === 'running');
}

/**
 * Ask how a job stands, again and again; returns what stops the asking.
 *
 * A server that was started anew has forgotten it: then `onForgotten` is called, and nothing more is asked.
 */
export function follow<Job extends IServerJob>(
  ask: () => Promise<Job>,
  on: {
    readonly job: (job: Job) => Promise<void>;
    readonly forgotten: () => void;
    readonly error: (error: ApiError) => void;
  }
): () => void {
  let stopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const again = async (): Promise<void> => {
    try {
      const job = await ask();
      if (!stopped) {
        await on.job(job);
      }
    } catch (reason) {
      const problem = asApiError(reason);
      if (!stopped && problem.status === 404) {
        on.forgotten();
        return;
      }
      if (!stopped) {
        on.error(problem);
      }
    }
    if (!stopped) {
      timer = setTimeout(() => void again(), PAUSE);
    }
  };
  void again();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
