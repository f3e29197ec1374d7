"""Which paths are the user's data, rather than code, libraries, the system's files or Trackbook's own."""

from __future__ import annotations

import os
import sys
import sysconfig
import tempfile
from functools import lru_cache
from pathlib import Path


def _library_folders() -> tuple[str, ...]:
    # Not all of `sys.prefix`: an environment may have been made in the project folder itself.
    installed = sysconfig.get_paths()
    folders = [installed[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    folders += [str(Path(sys.prefix) / name) for name in ("share", "etc", "ssl")]
    folders += [folder for folder in sys.path if "-packages" in folder]
    return tuple({form(folder) for folder in folders for form in (os.path.abspath, os.path.realpath)})


_LIBRARIES = _library_folders()
_SYSTEM = ("/proc/", "/sys/", "/dev/", "/etc/", "/usr/share/", "/usr/lib/")
_CODE = (".pyc", ".py", ".so", ".pyi")
_NOISE = (*_CODE, ".lock", ".journal", ".ttf", ".otf", ".afm", ".pfb")
_FOLDERS = frozenset(
    {".trackbook", ".git", "__pycache__", ".ipython", ".jupyter", ".ipynb_checkpoints", ".cache", ".config", ".fonts"}
)
_MATPLOTLIB = os.path.join(tempfile.gettempdir(), "matplotlib-")  # noqa: PTH118 - a prefix, not a path


def is_data_file(path: str) -> bool:
    """Say whether `path` looks like the user's data rather than code, libraries, system files or our own store."""
    return not path.endswith(_NOISE) and is_data_place(path)


def is_data_place(path: str) -> bool:
    """Say whether data may lie at `path`, whatever its name ends in: it is no place of libraries or of the system."""
    if path.startswith(_SYSTEM) or path in sys.path:
        return False  # an archive of modules is code
    if is_library(path) or path.startswith(_MATPLOTLIB):
        return False
    return _FOLDERS.isdisjoint(path.split(os.sep))  # noqa: PTH206 - asked for every file that is opened


def may_hold_data(path: str) -> bool:
    """Say whether a path that is not taken for data could be the user's nevertheless, such as `~/.cache/table.pkl`."""
    return not (path.startswith((*_SYSTEM, _MATPLOTLIB)) or path in sys.path or is_library(path) or is_code(path))


def is_data_name(name: str) -> bool:
    """Say whether a name in a folder counts as part of what the folder holds."""
    return name not in _FOLDERS and not name.endswith(".lock")


def is_code(path: str) -> bool:
    """Say whether the name of a file is that of Python code."""
    return path.endswith(_CODE)


@lru_cache(4096)
def is_library(path: str) -> bool:
    """Say whether `path` belongs to Python or an installed package."""
    return path.startswith("<frozen") or any(path.startswith(folder + os.sep) for folder in _LIBRARIES)


def absolute(path: object, folder: int = -1) -> str | None:
    """Return the absolute path of what was handed to the operating system, its links kept; None when it has no path.

    A name relative to an open folder, which `folder` is the descriptor of, is known on Linux only.
    """
    if isinstance(path, int) or path is None or path == "":
        return None
    text = os.fsdecode(path)  # type: ignore[arg-type]  # raises for what is no path, as the caller expects
    if folder >= 0 and not os.path.isabs(text):  # noqa: PTH117 - text in, text out
        try:
            text = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), text)  # noqa: PTH115, PTH118
        except OSError:
            return None
    return os.path.abspath(text) if "\0" not in text else None  # noqa: PTH100 - resolve() would follow links


def readable(path: str) -> str:
    """Return a path as text that can be stored: bytes that are no UTF-8 are written as `\\xe9`."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
