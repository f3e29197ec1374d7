"""HDF5, and clients of HTTP that speak it by themselves."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from trackbook.capture.files.readers.wrapping import Call, Told, named, wrap

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


def _by_mode(position: int, *names: str) -> Callable[[Call], Told]:
    def told(call: Call) -> Told:
        mode = str(call.value(position + 1, "mode") or "r")
        action = "read" if mode == "r" else "written" if mode[0] in "wx" else "changed"
        return ((path, action) for path in named(call.value(position, *names)))

    return told


def _h5py(module: ModuleType) -> None:
    wrap(module, "File.__init__", _by_mode(1, "name"))


def _tables(module: ModuleType) -> None:
    wrap(module, "File.__init__", _by_mode(1, "filename"))


def _httpx(module: ModuleType) -> None:
    for name in ("Client.send", "AsyncClient.send"):
        wrap(module, name, _sent)


def _sent(call: Call) -> Told:
    request: Any = call.value(1, "request")
    return [(str(request.url), "read" if request.method.upper() in _READING else "changed")]


MODULES: dict[str, Callable[[ModuleType], None]] = {
    "h5py._hl.files": _h5py,
    "tables.file": _tables,
    "httpx": _httpx,
}
