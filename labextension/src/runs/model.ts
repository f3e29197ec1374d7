/** What a document of runs shows: which list, which columns, which groups; and what happens to those selected. */

import type { IStateDB } from '@jupyterlab/statedb';
import { type ISignal, Signal } from '@lumino/signaling';

import type { ApiError, IRunSummary, TrackbookApi } from '../api';
import { count } from '../format';
import { asApiError } from '../model';
import { allColumns, chosenColumns, defaultColumns, type IColumn } from './columns';
import { both, groupFilter, nextOrder } from './query';
import { RunsSource } from './source';
import { RunsTable } from './table';
import type { IRunEdit, IRunGroup, IRunGroups, IRunKeys, IRunsQuery } from './types';

/** What the document hands to others. */
export interface IRunsActions {
  open(run: IRunSummary): void;
  compare(runs: readonly IRunSummary[]): void;
}

/** Runs that were deleted last, until the next deletion; they can be brought back. */
export interface IDeletion {
  readonly runs: readonly IRunSummary[];
  readonly state: 'pending' | 'done' | 'undoing';
}

export interface IRunsState {
  readonly filter: string;
  readonly experiment: string | null;
  readonly order: IRunsQuery['order'];
  readonly keys: IRunKeys | null;
  /** Every column that there is, and the ids of those shown. */
  readonly all: readonly IColumn[];
  readonly shown: readonly string[];
  readonly by: string | null;
  readonly groups: IRunGroups | null;
  readonly group: IRunGroup | null;
  readonly deletion: IDeletion | null;
  /** What went wrong with the last action on runs. */
  readonly fault: ApiError | null;
  readonly saying: string;
}

const EMPTY: IRunsState = {
  filter: '',
  experiment: null,
  order: null,
  keys: null,
  all: [],
  shown: [],
  by: null,
  groups: null,
  group: null,
  deletion: null,
  fault: null,
  saying: ''
};

/** Requests about many runs that are under way at the same time. */
const AT_ONCE = 6;

export class RunsModel {
  constructor(
    readonly api: TrackbookApi,
    private readonly _actions: IRunsActions,
    private readonly _kept: IStateDB | null
  ) {
    this.source = new RunsSource(api);
    this.table = new RunsTable(this.source, {
      open: run => _actions.open(run),
      sort: column => this.sortBy(column),
      rename: () => this.editing.emit(),
      remove: () => void this.remove(),
      say: text => this._update({ saying: text })
    });
    this.source.stateChanged.connect(() => this._onSource());
    this.table.selection.changed.connect(() => this._changed.emit());
  }

  readonly source: RunsSource;
  readonly table: RunsTable;

