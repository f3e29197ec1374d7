/** The difference of two dataset versions in words.  Pure functions. */

import { count, formatSize, type ILook } from '../format';
import type {
  IDatasetDifference,
  IFileDifference,
  IFolderDifference,
  IFrameDifference
} from './types';

export interface ISentence {
  readonly what: string;
  readonly tone: ILook['tone'];
  readonly names: readonly string[];
}

export function sentences(answer: IDatasetDifference): readonly ISentence[] {
  const { difference } = answer;
  if (answer.same) {
    return [{ what: 'The same content', tone: 'good', names: [] }];
  }
  switch (difference.kind) {
    case 'frame':
      return [...rowSentences(difference), ...columnSentences(difference)];
    case 'file':
      return fileSentences(difference);
    case 'folder':
      return folderSentences(difference);
  }
}

function named(
  names: readonly string[],
  noun: string,
  word: string,
  tone: ILook['tone']
): readonly ISentence[] {
  return names.length === 0 ? [] : [{ what: `${count(names.length, noun)} ${word}`, tone, names }];
}

function columnSentences(difference: IFrameDifference): readonly ISentence[] {
  const retyped = difference.columns_retyped.map(
    ({ name, before, after }) => `${name}: ${before} → ${after}`
  );
  const changed = Object.entries(difference.columns_changed).map(
    ([name, values]) => `${name}: ${count(values, 'value')}`
  );
  return [
    ...named(difference.columns_added, 'column', 'added', 'good'),
    ...named(difference.columns_removed, 'column', 'removed', 'bad'),
    ...named(retyped, 'column', 'of another type', 'warn'),
    ...named(changed, 'column', 'with other values', 'busy')
  ];
}

function rowSentences(difference: IFrameDifference): readonly ISentence[] {
  const numbers = [
    [difference.rows_added, 'added', 'good'],
    [difference.rows_removed, 'removed', 'bad'],
    [difference.rows_changed, 'changed', 'warn']
  ] as const;
  const changes = numbers.flatMap(([number, word, tone]) =>
    number ? [{ what: `${count(number, 'row')} ${word}`, tone, names: [] }] : []
  );
  const order = difference.reordered ? [REORDERED] : [];
  return changes.length + order.length > 0 ? [...changes, ...order] : [SAME_ROWS];
}

const REORDERED: ISentence = { what: 'The rows in another order', tone: 'warn', names: [] };
const SAME_ROWS: ISentence = { what: 'The same rows', tone: 'quiet', names: [] };

function fileSentences({ size_before, size_after }: IFileDifference): readonly ISentence[] {
  const sizes = `${formatSize(size_before)} → ${formatSize(size_after)}`;
  return [{ what: 'Other bytes', tone: 'warn', names: [sizes] }];
}

function folderSentences(difference: IFolderDifference): readonly ISentence[] {
  return [
    ...named(difference.added, 'file', 'added', 'good'),
    ...named(difference.removed, 'file', 'removed', 'bad'),
    ...named(difference.changed, 'file', 'changed', 'warn')
  ];
}
