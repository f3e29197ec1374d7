/** How the program of a run reads: pure functions on its executions. */

import type { IExecution } from './proof';

/** `[3]`, as the notebook shows it. */
export function label(execution: IExecution): string {
  return `[${execution.execution_count ?? ' '}]`;
}

/** The code as it stood, without the empty lines around it. */
export function codeOf(source: string): string {
  return source.replace(/^(?:[ \t]*\n)+/, '').trimEnd();
}

/** The first line that says something. */
export function firstLine(source: string): string {
  return (
    source
      .split('\n')
      .map(line => line.trim())
      .find(line => line !== '' && !/^%%(?:track|step)\b/.test(line)) ?? ''
  );
}

const KINDS: Readonly<Record<string, string>> = { file: 'the file', state: 'the state of' };

/** A variable, or in words a piece of process state such as `file:/data/a.csv`. */
export function formatName(name: string): string {
  const [, kind, rest] = /^(file|state):(.*)$/.exec(name) ?? [];
  if (kind === undefined || rest === undefined) {
    return name;
  }
  return `${KINDS[kind]} ${kind === 'file' ? (rest.split(/[\\/]/).pop() ?? rest) : rest}`;
}

/** Why a cell is in the program: what the later ones need from it. */
export function givesText(program: readonly IExecution[], place: number): string {
  const last = program.length - 1;
  const names = new Map<string, number[]>();
  for (const link of program[place]?.gives ?? []) {
    for (const name of link.names) {
      names.set(name, [...(names.get(name) ?? []), link.place]);
    }
  }
  if (names.size === 0) {
    return 'seen to matter while it ran';
  }
  const groups = new Map<string, string[]>();
  for (const [name, places] of names) {
    const users = places.includes(last) ? 'the run' : usersOf(program, places);
    groups.set(users, [...(groups.get(users) ?? []), formatName(name)]);
  }
  return [...groups]
    .sort(([one], [other]) => Number(other === 'the run') - Number(one === 'the run'))
    .map(([users, given]) => `${listed(given)} for ${users}`)
    .join('; ');
}

function usersOf(program: readonly IExecution[], places: readonly number[]): string {
  const known = places.flatMap(place => program[place] ?? []).map(label);
  return known.length > 3 ? `${known.slice(0, 3).join(', ')} …` : known.join(', ');
}

function listed(names: readonly string[]): string {
  return names.length > 4
    ? `${names.slice(0, 4).join(', ')} and ${names.length - 4} more`
    : names.join(', ');
}
