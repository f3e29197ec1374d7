/** A run of a pipeline as its events tell it: the state and the log of each step.  Pure functions. */

import { count, formatSeconds, type ILook, look, stripAnsi } from '../format';
import type { IForecast, IPipelineJob, RunEvent } from './runTypes';

/** How many characters of one step's log a page holds; more, and the browser gets slow. */
export const LOG_LENGTH = 200_000;

export interface IStepRun {
  readonly state: string;
  /** When it began, in milliseconds of the server's clock. */
  readonly began: number | null;
  readonly seconds: number | null;
  readonly expected: number | null;
  /** What a failed step raised, or why the result of another was not kept. */
  readonly reason: string;
  /** Why it ran although there is a cache. */
  readonly why: string;
  readonly traceback: string;
  readonly runId: string;
  readonly log: string;
  /** Characters that are gone from the beginning of the log. */
  readonly cut: number;
}

export interface IRunView {
  readonly runId: string | null;
  readonly steps: ReadonlyMap<string, IStepRun>;
  readonly notices: readonly string[];
  readonly params: Readonly<Record<string, string>>;
  readonly began: number | null;
  readonly expected: number | null;
  /** What happened last, for those who hear the page. */
  readonly said: string;
}

export const NO_RUN: IRunView = {
  runId: null,
  steps: new Map(),
  notices: [],
  params: {},
  began: null,
  expected: null,
  said: ''
};

export const NO_STEP: IStepRun = {
  state: 'waiting',
  began: null,
  seconds: null,
  expected: null,
  reason: '',
  why: '',
  traceback: '',
  runId: '',
  log: '',
  cut: 0
};

/** Signs and colours of how a step stands, ended, or would end. */
export const STEP_LOOKS: Readonly<Record<string, ILook>> = {
  waiting: { word: 'waiting', sign: '○', tone: 'quiet' },
  running: { word: 'running', sign: '●', tone: 'busy' },
  retrying: { word: 'trying again', sign: '↻', tone: 'warn' },
  executed: { word: 'executed', sign: '✓', tone: 'good' },
  cached: { word: 'cached', sign: '=', tone: 'quiet' },
  failed: { word: 'failed', sign: '✕', tone: 'bad' },
  skipped: { word: 'skipped', sign: '–', tone: 'quiet' },
  stopped: { word: 'stopped', sign: '■', tone: 'warn' },
  runs: { word: 'would run', sign: '▷', tone: 'busy' },
  depends: { word: 'may run', sign: '?', tone: 'quiet' }
};

const ENDED = new Set(['executed', 'cached', 'failed', 'skipped', 'stopped']);

export function isGoing(step: IStepRun): boolean {
  return step.state === 'running' || step.state === 'retrying';
}

/** The view after what a job tells; steps that were going on when it ended have stopped with it. */
export function hear(view: IRunView, job: IPipelineJob, isFirst: boolean): IRunView {
  const heard = job.events.reduce(after, view);
  const steps = new Map(heard.steps);
  for (const [name, step] of steps) {
    const cut = isFirst ? step.cut + (job.cut[name] ?? 0) : step.cut;
    const hasEnded = job.end_time !== null && !ENDED.has(step.state);
    const state = !hasEnded ? step.state : isGoing(step) ? 'stopped' : 'skipped';
    if (state !== step.state || cut !== step.cut) {
      steps.set(name, { ...step, state, cut });
    }
  }
  return { ...heard, steps };
}

function after(view: IRunView, event: RunEvent): IRunView {
  const time = Date.parse(event.time);
  switch (event.event) {
    case 'run': {
      // A step may have printed while the script was imported, which is before.
      const steps = new Map(event.steps.map(name => [name, view.steps.get(name) ?? NO_STEP]));
      const { run_id, params, expected } = event;
      return { ...view, runId: run_id, steps, params, expected, began: time };
    }
    case 'notice':
      return { ...view, notices: [...view.notices, event.text] };
    case 'output':
      return withStep(view, event.step, step => printed(step, event.text));
    case 'step': {
      const { name, state, reason, why } = event;
      if (state === 'started' || state === 'retrying') {
        const changed = { state: state === 'started' ? 'running' : state, began: time, reason };
        const { expected, run_id: runId } = event;
        const begin = state === 'started' ? { ...changed, expected, runId } : changed;
        return withStep({ ...view, said: `${name} ${wordOf(begin.state)}` }, name, step => ({
          ...step,
          ...begin
        }));
      }
      const { seconds, run_id: runId, traceback } = event;
      const ended = { state, seconds, reason, why, runId, traceback };
      return withStep({ ...view, said: `${name} ${wordOf(state)}` }, name, step => ({
        ...step,
        ...ended,
        log: withoutEnd(step.log, traceback)
      }));
    }
    default:
      return view;
  }
}

function wordOf(state: string): string {
  return look(STEP_LOOKS, state).word;
}

