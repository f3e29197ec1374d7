"""The audit trail as a service: read page by page, verified, exported, and given another key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from trackbook.data.names import check_text, clip
from trackbook.errors import UsageError
from trackbook.registry.audit import chain, keys, verify
from trackbook.registry.audit.anchor import Export
from trackbook.registry.audit.chain import AuditEvent, AuditVerdict
from trackbook.registry.audit.filter import event_condition
from trackbook.registry.audit.head import Head, contradiction, signed
from trackbook.registry.dossier.sealing import DossierVerdict, check

if TYPE_CHECKING:
    from trackbook.registry.trail import Trail
    from trackbook.store import Store


class AuditPage(msgspec.Struct, frozen=True):
    """Audit events, the newest first, and the cursor for those before them (None at the end)."""

    events: tuple[AuditEvent, ...]
    cursor: str | None


class Audit:
    """Reads and proves the trail of one store; `trail` is what writes to it."""

    def __init__(self, store: Store, trail: Trail) -> None:
        self._store = store
        self._trail = trail

    def events(self, limit: int = 100, cursor: str | None = None, filter: str | None = None) -> AuditPage:
        """Return up to `limit` events, the newest first; `cursor` comes from the page before.

        A `filter` is a name of a model, pairs such as ``actor=ann action=version_*``, or a search over actor,
        authority, action, subject, model, time and seq.  Raises UsageError that points at what it cannot read.
        """
        if not 1 <= limit <= 10_000:
            raise UsageError(f"limit is {limit}; give 1 to 10000")
        if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 16):
            raise UsageError(f"{clip(cursor)} is no cursor of the audit trail; begin again without one")
        only = event_condition(filter)
        with self._store.read() as db:
            found = chain.newest(db, limit + 1, int(cursor) if cursor is not None else None, only)
        shown = tuple(found[:limit])
        return AuditPage(shown, str(shown[-1].seq) if len(found) > limit else None)

    def verify(self, *, key: str | None = None, heads: Path | None = None, folder: Path | None = None) -> AuditVerdict:
        """Check the whole trail: its chain, its keys, its signed heads, and every row of the registry against it.

        Heads are those of the note beside the database, of the files that the trail is exported to, of the one of the
        usual name in `folder`, and of the copy `heads`.  With `key` (hex) the trail must be signed with that one.
        """
        if key is not None and not keys.is_key(key):
            raise UsageError(f"{clip(key)} is no public key; it has 64 hex digits, as `trackbook audit key` shows it")
        claims = verify.collect(self._trail.anchor, folder, heads)
        with self._store.read() as db:
            return verify.verify(db, claims, key)

    def export(self, path: Path) -> Export:
        """Write the signed head of the trail into `path`, and from now on that of every change.

        Raises IntegrityError when the file is of another trail, UsageError for a place that holds no such file.
        """
        head, _ = self.signing()
        return Export(str(path), head, self._trail.anchor.exports.begin(path, head))

    def signing(self) -> tuple[Head, keys.ProjectKey]:
        """Return the head of the trail as of now, signed, and the key that signs it, to sign more with.

        Raises RegistryError when the key is not here.
        """
        with self._trail.change() as db:  # which makes the key where there is none yet
            newest, public = chain.last(db), keys.current(db)
        assert newest is not None
        assert public is not None
        key = self._trail.anchor.signing_key(public)
        return signed(newest, key), key

    def check_dossier(self, path: Path, key: str | None = None) -> DossierVerdict:
        """Say whether the dossier in `path` was made in this project, of this trail, and not changed since."""
        with self._store.read() as db:
            verdict = check(path, keys.named(db), key)
            fault = contradiction(verdict.head, db) if verdict.ok else None
            if fault is not None:
                sentence = f"its audit events are not those of the trail here: {fault.reason}"
                return msgspec.structs.replace(verdict, faults=(sentence,))
            about = chain.about(db, f"models:/{verdict.model}")
            later = [str(event.seq) for event in about if event.seq > verdict.head.events]
        remark = f"{len(later)} more events about the model followed, the newest number {later[-1]}" if later else ""
        return msgspec.structs.replace(verdict, remarks=(remark,) if remark and verdict.ok else ())

    def key(self) -> str | None:
        """Return the public key that signs the trail, in hex; None before there is one."""
        with self._store.read() as db:
            return keys.current(db)

    def replace_key(self, reason: str = "") -> str:
        """Let a new key sign the trail, and return its public half; the one before signs that, if it is here.

        Raises RegistryError when it is not and no reason is given.
        """
        check_text(reason, "reason")
        with self._trail.change(is_key_needed=False) as db:
            return keys.replace(db, self._trail.anchor.key, self._trail.identity, reason)
