"""The audit trail: who changed what and when, each event sealed by a hash that covers the event before it.

Changing, removing or reordering an event breaks every later link, and `verify` names the first one.  The hashes have
no key: who can write the database *and* knows this format can forge a whole new trail.  What such a person cannot
know is the head that somebody else noted; `audit.head` keeps one beside the database, and any copy of it elsewhere
(a commit, a mail) is proof against all of that.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec
from blake3 import blake3

from trackbook.errors import RegistryError
from trackbook.registry.identity import Identity
from trackbook.store import iso, now_ms

if TYPE_CHECKING:
    from trackbook.store import Database

GENESIS = "0" * 64
"""What the first event has as its `previous`."""

_COLUMNS = "seq, time, actor, action, subject, payload, previous, hash, authority"


class AuditEvent(msgspec.Struct, frozen=True):
    """One change.  `payload` is canonical JSON text, `time` in milliseconds since 1970, hashes are 64 hex digits.

    `authority` is who vouched for the actor's name (see `Identity`), empty when nobody did.
    """

    seq: int
    time: int
    actor: str
    action: str
    subject: str
    payload: str
    previous: str
    hash: str
    authority: str = ""

    @property
    def content(self) -> Any:
        """The payload as plain values."""
        return json.loads(self.payload)

    def to_dict(self) -> dict[str, Any]:
        """Return the event as plain values, its time in ISO 8601."""
        try:
            payload = self.content
        except ValueError:
            payload = self.payload  # changed by hand; `verify` says so, the log still shows it
        return {**msgspec.structs.asdict(self), "time": iso(self.time), "payload": payload}


class Fault(msgspec.Struct, frozen=True):
    """The first event that does not hold, and why; `seq` is its number even when the event itself is gone."""

    seq: int
    reason: str
    action: str | None = None
    subject: str | None = None


class AuditVerdict(msgspec.Struct, frozen=True):
    """What `verify` found.

    `events` counts the trail and `head` is its last hash; `anchored` says that the head noted beside the database was
    there to compare with; `rows` says which table rows differ from what the events say (looked at only along an
    unbroken chain).
    """

    events: int
    head: str
    fault: Fault | None = None
    rows: tuple[str, ...] = ()
    anchored: bool = False

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return self.fault is None and not self.rows

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as plain values, with `ok`."""
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return {"ok": self.ok, **plain}


def canonical(value: Any) -> str:
    """Return `value` as JSON in one form only: sorted keys, no spaces, and non-finite numbers as text.

    Raises RegistryError for values that JSON has no word for.
    """
    try:
        text = json.dumps(_finite(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        text.encode()  # SQLite keeps UTF-8 only, and half a surrogate pair is none
        return text
    except (TypeError, ValueError) as error:
        raise RegistryError(f"an audit event cannot hold this value: {error}") from error


def number(value: float | str) -> float:
    """Return the float that `canonical` wrote, among them ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``."""
    return float(value)


def seal(event: AuditEvent) -> str:
    """Return the BLAKE3 hash, in hex, of all fields of `event` but the hash itself.

    An empty authority is left out: events that are older than the field keep their hashes.
    """
    fields: list[str | int] = [event.seq, event.time, event.actor, event.action, event.subject, event.payload]
    fields += [event.previous, event.authority] if event.authority else [event.previous]
    return blake3(json.dumps(fields, separators=(",", ":"), ensure_ascii=True).encode()).hexdigest()


def append(db: Database, user: str | Identity, action: str, subject: str, payload: Any) -> AuditEvent:
    """Add an event to the trail, inside the caller's write transaction; a bare name is not authenticated."""
    before, identity = last(db), Identity.of(user)
    event = AuditEvent(
        seq=before.seq + 1 if before else 1,
        time=now_ms(),
        actor=identity.name,
        action=action,
        subject=subject,
        payload=canonical(payload),
        previous=before.hash if before else GENESIS,
        hash="",
        authority=identity.authority,
    )
    event = msgspec.structs.replace(event, hash=seal(event))
    db.execute(
        f"INSERT INTO audit_event ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - constant names
        list(msgspec.structs.astuple(event)),
    )
    return event


def last(db: Database) -> AuditEvent | None:
    """Return the newest event, or None when nothing ever happened."""
    return next(select(db, "ORDER BY seq DESC LIMIT 1"), None)


def every(db: Database) -> Iterator[AuditEvent]:
    """Yield all events in order."""
    return select(db, "ORDER BY seq")


def newest(db: Database, limit: int, before: int | None = None) -> list[AuditEvent]:
    """Return at most `limit` events, the newest first, of those numbered below `before`."""
    return list(
        select(db, "WHERE :before IS NULL OR seq < :before ORDER BY seq DESC LIMIT :limit", before=before, limit=limit)
    )


def about(db: Database, subject: str) -> Iterator[AuditEvent]:
    """Yield the events on `subject` and on everything below it (``models:/iris`` and ``models:/iris/3``), in order."""
    # '0' is the character after '/', so the range holds exactly the subjects below.
    return select(
        db,
        "WHERE subject = :subject OR (subject > :subject || '/' AND subject < :subject || '0') ORDER BY seq",
        subject=subject,
    )


def at(db: Database, seq: int) -> AuditEvent | None:
    """Return event number `seq`, or None."""
    return next(select(db, "WHERE seq = :seq", seq=seq), None)


def select(db: Database, clause: str, **values: Any) -> Iterator[AuditEvent]:
    """Yield the events that a constant SQL `clause` picks; `values` are bound."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM audit_event {clause}", values)  # noqa: S608 - constant clauses
    return (AuditEvent(*row) for row in rows)


def lenient(db: Database) -> None:
    """Let `db`, until it is closed, give text that is no UTF-8 (which only a hand can put there) instead of failing."""
    db.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")


def verify(events: Iterable[AuditEvent]) -> AuditVerdict:
    """Walk the chain and stop at the first event that does not hold.

    Found: a changed field, an edited hash, a missing event, a changed order.  Not found: events cut off at the end
    (see `audit.head`) and a trail forged as a whole.
    """
    before: AuditEvent | None = None
    iterator = iter(events)
    for event in iterator:
        reason = _broken(event, before)
        if reason:
            following = next(iterator, None)
            reason = _blame(event, following) if reason == _MISMATCH else reason
            fault = Fault(before.seq + 1 if before else 1, reason, _readable(event.action), _readable(event.subject))
            return AuditVerdict(before.seq if before else 0, before.hash if before else GENESIS, fault)
        before = event
    return AuditVerdict(before.seq if before else 0, before.hash if before else GENESIS)


_MISMATCH = "mismatch"


def _broken(event: AuditEvent, before: AuditEvent | None) -> str | None:
    expected = before.seq + 1 if before else 1
    if event.seq > expected:
        return f"event {expected} is missing; the next one is number {event.seq}"
    if event.seq < expected:
        return f"event {event.seq} stands where number {expected} belongs: the order was changed"
    if seal(event) != event.hash:
        return _MISMATCH
    if event.previous != (before.hash if before else GENESIS):
        return f"event {event.seq} does not follow the one before it: it names another hash as its predecessor"
    return None


def _blame(event: AuditEvent, following: AuditEvent | None) -> str:
    """Say which part of an event that does not match its hash was changed: the next event remembers the true hash."""
    if following is not None and following.previous == seal(event):
        return f"the hash of event {event.seq} was edited: its content has another, which the next event confirms"
    return f"event {event.seq} was changed after it was written: its content does not have the hash it was sealed with"


def _readable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
