/** Brings the rows that are looked at, block by block, and notices what has changed since. */

import { Poll } from '@lumino/polling';
import { type ISignal, Signal } from '@lumino/signaling';

import type { ApiError, IRunPage, IRunSummary, TrackbookApi } from '../api';
import { asApiError } from '../model';
import { LIST_INTERVAL } from '../tokens';
import { BLOCK, type IPlan, Pages } from './pages';
import { isNewestFirst } from './query';
import type { IRunsQuery } from './types';

/** What has changed: the list, how many rows it has, some rows, or that rows have come at the top. */
export type Change =
  | { readonly type: 'opened' }
  | { readonly type: 'reset' }
  | { readonly type: 'rows'; readonly first: number; readonly last: number }
  | { readonly type: 'inserted'; readonly rows: number };

/** How many blocks are asked for at the same time; whoever scrolls on wants others by the time these come. */
const AT_ONCE = 2;

export class RunsSource {
  constructor(
    private readonly _api: TrackbookApi,
    interval = LIST_INTERVAL
  ) {
    this._poll = new Poll({
      name: 'trackbook:runs',
      auto: false,
      standby: 'when-hidden',
      frequency: { interval, backoff: 2, max: 15 * interval },
      factory: () => this._look()
    });
  }

  readonly changed: ISignal<this, Change> = new Signal<this, Change>(this);

  /** Emitted when `problem`, `total` or `loading` is another than before. */
  readonly stateChanged: ISignal<this, void> = new Signal<this, void>(this);

  /** How many rows the server has sent since the list was opened. */
  fetched = 0;

  get total(): number {
    return this._pages.total;
  }

  get problem(): ApiError | null {
    return this._problem;
  }

  /** Whether the first rows of the query are still on their way. */
  get loading(): boolean {
    return this._loading;
  }

  get isDisposed(): boolean {
    return this._poll.isDisposed;
  }

  /** Whether anybody can see the list. */
  set visible(visible: boolean) {
    this._visible = visible;
    void (visible ? this._poll.start() : this._poll.stop());
  }

  row(index: number): IRunSummary | undefined {
    return this._pages.row(index);
  }

  /** The rows from `first` to `last`, both included; fetches what is not at hand. */
  async range(first: number, last: number): Promise<readonly IRunSummary[]> {
    for (const block of this._pages.missing(first, last)) {
      await this._loadBlock(block);
    }
    const rows = Array.from({ length: last - first + 1 }, (_, index) => this.row(first + index));
    return rows.filter(row => row !== undefined);
  }

  indexOf(runId: string): number {
    return this._pages.find(run => run.run_id === runId);
  }

  /** Show another list, from its beginning; until its first rows have come, the one before stays. */
  async open(query: IRunsQuery): Promise<void> {
    const generation = this._restart();
    this._pending = query;
    this._loading = true;
    this._stateChanged();
    const plan = new Pages().plan(0);
    const { signal } = this._asking;
    try {
      const [count, page] = await Promise.all([
        this._api.countRuns(query, signal),
        this._api.runPage(query, plan, signal)
      ]);
      if (generation === this._generation) {
        this._restart();
        this._query = query;
        this._pending = null;
        this._pages.clear();
        this._pages.total = count;
        this._take(plan, page);
        this._settle(null);
        this._emit({ type: 'opened' });
      }
    } catch (error) {
      this._fail(error, generation);
    }
  }

  /** Ask again for how many there are and for what is looked at; what is at hand stays until then. */
  async reload(): Promise<void> {
    if (this._pending !== null) {
      return this.open(this._pending);
    }
    const generation = this._generation;
    this._pages.forgetPlaces();
    try {
      const count = await this._api.countRuns(this._query);
      if (generation === this._generation) {
        this._setTotal(count);
        this._settle(null);
        this._want();
      }
    } catch (error) {
      this._fail(error, generation);
    }
  }

  /** Tell which rows are looked at, both ends included. */
  view(first: number, last: number): void {
    this._first = Math.max(0, first);
    this._last = last;
    this._want();
  }

  /** A run has been edited: show it as it is now, wherever it stands. */
  replace(run: IRunSummary): void {
    const index = this.indexOf(run.run_id);
    if (index >= 0) {
      this._pages.replace(each => each.run_id === run.run_id, run);
      this._emit({ type: 'rows', first: index, last: index });
    }
  }

  dispose(): void {
    this._poll.dispose();
    this._restart();
    Signal.clearData(this);
  }

  /** What is under way for the list before is nobody's any more, and is given up. */
  private _restart(): number {
    this._asking.abort();
    this._asking = new AbortController();
    this._asked = new Set();
    return ++this._generation;
  }

