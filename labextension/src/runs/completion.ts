/** What can stand where the caret is in a filter: keys, operators, values, connectives.  Pure functions. */

import { type Collection, keyOf, quote } from './query';
import type { IRunKeys } from './types';

export interface ISuggestion {
  readonly text: string;
  readonly insert: string;
  readonly detail: string;
}

/** The suggestions replace the text from `from` to the caret. */
export interface ISuggestions {
  readonly from: number;
  readonly items: readonly ISuggestion[];
}

const LIMIT = 50;
const STATUSES = ['FINISHED', 'RUNNING', 'FAILED', 'KILLED'];
const COLLECTIONS: Readonly<Record<string, Collection>> = {
  metric: 'metrics',
  metrics: 'metrics',
  param: 'params',
  params: 'params',
  parameters: 'params',
  tag: 'tags',
  tags: 'tags'
};
const TOKEN =
  /\s*(?:('(?:[^']|'')*'|"(?:[^"]|"")*")|([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\w.])|(<=|>=|!=|=|<|>)|([(),])|((?:`[^`]+`|"(?:[^"]|"")*"|[A-Za-z_][\w/-]*)(?:\.(?:`[^`]+`|"(?:[^"]|"")*"|[A-Za-z_][\w/-]*))*\.?))/y;

type State = 'key' | 'operator' | 'in' | 'null' | 'value' | 'list' | 'next';

/** Where a parser stands after the text: what it waits for, and the key that it has read last. */
interface IPlace {
  readonly state: State;
  readonly key: string;
}

export function suggest(text: string, caret: number, keys: IRunKeys): ISuggestions | null {
  const before = text.slice(0, caret);
  const partial = begunWord(before);
  const from = caret - partial.length;
  const place = read(before.slice(0, from));
  if (place === null) {
    return null;
  }
  const all = candidates(place, partial, keys);
  const items = rank(all, partial);
  const done = items.length === 1 && items[0]?.insert.trim() === partial;
  return items.length === 0 || done ? null : { from, items };
}

/** What is being written: a key, a word, or a text whose quote is still open. */
function begunWord(before: string): string {
  const isOpen = (quote: string): boolean => before.split(quote).length % 2 === 0;
  const begun = isOpen("'")
    ? /'[^']*$/
    : isOpen('`')
      ? /(?:[A-Za-z_][\w/-]*\.)?`[^`]*$/
      : /[A-Za-z_][\w/.-]*$/;
  return begun.exec(before)?.[0] ?? '';
}

/** Read whole tokens; null where the text is none of the grammar's. */
function read(text: string): IPlace | null {
  let place: IPlace = { state: 'key', key: '' };
  TOKEN.lastIndex = 0;
  const end = text.trimEnd().length;
  for (let at = 0; at < end; at = TOKEN.lastIndex) {
    const match = TOKEN.exec(text);
    if (match === null) {
      return null;
    }
    const next = advance(place, match);
    if (next === null) {
      return null;
    }
    place = next;
  }
  return place;
}

function advance(place: IPlace, match: RegExpExecArray): IPlace | null {
  const [, string, number, operator, mark, word] = match;
  const upper = word?.toUpperCase() ?? '';
  const to = (state: State, key = place.key): IPlace => ({ state, key });
  switch (place.state) {
    case 'key':
      return mark === '(' || upper === 'NOT' ? place : word ? to('operator', word) : null;
    case 'operator':
      if (operator || upper === 'LIKE' || upper === 'ILIKE') {
        return to('value');
      }
      return upper === 'IN'
        ? to('list')
        : upper === 'NOT'
          ? to('in')
          : upper === 'IS'
            ? to('null')
            : null;
    case 'in':
      return upper === 'IN' ? to('list') : null;
    case 'null':
      return upper === 'NULL' ? to('next') : upper === 'NOT' ? place : null;
    case 'value':
      return string || number ? to('next') : null;
    case 'list':
      return mark === ')' ? to('next') : place;
    case 'next':
      return upper === 'AND' || upper === 'OR' ? to('key', '') : mark === ')' ? place : null;
  }
}

