/** Which rows and columns stand on the screen, and where.  Pure functions. */

/** The sizes of rows or columns, as `DataGrid` keeps them. */
export interface ISections {
  readonly count: number;
  readonly length: number;
  indexOf(offset: number): number;
  offsetOf(index: number): number;
  sizeOf(index: number): number;
}

/** Where some rows or columns stand: the pixels from `start` to `end`, and how far they are scrolled. */
export interface IBand {
  readonly sections: ISections;
  readonly start: number;
  readonly end: number;
  readonly scroll: number;
}

/** One row or column on the screen. */
export interface ISpan {
  readonly index: number;
  readonly at: number;
  readonly size: number;
}

/** The rows or columns of a band that lie, also in part, between two pixels; the second is excluded. */
export function spansOf(band: IBand, from: number, to: number): readonly ISpan[] {
  const { sections, start, end, scroll } = band;
  const first = Math.max(from, start);
  const last = Math.min(to, end, start + sections.length - scroll);
  const spans: ISpan[] = [];
  if (first >= last) {
    return spans;
  }
  let index = sections.indexOf(first - start + scroll);
  let at = sections.offsetOf(index) + start - scroll;
  for (; index < sections.count && at < last; index++) {
    const size = sections.sizeOf(index);
    if (size > 0) {
      spans.push({ index, at, size });
    }
    at += size;
  }
  return spans;
}
