import { describe, expect, test } from 'vitest';

import { type ISections, spansOf } from '../src/runs/spans';

/** Sections as `DataGrid` keeps them, of sizes that are given. */
function sectionsOf(...sizes: number[]): ISections {
  const offsetOf = (index: number): number =>
    sizes.slice(0, index).reduce((sum, size) => sum + size, 0);
  return {
    count: sizes.length,
    length: offsetOf(sizes.length),
    offsetOf,
    sizeOf: index => sizes[index] ?? -1,
    indexOf: offset => sizes.findIndex((size, index) => offset < offsetOf(index) + size)
  };
}

describe('rows and columns to draw', () => {
  const band = { sections: sectionsOf(10, 20, 0, 30, 10), start: 100, end: 140, scroll: 5 };

  test('are those that lie in the dirty pixels, each where it stands on the screen', () => {
    expect(spansOf(band, 0, 1000)).toEqual([
      { index: 0, at: 95, size: 10 },
      { index: 1, at: 105, size: 20 },
      { index: 3, at: 125, size: 30 }
    ]);
    expect(spansOf(band, 124, 125)).toEqual([{ index: 1, at: 105, size: 20 }]);
    expect(spansOf(band, 125, 126)).toEqual([{ index: 3, at: 125, size: 30 }]);
  });

  test('are none beside the band, beyond the last one, and in a band without any', () => {
    expect(spansOf(band, 0, 100)).toEqual([]);
    expect(spansOf(band, 140, 200)).toEqual([]);
    expect(spansOf({ ...band, end: 500 }, 165, 500)).toEqual([]);
    expect(spansOf({ ...band, sections: sectionsOf() }, 0, 1000)).toEqual([]);
  });
});
