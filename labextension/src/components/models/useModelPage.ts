/** What the document of a model knows, and the steps that change it. */

import { useEffect, useState } from 'react';

import type { ApiError, Stage, TrackbookApi } from '../../api';
import { follow, isOpen } from '../../jobs';
import { asApiError } from '../../model';
import type { IAuditPage, ICheckJob, IModelDetail, IStanding, IVersion } from '../../models/types';
import { useLoaded } from '../hooks';
import { ask } from './ActionBody';
import { nameOf } from './Standing';

/** Milliseconds between two looks for what others have done. */
const INTERVAL = 4000;

/** How the last step ended; it stays until it is dismissed or another one is taken. */
export interface IOutcome {
  readonly tone: 'good' | 'bad';
  readonly title: string;
  readonly message: string;
}

export interface IModelPageState {
  readonly model: IModelDetail | null;
  readonly trail: IAuditPage | null;
  readonly error: ApiError | null;
  /** Counts the steps taken: another one means that everything may be another now. */
  readonly revision: number;
  readonly outcome: IOutcome | null;
  readonly dismiss: () => void;
  readonly take: (done: string, refused: string, step: () => Promise<unknown>) => Promise<void>;
}

export function useModelPage(api: TrackbookApi, name: string): IModelPageState {
  const [revision, setRevision] = useState(0);
  const [outcome, setOutcome] = useState<IOutcome | null>(null);
  const { value, error } = useLoaded(
    async () => {
      const [model, trail] = await Promise.all([api.model(name), api.auditEvents(name, null)]);
      return { model, trail };
    },
    () => true,
    INTERVAL,
    [name, revision]
  );
  const take: IModelPageState['take'] = async (done, refused, step) => {
    try {
      await step();
      setOutcome({ tone: 'good', title: done, message: '' });
    } catch (reason) {
      setOutcome({ tone: 'bad', title: refused, message: asApiError(reason).message });
    }
    setRevision(before => before + 1);
  };
  const { model = null, trail = null } = value ?? {};
  return { model, trail, error, revision, outcome, dismiss: () => setOutcome(null), take };
}

/** The job that judges a version, and what starts and ends it. */
export function useCheck(
  api: TrackbookApi,
  name: string,
  onDone: () => void
): {
  job: ICheckJob | null;
  error: ApiError | null;
  start: (version: number, stage: Stage) => void;
  cancel: () => void;
} {
  const [job, setJob] = useState<ICheckJob | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const jobId = isOpen(job) ? job.job_id : null;
  const fail = (reason: unknown): void => setError(asApiError(reason));
  useEffect(() => {
    if (jobId === null) {
      return undefined;
    }
    return follow(() => api.modelCheck(jobId), {
      job: async next => {
        setJob(next);
        setError(null);
        if (!isOpen(next)) {
          onDone();
        }
      },
      forgotten: () => setJob(null),
      error: setError
    });
  }, [jobId]);
  return {
    job,
    error,
    start: (version, stage) => void api.checkModel(name, version, stage).then(setJob, fail),
    cancel: () => {
      if (jobId !== null) {
        void api.cancelModelCheck(jobId).then(setJob, fail);
      }
    }
  };
}

type Take = IModelPageState['take'];

interface ISubject {
  readonly api: TrackbookApi;
  readonly name: string;
  readonly version: IVersion;
  readonly stage: Stage;
  readonly standing: IStanding | null;
}

export async function askDecision(on: ISubject, approved: boolean, take: Take): Promise<void> {
  const { api, name, stage, standing } = on;
  const { version } = on.version;
  const stageName = nameOf(stage);
  const word = await ask({
    title: `${approved ? 'Approve' : 'Reject'} ${name} version ${version}`,
    text: approved
      ? `You say yes to version ${version} in ${stageName}. It holds for these bytes, what the gates say now and the policy of now.`
      : `You say no to version ${version} in ${stageName}. It stays out until you decide otherwise.`,
    field: approved ? 'Comment' : 'Why not',
    required: !approved,
    button: approved ? 'Approve' : 'Reject',
    grave: !approved,
    version,
    standing,
    overridable: false
  });
  if (word) {
    const comment = word.text.trim();
    const verb = approved ? 'approved' : 'rejected';
    await take(
      `Version ${version} is ${verb} for ${stageName}`,
      `Version ${version} was not ${verb}`,
      () => api.approve(name, version, { stage, approved, comment })
    );
  }
}

export async function askPromotion(on: ISubject, take: Take): Promise<void> {
  const { api, name, stage, standing } = on;
  const { version } = on.version;
  const stageName = nameOf(stage);
  const word = await ask({
    title: `Promote ${name} version ${version} to ${stageName}`,
    text: `Its gates judge it anew; when all is met, version ${version} enters ${stageName}.`,
    field: 'Reason',
    required: false,
    button: 'Promote',
    grave: false,
    version,
    standing,
    overridable: true
  });
  if (word) {
    const { override } = word;
    const wish = { stage, reason: word.text.trim() || null, override };
    await take(
      `Version ${version} is now in ${stageName}${override ? ', by an override' : ''}`,
      `Version ${version} was refused for ${stageName}`,
      () => api.promote(name, version, wish)
    );
  }
}

export async function askRollback(on: ISubject, take: Take): Promise<void> {
  const { api, name, version } = on;
  const word = await ask({
    title: `Roll ${name} back`,
    text: `Version ${version.version} leaves production, and the version that was there before it comes back.`,
    field: 'Reason',
    required: false,
    button: 'Roll back',
    grave: true,
    version: version.version,
    standing: null,
    overridable: false
  });
  if (word) {
    await take(`${name} is rolled back`, `${name} was not rolled back`, () =>
      api.rollBack(name, word.text.trim() || null)
    );
  }
}

export async function askDeprecation(on: ISubject, take: Take): Promise<void> {
  const { api, name } = on;
  const { version, deprecated } = on.version;
  const back = deprecated !== null;
  const word = await ask({
    title: `${back ? 'No longer deprecate' : 'Deprecate'} ${name} version ${version}`,
    text: back
      ? `Version ${version} may be used again.`
      : `Version ${version} is marked as not to be used any more; whoever loads it is told why.`,
    field: 'Reason',
    required: !back,
    button: back ? 'Take back' : 'Deprecate',
    grave: !back,
    version,
    standing: null,
    overridable: false
  });
  if (word) {
    await take(
      `Version ${version} is ${back ? 'no longer ' : ''}deprecated`,
      `Version ${version} was not changed`,
      () => api.deprecate(name, version, back ? null : word.text.trim())
    );
  }
}

export async function askAlias(on: ISubject, take: Take): Promise<void> {
  const { api, name } = on;
  const { version } = on.version;
  const word = await ask({
    title: `Name ${name} version ${version}`,
    text: `The alias will mean version ${version}, whichever version it means now.`,
    named: 'Alias',
    field: 'Reason',
    required: false,
    button: 'Set alias',
    grave: false,
    version,
    standing: null,
    overridable: false
  });
  if (word) {
    const alias = word.name.trim();
    await take(`@${alias} is version ${version}`, `@${alias} was not set`, () =>
      api.setAlias(name, alias, { version, reason: word.text.trim() || null })
    );
  }
}
