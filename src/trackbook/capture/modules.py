"""Modules of the user's own that are imported: neither Python's nor an installed package's, inside the project or not.

A module is read when it is first seen, so that what is kept is what was imported, even where its file changes later.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from types import ModuleType

import msgspec
from blake3 import blake3

from trackbook.capture.files.paths import is_library
from trackbook.capture.redaction import redact

MAX_CONTENT = 1024 * 1024
HAS_SECRET = "it holds a secret: its content is not kept"  # noqa: S105
TOO_LARGE = f"larger than {MAX_CONTENT // 1024} KB: its content is not kept"


class LocalModule(msgspec.Struct, frozen=True):
    """A module and the file it came from; without `content`, or a `digest` (BLAKE3 of the file), for the `reason`."""

    name: str
    path: str
    digest: str | None = None
    size: int | None = None
    content: bytes | None = None
    reason: str | None = None


class ModuleReader:
    """Knows the local modules of this process; looks only at those that are new, or were loaded anew."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: set[str] = set()
        self._local: dict[str, tuple[object, LocalModule]] = {}

    def read(self) -> tuple[LocalModule, ...]:
        """Return all local modules, by name; to be called after each cell, before an imported file can change."""
        with self._lock:
            if not self._seen.issuperset(sys.modules):
                new = sys.modules.keys() - self._seen
                self._seen |= new
                for name in new:
                    self._look(name)
            for name, (loading, _) in list(self._local.items()):
                if name not in sys.modules:
                    del self._local[name]
                    self._seen.discard(name)  # it may come back as another
                elif _loading(sys.modules[name]) is not loading:
                    self._look(name)
            return tuple(module for _, (_, module) in sorted(self._local.items()))

    def _look(self, name: str) -> None:
        module = sys.modules.get(name)
        path = _path(module)
        if path is None or name.partition(".")[0] == "trackbook" or is_library(path):
            self._local.pop(name, None)
        else:
            self._local[name] = (_loading(module), _read(name, path))


def _namespace(module: object) -> dict[str, object]:
    # Neither a lazy module's __getattr__ nor what a library has put in a module's place is asked.
    return object.__getattribute__(module, "__dict__") if issubclass(type(module), ModuleType) else {}


def _loading(module: object) -> object:
    """Return what is another object after `importlib.reload`, and after a new import."""
    namespace = _namespace(module)
    return namespace.get("__spec__") or namespace.get("__file__")


def _path(module: object) -> str | None:
    path = _namespace(module).get("__file__")
    return os.path.abspath(path) if isinstance(path, str) and path else None  # noqa: PTH100 - links are kept


def _read(name: str, path: str) -> LocalModule:
    try:
        content = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        return LocalModule(name, path, reason=f"it cannot be read: {getattr(error, 'strerror', None) or error}")
    digest, size = blake3(content).hexdigest(), len(content)
    reason = _reason(content)
    return LocalModule(name, path, digest, size, None if reason else content, reason)


def _reason(content: bytes) -> str | None:
    if len(content) > MAX_CONTENT:
        return TOO_LARGE
    text = content.decode(errors="replace")
    return HAS_SECRET if redact(text) != text else None
