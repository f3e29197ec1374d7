"""The one way to change the registry: in a transaction, on a trail that is whole, as an event."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from trackbook.registry import events, projection
from trackbook.registry.audit import chain, keys
from trackbook.registry.audit.anchor import Anchor
from trackbook.registry.identity import Identity, Who
from trackbook.store import Store

if TYPE_CHECKING:
    from trackbook.store import Database


class Trail:
    """Records what `identity` does; the tables follow from the events in the same transaction."""

    def __init__(self, store: Store, who: Who) -> None:
        """Write to `store` as `who`, who is asked for when it matters: who only reads waits for no hub."""
        self._store = store
        self._who = who
        self.anchor = Anchor(store.root)

    @cached_property
    def identity(self) -> Identity:
        """Who acts."""
        return Identity.of(self._who() if callable(self._who) else self._who)

    @contextmanager
    def change(self, *, is_key_needed: bool = True) -> Iterator[Database]:
        """Give a write transaction on a trail that is whole, and sign and note its new head after the commit.

        Raises RegistryError when the key for that is not here, unless the block makes one.
        """
        with self._store.write() as db:
            self.anchor.prepare(db, self.identity, is_key_needed=is_key_needed)
            yield db
            newest, public = chain.last(db), keys.current(db)
        if newest is not None and public is not None:
            self.anchor.advance(newest, public)

    def record(self, db: Database, name: str, payload: events.Payload, version: int | None = None) -> chain.AuditEvent:
        """Append what happens to a model or a version of it, and write what it means into the tables."""
        content = msgspec.to_builtins(payload)
        subject = events.subject_of(name, version)
        event = chain.append(db, self.identity, events.action_of(payload), subject, content)
        projection.apply(db, event)
        return event

    def replay(self) -> None:
        """Make the tables again from the audit events, as when the database was rebuilt from them."""
        with self._store.write() as db:
            for table in projection.TABLES:
                db.execute(f"DELETE FROM {table}")  # noqa: S608 - constant names
            for event in chain.every(db):
                projection.apply(db, event)
