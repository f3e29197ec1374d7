import { describe, expect, test } from 'vitest';

import { spotOf } from '../src/pipeline/failure';
import { changesOf, innermost, stepsOf } from '../src/pipeline/history';
import {
  counts,
  extent,
  foremost,
  foreseen,
  hear,
  type IRunView,
  LOG_LENGTH,
  NO_RUN,
  NO_STEP,
  nodeOf,
  readable,
  readableTraceback,
  statesOf
} from '../src/pipeline/run';
import type { IPastRun, IPipelineJob, IStepProgress, RunEvent } from '../src/pipeline/runTypes';
import type { IGraphCell } from '../src/pipeline/types';

const TIME = '2026-01-01T00:00:00.000Z';
const START = Date.parse(TIME);

const began: RunEvent = {
  event: 'run',
  run_id: 'r1',
  steps: ['load', 'train', 'report'],
  params: { depth: '3' },
  expected: 4,
  time: TIME
};

function step(name: string, state: IStepProgress['state'], more: Partial<IStepProgress> = {}) {
  const empty = { seconds: 0, reason: '', why: '', run_id: `${name}-run`, traceback: '' };
  return { event: 'step', name, state, expected: null, time: TIME, ...empty, ...more } as const;
}

function said(name: string, text: string): RunEvent {
  return { event: 'output', step: name, stream: 'stdout', text, time: TIME };
}

function job(events: readonly RunEvent[], more: Partial<IPipelineJob> = {}): IPipelineJob {
  return {
    job_id: 'j',
    start_time: TIME,
    end_time: null,
    state: 'running',
    stage: '',
    text: '',
    position: 0,
    total: 3,
    message: '',
    params: {},
    options: { start: null, use_cache: true },
    cells: [],
    events,
    cut: {},
    next_cursor: 'c',
    now: TIME,
    pipeline_run: null,
    ...more
  };
}

function after(...events: readonly RunEvent[]): IRunView {
  return hear(NO_RUN, job([began, ...events]), true);
}

describe('a run as its events tell it', () => {
  test('steps go from waiting to their end, with times, reasons and runs', () => {
    const why = 'its code changed';
    const view = after(
      step('load', 'started', { expected: 1.5 }),
      step('load', 'cached'),
      step('train', 'started', { expected: 8 }),
      step('train', 'executed', { seconds: 2.5, why, reason: 'is tagged cache:off' })
    );
    expect([...view.steps].map(([name, { state }]) => [name, state])).toEqual([
      ['load', 'cached'],
      ['train', 'executed'],
      ['report', 'waiting']
    ]);
    const train = { seconds: 2.5, why, reason: 'is tagged cache:off', runId: 'train-run' };
    expect(view.steps.get('train')).toMatchObject(train);
    expect(extent(view)).toEqual({ done: 2, total: 3 });
    expect(counts(statesOf(view))).toBe('1 executed, 1 cached');
    expect(view.said).toBe('train executed');
  });

  test('what a step prints comes in pieces; the traceback stands apart, and of a long log the end stays', () => {
    const first = after(step('load', 'started'), said('load', 'one\n'));
    const traceback = 'Traceback\nValueError: no\n';
    const view = hear(
      first,
      job([said('load', `two\n${traceback}`), step('load', 'failed', { traceback })]),
      false
    );
    expect(view.steps.get('load')).toMatchObject({ log: 'one\ntwo\n', traceback, cut: 0 });
    const long = hear(NO_RUN, job([began, said('load', 'x'.repeat(LOG_LENGTH + 5))]), true);
    expect(long.steps.get('load')?.log.length).toBe(LOG_LENGTH);
    expect(long.steps.get('load')?.cut).toBe(5);
    const late = hear(NO_RUN, job([began, said('load', 'end')], { cut: { load: 7 } }), true);
    expect(late.steps.get('load')?.cut).toBe(7);
  });

  test('steps that were going on when the run was stopped have stopped, and the others were not reached', () => {
    const view = hear(
      after(step('load', 'started')),
      job([], { state: 'cancelled', end_time: TIME }),
      false
    );
    expect([...view.steps.values()].map(({ state }) => state)).toEqual([
      'stopped',
      'skipped',
      'skipped'
    ]);
  });

  test('the step that is shown first is the one that failed, else the one that runs', () => {
    const going = after(step('load', 'executed'), step('train', 'started'));
    expect(foremost(going)).toBe('train');
    const failed = hear(going, job([step('train', 'failed'), step('report', 'skipped')]), false);
    expect(foremost(failed)).toBe('train');
    expect(foremost(after())).toBe('load');
    expect(foremost(NO_RUN)).toBeNull();
  });

  test('a node tells elapsed of expected while its step runs, and what would be while none does', () => {
    const running = { ...NO_STEP, state: 'running', began: START, expected: 8 };
    expect(nodeOf(running, START + 2400)).toMatchObject({ text: '2 s of 8.0 s', share: 0.3 });
    expect(nodeOf({ ...running, expected: null }, START + 2400)).toMatchObject({
      text: '2 s',
      share: null
    });
    const done = nodeOf({ ...NO_STEP, state: 'executed', seconds: 1.25 }, START);
    expect([done.look.sign, done.text, done.label]).toEqual(['✓', '1.3 s', 'executed in 1.3 s']);
    const forecast = {
      name: 'a',
      cells: [],
      state: 'runs',
      why: 'it is new',
      expected: 1
    } as const;
    expect(foreseen(forecast)).toMatchObject({ isForecast: true, label: 'would run: it is new' });
    expect(foreseen({ ...forecast, state: null })).toBeNull();
  });

  test('a traceback does not say where the script of one run lay', () => {
    const frame = (path: string): string => `  File "${path}", line 9, in load\n    x\n`;
    expect(readableTraceback(frame('/p/.trackbook/script-a1/s_pipeline.py'))).toBe(
      frame('s_pipeline.py').trimEnd()
    );
    expect(readableTraceback(frame('/p/helpers.py'))).toBe(frame('/p/helpers.py').trimEnd());
  });

  test('a log is read without colours, and a bar that is written over counts once', () => {
    expect(readable('\u001b[31mred\u001b[0m\n 10%\r 50%\r100%\rdone\r\nend')).toBe(
      'red\ndone\nend'
    );
  });
});