  /** What is missing of the rows that are looked at comes first, then the block that the eye reaches next. */
  private _want(): void {
    const ahead = Math.floor(BLOCK / 2);
    const asked = this._asked;
    const near = this._pages.missing(this._first - ahead, this._last + ahead);
    for (const block of near.filter(each => !asked.has(each)).slice(0, AT_ONCE - asked.size)) {
      asked.add(block);
      const generation = this._generation;
      this._loadBlock(block)
        .catch((error: unknown) => this._fail(error, generation))
        .finally(() => {
          asked.delete(block);
          if (generation === this._generation && this._problem === null) {
            this._want();
          }
        });
    }
  }

  private async _loadBlock(block: number): Promise<void> {
    const generation = this._generation;
    const plan = this._pages.plan(block);
    const page = await this._api
      .runPage(this._query, plan, this._asking.signal)
      .catch((error: unknown) => this._forget(error, generation));
    if (page && generation === this._generation) {
      const [first, end] = this._take(plan, page);
      this._emit({ type: 'rows', first, last: end - 1 });
    }
  }

  private _take(plan: IPlan, page: IRunPage): readonly [number, number] {
    this.fetched += page.runs.length;
    const [first, end] = this._pages.fill(plan, page.runs, page.next_cursor);
    if (end > this._pages.total || (page.next_cursor === null && end < this._pages.total)) {
      this._setTotal(end);
    }
    return [first, end];
  }

  /** One look at the server: how many runs there are, which are the newest, and how those go on that are looked at. */
  private async _look(): Promise<void> {
    if (!this._visible || this._loading || this._problem?.code === 'usage') {
      return;
    }
    const generation = this._generation;
    try {
      const [count, top] = await Promise.all([
        this._api.countRuns(this._query),
        this._api.runPage(this._query, { cursor: null, skip: 0, limit: BLOCK / 2 })
      ]);
      if (generation === this._generation) {
        const failed = this._problem !== null;
        this._settle(null);
        this._compare(count, top.runs, failed);
      }
    } catch (error) {
      this._fail(error, generation);
      throw error;
    }
  }

  private _compare(count: number, top: readonly IRunSummary[], failed: boolean): void {
    const known = this.row(0);
    const come = known ? top.findIndex(run => run.run_id === known.run_id) : -1;
    if (come === 0 && count === this.total) {
      this._refresh(top, failed);
    } else if (come > 0 && count === this.total + come && isNewestFirst(this._query)) {
      this._pages.insertAbove(come);
      this._emit({ type: 'inserted', rows: come });
      this._stateChanged();
    } else {
      this._pages.forgetPlaces();
      this._setTotal(count);
    }
    this._want();
  }

  /** Nothing has come or gone: take over what is new in the first rows, and ask again for running ones. */
  private _refresh(top: readonly IRunSummary[], failed: boolean): void {
    top.forEach((run, index) => {
      const known = this.row(index);
      if (known?.run_id === run.run_id && JSON.stringify(known) !== JSON.stringify(run)) {
        this.replace(run);
      }
    });
    for (let index = Math.max(this._first, top.length); index <= this._last; index++) {
      if (failed || this.row(index)?.status === 'RUNNING') {
        this._pages.markStale(index, index);
      }
    }
  }

  private _setTotal(total: number): void {
    if (total !== this._pages.total) {
      this._pages.total = total;
      this._emit({ type: 'reset' });
      this._stateChanged();
    }
  }

  private _settle(problem: ApiError | null): void {
    if (this._problem !== problem || this._loading) {
      this._problem = problem;
      this._loading = false;
      this._stateChanged();
    }
  }

  /** What was given up has not failed. */
  private _forget(error: unknown, generation: number): void {
    if (generation === this._generation) {
      throw error;
    }
  }

  private _fail(error: unknown, generation: number): void {
    if (generation === this._generation) {
      this._settle(asApiError(error));
    }
  }

  private _emit(change: Change): void {
    (this.changed as Signal<this, Change>).emit(change);
  }

  private _stateChanged(): void {
    (this.stateChanged as Signal<this, void>).emit();
  }

  private readonly _poll: Poll;
  private readonly _pages = new Pages<IRunSummary>();
  private _asked = new Set<number>();
  private _asking = new AbortController();
  private _query: IRunsQuery = { filter: '', experiment: null, order: null };
  /** What has been asked for and has not come yet. */
  private _pending: IRunsQuery | null = null;
  private _generation = 0;
  private _first = 0;
  private _last = 0;
  private _visible = false;
  private _loading = true;
  private _problem: ApiError | null = null;
}
