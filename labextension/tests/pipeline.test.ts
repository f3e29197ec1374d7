import { describe, expect, test } from 'vitest';

import { arrange, NARROWEST, WIDEST } from '../src/pipeline/layout';
import { inWords } from '../src/pipeline/names';
import type { IGraph, IGraphCell, IGraphEdge } from '../src/pipeline/types';
import { type Focus, walk } from '../src/pipeline/walk';

function graphOf(steps: readonly (string | null)[], edges: readonly [number, number][]): IGraph {
  const cells = steps.map((step, index): IGraphCell => {
    const role = step?.startsWith('@') ? step.slice(1) : null;
    const id = `c${index}`;
    return { index, id, step: role ? null : step, role, source: '', heading: null, tags: [] };
  });
  return {
    cells,
    edges: edges.map(([source, target]): IGraphEdge => ({
      source,
      target,
      names: ['x'],
      kind: 'proved'
    })),
    inferred: false,
    problems: []
  };
}

const STUDY = graphOf(
  ['@imports', 'load', 'load', 'split', 'other', 'compare'],
  [
    [0, 1],
    [1, 2],
    [2, 3],
    [2, 4],
    [3, 5],
    [4, 5]
  ]
);

describe('the picture of a graph', () => {
  test('groups the cells of a step, and puts each group behind what it needs', () => {
    const { groups } = arrange(STUDY);
    expect(groups.map(({ title, column, cells }) => [title, column, cells.length])).toEqual([
      ['imports', 0, 1],
      ['load', 1, 2],
      ['split', 2, 1],
      ['other', 2, 1],
      ['compare', 3, 1]
    ]);
  });

  test('nothing lies upon anything else, whatever the edges are', () => {
    const steps = Array.from({ length: 100 }, (_, index) => `s${(index * 7) % 23}`);
    const edges = steps.map((_, index): [number, number] => [(index * 13) % 100, index]);
    const { groups, card, width, height } = arrange(graphOf(steps, edges), 900);
    for (const one of groups) {
      expect(one.x + card).toBeLessThanOrEqual(width);
      expect(one.y).toBeGreaterThanOrEqual(0);
      expect(one.y + one.height).toBeLessThanOrEqual(height);
      for (const other of groups) {
        const apart =
          one === other ||
          one.x !== other.x ||
          one.y + one.height <= other.y ||
          other.y + other.height <= one.y;
        expect(apart, `${one.title} and ${other.title}`).toBe(true);
      }
    }
  });

  test('cards share the room that there is, within bounds', () => {
    expect(arrange(STUDY, 0).card).toBe(NARROWEST);
    expect(arrange(STUDY, 1100).width).toBeLessThanOrEqual(1100);
    expect(arrange(STUDY, 5000).card).toBe(WIDEST);
  });

  test('a circle of steps is drawn all the same', () => {
    const picture = arrange(
      graphOf(
        ['a', 'b', 'a'],
        [
          [0, 1],
          [1, 2]
        ]
      )
    );
    expect(picture.edges).toHaveLength(2);
    expect(picture.groups).toHaveLength(2);
  });
});

test('the arrow keys go from a cell along an edge to the next cell, and back', () => {
  const picture = arrange(STUDY);
  let focus: Focus = { on: 'cell', cell: 2 };
  const after = (key: string): Focus => (focus = walk(picture, focus, key));
  expect(after('ArrowRight')).toEqual({ on: 'edge', edge: '2-3', from: 2 });
  expect(after('ArrowDown')).toEqual({ on: 'edge', edge: '2-4', from: 2 });
  expect(after('ArrowRight')).toEqual({ on: 'cell', cell: 4 });
  expect(after('ArrowLeft')).toEqual({ on: 'edge', edge: '2-4', from: 4 });
  expect(after('Escape')).toEqual({ on: 'cell', cell: 4 });
  expect(after('End')).toEqual({ on: 'cell', cell: 5 });
  expect(after('ArrowDown')).toEqual({ on: 'cell', cell: 5 });
  expect(walk(picture, focus, 'x')).toBe(focus);
});

test('what an edge carries has words', () => {
  expect(['rows', 'file:a.csv', 'state:numpy.random'].map(inWords)).toEqual([
    'rows',
    'file a.csv',
    'state of numpy.random'
  ]);
});
