/** How values read: pure functions from stored values to short text. */

import type { DriftState, MetricValue, RunStatus, Stage } from './api';
import type { Verdict } from './proof';

/** A state in words with a sign, so that colour is never the only difference. */
export interface ILook {
  readonly word: string;
  readonly sign: string;
  readonly tone: 'good' | 'bad' | 'warn' | 'busy' | 'quiet';
}

export const RUN_LOOKS: Readonly<Record<RunStatus, ILook>> = {
  RUNNING: { word: 'running', sign: '●', tone: 'busy' },
  FINISHED: { word: 'finished', sign: '✓', tone: 'good' },
  FAILED: { word: 'failed', sign: '✕', tone: 'bad' },
  KILLED: { word: 'stopped', sign: '■', tone: 'warn' }
};

export const VERDICT_LOOKS: Readonly<Record<Verdict, ILook>> = {
  reproduced: { word: 'reproduced', sign: '✓', tone: 'good' },
  differs: { word: 'differs', sign: '≠', tone: 'bad' },
  cannot_run: { word: 'cannot run', sign: '!', tone: 'warn' }
};

export const DRIFT_LOOKS: Readonly<Record<DriftState, ILook>> = {
  drift: { word: 'drift', sign: '▲', tone: 'bad' },
  cannot_tell: { word: 'cannot tell', sign: '?', tone: 'warn' },
  negligible: { word: 'negligible', sign: '≈', tone: 'quiet' },
  none: { word: 'no drift', sign: '✓', tone: 'good' }
};

export const STAGE_LOOKS: Readonly<Record<Stage, ILook>> = {
  production: { word: 'production', sign: '▲', tone: 'good' },
  staging: { word: 'staging', sign: '◆', tone: 'busy' },
  archived: { word: 'archived', sign: '▽', tone: 'quiet' },
  none: { word: 'no stage', sign: '○', tone: 'quiet' }
};

/** Tests by the names that their readers know. */
const METHODS: Readonly<Record<string, string>> = {
  anderson_darling: 'Anderson-Darling',
  chi_square: 'chi-squared',
  fisher: "Fisher's exact",
  not_tested: 'not tested',
  two_shares: 'two shares',
  unseen_levels: 'unseen levels'
};

export function formatMethod(method: string): string {
  return METHODS[method] ?? method.replaceAll('_', ' ');
}

/** A message that begins with a small letter, as a sentence. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const UNKNOWN: ILook = { word: 'unknown', sign: '?', tone: 'quiet' };

/** The look of a state, also of one that a newer server knows and this panel does not. */
export function look<K extends string>(looks: Readonly<Record<K, ILook>>, state: string): ILook {
  return Object.hasOwn(looks, state) ? looks[state as K] : { ...UNKNOWN, word: state };
}

/** Four significant digits, without a trailing row of zeros: `0.4526`, `1,250`, `3.2e-7`. */
export function formatNumber(value: MetricValue | null): string {
  if (value === null) {
    return '–';
  }
  if (typeof value === 'string') {
    return value;
  }
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e9)) {
    return value
      .toExponential(2)
      .replace(/\.?0+e/, 'e')
      .replace('e+', 'e');
  }
  return withDigits(size >= 1000 ? Math.max(4, Math.ceil(Math.log10(size + 1))) : 4).format(value);
}

const WITH_DIGITS = new Map<number, Intl.NumberFormat>();

/** Making a format takes longer than formatting a page of numbers with it. */
function withDigits(maximumSignificantDigits: number): Intl.NumberFormat {
  const format =
    WITH_DIGITS.get(maximumSignificantDigits) ??
    new Intl.NumberFormat('en-US', { maximumSignificantDigits });
  WITH_DIGITS.set(maximumSignificantDigits, format);
  return format;
}

/** Adjusted p-values are read against 0.05; below one in a thousand the size says nothing more. */
export function formatProbability(value: number): string {
  return value < 0.001 ? '< 0.001' : value.toFixed(3);
}

/** One decimal where the share is small: `0%`, `5%`, `4.2%`, `37%`. */
export function formatPercent(share: number): string {
  const percent = share * 100;
  return percent > 0 && percent < 0.05
    ? '< 0.1%'
    : `${Number(percent.toFixed(percent < 9.95 ? 1 : 0))}%`;
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });

/** `just now`, `3 min ago`, `2 h ago`, `4 d ago`, then the date. */
export function formatAgo(time: string | null, now: number): string {
  if (time === null) {
    return '–';
  }
  const seconds = Math.max(0, (now - Date.parse(time)) / 1000);
  if (seconds < 10) {
    return 'just now';
  }
  if (seconds < MINUTE) {
    return `${Math.floor(seconds / 10) * 10} s ago`;
  }
  if (seconds < HOUR) {
    return `${Math.floor(seconds / MINUTE)} min ago`;
  }
  if (seconds < DAY) {
    return `${Math.floor(seconds / HOUR)} h ago`;
  }
  if (seconds < 7 * DAY) {
    return `${Math.floor(seconds / DAY)} d ago`;
  }
  return DATE.format(new Date(time));
}

/** How long something took or, without an end, has taken up to `now`. */
export function formatDuration(start: string | null, end: string | null, now: number): string {
  if (start === null) {
    return '–';
  }
  const milliseconds = Math.max(0, (end === null ? now : Date.parse(end)) - Date.parse(start));
  return formatSeconds(milliseconds / 1000);
}

/** `12 ms`, `3.4 s`, `2 min 05 s`, `1 h 20 min`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 1) {
    return `${Math.round(seconds * 1000)} ms`;
  }
  if (seconds < MINUTE) {
    return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  }
  const pad = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  if (seconds < HOUR) {
    return `${Math.floor(seconds / MINUTE)} min ${pad(seconds % MINUTE)} s`;
  }
  return `${Math.floor(seconds / HOUR)} h ${pad((seconds % HOUR) / MINUTE)} min`;
}

export function formatTime(time: string | null): string {
  return time === null
    ? '–'
    : new Date(time).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
}

/** `512 B`, `3.4 kB`, `12 MB`. */
export function formatSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  const power = bytes < 1000 ? 0 : Math.min(3, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}

/** `1 run`, `2 runs`. */
export function count(number: number, noun: string): string {
  return `${number.toLocaleString('en-US')} ${noun}${number === 1 ? '' : 's'}`;
}

/** The first digits of an id or a digest: enough to tell it apart, short enough for a table. */
export function short(digest: string, length = 8): string {
  return digest.slice(0, length);
}

/** Tracebacks come with the colours of a terminal, which are noise in a page. */
export function stripAnsi(text: string): string {
  return text.replace(/\u001b\[[0-9;]*m/g, '');
}

/** The last part of a folder's or a file's path. */
export function baseName(path: string): string {
  return (
    path
      .replace(/[\\/]+$/, '')
      .split(/[\\/]/)
      .pop() || path
  );
}
