"""Keeps a program that is repeated from changing the user's own files by their absolute paths."""

from __future__ import annotations

import errno
import os
import sys
import sysconfig
import threading
from collections.abc import Callable
from pathlib import Path

_CHANGING = {
    "os.remove": 1,
    "os.rename": 2,
    "os.rmdir": 1,
    "os.mkdir": 1,
    "os.truncate": 1,
    "os.link": 2,
    "os.symlink": 2,
    "os.chmod": 1,
    "os.utime": 1,
    "shutil.rmtree": 1,
}
"""Audit events that say that files change, and how many of their first arguments are paths."""

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def guard(protected: tuple[str, ...], on_refusal: Callable[[str], None]) -> None:
    """Raise PermissionError in this process, from now on, where a path under `protected` is about to change.

    Folders of installed packages and of bytecode stay open.  What other processes do is not seen.
    """
    folders = tuple(dict.fromkeys(form for path in protected for form in (path, os.path.realpath(path))))
    if not folders:
        return
    busy = threading.local()

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event != "open" and event not in _CHANGING:
            return
        if getattr(busy, "inside", False):
            return
        busy.inside = True
        try:
            for path in _changed(event, arguments):
                if _is_within(path, folders):
                    on_refusal(path)
                    raise PermissionError(errno.EACCES, "a repeat must not change what is no copy", path)
        finally:
            busy.inside = False

    sys.addaudithook(hook)


def _changed(event: str, arguments: tuple[object, ...]) -> list[str]:
    """Return the absolute paths that an audit event says are about to change."""
    if event == "open":
        _, mode, flags = arguments
        writes = bool(set(mode) & set("wax+")) if isinstance(mode, str) else bool(_flags(flags) & _WRITING)
        paths: tuple[object, ...] = arguments[:1] if writes else ()
    else:
        paths = arguments[: _CHANGING[event]]
    return [os.path.realpath(os.fsdecode(path)) for path in paths if isinstance(path, str | bytes | os.PathLike)]


def _flags(flags: object) -> int:
    return flags if isinstance(flags, int) else 0


def _is_within(path: str, folders: tuple[str, ...]) -> bool:
    if not any(path == folder or path.startswith(folder + os.sep) for folder in folders):
        return False
    return "__pycache__" not in Path(path).parts and not any(path.startswith(each + os.sep) for each in _INSTALLED)


_INSTALLED = tuple(
    {
        os.path.realpath(sysconfig.get_paths()[name])
        for name in ("stdlib", "platstdlib", "purelib", "platlib", "scripts")
    }
)