function withStep(view: IRunView, name: string, change: (step: IStepRun) => IStepRun): IRunView {
  const steps = new Map(view.steps);
  if (name !== '') {
    steps.set(name, change(steps.get(name) ?? NO_STEP));
  }
  return { ...view, steps };
}

function printed(step: IStepRun, text: string): IStepRun {
  const log = step.log + text;
  const gone = Math.max(0, log.length - LOG_LENGTH);
  return { ...step, log: log.slice(gone), cut: step.cut + gone };
}

/** The traceback is printed too; it has a place of its own. */
function withoutEnd(log: string, traceback: string): string {
  return traceback !== '' && log.endsWith(traceback) ? log.slice(0, -traceback.length) : log;
}

/** What stands in a log: no colours of a terminal, and of a line that was written over only the last. */
export function readable(log: string): string {
  return stripAnsi(log)
    .split('\n')
    .map(line => {
      const parts = line.split('\r').filter(Boolean);
      return parts[parts.length - 1] ?? '';
    })
    .join('\n');
}

/** A traceback as it is read: the script of a notebook is made for one run only, and where it lay says nothing. */
export function readableTraceback(traceback: string): string {
  return readable(traceback)
    .replace(/File "[^"\n]*[\\/]script-[^"\\/\n]+[\\/]([^"\n]+)"/g, 'File "$1"')
    .trimEnd();
}

/** How far it is: `2 of 5 steps`. */
export function extent(view: IRunView): { readonly done: number; readonly total: number } {
  const steps = [...view.steps.values()];
  return { done: steps.filter(step => ENDED.has(step.state)).length, total: steps.length };
}

/** What became of the steps: `3 executed, 2 cached`. */
export function counts(states: Readonly<Record<string, number>>): string {
  const order = ['executed', 'cached', 'failed', 'skipped', 'stopped', 'trials'];
  return order
    .filter(state => (states[state] ?? 0) > 0)
    .map(state => `${states[state]} ${state}`)
    .join(', ');
}

export function statesOf(view: IRunView): Readonly<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const { state } of view.steps.values()) {
    found[state] = (found[state] ?? 0) + 1;
  }
  return found;
}

/** What a node of the graph shows of its step. */
export interface INodeState {
  readonly state: string;
  readonly look: ILook;
  /** Beside the sign: a time, or a word. */
  readonly text: string;
  /** From 0 to 1 while it runs and its time is known. */
  readonly share: number | null;
  /** What would be, instead of what is. */
  readonly isForecast: boolean;
  /** The same in a sentence. */
  readonly label: string;
}

/** A step of a run at `now`, in milliseconds of the server's clock. */
export function nodeOf(step: IStepRun, now: number): INodeState {
  const found = look(STEP_LOOKS, step.state);
  const base = { state: step.state, look: found, isForecast: false };
  if (isGoing(step)) {
    const elapsed = Math.max(0, (now - (step.began ?? now)) / 1000);
    const { expected } = step;
    const of = expected === null || expected < 1 ? '' : ` of ${formatSeconds(expected)}`;
    const share = expected ? Math.min(1, elapsed / expected) : null;
    const text = `${whole(elapsed)}${of}`;
    return { ...base, text, share, label: `${found.word} for ${text}` };
  }
  const timed = step.state === 'executed' || step.state === 'failed';
  const time = timed && step.seconds !== null ? secondsOf(step.seconds) : '';
  const text = step.state === 'executed' && time !== '' ? time : found.word;
  const label = time === '' ? found.word : `${found.word} in ${time}`;
  return { ...base, text, share: null, label };
}

export function foreseen(step: IForecast): INodeState | null {
  if (step.state === null) {
    return null;
  }
  const found = look(STEP_LOOKS, step.state);
  const label = step.why === '' ? `would be ${found.word}` : `${found.word}: ${step.why}`;
  return {
    state: step.state,
    look: found,
    text: step.state === 'runs' ? 'runs' : found.word,
    share: null,
    isForecast: true,
    label: step.state === 'cached' ? 'would be taken from the cache' : label
  };
}

/** The time of a step, which may be less than can be said. */
export function secondsOf(seconds: number): string {
  return seconds < 0.001 ? '< 1 ms' : formatSeconds(seconds);
}

/** Seconds that tick: whole ones. */
function whole(seconds: number): string {
  return seconds < 60 ? `${Math.floor(seconds)} s` : formatSeconds(seconds);
}

/** The step that somebody who has chosen none wants to see: one that failed, else the one that runs, else the last. */
export function foremost(view: IRunView): string | null {
  const steps = [...view.steps];
  const failed = steps.find(([, step]) => step.state === 'failed' || step.state === 'stopped');
  const going = steps.find(([, step]) => isGoing(step));
  const done = steps.filter(([, step]) => step.state === 'executed' || step.state === 'cached');
  return (failed ?? going ?? done[done.length - 1] ?? steps[0])?.[0] ?? null;
}

/** How a whole run went, in a line. */
export function summary(view: IRunView): string {
  return counts(statesOf(view)) || count(view.steps.size, 'step');
}
