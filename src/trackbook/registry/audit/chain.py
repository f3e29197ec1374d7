"""The audit trail: who changed what and when, each event sealed by a hash that covers the event before it.

Changing, removing or reordering an event breaks every later link, and `verify` names the first one.  The hashes have
no key: who can write the database *and* knows this format can forge a whole new trail.  Against that stand the heads
that are signed and kept elsewhere (see `audit.head`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec
from blake3 import blake3

from trackbook.errors import RegistryError
from trackbook.registry.identity import Identity
from trackbook.store import iso, now_ms
from trackbook.tracking.search.sql import ALWAYS, Sql

if TYPE_CHECKING:
    from trackbook.store import Database

GENESIS = "0" * 64
"""What the first event has as its `previous`."""

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
_quoted = json.encoder.encode_basestring_ascii
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

    @property
    def is_override(self) -> bool:
        """Whether somebody went past gates or approvals in it."""
        try:
            content = self.content
        except ValueError:
            return False
        return isinstance(content, dict) and bool(content.get("override"))

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

    `events` counts the trail and `head` is its last hash; `rows` says which table rows differ from what the events say
    (looked at only along an unbroken chain), `guards` which triggers are gone that keep events from being changed.
    `anchored` says that the head noted beside the database was there to compare with, `compared` are all files of
    heads that were, each with how many; `signed` is the newest event that a signed head vouches for, `key` the
    public key in force.  `remarks` are nothing wrong, but worth a look.
    """

    events: int
    head: str
    fault: Fault | None = None
    rows: tuple[str, ...] = ()
    anchored: bool = False
    guards: tuple[str, ...] = ()
    compared: tuple[str, ...] = ()
    signed: int = 0
    key: str | None = None
    remarks: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return self.fault is None and not self.rows and not self.guards

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as plain values, with `ok`."""
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return {"ok": self.ok, **plain}


def canonical(value: Any) -> str:
    """Return `value` as JSON in one form only: sorted keys, no spaces, and non-finite numbers as text.

    Raises RegistryError for values that JSON has no word for.
    """
    if value == {} or value == []:
        return str(value)
    try:
        try:
            text = _encode(value)
        except ValueError:  # as for a NaN, which is rare
            text = _encode(_finite(value))
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
    parts = [event.actor, event.action, event.subject, event.payload, event.previous]
    parts += [event.authority] if event.authority else []
    return blake3(_sealed(event.seq, event.time, parts)).hexdigest()


def _sealed(seq: int, time: int, parts: list[str]) -> bytes:
    """Return JSON in the form that the standard library gives it, with everything beyond ASCII escaped."""
    with suppress(UnicodeEncodeError):  # text that is no UTF-8, which only a hand can put there
        text = msgspec.json.encode((seq, time, *parts))  # in a quarter of the time, and the same for plain ASCII
        if text.isascii() and b"\x7f" not in text:
            return text
    return f"[{seq},{time},{','.join(map(_quoted, parts))}]".encode()


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


def newest(db: Database, limit: int, before: int | None = None, only: Sql = ALWAYS) -> list[AuditEvent]:
    """Return at most `limit` events, the newest first, of those numbered below `before` that meet `only`."""
    where = Sql("(? IS NULL OR seq < ?) AND ", (before, before)) + Sql(f"({only.text})", only.values)
    clause = where + Sql(" ORDER BY seq DESC LIMIT ?", (limit,))
    rows = db.execute(f"SELECT {_COLUMNS} FROM audit_event WHERE {clause.text}", clause.values)  # noqa: S608 - bound
    return [AuditEvent(*row) for row in rows]


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


class Walk:
    """The trail read once: iterating gives every event that holds, and ends at the first that does not.

    `last` is the newest event that was given, `fault` what is wrong with the one after it, and `hashes` are those of
    the events whose numbers are `wanted`.
    """

    def __init__(self, events: Iterable[AuditEvent], wanted: Collection[int] = ()) -> None:
        self._events = events
        self._wanted = wanted
        self.last: AuditEvent | None = None
        self.fault: Fault | None = None
        self.hashes: dict[int, str] = {}

    def __iter__(self) -> Iterator[AuditEvent]:
        iterator = iter(self._events)
        wanted, number, previous = self._wanted, 1, GENESIS
        for event in iterator:
            if event.seq != number or event.previous != previous or seal(event) != event.hash:
                self.fault = _fault(event, number, previous, next(iterator, None))
                return
            previous = event.hash
            if number in wanted:
                self.hashes[number] = previous
            number += 1
            self.last = event
            yield event

    def verdict(self) -> AuditVerdict:
        """Return what is known of the chain when all of it was read."""
        last = self.last
        return AuditVerdict(last.seq if last else 0, last.hash if last else GENESIS, self.fault)


def verify(events: Iterable[AuditEvent]) -> AuditVerdict:
    """Walk the chain and stop at the first event that does not hold.

    Found: a changed field, an edited hash, a missing event, a changed order.  Not found: events cut off at the end
    and a trail forged as a whole, which heads kept elsewhere show (see `audit.verify`).
    """
    walk = Walk(events)
    for _ in walk:
        pass
    return walk.verdict()


def _fault(event: AuditEvent, expected: int, previous: str, following: AuditEvent | None) -> Fault:
    if event.seq > expected:
        reason = f"event {expected} is missing; the next one is number {event.seq}"
    elif event.seq < expected:
        reason = f"event {event.seq} stands where number {expected} belongs: the order was changed"
    elif seal(event) != event.hash:
        reason = _blame(event, following)
    else:
        reason = f"event {event.seq} does not follow the one before it: it names another hash as its predecessor"
    return Fault(expected, reason, _readable(event.action), _readable(event.subject))


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
