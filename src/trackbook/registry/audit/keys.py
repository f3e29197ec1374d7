"""The key of a project: it signs the heads of the audit trail, so that nobody without it can write one.

The private half lies in the store as ``audit-key.pem``, readable by its owner only, and goes nowhere: not into a push,
an export or (unless that is asked for) a backup.  The public half is an event of the trail, and so is its replacement,
which the key before it signs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from trackbook.errors import IntegrityError, RegistryError, StoreError
from trackbook.registry.audit import chain

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from trackbook.registry.identity import Identity
    from trackbook.store import Database

FILE_NAME = "audit-key.pem"
NEXT_NAME = "audit-key.next.pem"
SUBJECT = "audit:/key"
ACTION = "key_created"
SHORT = 16
"""So many hex digits of a key are shown where the whole one is not needed."""


class KeyCreated(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload of the event: a public key in hex, and for a replacement the key before it and what that signed.

    Without a `signature` the key before was not there to sign; the `reason` says why.
    """

    key: str
    previous: str = ""
    signature: str = ""
    reason: str = ""


class ProjectKey:
    """The private half of an ed25519 key."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key().public_bytes_raw().hex()

    def sign(self, message: bytes) -> str:
        """Return the signature of `message`, 128 hex digits."""
        return self._private.sign(message).hex()


def is_key(text: str) -> bool:
    """Say whether `text` is a public key as the trail names it."""
    return re.fullmatch("[0-9a-f]{64}", text) is not None


def is_signed(message: bytes, signature: str, public: str) -> bool:
    """Say whether the owner of the key `public` (hex) signed `message`; what is no signature, or no key, did not."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True


class KeyFile:
    """The private key in the folder of a store."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        self._next = folder / NEXT_NAME

    @property
    def is_exposed(self) -> bool:
        """Whether others than its owner may read the file."""
        return os.name == "posix" and self.path.exists() and bool(self.path.stat().st_mode & 0o077)

    def read(self, public: str) -> ProjectKey | None:
        """Return the private half of `public`, None when it is not here.

        A key that was made takes the place of the one before it here, when the trail names it and not before.
        """
        key = _read(self.path)
        if key is not None and key.public == public:
            return key
        key = _read(self._next)
        if key is None or key.public != public:
            return None
        self._next.replace(self.path)
        return key

    def any(self) -> ProjectKey | None:
        """Return the key that is here, whatever the trail says of it."""
        return _read(self.path)

    def make(self) -> ProjectKey:
        """Return a new key, kept beside the one that is here until `read` is asked for it."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        private = Ed25519PrivateKey.generate()
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        try:
            self._next.unlink(missing_ok=True)
            with os.fdopen(os.open(self._next, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(pem)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StoreError(f"{self._next} cannot be written ({error.strerror}); nothing was changed") from error
        return ProjectKey(private)


def current(db: Database) -> str | None:
    """Return the public key that the trail names last, in hex; None when it has none yet."""
    event = next(chain.select(db, "WHERE subject = :subject ORDER BY seq DESC LIMIT 1", subject=SUBJECT), None)
    return None if event is None else created(event).key


def named(db: Database) -> dict[str, int]:
    """Return all keys that the trail names, each with the number of its event."""
    return {created(event).key: event.seq for event in chain.about(db, SUBJECT)}


def created(event: chain.AuditEvent) -> KeyCreated:
    """Return the payload of the event that names a key; raises IntegrityError for one that no Trackbook wrote."""
    try:
        if event.action != ACTION:
            raise msgspec.ValidationError(f"its action is {event.action}")
        return msgspec.json.decode(event.payload, type=KeyCreated)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise IntegrityError(f"event {event.seq} names no key that Trackbook made: {error}") from error


def announce(db: Database, file: KeyFile, user: str | Identity) -> None:
    """Make the first key of a trail, and its event, inside the caller's write transaction."""
    key = file.any() or file.make()
    chain.append(db, user, ACTION, SUBJECT, msgspec.to_builtins(KeyCreated(key.public)))


def replace(db: Database, file: KeyFile, user: str | Identity, reason: str) -> str:
    """Replace the key of a trail inside the caller's write transaction, and return the new one's public half.

    The key before it signs the change.  Raises RegistryError when that one is not here and no reason is given.
    """
    before = current(db)
    if before is None:
        announce(db, file, user)
        return current(db) or ""
    old = file.read(before)
    if old is None and not reason:
        raise RegistryError(
            f"the key {before[:SHORT]}… is not in the store, so it cannot sign its replacement; say why with a reason. "
            "`trackbook audit verify` will then want to be told which key is right"
        )
    new, newest = file.make(), chain.last(db)
    assert newest is not None
    signature = old.sign(_succession(before, new.public, newest.hash)) if old is not None else ""
    payload = KeyCreated(new.public, before, signature, reason)
    chain.append(db, user, ACTION, SUBJECT, msgspec.to_builtins(payload))
    return new.public


def faults(events: Iterable[chain.AuditEvent], known: str | None = None) -> tuple[chain.Fault, ...]:
    """Return what is wrong with the keys that `events`, all those about keys, name one after the other.

    A key that its predecessor did not sign is one, unless it is `known` to be right or a `known` one follows.
    """
    found: list[chain.Fault] = []
    before = ""
    for event in events:
        try:
            payload = created(event)
        except IntegrityError as error:
            found.append(chain.Fault(event.seq, str(error), event.action, event.subject))
            continue
        if payload.key == known:
            found.clear()
        elif payload.previous != before:
            found.append(_fault(event, "it does not follow the one that the trail had"))
        elif before and not is_signed(_succession(before, payload.key, event.previous), payload.signature, before):
            reason = f" (reason given: {payload.reason})" if payload.reason else ""
            found.append(_fault(event, f"the key {before[:SHORT]}… did not sign that it was replaced{reason}"))
        before = payload.key
    return tuple(found)


def _fault(event: chain.AuditEvent, what: str) -> chain.Fault:
    remedy = "if you know which key is right, name it with `--key`"
    return chain.Fault(
        event.seq, f"event {event.seq} brings another key: {what}; {remedy}", event.action, event.subject
    )


def _succession(before: str, key: str, place: str) -> bytes:
    """Return what a key signs when another takes its place behind the event with the hash `place`."""
    return f"trackbook audit key\n{before}\n{key}\n{place}\n".encode()


def _read(path: Path) -> ProjectKey | None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror}); check its owner and permissions") from error
    except (ValueError, TypeError) as error:
        raise IntegrityError(f"{path} holds no private key ({error}); restore it from a backup") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise IntegrityError(f"{path} holds a key of another kind than ed25519; restore it from a backup")
    return ProjectKey(private)
