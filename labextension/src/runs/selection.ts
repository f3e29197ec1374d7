/** Which runs are selected, by id: they stay so wherever their rows move, or when these are no longer at hand. */

import { type ISignal, Signal } from '@lumino/signaling';

import type { IRunSummary } from '../api';

export class RunSelection {
  readonly changed: ISignal<this, void> = new Signal<this, void>(this);

  get runs(): readonly IRunSummary[] {
    return this._runs;
  }

  get size(): number {
    return this._runs.length;
  }

  has(runId: string): boolean {
    return this._ids.has(runId);
  }

  set(runs: readonly IRunSummary[]): void {
    this._runs = runs;
    this._ids = new Set(runs.map(run => run.run_id));
    (this.changed as Signal<this, void>).emit();
  }

  toggle(run: IRunSummary): void {
    this.set(
      this.has(run.run_id)
        ? this._runs.filter(other => other.run_id !== run.run_id)
        : [...this._runs, run]
    );
  }

  /** Add runs to those that are selected; each stays in its place. */
  add(runs: readonly IRunSummary[]): void {
    this.set([...this._runs, ...runs.filter(run => !this.has(run.run_id))]);
  }

  /** Show the newer state of a run that is selected. */
  renew(run: IRunSummary): void {
    if (this.has(run.run_id)) {
      this.set(this._runs.map(other => (other.run_id === run.run_id ? run : other)));
    }
  }

  clear(): void {
    if (this.size > 0) {
      this.set([]);
    }
  }

  private _runs: readonly IRunSummary[] = [];
  private _ids: ReadonlySet<string> = new Set();
}
