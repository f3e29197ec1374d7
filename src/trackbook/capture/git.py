"""The git state that code stood in; asked of git once for each state of the repository's HEAD."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import msgspec

GIT_SECONDS = 5.0


class GitState(msgspec.Struct, frozen=True):
    """Commit and branch of the checkout that holds a folder; both None outside git or before the first commit."""

    commit: str | None = None
    branch: str | None = None


NO_GIT = GitState()


class GitReader:
    """Answers for one folder, again only when HEAD has moved."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._git_dir = _find_git_dir(folder)
        self._stamp: object = None
        self._state = NO_GIT

    def read(self) -> GitState:
        """Return the current state; NO_GIT where there is no repository or no git."""
        if self._git_dir is None:
            self._git_dir = _find_git_dir(self._folder)  # there may be one by now
        if self._git_dir is None:
            return NO_GIT
        stamp = _stamp(self._git_dir)
        if stamp != self._stamp:
            self._state, self._stamp = _ask(self._folder), stamp
        return self._state


def _find_git_dir(folder: Path) -> Path | None:
    for parent in (folder, *folder.parents):
        marker = parent / ".git"
        if marker.is_dir():
            return marker
        if marker.is_file():  # a worktree or a submodule: `gitdir: PATH`
            target = marker.read_text(encoding="utf-8", errors="replace").removeprefix("gitdir:").strip()
            return (parent / target).resolve()
    return None


def _stamp(git_dir: Path) -> object:
    """Return what changes with every commit, checkout and branch switch."""
    stamps = []
    for name in ("HEAD", "logs/HEAD", "index"):
        try:
            status = os.stat(git_dir / name)  # noqa: PTH116 - on the path of every run
            stamps.append((status.st_mtime_ns, status.st_size))
        except OSError:
            stamps.append((0, 0))
    return tuple(stamps)


def _ask(folder: Path) -> GitState:
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    branch = _git(folder, "symbolic-ref", "--short", "HEAD")
    return GitState(commit, branch)


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None if answer.returncode == 0 else None
