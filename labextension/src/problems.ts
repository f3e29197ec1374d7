/** Errors in words that a person can act upon. */

import type { ApiError } from './api';
import { sentence } from './format';

export interface IExplanation {
  readonly title: string;
  readonly text: string;
}

/** Say what happened and what to do now; messages of Trackbook itself already do both. */
export function explain(problem: ApiError): IExplanation {
  switch (problem.code) {
    case 'no_extension':
      return {
        title: "Trackbook's server extension is missing",
        text:
          'Install the package trackbook in the environment that runs the Jupyter server ' +
          '(pip install trackbook), then restart the server. ' +
          '"jupyter server extension list" must name trackbook.server.'
      };
    case 'not_signed_in':
      return {
        title: 'You are not signed in',
        text: 'Reload this page and sign in to the Jupyter server again.'
      };
    case 'unreachable':
      return {
        title: 'The Jupyter server does not answer',
        text: 'Check that it is still running. Trackbook keeps trying.'
      };
    case 'server':
      return {
        title: `The server failed (status ${problem.status})`,
        text: "Its terminal shows why. Correct what it names, then press Trackbook's refresh button."
      };
    case 'busy':
      return { title: 'Not now', text: sentence(problem.message) };
    case 'usage':
      return { title: 'This is not understood', text: sentence(problem.message) };
    default:
      return { title: 'That did not work', text: sentence(problem.message) };
  }
}
