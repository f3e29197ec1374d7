"""Functions and methods of libraries, wrapped in place so that they say which files they are about to open."""

from __future__ import annotations

import functools
import glob
import inspect
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from types import ModuleType
from typing import Any, NamedTuple

from trackbook.capture.files import audit
from trackbook.capture.files.urls import is_url, local_path

MAX_EXPANDED = 10_000
"""So many files of one glob or folder are told."""

Told = Iterable[tuple[str, str]]
"""Paths, each with an action of `audit.NATIVE`."""


class Call(NamedTuple):
    """A call of a library, seen before it runs and, when it gave a `result`, after."""

    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    result: Any = None

    def value(self, position: int, *names: str) -> Any:
        """Return the argument at a position, or by one of its names; None when it is not given."""
        if position < len(self.arguments):
            return self.arguments[position]
        return next((self.keywords[name] for name in names if name in self.keywords), None)


Tell = Callable[[Call], Told]


def wrap(
    module: ModuleType, name: str, before: Tell | None = None, after: Tell | None = None, *, always: bool = False
) -> bool:
    """Wrap `name` of `module`, dotted for a method, once; returns whether there is such a thing.

    `before` and `after` say which files a call opens.  While nobody listens a call costs one test more; `after` is
    asked even then where `always` says that it has to remember something.
    """
    owner: Any = module
    *folders, last = name.split(".")
    for folder in folders:
        owner = getattr(owner, folder, None)
    function = inspect.getattr_static(owner, last, None)
    if function is None or hasattr(function, "_trackbook"):
        return function is not None
    is_static = isinstance(function, staticmethod)
    wrapper = _wrapper(function.__func__ if is_static else function, before, after, always)
    try:
        setattr(owner, last, staticmethod(wrapper) if is_static else wrapper)
    except TypeError:  # a class of C that allows no such thing
        return False
    if isinstance(owner, ModuleType):
        _rebind(function, wrapper, last)
    return True


def _wrapper(function: Callable[..., Any], before: Tell | None, after: Tell | None, always: bool) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*arguments: Any, **keywords: Any) -> Any:
        __tracebackhide__ = True
        if not (always or audit.listening()):
            return function(*arguments, **keywords)
        if before is not None:
            tell_of(Call(arguments, keywords), before)
        result = function(*arguments, **keywords)
        if after is not None:
            tell_of(Call(arguments, keywords, result), after)
        return result

    call._trackbook = True  # type: ignore[attr-defined]
    return call


def _rebind(function: Any, wrapper: Any, name: str) -> None:
    """Put the wrapper where the function was imported to before: its own module, and the user's notebook."""
    for home in {getattr(function, "__module__", None), "__main__"} - {None}:
        names = vars(sys.modules[home]) if home in sys.modules else {}
        for other in [other for other, value in list(names.items()) if value is function]:
            if home == "__main__" or other in (name, function.__name__):
                names[other] = wrapper


def tell_of(call: Call, tell: Tell) -> None:
    """Raise the events for one call; a fault in finding out is told too, and never reaches the user's call."""
    try:
        with audit.muted():
            found = list(tell(call))
        for path, action in found:
            sys.audit(audit.NATIVE, path, action)
    except Exception as fault:  # noqa: BLE001 - arguments are the user's, and may be anything
        sys.audit(audit.UNSEEN, f"files of a native reader, for a {type(fault).__name__} in Trackbook")


def named(value: Any) -> Iterator[str]:
    """Yield the paths and URLs in an argument that names one file or several; open files and bytes name none."""
    if isinstance(value, str | os.PathLike):
        text = os.fsdecode(value)
        yield text if is_url(text) else os.path.expanduser(local_path(text))  # noqa: PTH111 - as text
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from named(item)


def expanded(value: Any) -> Iterator[str]:
    """Yield the files that paths, globs and folders in an argument stand for now."""
    for path in named(value):
        if is_url(path):
            yield path
        elif os.path.isdir(path):  # noqa: PTH112 - as text
            yield from islice(_files_in(path), MAX_EXPANDED)
        elif glob.has_magic(path) and not os.path.exists(path):  # noqa: PTH110
            found = (file for file in glob.iglob(path, recursive=True) if os.path.isfile(file))  # noqa: PTH113, PTH207
            yield from islice(found, MAX_EXPANDED)
        else:
            yield path


def _files_in(folder: str) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "_")))
        yield from (os.path.join(place, name) for name in sorted(files) if not name.startswith((".", "_")))  # noqa: PTH118


def reads(position: int, *names: str) -> Tell:
    """Say that a call reads what an argument names."""
    return lambda call: ((path, "read") for path in expanded(call.value(position, *names)))


def writes(position: int, *names: str, action: str = "written") -> Tell:
    """Say that a call writes what an argument names."""
    return lambda call: ((path, action) for path in named(call.value(position, *names)))