function candidates(place: IPlace, partial: string, keys: IRunKeys): readonly ISuggestion[] {
  const word = (text: string, detail = ''): ISuggestion => ({ text, insert: `${text} `, detail });
  switch (place.state) {
    case 'key':
      return keyCandidates(partial, keys);
    case 'operator':
      return operators(place.key, keys).map(text => word(text));
    case 'in':
      return [word('IN')];
    case 'null':
      return [word('NULL'), word('NOT NULL')];
    case 'value':
    case 'list':
      return valuesOf(place.key, keys).map(value => ({
        text: quote(value),
        insert: quote(value) + (place.state === 'value' ? ' ' : ''),
        detail: ''
      }));
    case 'next':
      return [word('and'), word('or')];
  }
}

function keyCandidates(partial: string, keys: IRunKeys): readonly ISuggestion[] {
  const dot = partial.indexOf('.');
  const collection = dot < 0 ? undefined : COLLECTIONS[partial.slice(0, dot).toLowerCase()];
  if (collection) {
    const given = partial.slice(0, dot);
    return keys[collection].map(name => {
      const insert = `${given}${keyOf(collection, name).slice(collection.length)}`;
      return { text: insert, insert: `${insert} `, detail: collection.slice(0, -1) };
    });
  }
  const groups = (['metrics', 'params', 'tags'] as const).filter(name => keys[name].length > 0);
  return [
    ...groups.map(name => ({
      text: `${name}.`,
      insert: `${name}.`,
      detail: `${keys[name].length} ${name}`
    })),
    ...keys.attributes.map(({ name }) => ({
      text: name,
      insert: `${name} `,
      detail: 'of the run'
    })),
    ...(partial === ''
      ? []
      : groups.flatMap(group =>
          keys[group].map(name => ({
            text: keyOf(group, name),
            insert: `${keyOf(group, name)} `,
            detail: group.slice(0, -1)
          }))
        ))
  ];
}

const NUMERIC = ['>', '>=', '<', '<=', '=', '!='];
const TEXT = ['=', '!=', 'LIKE', 'ILIKE', 'IN'];

function operators(key: string, keys: IRunKeys): readonly string[] {
  const [head = ''] = key.split('.');
  const collection = key.includes('.') ? COLLECTIONS[head.toLowerCase()] : undefined;
  if (collection === 'metrics') {
    return [...NUMERIC, 'IS NULL', 'IS NOT NULL'];
  }
  if (collection) {
    return collection === 'params'
      ? [...TEXT, '>', '>=', '<', '<=', 'IS NULL', 'IS NOT NULL']
      : [...TEXT, 'IS NULL', 'IS NOT NULL'];
  }
  const name = key.replace(/^attributes?\.|^run\./i, '');
  return keys.attributes.find(attribute => attribute.name === name)?.numeric ? NUMERIC : TEXT;
}

function valuesOf(key: string, keys: IRunKeys): readonly string[] {
  const name = key.replace(/^attributes?\.|^run\./i, '');
  return name === 'status' ? STATUSES : name === 'experiment' ? keys.experiments : [];
}

/** Those that begin with what is written, then those that hold it. */
function rank(all: readonly ISuggestion[], partial: string): readonly ISuggestion[] {
  const wanted = partial.toLowerCase();
  const begins = all.filter(({ text }) => text.toLowerCase().startsWith(wanted));
  const bare = wanted.replace(/^(?:metrics?|param(?:eter)?s?|tags?)\./, '').replace(/^['`]/, '');
  const holds = all.filter(
    item => !begins.includes(item) && bare !== '' && item.text.toLowerCase().includes(bare)
  );
  return [...begins, ...holds].slice(0, LIMIT);
}

/** The text after a suggestion was taken, and where the caret stands then. */
export function accept(
  text: string,
  caret: number,
  from: number,
  item: ISuggestion
): { readonly text: string; readonly caret: number } {
  const rest = text.slice(caret);
  const insert =
    item.insert.endsWith(' ') && rest.startsWith(' ') ? item.insert.trimEnd() : item.insert;
  return { text: text.slice(0, from) + insert + rest, caret: from + insert.length };
}
