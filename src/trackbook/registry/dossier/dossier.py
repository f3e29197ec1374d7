"""What a dossier holds: the card, the gates with their evidence, the audit events with their hashes, and the head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.errors import IntegrityError
from trackbook.registry.audit import chain, keys
from trackbook.registry.dossier.sealing import HTML, JSON, sealed
from trackbook.registry.events import subject_of
from trackbook.store import iso
from trackbook.tracking.words import with_named_numbers

if TYPE_CHECKING:
    from trackbook.registry.audit.chain import AuditEvent
    from trackbook.registry.audit.head import Head
    from trackbook.registry.audit.keys import ProjectKey
    from trackbook.registry.audit.service import Audit
    from trackbook.registry.card import ModelCard
    from trackbook.registry.values import ModelVersion
    from trackbook.store import Database, Store

FORMAT = 1


class Dossier:
    """A dossier as values; `to_json` and `to_html` sign it with the key of the project."""

    def __init__(self, card: ModelCard, version: ModelVersion, events: tuple[AuditEvent, ...], head: Head) -> None:
        """Gather what is known of `version`: the `events` about it, its model and the keys; `head` is the last one."""
        self.card = card
        self.version = version
        self.events = events
        self.head = head

    def to_dict(self) -> dict[str, Any]:
        """Return the content as plain values; the payload of an event is the text that its hash covers."""
        events = [{**msgspec.structs.asdict(event), "time_iso": iso(event.time)} for event in self.events]
        return {
            "format": FORMAT,
            "model": self.version.name,
            "version": self.version.version,
            "card": self.card.to_dict(),
            "record": with_named_numbers(self.version.to_dict()),
            "events": events,
            "head": msgspec.to_builtins(self.head),
        }

    def to_json(self, key: ProjectKey) -> str:
        """Return the dossier as JSON, with the signature of its content beside it."""
        return sealed(JSON, chain.canonical(self.to_dict()).encode(), self, key)

    def to_html(self, key: ProjectKey) -> str:
        """Return the dossier as one HTML page that loads and runs nothing, signed in its last line."""
        from trackbook.registry.dossier.html import page

        return sealed(HTML, page(self).encode(), self, key)


def prove(audit: Audit) -> None:
    """Raise IntegrityError unless the trail holds: nothing is signed that is not so."""
    verdict = audit.verify()
    if not verdict.ok:
        first = verdict.fault.reason if verdict.fault else (*verdict.rows, *verdict.guards)[0]
        raise IntegrityError(f"no dossier is made on an audit trail that does not hold: {first}")


def read_events(store: Store, name: str, version: int, head: Head) -> tuple[AuditEvent, ...]:
    """Return the events up to `head` about the model as a whole, about one version of it, and about the keys."""
    with store.read() as db:
        return tuple(_events(db, name, version, head))


def _events(db: Database, name: str, version: int, head: Head) -> list[AuditEvent]:
    subjects = {keys.SUBJECT, subject_of(name), subject_of(name, version)}
    found = [event for subject in (keys.SUBJECT, subject_of(name)) for event in chain.about(db, subject)]
    return sorted(
        (event for event in found if event.subject in subjects and event.seq <= head.events),
        key=lambda event: event.seq,
    )
