import { expect, test } from 'vitest';

import { Elision, type Measure } from '../src/runs/elision';

const tens: Measure = text => 10 * [...text].length;

test('a text that fits stays as it is', () => {
  expect(new Elision(tens).fit('ridge', 50)).toBe('ridge');
});

test('a longer one is cut where the ellipsis still fits, never within a character', () => {
  const elision = new Elision(tens);
  expect(elision.fit('boosting', 50)).toBe('boos…');
  expect(elision.fit('🌲🌲🌲🌲', 30)).toBe('🌲🌲…');
  expect(elision.fit('boosting', 5)).toBe('b…');
});

test('what was measured is not measured again at the same width, and little of it is kept', () => {
  let measured = 0;
  const elision = new Elision(text => (measured++, tens(text)), 2);
  ['a', 'a', 'b', 'b'].forEach(text => elision.fit(text, 50));
  expect(measured).toBe(2);
  elision.fit('a', 40);
  elision.fit('b', 50);
  expect(measured).toBe(4);
});
