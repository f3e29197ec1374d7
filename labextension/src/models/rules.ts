/** What is shown of models: pure functions on what the server sent. */

import type { MetricValue, Stage } from '../api';
import { count, type ILook, sentence } from '../format';
import type { IAuditEvent, IGateCounts, IGateResult, IModelSummary, IVersion, Json } from './types';

export const GATE_LOOKS: Readonly<Record<'passed' | 'failed' | 'void', ILook>> = {
  passed: { word: 'passed', sign: '✓', tone: 'good' },
  failed: { word: 'refused', sign: '✕', tone: 'bad' },
  void: { word: 'void', sign: '⊘', tone: 'quiet' }
};

export const OVERRIDE_LOOK: ILook = { word: 'override', sign: '!', tone: 'bad' };
export const DEPRECATED_LOOK: ILook = { word: 'deprecated', sign: '▽', tone: 'warn' };
export const UNSAFE_LOOK: ILook = { word: 'pickle', sign: '!', tone: 'bad' };

export function gateLook(result: IGateResult): ILook {
  return GATE_LOOKS[result.void !== null ? 'void' : result.passed ? 'passed' : 'failed'];
}

/** How the gates of a version stand, in a few words: what failed comes before what passed. */
export function gatesLook(gates: IGateCounts): ILook {
  if (gates.failed > 0) {
    return { ...GATE_LOOKS.failed, word: `${count(gates.failed, 'gate')} refused` };
  }
  if (gates.void > 0) {
    return { ...GATE_LOOKS.void, word: `${count(gates.void, 'gate')} void`, tone: 'warn' };
  }
  return gates.passed > 0
    ? { ...GATE_LOOKS.passed, word: `${count(gates.passed, 'gate')} passed` }
    : { word: 'not checked', sign: '○', tone: 'quiet' };
}

/** A model in one line for whoever does not see it. */
export function spoken(model: IModelSummary): string {
  const { production, newest } = model;
  const overridden = production?.override != null;
  return [
    `Model ${model.name}`,
    production ? `version ${production.version} in production` : 'none in production',
    ...(overridden ? ['by an override'] : []),
    ...(newest && newest.version !== production?.version ? [`newest ${newest.version}`] : []),
    ...(newest ? [gatesLook(newest.gates).word] : []),
    ...(model.waiting > 0 ? [`waits for ${count(model.waiting, 'approval')}`] : []),
    ...Object.entries(model.aliases).map(([alias, version]) => `${alias} is version ${version}`)
  ].join(', ');
}

/** The newest result of each gate, those that do not count any more at the end. */
export function newestResults(results: readonly IGateResult[]): readonly IGateResult[] {
  const newest = new Map<string, IGateResult>();
  for (const result of results) {
    newest.set(JSON.stringify([result.stage, result.gate]), result);
  }
  const rank = (result: IGateResult): number => (result.void !== null ? 2 : result.passed ? 1 : 0);
  return [...newest.values()].sort((one, other) => rank(one) - rank(other));
}

/** A stretch of time in which a version was in a stage; `start` and `end` are shares of the whole, 0 to 1. */
export interface ISpan {
  readonly stage: Stage;
  readonly start: number;
  readonly end: number;
  readonly override: boolean;
}

/**
 * When each version was in which stage, from the events of the model, oldest first.
 *
 * Events that were not fetched are not made up: a version begins in `none` when it was registered.
 */
export function stageSpans(
  versions: readonly IVersion[],
  events: readonly IAuditEvent[],
  now: number
): ReadonlyMap<number, readonly ISpan[]> {
  const times = versions.map(each => Date.parse(each.created_time));
  const first = Math.min(now - 1, ...times);
  const share = (time: number): number => Math.min(1, Math.max(0, (time - first) / (now - first)));
  const moves = new Map<number, { time: number; stage: Stage; override: boolean }[]>();
  const move = (version: number, time: number, stage: Stage, override: boolean): void => {
    const before = moves.get(version) ?? [];
    moves.set(version, [...before, { time, stage, override }]);
  };
  for (const event of [...events].sort((one, other) => one.seq - other.seq)) {
    const time = Date.parse(event.time);
    if (event.stage !== null && event.version !== null) {
      move(event.version, time, event.stage, event.red);
      event.archived.forEach(version => move(version, time, 'archived', false));
    }
  }
  return new Map(
    versions.map(version => {
      const start = {
        time: Date.parse(version.created_time),
        stage: 'none' as Stage,
        override: false
      };
      const all = [start, ...(moves.get(version.version) ?? [])];
      const spans = all.map((each, place) => ({
        stage: each.stage,
        start: share(each.time),
        end: share(all[place + 1]?.time ?? now),
        override: each.override
      }));
      return [version.version, spans.filter(span => span.end > span.start)] as const;
    })
  );
}

