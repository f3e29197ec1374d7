"""The verdict on a trail: its chain, its keys, the heads that were signed of it, and the tables that follow from it.

The trail is read once.  Heads come from the note beside the database, from the files that it is exported to, and from
any copy that is given: each must be the trail's own, and be signed with a key that the trail names.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from trackbook.errors import IntegrityError, NotFoundError, TrackbookError
from trackbook.registry import projection
from trackbook.registry.audit import chain, keys
from trackbook.registry.audit.chain import AuditEvent, AuditVerdict, Fault
from trackbook.registry.audit.exported import DEFAULT_NAME, read_heads
from trackbook.registry.audit.head import FILE_NAME, Head, cut, rewritten
from trackbook.registry.events import PREFIX
from trackbook.store.connection import UNREADABLE
from trackbook.store.guards import AUDIT_GUARDS

if TYPE_CHECKING:
    from trackbook.registry.audit.anchor import Anchor
    from trackbook.store import Database

CHECKED_SIGNATURES = 200
"""So many of a file's newest heads have their signatures checked: the newest vouches for all events before it."""


class Claim(msgspec.Struct, frozen=True):
    """Heads of one file, each with the place where it stands; not `is_ours` when the file may be of another trail."""

    file: str
    heads: tuple[tuple[str, Head], ...]
    is_ours: bool = True


class Claims(msgspec.Struct, frozen=True):
    """What is known of a trail from outside its table: heads, files that cannot be read, and remarks."""

    noted: bool
    files: tuple[Claim, ...]
    unreadable: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def collect(anchor: Anchor, project: Path | None = None, copy: Path | None = None) -> Claims:
    """Return what is claimed of the trail by its note, its exports, the one in the folder `project`, and `copy`.

    Raises NotFoundError when there is no file `copy`.  To be called before the trail is read: it may grow in between,
    and a longer trail is sound.
    """
    files: list[Claim] = []
    unreadable: list[str] = []
    remarks = [f"{anchor.key.path} can be read by others; `chmod 600` it"] if anchor.key.is_exposed else []
    note = None
    try:
        note = anchor.note.read()
        paths = anchor.exports.paths()
    except IntegrityError as error:
        unreadable.append(str(error))
        paths = ()
    if note is not None:
        files.append(Claim(FILE_NAME, ((f"in {FILE_NAME}", note),)))
    wanted = dict.fromkeys((*paths, *([copy.absolute()] if copy else [])), True)
    if project is not None and (project / DEFAULT_NAME).exists():
        wanted.setdefault((project / DEFAULT_NAME).absolute(), False)
    for path, is_ours in wanted.items():
        try:
            files.append(_claim(path, is_ours))
        except NotFoundError:
            if copy is not None and path == copy.absolute():
                raise
            remarks.append(f"{path.name}, which the trail is exported to, is gone; git may have it")
        except TrackbookError as error:
            unreadable.append(str(error))
    return Claims(note is not None, tuple(files), tuple(unreadable), tuple(remarks))


def verify(db: Database, claims: Claims, known_key: str | None = None) -> AuditVerdict:
    """Check the whole trail in `db` against `claims`, and every row of the registry against the trail.

    With `known_key` (hex) the trail must name that key, and a head that it signed must vouch for the trail.
    """
    wanted = {head.events for claim in claims.files for _, head in claim.heads}
    with _no_collector():
        try:
            trail = _read(db, wanted)
        except UNREADABLE:  # text that is no UTF-8; to allow for that from the start is slow
            chain.lenient(db)
            trail = _read(db, wanted)
    remarks = list(claims.remarks)
    verdict = msgspec.structs.replace(trail.verdict, guards=_missing_guards(db), anchored=claims.noted)
    if verdict.fault is not None:
        return msgspec.structs.replace(verdict, remarks=tuple(remarks))
    found = [*trail.faults, *keys.faults(trail.keys, known_key)]
    found += [Fault(verdict.events, reason) for reason in claims.unreadable]
    names = _names(trail.keys, known_key)
    signed, compared = 0, []
    for claim in claims.files:
        if not claim.is_ours and not _is_of(claim, trail):
            remarks.append(f"{claim.file} has heads of another trail only, and was not compared; `--heads` insists")
            continue
        vouched, faults = _judge(claim, trail, names)
        found += faults
        signed = max(signed, vouched)
        compared.append(f"{claim.file} ({len(claim.heads)})")
    found += _of_known_key(known_key, names, signed, trail)
    if signed and signed < verdict.events and not found:
        remarks.append(f"the events after number {signed} are not signed yet; the next change signs them")
    return msgspec.structs.replace(
        verdict,
        fault=min(found, key=lambda fault: fault.seq, default=None),
        rows=trail.rows,
        key=_newest(trail.keys),
        signed=signed,
        compared=tuple(compared),
        remarks=tuple(remarks),
    )


