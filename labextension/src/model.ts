/** What the panel knows, and when it looks again. */

import { Poll } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';

import { ApiError, IDriftReportPage, IProject, IRunPage, TrackbookApi } from './api';
import type { IDataset } from './datasets/types';
import type { IModelPage } from './models/types';
import { MODELS_SHOWN, PAGE_SIZE, POLL_INTERVAL } from './tokens';

export type Section = 'runs' | 'data' | 'models' | 'drift';

export interface IState {
  readonly project: IProject | null;
  /** The path of the notebook that is open. */
  readonly notebook: string | null;
  readonly runs: IRunPage | null;
  readonly datasets: readonly IDataset[] | null;
  readonly models: IModelPage | null;
  readonly reports: IDriftReportPage | null;
  readonly filter: string;
  readonly problems: Readonly<Partial<Record<Section, ApiError>>>;
}

const EMPTY: IState = {
  project: null,
  notebook: null,
  runs: null,
  datasets: null,
  models: null,
  reports: null,
  filter: '',
  problems: {}
};

/** Polls the server while somebody looks, and keeps one immutable state. */
export class TrackbookModel {
  constructor(
    readonly api: TrackbookApi,
    interval = POLL_INTERVAL
  ) {
    this._poll = new Poll({
      name: 'trackbook:model',
      auto: false,
      standby: 'when-hidden',
      frequency: { interval, backoff: 2, max: 15 * interval },
      factory: () => this._load()
    });
  }

  /** Emitted when `state` is another object than before. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): IState {
    return this._state;
  }

  get isDisposed(): boolean {
    return this._poll.isDisposed;
  }

  /** Whether the panel can be seen: only then is the server asked again and again. */
  set visible(visible: boolean) {
    this._visible = visible;
    void (visible ? this._poll.refresh() : this._poll.stop());
  }

  /** Look now, and wait for the answer. */
  async refresh(): Promise<void> {
    await this._poll.refresh();
    await this._poll.tick;
    if (!this._visible) {
      await this._poll.stop();
    }
  }

  /** Look soon if somebody is looking at all: a cell has just been executed. */
  nudge(): void {
    if (this._visible) {
      void this._poll.refresh();
    }
  }

  /** Follow the notebook that is open; its project is shown from then on. */
  async openNotebook(path: string): Promise<void> {
    if (path !== this._notebook) {
      this._notebook = path;
      this._update({ notebook: path });
      this._projectKnown = false;
      this.nudge();
    }
  }

  setFilter(filter: string): void {
    if (filter.trim() !== this._state.filter) {
      this._limit = PAGE_SIZE;
      this._update({ filter: filter.trim() });
      this.nudge();
    }
  }

  showOlderRuns(): void {
    this._limit += PAGE_SIZE;
    this.nudge();
  }

  dispose(): void {
    this._poll.dispose();
    Signal.clearData(this);
  }

  private async _load(): Promise<void> {
    const asked = { project: await this._ensureProject(), filter: this._state.filter };
    const current = (): boolean =>
      asked.project === this._state.project && asked.filter === this._state.filter;
    // Each part is shown when it has come: the first drift reports take the server longer than all the rest.
    const shown = async <T>(
      work: Promise<T>,
      part: (value: T) => Partial<IState>
    ): Promise<void> => {
      const value = await work;
      if (current()) {
        this._update(part(value));
      }
    };
    const [runs, data, models, drift] = await Promise.allSettled([
      shown(this.api.runs(asked.filter, this._limit), runs => ({ runs })),
      shown(this.api.datasets(), datasets => ({ datasets })),
      shown(this.api.models(MODELS_SHOWN), models => ({ models })),
      shown(this.api.driftReports(), reports => ({ reports }))
    ]);
    if (!current()) {
      return;
    }
    const problems = collect({ runs, data, models, drift });
    if (!sameProblems(problems, this._state.problems)) {
      this._update({ problems });
    }
    this._backOff(problems);
  }

  /** Tell the server once which notebook is open; again when it has forgotten, as after a restart. */
  private async _ensureProject(): Promise<IProject | null> {
    const notebook = this._notebook;
    if (!this._projectKnown) {
      this._projectKnown = true;
      const project = await this._askProject(notebook);
      const changed = project?.project_id !== this._state.project?.project_id;
      if (notebook === this._notebook && project && changed) {
        this.api.project = notebook === null ? null : project.project_id;
        this._update({ ...EMPTY, project, notebook, filter: this._state.filter });
      }
    }
    return this._state.project;
  }

  /** A notebook that the server cannot place, as one on another drive, leaves the project as it is. */
  private async _askProject(notebook: string | null): Promise<IProject | null> {
    try {
      return await (notebook === null ? this.api.status() : this.api.openProject(notebook));
    } catch (error) {
      this._projectKnown = asApiError(error).code === 'usage';
      return null;
    }
  }

  /** A rejected tick makes the poll wait longer; a wrong filter is no reason for that. */
  private _backOff(problems: IState['problems']): void {
    const found = Object.values(problems);
    if (found.some(problem => problem.code === 'unknown_project')) {
      this._projectKnown = false;
    }
    const grave = found.find(problem => problem.status === 0 || problem.code === 'no_extension');
    if (grave) {
      throw grave;
    }
  }

  private _update(change: Partial<IState>): void {
    const keys = Object.keys(change) as (keyof IState)[];
    if (keys.some(key => change[key] !== this._state[key])) {
      this._state = { ...this._state, ...change };
      this._changed.emit();
    }
  }

  private readonly _poll: Poll;
  private readonly _changed = new Signal<this, void>(this);
  private _state: IState = EMPTY;
  private _limit = PAGE_SIZE;
  private _notebook: string | null = null;
  private _projectKnown = false;
  private _visible = false;
}

/** Whatever was thrown, as the one kind of error that the components show. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) {
    return error;
  }
  return new ApiError(-1, 'client', error instanceof Error ? error.message : String(error));
}

function collect(results: Record<Section, PromiseSettledResult<unknown>>): IState['problems'] {
  const failed = Object.entries(results).flatMap(([section, result]) =>
    result.status === 'rejected' ? [[section, asApiError(result.reason)]] : []
  );
  return Object.fromEntries(failed) as IState['problems'];
}

function sameProblems(one: IState['problems'], other: IState['problems']): boolean {
  const text = (problems: IState['problems']): string =>
    JSON.stringify(
      Object.entries(problems).map(([key, error]) => [key, error.code, error.message])
    );
  return text(one) === text(other);
}
