/** The tags of a cell and what they make of it: pure functions, in the words of `trackbook convert`. */

import table from './tags.json';

/** Tags that say what a cell is for instead of a step; a cell has one place. */
export const ROLES = ['parameters', 'imports', 'functions', 'skip'] as const;
export type Role = (typeof ROLES)[number];

/** What papermill writes into the cell of the values that it sets; it goes on top of the parameters. */
const INJECTED = 'injected-parameters';

/** Tags that a cell of a step may have besides. */
export const FLAGS = ['metrics', 'cache:off'] as const;

/** What a menu shows for a tag. */
export const WORDS: Readonly<Record<string, string>> = {
  parameters: 'Parameters',
  imports: 'Imports',
  functions: 'Functions',
  skip: 'Skip',
  [INJECTED]: 'Injected parameters',
  metrics: 'Metrics',
  'cache:off': 'Cache off'
};

/** How many colours there are; they are in the style sheet by number. */
export const COLOURS = 10;

/** What a cell says about its place: its tags, and the comments and the magic at its top. */
export interface ICellText {
  readonly tags: readonly string[];
  readonly source: string;
}

export interface IChip {
  /** What the cell says, in the words of Trackbook. */
  readonly tag: string;
  /** What stands in the cell: another tool's tag, a comment, a magic; or the tag itself. */
  readonly written: string;
  readonly text: string;
  /** The number of a colour, or null for what is no step. */
  readonly colour: number | null;
  /** A chip that the cell has because of a cell above. */
  readonly inherited: boolean;
}

/** A tag in Trackbook's words; one that is no alias stays as it is. */
export function canonical(tag: string): string {
  const own = tag.trim();
  const prefix = Object.entries(table.prefixes).find(([other]) => own.startsWith(other));
  if (prefix !== undefined) {
    return prefix[1] + own.slice(prefix[0].length);
  }
  return lookUp(table.aliases, own) ?? own;
}

/** What a cell says, in Trackbook's words and as it is written; comments count where no tag places the cell. */
export function said(
  cell: ICellText
): readonly { readonly tag: string; readonly written: string }[] {
  const found = [
    ...cell.tags.map(tag => ({ tag: canonical(tag), written: tag })),
    ...magicOf(cell.source)
  ];
  return found.some(({ tag }) => isPlace(tag)) ? found : [...found, ...directives(cell.source)];
}

/** The same without how it is written. */
export function meaning(cell: ICellText): readonly string[] {
  return said(cell).map(({ tag }) => tag);
}

/** The step that tags in Trackbook's words name, or null. */
export function stepOf(tags: readonly string[]): string | null {
  return (
    tags
      .find(tag => tag.startsWith('step:'))
      ?.slice('step:'.length)
      .trim() || null
  );
}

export function roleOf(tags: readonly string[]): Role | null {
  return ROLES.find(role => tags.includes(role)) ?? (tags.includes(INJECTED) ? 'parameters' : null);
}

/** The names of all steps, in the order in which the cells name them. */
export function stepNames(cells: readonly ICellText[]): readonly string[] {
  return [...new Set(cells.flatMap(cell => stepOf(meaning(cell)) ?? []))];
}

/** Put the cell into a step; what said another place goes, everything else stays where it stands. */
export function withStep(tags: readonly string[], name: string): readonly string[] {
  return placed(tags, `step:${name}`);
}

/** Give the cell a role, or take it away when the cell has it. */
export function withRole(tags: readonly string[], role: Role): readonly string[] {
  return has(tags, role) ? tags.filter(tag => canonical(tag) !== role) : placed(tags, role);
}

/** Add a tag, or take it away when it is there. */
export function toggled(tags: readonly string[], tag: string): readonly string[] {
  return has(tags, tag) ? tags.filter(each => canonical(each) !== tag) : [...tags, tag];
}

/** Take away what the pipeline reads; tags of others stay. */
export function cleared(tags: readonly string[]): readonly string[] {
  return tags.filter(tag => textOf(canonical(tag)) === null);
}

/** Whether a text can name a step, which becomes a Python function. */
export function isStepName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !KEYWORDS.has(name);
}

/** A name near to what somebody typed that can name a step. */
export function asStepName(text: string): string {
  const name = text
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9_]+/g, '_')
    .replace(/^_+|_+$/g, '');
  return isStepName(name) ? name : name === '' ? '' : `step_${name}`;
}

/**
 * The chips of each cell.  A cell without a place of its own belongs to the step above it, once there is one;
 * that shows as a chip in outline.
 */
