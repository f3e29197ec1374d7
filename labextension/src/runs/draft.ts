/** What somebody is about to change of runs, and what of it is a change.  Pure functions. */

import type { IRunSummary } from '../api';
import type { IRunEdit } from './types';

export interface IDraft {
  readonly name: string;
  readonly note: string;
  readonly tags: readonly (readonly [key: string, value: string])[];
}

/** Of one run everything, of several the tags that all of them have with the same value. */
export function draftOf(runs: readonly IRunSummary[]): IDraft {
  const [first, ...others] = runs;
  const shared = Object.entries(first?.tags ?? {}).filter(([key, value]) =>
    others.every(run => run.tags[key] === value)
  );
  return { name: first?.run_name ?? '', note: first?.note ?? '', tags: shared };
}

/** Only what is other than before; a tag whose row has gone is null. */
export function editOf(runs: readonly IRunSummary[], draft: IDraft): IRunEdit {
  const before = draftOf(runs);
  const single = runs.length === 1;
  const name = draft.name.trim();
  const old = new Map(before.tags);
  const kept = new Map(draft.tags.map(([key, value]) => [key.trim(), value] as const));
  kept.delete('');
  const tags = Object.fromEntries([
    ...[...old.keys()].filter(key => !kept.has(key)).map(key => [key, null] as const),
    ...[...kept].filter(([key, value]) => old.get(key) !== value)
  ]);
  return {
    ...(single && name !== '' && name !== before.name ? { run_name: name } : {}),
    ...(single && draft.note !== before.note ? { note: draft.note } : {}),
    ...(Object.keys(tags).length > 0 ? { tags } : {})
  };
}