@contextmanager
def _no_collector() -> Iterator[None]:
    """Keep Python from looking for garbage among the millions of values of a long trail: none refers to itself."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Trail(msgspec.Struct):
    """What was read of a trail: the verdict on its chain, the hashes asked for, and the events that are about keys."""

    verdict: AuditVerdict
    hashes: dict[int, str]
    keys: list[AuditEvent]
    faults: list[Fault]
    rows: tuple[str, ...] = ()


def _read(db: Database, wanted: set[int]) -> _Trail:
    about_keys: list[AuditEvent] = []
    faults: list[Fault] = []
    walk = chain.Walk(chain.every(db), wanted)
    events = iter(walk)
    rows: tuple[str, ...] = ()
    try:
        expected = projection.rebuild(_of_models(events, about_keys, faults))
        if walk.fault is None and not projection.agrees(db, expected):
            rows = projection.differences(expected, projection.read(db))
    except IntegrityError as error:
        faults.append(_at(walk.last, str(error)))
        about_keys += [event for event in events if event.subject == keys.SUBJECT]  # and so to the end of the chain
    return _Trail(walk.verdict(), walk.hashes, about_keys, faults, rows)


def _of_models(events: Iterable[AuditEvent], about_keys: list[AuditEvent], faults: list[Fault]) -> Iterator[AuditEvent]:
    for event in events:
        if event.subject.startswith(PREFIX):
            yield event
        elif event.subject == keys.SUBJECT:
            about_keys.append(event)
        else:
            what = f"event {event.seq} ({event.action} on {event.subject}) is not one that this Trackbook knows"
            faults.append(_at(event, f"{what}; update with `pip install -U trackbook`"))


def _judge(claim: Claim, trail: _Trail, names: dict[str, int]) -> tuple[int, list[Fault]]:
    """Return the newest event that a head of `claim` vouches for, and what the trail has against the first bad one."""
    signed = 0
    for place, (where, head) in enumerate(claim.heads):
        fault = _against(head, where, trail)
        if fault is not None:
            edited = _edited(head, where) if head.key else None
            return signed, [edited or fault]
        if place >= len(claim.heads) - CHECKED_SIGNATURES:
            fault = _unsigned(head, where, names)
            if fault is not None:
                return signed, [fault]
            signed = head.events if head.key else signed
    return signed, []


def _against(head: Head, where: str, trail: _Trail) -> Fault | None:
    if head.events < 1:
        return None
    if head.events > trail.verdict.events:
        return cut(head, trail.verdict.events, f"were noted {where}")
    return rewritten(head, f"noted {where}") if trail.hashes.get(head.events) != head.hash else None


def _unsigned(head: Head, where: str, names: dict[str, int]) -> Fault | None:
    """Return what is wrong with the signature of `head`; before the first key of a trail none is needed."""
    if not head.key and head.events < min(names.values(), default=head.events + 1):
        return None
    if head.key in names:
        return _edited(head, where)
    what = f"signed with the key {head.key[: keys.SHORT]}…, which the trail does not name" if head.key else "not signed"
    return Fault(head.events, f"the head of event {head.events} {where} is {what}")


def _edited(head: Head, where: str) -> Fault | None:
    if head.is_genuine:
        return None
    return Fault(head.events, f"the head of event {head.events} {where} is not what was signed: it was edited")


def _of_known_key(known: str | None, names: dict[str, int], signed: int, trail: _Trail) -> list[Fault]:
    if known is None:
        return []
    if known not in names:
        named = _newest(trail.keys)
        other = f"is kept with the key {named[: keys.SHORT]}…" if named else "has no key"
        return [Fault(trail.keys[0].seq if trail.keys else 1, f"the trail {other}, not with {known[: keys.SHORT]}…")]
    if not signed:
        return [Fault(trail.verdict.events, "no head that is signed with that key vouches for the trail")]
    return []


def _is_of(claim: Claim, trail: _Trail) -> bool:
    """Say whether any head of `claim` is of this trail, or signed with one of its keys."""
    known = _names(trail.keys, None)
    return any(head.key in known or trail.hashes.get(head.events) == head.hash for _, head in claim.heads)


def _names(about_keys: Iterable[AuditEvent], known: str | None) -> dict[str, int]:
    """Return the keys that a trail names, with the event of each; those before a `known` one do not count."""
    names: dict[str, int] = {}
    for event in about_keys:
        try:
            key = keys.created(event).key
        except IntegrityError:
            continue
        if key == known:
            names.clear()
        names[key] = event.seq
    return names


def _newest(about_keys: list[AuditEvent]) -> str | None:
    return next(reversed(_names(about_keys, None)), None)


def _missing_guards(db: Database) -> tuple[str, ...]:
    there = dict(db.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall())
    return tuple(
        f"the trigger {name} is {'changed' if name in there else 'gone'}: the database no longer refuses to change "
        "the trail. `trackbook fsck --rebuild` brings it back"
        for name, sql in AUDIT_GUARDS.items()
        if there.get(name) != sql
    )


def _claim(path: Path, is_ours: bool) -> Claim:
    heads = tuple((f"in line {number} of {path.name}", head) for number, head in read_heads(path))
    return Claim(path.name, heads, is_ours)


def _at(event: AuditEvent | None, reason: str) -> Fault:
    return Fault(event.seq, reason, event.action, event.subject) if event else Fault(0, reason)
