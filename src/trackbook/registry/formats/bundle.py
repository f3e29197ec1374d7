"""A library's own model file beside what its scikit-learn wrapper adds, as plain JSON, in one archive.

Nothing in a bundle is code: the class is one of a list, its parameters and state are numbers, text and lists of these.
"""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from trackbook.errors import RegistryError

HEADER = "estimator.json"
PLAIN_BYTES = 256 * 2**20
MAX_RATIO = 200
"""An archive may unpack to 256 MiB, or to 200 times its own size when that is more."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_NUMBERS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The class, the parameters, and the fitted state that the library's own file does not hold."""

    kind: str
    params: dict[str, Any] = {}
    state: dict[str, Any] = {}


def pack(header: Header, name: str, model: bytes) -> bytes:
    """Return an archive of `header` and the library's own file, called `name`; the same for the same content."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for entry, content in ((HEADER, msgspec.json.encode(header)), (name, model)):
            info = zipfile.ZipInfo(entry, _EPOCH)
            archive.writestr(info, content, zipfile.ZIP_DEFLATED, compresslevel=1)
    return buffer.getvalue()


def unpack(pieces: Iterable[bytes], name: str, kinds: Collection[str]) -> tuple[Header, bytes]:
    """Return what `pack` was given; raises RegistryError for anything else, and for a class not among `kinds`."""
    data = b"".join(pieces)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sorted(archive.namelist()) != sorted((HEADER, name)):
                raise damaged("it holds other files than a model")
            size = sum(entry.file_size for entry in archive.infolist())
            if size > max(PLAIN_BYTES, MAX_RATIO * len(data)):
                raise damaged(f"its {len(data)} bytes would unpack to {size}")
            header = msgspec.json.decode(archive.read(HEADER), type=Header)
            model = archive.read(name)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise damaged(f"{type(error).__name__}: {str(error)[:200]}") from error
    if header.kind not in kinds:
        raise damaged(f"it is a {header.kind!r:.60}, not one of {', '.join(sorted(kinds))}")
    return header, model


def plain(values: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return `values` as JSON has them; raises RegistryError that names the one which is no number, text or list."""
    return {name: _plain(value, f"{kind}.{name}") for name, value in values.items()}


def restored(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `plain` was given."""
    return {name: _restored(value) for name, value in values.items()}


def damaged(reason: str) -> RegistryError:
    """Return the error for bytes that no model of this format has."""
    return RegistryError(
        f"the model file must not be used: {reason}. It was damaged or crafted; register the model again from its "
        "source"
    )


def _plain(value: Any, path: str) -> Any:
    if hasattr(value, "tolist") and type(value).__module__.partition(".")[0] == "numpy":
        value = value.tolist()
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"number": repr(value)}
    if isinstance(value, list | tuple):
        return [_plain(each, path) for each in value]
    if isinstance(value, dict):
        return {"map": [[_plain(key, path), _plain(each, path)] for key, each in value.items()]}
    raise RegistryError(
        f"the model cannot be kept: {path} is a {type(value).__name__}, which is no number, text or list. Set it to a "
        "plain value, or to None, before registering"
    )


def _restored(value: Any) -> Any:
    if isinstance(value, list):
        return [_restored(each) for each in value]
    if isinstance(value, dict):
        if set(value) == {"number"}:
            return _NUMBERS[value["number"]]
        return {_restored(key): _restored(each) for key, each in value["map"]}
    return value
