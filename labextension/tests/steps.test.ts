import { describe, expect, test } from 'vitest';

import {
  asStepName,
  chipsOf,
  cleared,
  COLOURS,
  coloursOf,
  isStepName,
  labelOf,
  meaning,
  toggled,
  withRole,
  withStep
} from '../src/steps/rules';

const cell = (source: string, ...tags: string[]) => ({ source, tags });

describe('what a cell says', () => {
  test.each([
    [cell('x', 'block:load', 'prev:get'), ['step:load', 'after:get']],
    [cell('x', 'pipeline-parameters'), ['parameters']],
    [cell('x', 'remove-cell', 'mine'), ['skip', 'mine']],
    [cell('#| export\ndef f(): pass'), ['functions']],
    [cell('# | hide\nx', 'metrics'), ['metrics', 'skip']],
    [cell('#| export\nx', 'step:a'), ['step:a']],
    [cell('x = 1\n#| export'), []],
    [
      cell('# note\n%%step train --after load --after=split\nx'),
      ['step:train', 'after:load', 'after:split']
    ],
    [cell('x = """\n%%step no"""'), []],
    [cell('x', 'constructor', 'toString'), ['constructor', 'toString']]
  ])('%j is %j', (said, expected) => {
    expect(meaning(said)).toEqual(expected);
  });
});

describe('setting tags', () => {
  test('a cell has one place, and the tags of others stay where they are', () => {
    expect(withStep(['mine', 'block:a', 'yours', 'skip'], 'b')).toEqual([
      'mine',
      'step:b',
      'yours'
    ]);
    expect(withStep(['mine'], 'b')).toEqual(['mine', 'step:b']);
    expect(withRole(['step:a', 'metrics'], 'skip')).toEqual(['skip', 'metrics']);
  });

  test('what is there already is taken away, also when it is written as an alias', () => {
    expect(withRole(['remove-cell', 'mine'], 'skip')).toEqual(['mine']);
    expect(toggled(['pipeline-metrics'], 'metrics')).toEqual([]);
    expect(toggled([], 'cache:off')).toEqual(['cache:off']);
    expect(cleared(['mine', 'step:a', 'prev:b', 'metrics', 'hide-input'])).toEqual([
      'mine',
      'hide-input'
    ]);
  });

  test('a name must be one of a Python function, and a near one is offered', () => {
    expect(['load', '_x', '2nd', 'class', 'a-b', ''].map(isStepName)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false
    ]);
    expect(['2nd step', 'class', 'größe', '--'].map(asStepName)).toEqual([
      'step_2nd_step',
      'step_class',
      'gro_e',
      ''
    ]);
  });
});

describe('chips', () => {
  test('an untagged cell shows the step above it in outline, an empty one nothing', () => {
    const chips = chipsOf([
      cell('a'),
      cell('b', 'step:load', 'metrics'),
      cell('c'),
      cell(' '),
      cell('d', 'skip'),
      cell('e')
    ]);
    expect(
      chips.map(each => each.map(({ text, inherited }) => (inherited ? `(${text})` : text)))
    ).toEqual([[], ['load', 'metrics'], ['(load)'], [], ['skip'], ['(load)']]);
  });

  test('say what a tag of another tool means and how it is written', () => {
    const [[chip] = []] = chipsOf([cell('x', 'block:load')]);
    expect(chip && labelOf(chip)).toBe('Step load, written block:load. Change the step');
    expect(chip?.text).toBe('load');
  });

  test('a step keeps its colour when others come, and no two share one while there are enough', () => {
    const names = ['load', 'clean', 'split', 'train', 'evaluate'];
    const few = coloursOf(names.slice(0, 2));
    const all = coloursOf(names);
    expect(names.slice(0, 2).map(name => all.get(name))).toEqual([...few.values()]);
    expect(new Set(all.values()).size).toBe(names.length);
    expect(
      Math.max(...coloursOf(Array.from({ length: 30 }, (_, i) => `s${i}`)).values())
    ).toBeLessThan(COLOURS);
  });
});
