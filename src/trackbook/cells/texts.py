"""Texts and paths made from texts that are known: file names, and code that is run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

_SAME = frozenset({"resolve", "absolute", "expanduser", "as_posix", "open", "read_text", "read_bytes"})
_OF_TEXTS = frozenset(
    {"strip", "lstrip", "rstrip", "lower", "upper", "title", "capitalize", "replace", "removeprefix", "removesuffix"}
)
_OF_PATHS = frozenset({"with_suffix", "with_name", "with_stem", "joinpath"})
_ATTRIBUTES = frozenset({"parent", "name", "stem", "suffix"})


def method_of_text(name: str, text: str, arguments: Sequence[str]) -> str | None:
    """Return what a method of a text or path gives when it is called with these texts; None when it is not known."""
    if name in _SAME:
        return text
    try:
        if name in _OF_TEXTS:
            found = getattr(text, name)(*arguments)
        elif name in _OF_PATHS:
            found = str(getattr(PurePosixPath(text), name)(*arguments))
        else:
            return None
    except (TypeError, ValueError):
        return None
    return str(found)


def attribute_of_text(name: str, text: str) -> str | None:
    """Return what an attribute of a path is; None when it is not known."""
    return str(getattr(PurePosixPath(text), name)) if name in _ATTRIBUTES else None
