"""The stamps of all files that git would look at, so that git is asked again only when one has changed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable

UNSETTLED_NS = 100_000_000
"""File systems keep times in ticks: a file may change twice in one, so a stamp this young proves nothing."""

NEVER_ENTERED = frozenset({".git", ".trackbook", "__pycache__", ".ipynb_checkpoints"})

Stamp = tuple[int, int, int]


class WorkTree:
    """What `git status` depends on: the files it knows, and the folders in which there may be new ones."""

    def __init__(self, root: str, files: Iterable[str], ignored: Iterable[str], rules: str) -> None:
        """Stamp `files` (tracked and untracked), all folders outside the `ignored` ones, and the file of `rules`."""
        paths = [rules, *(f"{root}/{path}" for path in files)]
        self._paths = [*paths, *_folders(root, {f"{root}/{path.rstrip('/')}" for path in ignored})]
        self._stamps = self._look()
        newest = max((max(stamp[:2]) for stamp in self._stamps), default=0)
        self._settled = newest < time.time_ns() - UNSETTLED_NS

    def is_unchanged(self) -> bool:
        """Say whether everything surely is as it was when this was made."""
        return self._settled and self._look() == self._stamps

    def settles_as(self, other: WorkTree) -> bool:
        """Say whether the `other`, taken later, found the same."""
        return self._paths == other._paths and self._stamps == other._stamps

    def _look(self) -> list[Stamp]:
        stat, stamps = os.stat, []
        for path in self._paths:
            try:
                status = stat(path, follow_symlinks=False)
            except (OSError, ValueError):
                stamps.append((0, 0, -1))
            else:
                stamps.append((status.st_mtime_ns, status.st_ctime_ns, status.st_size))
        return stamps


def _folders(root: str, ignored: set[str]) -> list[str]:
    found, waiting = [], [root]
    while waiting:
        folder = waiting.pop()
        found.append(folder)
        try:
            with os.scandir(folder) as entries:
                inner = [entry for entry in entries if entry.name == ".git" or entry.is_dir(follow_symlinks=False)]
        except OSError:
            continue  # unreadable, or gone meanwhile: its stamp says so
        if folder != root and any(entry.name == ".git" for entry in inner):
            continue  # a repository of its own
        waiting += [entry.path for entry in inner if entry.name not in NEVER_ENTERED and entry.path not in ignored]
    return found