/** An estimate with its interval, as it is drawn. */
export interface IInterval {
  readonly label: string;
  readonly value: number | null;
  readonly low: number;
  readonly high: number;
  readonly passed: boolean | null;
  readonly note: string;
}

/** Intervals on one scale; only on that of what the gate bounds its marks stand, too. */
export interface IPicture {
  readonly title: string;
  readonly intervals: readonly IInterval[];
  readonly bounded: boolean;
}

/** A table of evidence: the names of its columns, and its rows in their order. */
export interface IEvidenceTable {
  readonly title: string;
  readonly heads: readonly string[];
  readonly rows: readonly (readonly Json[])[];
}

/** Evidence sorted by how it is shown: facts in a line, intervals as pictures, and tables. */
export interface IEvidence {
  readonly facts: readonly (readonly [string, string])[];
  readonly pictures: readonly IPicture[];
  readonly tables: readonly IEvidenceTable[];
}

type Row = Readonly<Record<string, Json>>;

function isRow(value: Json | undefined): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The names under which gates say what a row is about, what was found, and how sure that is. */
const LABELS: readonly string[] = ['slice', 'group', 'label', 'name', 'measure'];
const VALUES: readonly string[] = ['difference', 'estimate', 'value', 'ratio', 'median'];
const ENDS: readonly (readonly [string, string])[] = [
  ['low', 'high'],
  ['low_quartile', 'high_quartile']
];
/** What a picture says already. */
const DRAWN: readonly string[] = [...VALUES, ...ENDS.flat()];

/** Sort the evidence of a gate; whatever is not known here is still shown, as a fact or a table. */
export function sortEvidence(evidence: Readonly<Record<string, Json>> | null): IEvidence {
  const facts: (readonly [string, string])[] = [];
  const single: IInterval[] = [];
  const pictures: IPicture[] = [];
  const tables: IEvidenceTable[] = [];
  const addFacts = (row: Row, prefix: string, drawn: readonly string[]): void => {
    const said = Object.entries(row).filter(([, each]) => each !== null && each !== '');
    said
      .filter(([name]) => !drawn.includes(name))
      .forEach(([name, each]) => facts.push([words(`${prefix}${name}`), told(each)]));
  };
  for (const [name, value] of Object.entries(evidence ?? {})) {
    const rows = rowsOf(value);
    if (isRow(value) && ends(value)) {
      single.push(asInterval(value, words(name)));
      addFacts(value, '', DRAWN);
    } else if (rows !== null) {
      const bounded = rows.filter(ends).map(row => asInterval(row, ''));
      if (bounded.length > 0) {
        pictures.push({ title: words(name), intervals: bounded, bounded: true });
      }
      pictures.push(...triples(rows));
      tables.push(tableOf(words(name), rows));
    } else if (isRow(value)) {
      addFacts(value, `${name} `, []);
    } else if (value !== null) {
      facts.push([words(name), told(value)]);
    }
  }
  const first =
    single.length > 0 ? [{ title: 'what was found', intervals: single, bounded: true }] : [];
  return { facts: unique(facts), pictures: [...first, ...pictures], tables };
}

/** A list of objects, or an object of objects, as rows; null for anything else. */
function rowsOf(value: Json): readonly Row[] | null {
  if (Array.isArray(value)) {
    const list: readonly Json[] = value;
    return list.length > 0 && list.every(isRow) ? list : null;
  }
  const inner = isRow(value) && !ends(value) ? Object.entries(value) : [];
  return inner.length > 0 && inner.every(([, each]) => isRow(each))
    ? inner.map(([name, each]) => ({ name, ...(each as Row) }))
    : null;
}

function ends(row: Row): readonly [number, number] | null {
  for (const [from, to] of ENDS) {
    const low = row[from];
    const high = row[to];
    if (typeof low === 'number' && typeof high === 'number') {
      return [low, high];
    }
  }
  return null;
}

/** A value with its two ends, as a cell of a table holds it. */
function triple(value: Json | undefined): readonly [number, number, number] | null {
  const list = Array.isArray(value) ? (value as readonly Json[]) : [];
  return list.length === 3 && list.every(each => typeof each === 'number')
    ? (list as unknown as readonly [number, number, number])
    : null;
}

/** A picture for each column of a table that holds values with their ends. */
function triples(rows: readonly Row[]): readonly IPicture[] {
  const columns = [...new Set(rows.flatMap(row => Object.keys(row)))];
  return columns.flatMap(column => {
    const intervals = rows.flatMap(row => {
      const found = triple(row[column]);
      return found
        ? [{ ...asInterval(row, ''), value: found[0], low: found[1], high: found[2] }]
        : [];
    });
    return intervals.length > 0 ? [{ title: words(column), intervals, bounded: false }] : [];
  });
}

