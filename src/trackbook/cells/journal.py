"""Taking back what the analysis of one cell wrote into sets and dicts that outlive it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


class Journal:
    """Changes sets, dicts and lists, and knows how each was before."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], object]] = []

    def add(self, target: set[Any], items: Iterable[Any]) -> None:
        """Add `items` to a set."""
        fresh = set(items).difference(target)
        if fresh:
            target |= fresh
            self._undo.append(lambda: target.difference_update(fresh))

    def put(self, target: dict[Any, Any], key: object, value: object) -> None:
        """Set `target[key]`."""
        if key in target:
            old = target[key]
            self._undo.append(lambda: target.__setitem__(key, old))
        else:
            self._undo.append(lambda: target.pop(key, None))
        target[key] = value

    def remove(self, target: dict[Any, Any], key: object) -> None:
        """Take `target[key]` out."""
        old = target.pop(key)
        self._undo.append(lambda: target.__setitem__(key, old))

    def empty(self, target: set[Any] | dict[Any, Any]) -> None:
        """Take everything out of a set or dict."""
        if target:
            old = target.copy()
            self._undo.append(lambda: target.update(old))
            target.clear()

    def append(self, target: list[Any], item: object) -> None:
        """Append to a list."""
        target.append(item)
        self._undo.append(target.pop)

    def forget(self) -> None:
        """Let everything stand as it is."""
        self._undo.clear()

    def rollback(self) -> None:
        """Put everything back to how it was when the journal was last empty."""
        while self._undo:
            self._undo.pop()()
