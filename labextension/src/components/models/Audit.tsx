import { useEffect, useState } from 'react';

import type { ApiError, TrackbookApi } from '../../api';
import { count, formatTime } from '../../format';
import { asApiError } from '../../model';
import { toldEvent } from '../../models/rules';
import type { IAuditEvent, IAuditVerdict } from '../../models/types';
import { Chip } from '../Chip';
import { useLoaded } from '../hooks';
import { Notice, Problem } from '../Problem';
import { Table } from '../Table';

interface IAuditProps {
  readonly api: TrackbookApi;
  readonly name: string;
  readonly events: readonly IAuditEvent[];
  /** Where those before `events` begin; null when there are none. */
  readonly cursor: string | null;
}

/** Who did what and when, and whether the trail is as it was written. */
export function Audit(props: IAuditProps): JSX.Element {
  const { events, more, error, showOlder } = useOlder(props);
  return (
    <>
      <Verdict api={props.api} newest={props.events[0]?.seq ?? 0} />
      {error && <Problem error={error} />}
      <Table label="Audit trail" heads={[{ number: 'event' }, 'when', 'who', 'what', 'why']}>
        {events.map(event => (
          <tr key={event.seq} className={event.red ? 'tb-Card-red' : undefined}>
            <td className="tb-Number" title={event.hash}>
              {event.seq}
            </td>
            <td className="tb-Nowrap">{formatTime(event.time)}</td>
            <td>{event.who}</td>
            <td>{toldEvent(event)}</td>
            <td className="tb-Why">{event.why}</td>
          </tr>
        ))}
      </Table>
      {more && (
        <button className="tb-LinkButton" onClick={showOlder}>
          Older events
        </button>
      )}
    </>
  );
}

function useOlder(props: IAuditProps): {
  events: readonly IAuditEvent[];
  more: boolean;
  error: ApiError | null;
  showOlder: () => void;
} {
  const [older, setOlder] = useState<readonly IAuditEvent[]>([]);
  const [next, setNext] = useState<string | null | undefined>(undefined);
  const [error, setError] = useState<ApiError | null>(null);
  useEffect(() => {
    setOlder([]);
    setNext(undefined);
  }, [props.name]);
  const cursor = next === undefined ? props.cursor : next;
  const known = new Map([...props.events, ...older].map(event => [event.seq, event]));
  const showOlder = (): void =>
    void props.api.auditEvents(props.name, cursor).then(
      page => {
        setOlder(before => [...before, ...page.events]);
        setNext(page.next_cursor);
        setError(null);
      },
      (reason: unknown) => setError(asApiError(reason))
    );
  return {
    events: [...known.values()].sort((one, two) => two.seq - one.seq),
    more: cursor !== null,
    error,
    showOlder
  };
}

/** The badge of the trail: asked for again whenever something has happened. */
function Verdict(props: { api: TrackbookApi; newest: number }): JSX.Element {
  const { value, error } = useLoaded(
    () => props.api.auditVerdict(),
    () => false,
    1000,
    [props.newest]
  );
  if (error) {
    return <Problem error={error} />;
  }
  return value === null ? (
    <p className="tb-None">Verifying the trail …</p>
  ) : (
    <VerdictOf verdict={value} />
  );
}

function VerdictOf(props: { verdict: IAuditVerdict }): JSX.Element {
  const { verdict } = props;
  if (!verdict.sound) {
    return (
      <Notice tone="bad" title="The audit trail is broken">
        {verdict.faults.join('\n')}
      </Notice>
    );
  }
  return (
    <p className="tb-Verified" role="status">
      <Chip look={{ word: 'verified', sign: '✓', tone: 'good' }} /> {count(verdict.events, 'event')}
      : {verdict.words}
    </p>
  );
}