  /** Emitted when somebody asks, by key, to edit what is selected. */
  readonly editing = new Signal<this, void>(this);

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): IRunsState {
    return this._state;
  }

  /** Begin with the columns that were chosen the last time. */
  async start(filter = ''): Promise<void> {
    const kept = await this._kept?.fetch(this._key).catch(() => undefined);
    this._chosen = isTexts(kept) ? kept : null;
    this._update({ filter });
    await Promise.all([this._open(), this.loadKeys()]);
  }

  /** Ask which keys there are; a new one offers itself as a column and in the search. */
  async loadKeys(): Promise<void> {
    try {
      const keys = await this.api.runKeys(this._state.experiment);
      if (JSON.stringify(keys) !== JSON.stringify(this._state.keys)) {
        this._update({ keys, all: allColumns(keys) });
        this._showColumns();
      }
    } catch (error) {
      this._update({ fault: asApiError(error) });
    }
  }

  setFilter(filter: string): void {
    if (filter.trim() !== this._state.filter) {
      this._update({ filter: filter.trim(), group: null });
      void this._open();
    }
  }

  setExperiment(experiment: string | null): void {
    this._update({ experiment, group: null });
    void this._open();
    void this.loadKeys();
  }

  sortBy(column: IColumn): void {
    this.setOrder(nextOrder(this._state.order, column.order, column.numeric));
  }

  setOrder(order: IRunsQuery['order']): void {
    this._update({ order });
    void this._open();
  }

  /** Show or hide a column; the choice is kept for the project. */
  toggleColumn(id: string): void {
    const { shown } = this._state;
    this.setColumns(shown.includes(id) ? shown.filter(other => other !== id) : [...shown, id]);
  }

  setColumns(ids: readonly string[] | null): void {
    this._chosen = ids;
    this._showColumns();
    void (ids ? this._kept?.save(this._key, [...ids]) : this._kept?.remove(this._key));
  }

  groupBy(by: string | null): void {
    const narrowed = this._state.group !== null;
    this._update({ by, groups: null, group: null });
    void this._loadGroups();
    if (narrowed) {
      void this._open();
    }
  }

  /** Show the runs of one group; null shows those of all. */
  chooseGroup(group: IRunGroup | null): void {
    this._update({ group });
    void this._open();
  }

  openSelected(): void {
    this.table.selection.runs.forEach(run => this._actions.open(run));
  }

  compareSelected(): void {
    this._actions.compare(this.table.selection.runs);
  }

  /** Delete what is selected; `undo` brings it back. */
  async remove(): Promise<void> {
    const runs = this.table.selection.runs;
    if (runs.length === 0 || this._state.deletion?.state === 'pending') {
      return;
    }
    this._update({ deletion: { runs, state: 'pending' }, fault: null });
    const gone = await this._each(runs, run => this.api.deleteRun(run.run_id));
    this._update({
      deletion: gone.length > 0 ? { runs: gone, state: 'done' } : null,
      saying: `Deleted ${count(gone.length, 'run')}.`
    });
    this.table.selection.set(runs.filter(run => !gone.includes(run)));
    await this._renew();
  }

  async undo(): Promise<void> {
    const { deletion } = this._state;
    if (deletion?.state === 'done') {
      this._update({ deletion: { ...deletion, state: 'undoing' }, fault: null });
      const back = await this._each(deletion.runs, run => this.api.restoreRun(run.run_id));
      const rest = deletion.runs.filter(run => !back.includes(run));
      this._update({
        deletion: rest.length > 0 ? { runs: rest, state: 'done' } : null,
        saying: `Brought back ${count(back.length, 'run')}.`
      });
      this.table.selection.set(back);
      await this._renew();
    }
  }

  dismissDeletion(): void {
    this._update({ deletion: null });
  }

  dismissFault(): void {
    this._update({ fault: null });
  }

  /** Change what people may change of runs, and show them as they are then. */
  async edit(runs: readonly IRunSummary[], edit: IRunEdit): Promise<void> {
    this._update({ fault: null });
    const done = await this._each(runs, async run => {
      const renewed = await this.api.editRun(run.run_id, edit);
      this.source.replace(renewed);
      this.table.selection.renew(renewed);
    });
    this._update({ saying: `Changed ${count(done.length, 'run')}.` });
    await this.loadKeys();
  }

  /** Ask again after a failure. */
  async retry(): Promise<void> {
    await Promise.all([this.source.reload(), this.loadKeys(), this._loadGroups()]);
  }

  dispose(): void {
    this.source.dispose();
    this.table.dispose();
    Signal.clearData(this);
  }

  get query(): IRunsQuery {
    const { filter, experiment, order, by, group } = this._state;
    const narrowed = by !== null && group !== null ? groupFilter(by, group.value) : '';
    return { filter: both(filter, narrowed), experiment, order };
  }

  private async _open(): Promise<void> {
    this.table.showOrder(this._state.order);
    await Promise.all([this.source.open(this.query), this._loadGroups()]);
  }

  private async _renew(): Promise<void> {
    await Promise.all([this.source.reload(), this._loadGroups()]);
  }

  private async _loadGroups(): Promise<void> {
    const { by, filter, experiment } = this._state;
    if (by === null) {
      return;
    }
    const metric = this.table.columns.find(column => column.kind === 'metrics')?.title ?? null;
    try {
      const groups = await this.api.runGroups({ filter, experiment, order: null }, by, metric);
      if (by === this._state.by && filter === this._state.filter) {
        this._update({ groups });
      }
    } catch (error) {
      const problem = asApiError(error);
      // A filter that cannot be read is told at the box where it was written.
      this._update(problem.code === 'usage' ? { groups: null } : { fault: problem });
    }
  }

  private async _each(
    runs: readonly IRunSummary[],
    work: (run: IRunSummary) => Promise<void>
  ): Promise<readonly IRunSummary[]> {
    const waiting = [...runs];
    const done: IRunSummary[] = [];
    const next = async (): Promise<void> => {
      for (let run = waiting.shift(); run; run = waiting.shift()) {
        await work(run);
        done.push(run);
      }
    };
    const results = await Promise.allSettled(Array.from({ length: AT_ONCE }, next));
    const failed = results.find(result => result.status === 'rejected');
    if (failed) {
      this._update({ fault: asApiError(failed.reason) });
    }
    return runs.filter(run => done.includes(run));
  }

  private _onSource(): void {
    if (this._total !== this.source.total) {
      this._total = this.source.total;
      this._showColumns();
      void this.loadKeys();
      void this._loadGroups();
    }
    this._changed.emit();
  }

  private _showColumns(): void {
    const { keys, all } = this._state;
    if (keys === null) {
      return;
    }
    const newest = Array.from({ length: 20 }, (_, index) => this.source.row(index));
    const runs = newest.filter(run => run !== undefined);
    const shown = this._chosen ?? this._default ?? defaultColumns(keys, runs);
    if (runs.length > 0) {
      // What is shown by default does not change under the eyes.
      this._default ??= shown;
    }
    const columns = chosenColumns(all, shown);
    const ids = columns.map(column => column.id);
    if (ids.join('\n') !== this.table.columns.map(column => column.id).join('\n')) {
      this.table.columns = columns;
    }
    this._update({ shown: ids });
  }

  private get _key(): string {
    return `trackbook:columns:${this.api.project ?? ''}`;
  }

  private _update(change: Partial<IRunsState>): void {
    this._state = { ...this._state, ...change };
    this._changed.emit();
  }

  private readonly _changed = new Signal<this, void>(this);
  private _state = EMPTY;
  private _chosen: readonly string[] | null = null;
  private _default: readonly string[] | null = null;
  private _total = 0;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(item => typeof item === 'string');
}
