"""One audit hook for the whole process, and those who listen to it.

Audit hooks cannot be taken out again, so there is one, which does nothing but a test while nobody listens.  What
native code opens raises no event of Python's own; `trackbook.capture.files.readers` raises `NATIVE` for it instead.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

NATIVE = "trackbook.file"
"""Raised with a path or URL and `read`, `written`, `changed`, `removed` or `database`, for what native code opens."""

UNSEEN = "trackbook.unseen"
"""Raised with a text that says which files may have been opened without being told of."""

Listener = Callable[[str, tuple[Any, ...]], None]

_listeners: tuple[Listener, ...] = ()
_installed = False
_guard = threading.Lock()
_local = threading.local()


def listen(listener: Listener) -> None:
    """Hand every audit event to `listener`, in the thread it is raised in, until `unlisten`.

    A listener must not raise: its exception would surface in the user's call.  It hears nothing of what it does.
    """
    global _installed, _listeners
    with _guard:
        if not _installed:
            sys.addaudithook(_hook)
            _installed = True
        if listener not in _listeners:
            _listeners = (*_listeners, listener)


def unlisten(listener: Listener) -> None:
    """Hand no more events to `listener`."""
    global _listeners
    with _guard:
        _listeners = tuple(other for other in _listeners if other != listener)


def listening() -> bool:
    """Say whether anybody listens."""
    return bool(_listeners)


@contextmanager
def muted() -> Iterator[None]:
    """Let nobody hear what this thread does inside."""
    before = getattr(_local, "inside", False)
    _local.inside = True
    try:
        yield
    finally:
        _local.inside = before


def caller() -> FrameType | None:
    """Return the frame of the code that raised the event now being heard."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        is_hook, frame = frame.f_code is _hook.__code__, frame.f_back
        if is_hook:
            break
    return frame


def is_importing() -> bool:
    """Say whether the import system, or what looks for installed packages, lists a folder by itself."""
    frame = caller()
    name = frame.f_code.co_filename if frame is not None else ""
    return name.startswith("<frozen") or any(
        part in name for part in ("/importlib/", "pkgutil.py", "/pkg_resources/", "/jedi/", "\\importlib\\")
    )


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _listeners or getattr(_local, "inside", False):
        return
    _local.inside = True
    try:
        for listener in _listeners:
            listener(event, arguments)
    finally:
        _local.inside = False
