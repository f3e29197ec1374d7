/** What the badge of a cell says: pure functions on what the server told and what the document holds. */

import { look, type ILook, RUN_LOOKS } from '../format';
import type { ICellBadge } from '../proof';

export interface IBadge {
  readonly look: ILook;
  /** What stands on the badge beside its sign. */
  readonly text: string;
  /** The accessible name. */
  readonly label: string;
  readonly tooltip: string;
}

const HEADER = /^[ \t]*%%(?:step|track)(?:[ \t].*)?$/;

/** The code of a cell without `%%track` and `%%step` lines at its top and empty lines around it, as the server takes it. */
export function plain(source: string): string {
  const lines = source.split(/\r\n|\r|\n/);
  const first = lines.findIndex(line => line.trim() !== '' && !HEADER.test(line));
  return first < 0 ? '' : lines.slice(first).join('\n').trimEnd();
}

/** Why the result may not be what the notebook would give now; `source` is the cell's text in the document. */
export function reasonsOf(badge: ICellBadge, source: string): readonly string[] {
  const edited = plain(source) !== plain(badge.source);
  const known = badge.reasons.map(reason => reason.text);
  return edited ? ['this cell was edited since its run', ...known] : known;
}

/** The badge of a cell; `earlier` when its run belongs to a session that has ended. */
export function describe(badge: ICellBadge, source: string, earlier: boolean): IBadge {
  const reasons = badge.status === 'RUNNING' ? [] : reasonsOf(badge, source);
  const shown = lookOf(badge, reasons.length > 0, earlier);
  const [first, ...more] = reasons;
  const changed = first && `${first}${more.length > 0 ? `, and ${more.length} more` : ''}`;
  const notes = [
    badge.status === 'FINISHED' && !changed ? null : shown.word,
    changed && (shown === STALE ? changed : `since then ${changed.replace(' since its run', '')}`),
    earlier && !changed ? 'earlier session' : null
  ].filter(Boolean);
  const said = [shown.word, ...reasons, ...(earlier ? ['from an earlier session'] : [])].join('; ');
  return {
    look: shown,
    text: [badge.run_name, notes.join(shown === STALE ? ': ' : '; ')].filter(Boolean).join(' · '),
    label: `Run ${badge.run_name}, ${said}. Open the run`,
    tooltip: [
      `Run ${badge.run_name}: ${shown.word}`,
      ...(badge.error === null ? [] : [badge.error]),
      ...reasons.map(reason => `• ${reason}`),
      ...(earlier ? ['It is from an earlier session.'] : []),
      'Click to open the run.'
    ].join('\n')
  };
}

const STALE: ILook = { word: 'stale', sign: '↻', tone: 'warn' };

/** A failure stays the most important thing to know; whatever made it stale is said beside it. */
function lookOf(badge: ICellBadge, stale: boolean, earlier: boolean): ILook {
  const own = look(RUN_LOOKS, badge.status);
  if (badge.status === 'FINISHED' && stale) {
    return STALE;
  }
  if (badge.status === 'FINISHED') {
    return { word: 'tracked', sign: own.sign, tone: earlier ? 'quiet' : own.tone };
  }
  return own;
}
