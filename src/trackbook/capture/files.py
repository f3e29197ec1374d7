"""Files that Python code opens, seen through `sys.addaudithook`, and their fingerprints."""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
from functools import lru_cache
from pathlib import Path

from blake3 import blake3

from trackbook.capture.fingerprint import Fingerprint


def _library_folders() -> tuple[str, ...]:
    # Not all of `sys.prefix`: an environment may have been made in the project folder itself.
    installed = sysconfig.get_paths()
    folders = [installed[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    folders += [str(Path(sys.prefix) / name) for name in ("share", "etc")]
    folders += [folder for folder in sys.path if "-packages" in folder]
    return tuple({form(folder) for folder in folders for form in (os.path.abspath, os.path.realpath)})


_LIBRARIES = _library_folders()
_SYSTEM = ("/proc/", "/sys/", "/dev/", "/etc/", "/usr/share/", "/usr/lib/")
_NOISE = (".pyc", ".py", ".so", ".pyi", ".lock", ".journal")
_FOLDERS = frozenset(
    {".trackbook", ".git", "__pycache__", ".ipython", ".jupyter", ".ipynb_checkpoints", ".cache", ".config"}
)


class FileWatcher:
    """Collects the paths opened while it is switched on.

    Audit hooks cannot be removed, so one hook serves the whole process and does nothing but one test while off.
    """

    def __init__(self) -> None:
        self._opened: dict[str, set[str]] | None = None
        self._installed = False
        self._busy = threading.local()

    def start(self) -> dict[str, set[str]]:
        """Begin to collect, into the dict returned."""
        if not self._installed:
            sys.addaudithook(self._hook)
            self._installed = True
        self._opened = {}
        return self._opened

    def stop(self) -> None:
        """Stop collecting."""
        self._opened = None

    def _hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if self._opened is None or event != "open" or getattr(self._busy, "inside", False):
            return
        self._busy.inside = True
        try:
            path, mode, flags = arguments
            if isinstance(path, str | bytes) and path:
                absolute = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - resolve() would follow links
                self._add(absolute, mode, flags if isinstance(flags, int) else 0)
        finally:
            self._busy.inside = False

    def _add(self, path: str, mode: object, flags: int) -> None:
        if self._opened is None or not is_data_file(path):
            return
        roles = self._opened.setdefault(path, set())
        if isinstance(mode, str):
            roles.add("written" if set(mode) & set("wax+") else "read")
        else:
            roles.add("written" if flags & (os.O_WRONLY | os.O_RDWR) else "read")


def is_data_file(path: str) -> bool:
    """Say whether `path` looks like the user's data rather than code, libraries, system files or our own store."""
    if path.endswith(_NOISE) or path.startswith(_SYSTEM) or path in sys.path:
        return False  # an archive of modules is code
    if is_library(path):
        return False
    return _FOLDERS.isdisjoint(Path(path).parts)


@lru_cache(4096)
def is_library(path: str) -> bool:
    """Say whether `path` belongs to Python or an installed package."""
    return path.startswith("<frozen") or any(path.startswith(folder + os.sep) for folder in _LIBRARIES)


def fingerprint_file(path: Path) -> Fingerprint:
    """Return the BLAKE3 digest of a file's bytes; never raises, the `reason` says why there is none."""
    try:
        if not path.is_file():
            return Fingerprint("file", None, reason="it is no regular file, or gone by the end of the cell")
        size = path.stat().st_size
        digest = blake3(max_threads=blake3.AUTO).update_mmap(path).hexdigest()
    except OSError as error:
        return Fingerprint("file", None, reason=f"it cannot be read: {error.strerror}")
    return Fingerprint("file", digest, size=size)