export function chipsOf(cells: readonly ICellText[]): readonly (readonly IChip[])[] {
  const colours = coloursOf(stepNames(cells));
  let last: string | null = null;
  return cells.map(cell => {
    const told = said(cell);
    const tags = told.map(({ tag }) => tag);
    const chips: IChip[] = told.flatMap(({ tag, written }) => {
      const text = textOf(tag);
      const name = tag.startsWith('step:') || tag.startsWith('after:') ? nameIn(tag) : null;
      const colour = name === null ? null : (colours.get(name) ?? null);
      return text === null ? [] : [{ tag, written, text, colour, inherited: false }];
    });
    const own = stepOf(tags);
    if (own !== null) {
      last = own;
    } else if (last !== null && roleOf(tags) === null && cell.source.trim() !== '') {
      const tag = `step:${last}`;
      const colour = colours.get(last) ?? null;
      chips.unshift({ tag, written: tag, text: last, colour, inherited: true });
    }
    return chips;
  });
}

/** The colour of each step: the name decides, and of two that would share one the later takes the next. */
export function coloursOf(names: readonly string[]): ReadonlyMap<string, number> {
  const taken = new Map<string, number>();
  for (const name of names) {
    const used = new Set(taken.values());
    let colour = hash(name) % COLOURS;
    while (used.has(colour) && used.size < COLOURS) {
      colour = (colour + 1) % COLOURS;
    }
    taken.set(name, colour);
  }
  return taken;
}

/** What a chip says to a screen reader. */
export function labelOf(chip: IChip): string {
  return `${meaningOf(chip)}. Change the step`;
}

/** What a chip means, and where that stands when it is no tag of Trackbook. */
export function meaningOf(chip: IChip): string {
  if (chip.inherited) {
    return `In step ${chip.text}, as the cell above`;
  }
  const what = chip.tag.startsWith('step:') ? `Step ${chip.text}` : `Tag ${chip.tag}`;
  return chip.written === chip.tag ? what : `${what}, written ${chip.written}`;
}

function has(tags: readonly string[], tag: string): boolean {
  return tags.some(each => canonical(each) === tag);
}

/** Give the cell a place; what said another place goes, everything else stays where it stands. */
export function placed(tags: readonly string[], place: string): readonly string[] {
  const isOther = (tag: string): boolean => !isPlace(canonical(tag));
  const at = tags.findIndex(tag => !isOther(tag));
  const others = tags.filter(isOther);
  const index = at < 0 ? others.length : at;
  return [...others.slice(0, index), place, ...others.slice(index)];
}

function isPlace(tag: string): boolean {
  return tag.startsWith('step:') || tag === INJECTED || (ROLES as readonly string[]).includes(tag);
}

function textOf(tag: string): string | null {
  if (tag.startsWith('step:')) {
    return nameIn(tag);
  }
  if (tag.startsWith('after:')) {
    return `after ${nameIn(tag)}`;
  }
  return lookUp(WORDS, tag)?.toLowerCase() ?? null;
}

/** `%%step NAME --after A` in front of everything but comments and other cell magics. */
function magicOf(source: string): readonly { tag: string; written: string }[] {
  const line = source.split('\n').find(each => /^%%step\s/.test(each.trim()));
  const before = line === undefined ? '' : source.slice(0, source.indexOf(line));
  if (line === undefined || !before.split('\n').every(each => /^\s*($|#|%%)/.test(each))) {
    return [];
  }
  const [, name = '', ...options] = line.trim().split(/\s+/);
  const after = options.flatMap((word, index) =>
    word === '--after'
      ? (options[index + 1] ?? [])
      : word.startsWith('--after=')
        ? word.slice(8)
        : []
  );
  const written = line.trim();
  return [`step:${name}`, ...after.map(each => `after:${each}`)].map(tag => ({ tag, written }));
}

/** What the comments at the top of a cell (`#| export`) say. */
function directives(source: string): readonly { tag: string; written: string }[] {
  const lines = source.split('\n').map(line => line.trim());
  const end = lines.findIndex(line => line !== '' && !/^[#%]/.test(line));
  return lines.slice(0, end < 0 ? undefined : end).flatMap(written => {
    const word = /^#\s?\|\s*(.+?)\s*$/.exec(written)?.[1]?.replace(/\s+/g, ' ').toLowerCase();
    const tag = word === undefined ? undefined : lookUp(table.directives, word);
    return tag === undefined ? [] : [{ tag, written }];
  });
}

function lookUp(words: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(words, key) ? words[key] : undefined;
}

function nameIn(tag: string): string {
  return tag.slice(tag.indexOf(':') + 1).trim();
}

/** FNV-1a: short, and even for short names. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const letter of text) {
    value = Math.imul(value ^ (letter.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  }
  return value;
}

const KEYWORDS = new Set(
  (
    'False None True and as assert async await break class continue def del elif else except finally for from ' +
    'global if import in is lambda nonlocal not or pass raise return try while with yield'
  ).split(' ')
);
