"""What holds a trail fast: the key that signs its heads, the note of the newest, and the files they are exported to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from trackbook.errors import RegistryError, StoreError
from trackbook.registry.audit import chain, keys
from trackbook.registry.audit.exported import Exports
from trackbook.registry.audit.head import Head, HeadFile, signed

if TYPE_CHECKING:
    from trackbook.registry.identity import Identity
    from trackbook.store import Database


class Export(msgspec.Struct, frozen=True):
    """The file that a head was exported to, and whether it was new there."""

    path: str
    head: Head
    added: bool

    def to_dict(self) -> dict[str, object]:
        """Return it as plain values."""
        plain: dict[str, object] = msgspec.to_builtins(self)
        return plain


class Anchor:
    """Key, note and exports of the store in one folder."""

    def __init__(self, folder: Path) -> None:
        self.note = HeadFile(folder)
        self.key = keys.KeyFile(folder)
        self.exports = Exports(folder)

    def prepare(self, db: Database, user: str | Identity, *, is_key_needed: bool = True) -> None:
        """Make a trail ready for a change, inside its transaction: it is whole, and there is a key to sign it with.

        Raises IntegrityError when the trail is not what was noted, RegistryError when the key is not here.
        """
        self.note.check(db)
        public = keys.current(db)
        if public is None:
            keys.announce(db, self.key, user)
        elif is_key_needed and self.key.read(public) is None:
            raise RegistryError(
                f"the key that signs this audit trail, {public[: keys.SHORT]}…, is not in the store; nothing was "
                f"changed. Put it back as {self.key.path} (a backup has it only when that was asked for), or run "
                "`trackbook audit key --replace --reason TEXT`, which the trail then tells"
            )

    def advance(self, event: chain.AuditEvent, public: str) -> None:
        """Sign `event` as the head of the trail after its commit, note it and export it."""
        key = self.key.read(public)
        if key is None:
            raise StoreError(
                f"event {event.seq} is stored, but the key {public[: keys.SHORT]}… that signs it was removed "
                "meanwhile; put it back, and the next change will sign it"
            )
        head = signed(event, key)
        self.note.advance(head)
        self.exports.extend(head)

    def signing_key(self, public: str) -> keys.ProjectKey:
        """Return the private half of `public`; raises RegistryError when it is not here."""
        key = self.key.read(public)
        if key is None:
            raise RegistryError(f"the key {public[: keys.SHORT]}… that signs this audit trail is not in the store")
        return key
