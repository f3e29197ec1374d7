/** Where in the notebook a traceback of the script leads.  Pure functions. */

import { stripAnsi } from '../format';
import type { IGraphCell } from './types';

export interface ISpot {
  readonly cell: IGraphCell;
  /** The line of the cell, from 1; null where only the cell is known. */
  readonly line: number | null;
}

const FRAME = /^ *File "([^"]+)", line \d+, in .*$/;

/**
 * The cell of a step in which it failed.
 *
 * The script has the code of the cells, but not at their lines: the innermost line of the traceback that stands in a
 * cell of the step leads there.  Where none does, it is the step's first cell.
 */
export function spotOf(traceback: string, cells: readonly IGraphCell[]): ISpot | null {
  const lines = stripAnsi(traceback).split('\n');
  const said = lines.flatMap((line, place) => (FRAME.test(line) ? [lines[place + 1] ?? ''] : []));
  for (const text of said.reverse()) {
    for (const cell of cells) {
      const line = cell.source.split('\n').findIndex(own => isSame(own, text));
      if (line >= 0) {
        return { cell, line: line + 1 };
      }
    }
  }
  const [first] = cells;
  return first === undefined ? null : { cell: first, line: null };
}

/** Whether a line of the script is one of a cell: the script spaces it anew, and shows the last value. */
function isSame(own: string, script: string): boolean {
  const mine = bare(own);
  return mine !== '' && (bare(script) === mine || bare(script) === `show(${mine})`);
}

function bare(line: string): string {
  return line.replace(/\s+/g, '').replaceAll("'", '"').replace(/#.*$/, '');
}
