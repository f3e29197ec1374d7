import { expect, test } from 'vitest';

import { ApiError } from '../src/api';
import { explain } from '../src/problems';

test.each(['no_extension', 'not_signed_in', 'unreachable', 'server'])(
  'the failure %s is explained with a remedy, not with its code',
  code => {
    const { title, text } = explain(new ApiError(500, code, 'Internal Server Error'));
    expect(title).not.toMatch(/_|Internal/);
    expect(text.length).toBeGreaterThan(20);
    expect(text).toMatch(/install|reload|check|correct/i);
  }
);

test("Trackbook's own message is shown as it is, as a sentence", () => {
  const problem = new ApiError(400, 'usage', 'metrics has no r3; did you mean r2?');
  expect(explain(problem).text).toBe('Metrics has no r3; did you mean r2?');
});
