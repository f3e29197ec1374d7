/**
 * The rows that have been fetched, in blocks, and how to ask for those that have not.
 *
 * A block's place counts from the row that was the first when the list was opened, so that runs that come at the top
 * later move no block.  Only so many blocks are kept; cursors stay, because they are small and spare the server the
 * counting of rows.
 */

export const BLOCK = 100;
export const KEPT_BLOCKS = 30;

/** `skip` rows after the cursor (null: from the top) the block begins. */
export interface IPlan {
  readonly block: number;
  readonly cursor: string | null;
  readonly skip: number;
  readonly limit: number;
}

export class Pages<T> {
  constructor(private readonly _kept = KEPT_BLOCKS) {}

  /** How many rows there are in the list, fetched or not. */
  total = 0;

  row(index: number): T | undefined {
    const place = index - this._above;
    const block = this._blocks.get(Math.floor(place / BLOCK));
    return block?.items[place - block.start];
  }

  /** The index of the first row that meets a condition among those at hand, -1 without one. */
  find(meets: (item: T) => boolean): number {
    for (const { start, items } of this._blocks.values()) {
      const at = items.findIndex(meets);
      if (at >= 0) {
        return start + at + this._above;
      }
    }
    return -1;
  }

  /** The blocks that hold the rows from `first` to `last` and are missing or out of date. */
  missing(first: number, last: number): readonly number[] {
    const end = Math.min(last, this.total - 1) - this._above;
    const wanted: number[] = [];
    const begin = Math.floor((Math.max(0, first) - this._above) / BLOCK);
    for (let block = begin; block * BLOCK <= end; block++) {
      if (!this._blocks.has(block) || this._stale.has(block)) {
        wanted.push(block);
      }
    }
    return wanted;
  }

  plan(block: number): IPlan {
    const start = block * BLOCK;
    const row = start + this._above;
    const skip = Math.max(0, row);
    const nearest = [...this._cursors.keys()].filter(place => place <= start).pop();
    if (nearest === undefined) {
      return { block, cursor: null, skip, limit: BLOCK - (skip - row) };
    }
    const cursor = this._cursors.get(nearest) ?? null;
    return { block, cursor, skip: start - nearest, limit: BLOCK };
  }

  /** Keep what came for a plan; returns the indices of the rows that it fills, the last one excluded. */
  fill(plan: IPlan, items: readonly T[], next: string | null): readonly [number, number] {
    const end = (plan.block + 1) * BLOCK;
    const start = end - plan.limit;
    this._blocks.delete(plan.block);
    this._blocks.set(plan.block, { start, items });
    this._stale.delete(plan.block);
    if (next !== null) {
      this._setCursor(end, next);
    }
    this._drop();
    return [start + this._above, start + this._above + items.length];
  }

  /** Rows have come at the top: what is known moves down by so many. */
  insertAbove(rows: number): void {
    this._above += rows;
    this.total += rows;
  }

  /** Change one row that is at hand. */
  replace(meets: (item: T) => boolean, item: T): void {
    const index = this.find(meets);
    const place = index - this._above;
    const block = this._blocks.get(Math.floor(place / BLOCK));
    if (index >= 0 && block) {
      const items = [...block.items];
      items[place - block.start] = item;
      this._blocks.set(Math.floor(place / BLOCK), { start: block.start, items });
    }
  }

  /** What is at hand stays visible until newer rows have come. */
  markStale(first = -Infinity, last = Infinity): void {
    for (const [block, { start, items }] of this._blocks) {
      const row = start + this._above;
      if (row <= last && row + items.length > first) {
        this._stale.add(block);
      }
    }
  }

  /** Rows may have come or gone anywhere: places and cursors mean nothing any more. */
  forgetPlaces(): void {
    this._cursors.clear();
    this.markStale();
  }

  clear(): void {
    this._blocks.clear();
    this._cursors.clear();
    this._stale.clear();
    this._above = 0;
    this.total = 0;
  }

  /** How many rows are kept. */
  get size(): number {
    return [...this._blocks.values()].reduce((sum, { items }) => sum + items.length, 0);
  }

  private _setCursor(place: number, cursor: string): void {
    const known = this._cursors.has(place);
    this._cursors.set(place, cursor);
    const places = [...this._cursors.keys()];
    if (!known && places.length > 1 && place < (places[places.length - 2] ?? place)) {
      this._cursors = new Map([...this._cursors].sort(([one], [other]) => one - other));
    }
  }

  private _drop(): void {
    for (const block of this._blocks.keys()) {
      if (this._blocks.size <= this._kept) {
        break;
      }
      this._blocks.delete(block);
      this._stale.delete(block);
    }
  }

  private readonly _blocks = new Map<number, { start: number; items: readonly T[] }>();
  private readonly _stale = new Set<number>();
  private _cursors = new Map<number, string>();
  private _above = 0;
}
