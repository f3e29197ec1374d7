"""Files by their paths: what the text calls `a.csv` and the system `/home/me/a.csv` may be one file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from trackbook.cells.catalogue import ANY_FILE, FILE


class Paths:
    """The files met so far, by the pieces of state that stand for them (`file:a.csv`, `file:/home/me/a.csv`)."""

    def __init__(self) -> None:
        self._by_name: dict[str, set[str]] = defaultdict(set)
        self._below: dict[str, set[str]] = defaultdict(set)
        self._relative: set[str] = set()

    def add(self, piece: str) -> None:
        """Remember a file."""
        path = piece.removeprefix(FILE)
        if piece == ANY_FILE or not path:
            return
        self._by_name[path.rpartition("/")[2]].add(piece)
        if path.startswith("/"):
            for folder in _folders(path):
                self._below[folder].add(piece)
        else:
            self._relative.add(piece)

    def same(self, piece: str) -> set[str]:
        """Return the pieces that may stand for the same file under a longer or shorter path, `piece` not among them."""
        path = piece.removeprefix(FILE)
        found = self._by_name.get(path.rpartition("/")[2], ())
        return {other for other in found if other != piece and may_be_same(path, other.removeprefix(FILE))}

    def above(self, piece: str) -> set[str]:
        """Return the pieces for the folders that a path lies in."""
        found: set[str] = set()
        for folder in _folders(piece.removeprefix(FILE)):
            found |= {FILE + folder, *self.same(FILE + folder)}
        return found

    def needed(self, piece: str) -> set[str]:
        """Return all pieces that a path may depend on: its own, folders above it, and what lies below it."""
        path = piece.removeprefix(FILE)
        found = {piece, *self.same(piece), *self.above(piece)}
        if path in self._below:
            found |= self._below[path] | self._relative
        return found


def may_be_same(path: str, other: str) -> bool:
    """Tell whether a relative and an absolute path may lead to one file, wherever the relative one starts."""
    if path.startswith("/") == other.startswith("/"):
        return path == other
    full, part = (path, other) if path.startswith("/") else (other, path)
    while part.startswith("../"):
        part = part[3:]
    return full.endswith("/" + part)


def absolute(paths: Iterable[str]) -> list[str]:
    """Return the pieces of state for paths that were seen while a cell ran."""
    return sorted(FILE + path.replace("\\", "/").rstrip("/") for path in paths if path.strip("/\\"))


def _folders(path: str) -> Iterator[str]:
    while (path := path.rpartition("/")[0]) and path not in {".", ".."}:
        yield path