function past(run_id: string, params: Record<string, string>, more: Partial<IPastRun> = {}) {
  const times = { start_time: TIME, end_time: TIME };
  const names = { run_id, run_name: run_id, experiment: 'default', kind: 'pipeline' };
  const rest = {
    status: 'FINISHED',
    metrics: {},
    tags: {},
    parent_run_id: null,
    steps: {}
  } as const;
  return { ...names, ...times, params, ...rest, ...more } as IPastRun;
}

describe('the history of runs', () => {
  test('tells the params that differ from the run before of the same kind', () => {
    const runs = [
      past('c', { depth: '4', rate: '1' }),
      past('s', {}, { kind: 'sweep' }),
      past('b', { depth: '3', rate: '1' }),
      past('a', { depth: '3' })
    ];
    expect(changesOf(runs)).toEqual([
      [{ name: 'depth', value: '4', before: '3' }],
      [],
      [{ name: 'rate', value: '1', before: null }],
      [{ name: 'depth', value: '3', before: null }]
    ]);
  });

  test('gives the steps back as they ended; those without a run were not reached', () => {
    const child = past('x', {}, { tags: { step: 'load', 'step.status': 'cached' } });
    const killed = past('y', {}, { tags: { step: 'train' }, status: 'KILLED' });
    const steps = stepsOf([child, killed], ['load', 'train', 'report']);
    expect([...steps.values()].map(({ state }) => state)).toEqual(['cached', 'stopped', 'skipped']);
  });
});

test('of what a run has kept of an error, the traceback of the step itself is shown', () => {
  const own = 'Traceback (most recent call last):\n  File "s.py"\nKeyError: 1\n';
  expect(innermost(`PipelineError: step 'a' raised KeyError: 1\n${own}`)).toBe(own);
  expect(innermost('killed')).toBe('killed');
});

describe('the place where a step failed', () => {
  const cell = (index: number, source: string): IGraphCell => ({
    index,
    id: `c${index}`,
    step: 'train',
    role: null,
    source,
    heading: null,
    tags: []
  });
  const cells = [cell(3, 'x = 1\ny = 2'), cell(4, "# fit\nmodel.fit(x,  'a')\nmodel")];
  const traceback = (line: string): string =>
    [
      'Traceback (most recent call last):',
      '  File "/p/.trackbook/script-1/s_pipeline.py", line 40, in train',
      `    ${line}`,
      '    ~~^~~',
      '  File "/lib/model.py", line 7, in fit',
      '    raise ValueError',
      'ValueError: no'
    ].join('\n');

  test('is the innermost line of the traceback that stands in a cell of the step', () => {
    expect(spotOf(traceback('model.fit(x, "a")'), cells)).toEqual({ cell: cells[1], line: 2 });
    expect(spotOf(traceback('show(model)'), cells)).toEqual({ cell: cells[1], line: 3 });
  });

  test('is the first cell of the step where no line does', () => {
    expect(spotOf(traceback('somewhere_else()'), cells)).toEqual({ cell: cells[0], line: null });
    expect(spotOf('', [])).toBeNull();
  });
});
