"""How a dossier is signed, and how a reader learns whether it is genuine and unchanged.

The signature covers the content byte for byte: in JSON the canonical form of `content`, in HTML all that stands before
the last line, which is a comment with the seal.  So no way of showing it has to be repeated in order to check it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec
from blake3 import blake3

from trackbook.errors import NotFoundError, RegistryError, StoreError
from trackbook.registry.audit import chain
from trackbook.registry.audit.head import Head
from trackbook.registry.audit.keys import SHORT, ProjectKey, is_signed

if TYPE_CHECKING:
    from trackbook.registry.dossier.dossier import Dossier

JSON, HTML = "json", "html"
_OPEN, _CLOSE = b"<!-- trackbook-dossier ", b" -->\n"
_SEALED = re.compile(rb"\A(?P<content>.*\n)<!-- trackbook-dossier (?P<seal>\{[^\n]*\}) -->\n\Z", re.DOTALL)


class Seal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was signed: the BLAKE3 digest of the content, what it is about, and the head of the trail at that time."""

    form: str
    model: str
    version: int
    digest: str
    head: Head
    key: str
    signature: str = ""


class DossierVerdict(msgspec.Struct, frozen=True):
    """Whether a dossier is genuine and unchanged: `faults` say what is wrong, `remarks` what else is worth knowing."""

    file: str
    model: str
    version: int
    head: Head
    faults: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.faults

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as plain values, with `ok`."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return {"ok": self.ok, **plain}


def sealed(form: str, content: bytes, dossier: Dossier, key: ProjectKey) -> str:
    """Return `content` with its seal, as the text of a file."""
    version = dossier.version
    seal = Seal(form, version.name, version.version, blake3(content).hexdigest(), dossier.head, key.public)
    seal = msgspec.structs.replace(seal, signature=key.sign(_message(seal)))
    text = msgspec.json.encode(seal)
    if form == JSON:
        return f'{{"content":{content.decode()},\n"seal":{text.decode()}}}\n'
    # Within a comment no two hyphens may stand together; a name of a model can have them.
    return (content + _OPEN + text.replace(b"--", b"\\u002d\\u002d") + _CLOSE).decode()


def check(path: Path, trail_keys: Mapping[str, int] | None, known_key: str | None = None) -> DossierVerdict:
    """Say whether the file `path` is a dossier that somebody with the key of the project made, and nobody changed.

    `trail_keys` are the keys that the trail at hand names, None without one; with `known_key` it must be that one.
    Raises NotFoundError, or RegistryError for a file that is no dossier at all.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file {path}; `trackbook models dossier NAME VERSION -o {path}`") from error
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    form = JSON if data.lstrip()[:1] == b"{" else HTML
    content, seal = _of_json(data, path) if form == JSON else _of_html(data, path)
    faults = []
    if seal.form != form or blake3(content).hexdigest() != seal.digest:
        faults.append("its content is not what was signed: it was changed")
    if not is_signed(_message(seal), seal.signature, seal.key):
        faults.append("its seal is not signed with the key that it names: it was changed or forged")
    if not seal.head.is_genuine or seal.head.key != seal.key:
        faults.append("the head of the audit trail in it is not signed with that key")
    faults += _whose(seal.key, trail_keys, known_key)
    return DossierVerdict(path.name, seal.model, seal.version, seal.head, tuple(faults))


def _whose(key: str, trail_keys: Mapping[str, int] | None, known_key: str | None) -> list[str]:
    if known_key is not None:
        return [] if key == known_key else [f"it is signed with the key {key[:SHORT]}…, not with {known_key[:SHORT]}…"]
    if trail_keys is None:
        return [f"whose key {key[:SHORT]}… is cannot be told without the project; name the one you know with --key"]
    return [] if key in trail_keys else [f"it is signed with the key {key[:SHORT]}…, which is not of this project"]


def _message(seal: Seal) -> bytes:
    plain = msgspec.to_builtins(msgspec.structs.replace(seal, signature=""))
    return f"trackbook dossier\n{chain.canonical(plain)}\n".encode()


def _of_html(data: bytes, path: Path) -> tuple[bytes, Seal]:
    found = _SEALED.match(data)
    if found is None:
        _refuse(path, "its last line is no seal")
    return found["content"], _seal(found["seal"], path)


def _of_json(data: bytes, path: Path) -> tuple[bytes, Seal]:
    try:
        plain = json.loads(data, object_pairs_hook=_once)
        content, seal = plain["content"], plain["seal"]
        return chain.canonical(content).encode(), _seal(json.dumps(seal).encode(), path)
    except (ValueError, KeyError, TypeError, RecursionError, RegistryError) as error:
        _refuse(path, str(error) or type(error).__name__)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in it, which readers take differently")
    return found


def _seal(text: bytes, path: Path) -> Seal:
    try:
        return msgspec.json.decode(text, type=Seal)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        _refuse(path, str(error))


def _refuse(path: Path, why: str) -> NoReturn:
    raise RegistryError(
        f"{path} is no dossier that Trackbook made, or its seal was cut off ({why:.200}); "
        "`trackbook models dossier NAME VERSION -o FILE` makes one"
    )
