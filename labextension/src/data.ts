/** What a run did with its data: rows of a table, from the records of what it read, wrote and changed. */

import type { IRunData } from './api';

/** A variable or file as it was before and as it is after; one of both may be missing. */
export interface IUse {
  readonly name: string;
  readonly kind: string;
  readonly before: IRunData | null;
  readonly after: IRunData | null;
}

/** What the run read. */
export function inputsOf(data: readonly IRunData[]): readonly IUse[] {
  return data
    .filter(item => item.role === 'read')
    .map(item => ({ name: item.name, kind: item.kind, before: item, after: null }));
}

/** What the run wrote or changed, each beside what it was before where the run read it, too. */
export function outputsOf(data: readonly IRunData[]): readonly IUse[] {
  const read = new Map(data.filter(item => item.role === 'read').map(item => [item.name, item]));
  const outputs = new Map(
    data.filter(item => item.role !== 'read').map(item => [item.name, item] as const)
  );
  return [...outputs.values()].map(item => ({
    name: item.name,
    kind: item.kind,
    before: read.get(item.name) ?? null,
    after: item
  }));
}

export interface IColumnChanges {
  readonly changed: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** Which columns of a frame are others than before; null where that is not known. */
export function columnChanges(use: IUse): IColumnChanges | null {
  const before = use.before?.columns;
  const after = use.after?.columns;
  if (!before || !after) {
    return null;
  }
  return {
    changed: Object.keys(after).filter(name => name in before && before[name] !== after[name]),
    added: Object.keys(after).filter(name => !(name in before)),
    removed: Object.keys(before).filter(name => !(name in after))
  };
}

/** One line of a CSV table after the other; quotes may hold commas and line ends. */
export function parseCsv(text: string, rows: number): readonly (readonly string[])[] {
  const table: string[][] = [];
  let row: string[] = [];
  let field = '';
  let quoted = false;
  for (let index = 0; index < text.length && table.length < rows; index++) {
    const letter = text[index];
    if (quoted) {
      if (letter !== '"') {
        field += letter;
      } else if (text[index + 1] === '"') {
        field += '"';
        index++;
      } else {
        quoted = false;
      }
    } else if (letter === '"') {
      quoted = true;
    } else if (letter === ',' || letter === '\n') {
      row.push(field.replace(/\r$/, ''));
      field = '';
      if (letter === '\n') {
        table.push(row);
        row = [];
      }
    } else {
      field += letter;
    }
  }
  if (table.length < rows && (field !== '' || row.length > 0)) {
    table.push([...row, field]);
  }
  return table;
}