const GOOD: readonly Json[] = ['better', 'not worse', 'passed'];
const BAD: readonly Json[] = ['worse', 'not better', 'failed', 'cannot be compared'];

function asInterval(row: Row, label: string): IInterval {
  const [low, high] = ends(row) ?? [0, 0];
  const text = LABELS.map(name => row[name]).find(each => typeof each === 'string');
  const value = VALUES.map(name => row[name]).find(each => typeof each === 'number');
  const { passed, verdict = null, rows } = row;
  const judged = GOOD.includes(verdict) ? true : BAD.includes(verdict) ? false : null;
  return {
    label: [label, text].filter(Boolean).join(' ') || 'difference',
    value: typeof value === 'number' ? value : null,
    low,
    high,
    passed: typeof passed === 'boolean' ? passed : judged,
    note: typeof rows === 'number' ? count(rows, 'row') : ''
  };
}

function tableOf(title: string, rows: readonly Row[]): IEvidenceTable {
  const all = [...new Set(rows.flatMap(row => Object.keys(row)))];
  const first = all.filter(head => LABELS.includes(head));
  const heads = [...first, ...all.filter(head => !first.includes(head))].filter(head =>
    rows.some(row => row[head] !== null && row[head] !== undefined)
  );
  return {
    title,
    heads: heads.map(words),
    rows: rows.map(row => heads.map(head => row[head] ?? null))
  };
}

function unique(
  facts: readonly (readonly [string, string])[]
): readonly (readonly [string, string])[] {
  return [...new Map(facts)];
}

export function words(name: string): string {
  return name.replaceAll('_', ' ');
}

/** A value of the evidence as text. */
export function told(value: Json): string {
  if (typeof value === 'number') {
    return Number.isInteger(value)
      ? value.toLocaleString('en-US')
      : String(Number(value.toPrecision(4)));
  }
  const found = triple(value);
  if (found) {
    return `${told(found[0])} (${told(found[1])} to ${told(found[2])})`;
  }
  if (Array.isArray(value)) {
    return value.map(told).join(', ');
  }
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .map(([name, each]) => `${words(name)} ${told(each)}`)
      .join(', ');
  }
  return value === null
    ? '–'
    : typeof value === 'boolean'
      ? value
        ? 'yes'
        : 'no'
      : value.replace(/^[;,] /, '');
}

/** The numbers between which intervals are drawn: all of them and the marks, with some room at both ends. */
export function extentOf(
  intervals: readonly IInterval[],
  marks: readonly number[]
): [number, number] {
  const values = [
    ...intervals.flatMap(each => [each.low, each.high, each.value ?? each.low]),
    ...marks
  ];
  const finite = values.filter(Number.isFinite);
  const low = Math.min(...finite);
  const high = Math.max(...finite);
  const room = high > low ? (high - low) * 0.08 : Math.abs(high) * 0.1 || 1;
  return finite.length === 0 ? [0, 1] : [low - room, high + room];
}

/** The bounds that gates have, by what they are called. */
const BOUNDS: readonly string[] = ['min', 'max', 'margin', 'max_ms', 'max_mb'];

/** The marks of a gate in the picture of its intervals: its bounds, its margin, and where nothing differs. */
export function marksOf(result: IGateResult): readonly (readonly [string, number])[] {
  const { settings, type } = result.gate;
  const named = BOUNDS.flatMap(name => {
    const value = settings[name];
    // Slices may be worse by so much, so their margin lies below.
    const at = typeof value === 'number' && type === 'slices' ? -value : value;
    return typeof at === 'number' && at !== 0 ? [[words(name), at] as const] : [];
  });
  const compares = type === 'champion' || type === 'slices';
  return [...(compares ? [['no difference', 0] as const] : []), ...named];
}

/** What a promotion to a stage may be asked for: all stages but the one it has. */
export function stagesFor(version: IVersion): readonly Stage[] {
  const all: readonly Stage[] = ['production', 'staging', 'archived', 'none'];
  return all.filter(stage => stage !== version.stage);
}

/** How a change of a metric reads: with its sign. */
export function signed(value: MetricValue | null): string {
  if (value === null) {
    return '–';
  }
  if (typeof value === 'string') {
    return value;
  }
  const text = String(Number(Math.abs(value).toPrecision(4)));
  return value === 0 ? '0' : `${value > 0 ? '+' : '−'}${text}`;
}

/** What happened, as a sentence. */
export function toldEvent(event: IAuditEvent): string {
  const subject = event.version === null ? '' : `Version ${event.version} `;
  return subject ? `${subject}${event.words}` : sentence(event.words);
}
