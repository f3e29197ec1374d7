import { describe, expect, test } from 'vitest';

import { BLOCK, Pages } from '../src/runs/pages';

/** A server's list, newest first, as numbers that count down; `asked` answers a plan as the server would. */
class List {
  constructor(public items: number[]) {}

  answer(plan: { cursor: string | null; skip: number; limit: number }): {
    items: number[];
    next: string | null;
  } {
    const behind = plan.cursor === null ? Infinity : Number(plan.cursor);
    const rest = this.items.filter(item => item < behind).slice(plan.skip);
    const items = rest.slice(0, plan.limit);
    return { items, next: rest.length > plan.limit ? String(items[items.length - 1]) : null };
  }
}

function fetched(pages: Pages<number>, list: List, block: number): void {
  const plan = pages.plan(block);
  const { items, next } = list.answer(plan);
  pages.fill(plan, items, next);
}

function open(rows: number): { pages: Pages<number>; list: List } {
  const list = new List(Array.from({ length: rows }, (_, index) => rows - index));
  const pages = new Pages<number>();
  pages.total = rows;
  return { pages, list };
}

describe('rows of a list', () => {
  test('are what the server has at their place, wherever one begins to read', () => {
    const { pages, list } = open(5000);
    for (const block of [0, 30, 31, 3, 49]) {
      fetched(pages, list, block);
      const first = block * BLOCK;
      expect(pages.row(first)).toBe(5000 - first);
      expect(pages.row(first + BLOCK - 1)).toBe(5000 - first - BLOCK + 1);
    }
    expect(pages.row(4 * BLOCK)).toBeUndefined();
  });

  test('are asked for from the nearest cursor', () => {
    const { pages, list } = open(5000);
    fetched(pages, list, 0);
    expect(pages.plan(1)).toMatchObject({ cursor: '4901', skip: 0 });
    expect(pages.plan(7)).toMatchObject({ cursor: '4901', skip: 6 * BLOCK });
    fetched(pages, list, 20);
    expect(pages.plan(19)).toMatchObject({ cursor: '4901', skip: 18 * BLOCK });
    expect(pages.plan(22)).toMatchObject({ cursor: '2901', skip: BLOCK });
  });

  test('stay what they are when others come at the top', () => {
    const { pages, list } = open(1000);
    fetched(pages, list, 0);
    fetched(pages, list, 1);
    list.items = [1003, 1002, 1001, ...list.items];
    pages.insertAbove(3);
    expect(pages.total).toBe(1003);
    expect(pages.row(0)).toBeUndefined();
    expect(pages.row(3)).toBe(1000);
    expect(pages.missing(0, 20)).toEqual([-1]);
    fetched(pages, list, -1);
    fetched(pages, list, 2);
    expect(Array.from({ length: 303 }, (_, index) => pages.row(index))).toEqual(
      list.items.slice(0, 303)
    );
  });

  test('are kept only so far as memory is worth it', () => {
    const { pages, list } = open(10_000);
    for (let block = 0; block < 100; block++) {
      fetched(pages, list, block);
      expect(pages.size).toBeLessThanOrEqual(30 * BLOCK);
    }
    expect(pages.row(9_999)).toBe(1);
    expect(pages.row(0)).toBeUndefined();
  });

  test('stay visible while newer ones are on their way', () => {
    const { pages, list } = open(500);
    fetched(pages, list, 0);
    pages.forgetPlaces();
    expect(pages.row(7)).toBe(493);
    expect(pages.missing(0, 10)).toEqual([0]);
    fetched(pages, list, 0);
    expect(pages.missing(0, 10)).toEqual([]);
  });

  test('of which none is behind the end are asked for', () => {
    const { pages } = open(120);
    expect(pages.missing(-50, 5000)).toEqual([0, 1]);
    expect(open(0).pages.missing(-50, 50)).toEqual([]);
  });

  test('change one by one', () => {
    const { pages, list } = open(300);
    fetched(pages, list, 1);
    pages.replace(item => item === 150, -1);
    expect(pages.row(150)).toBe(-1);
    expect(pages.row(149)).toBe(151);
  });
});
