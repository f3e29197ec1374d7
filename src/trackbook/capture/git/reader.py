"""The git state that code stood in: commit, branch, remote, and the patch from the commit to the files."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import msgspec

from trackbook.capture.git.patch import Patch, read_patch
from trackbook.capture.git.repository import GitError, Repository
from trackbook.capture.git.worktree import WorkTree
from trackbook.capture.redaction import without_credentials

FREE_SECONDS = 0.0005
SHARE = 0.02
"""Looking for changed files may cost so much at every call; beyond, this share of the time that passes."""


class GitState(msgspec.Struct, frozen=True):
    """Commit, branch and remote (without credentials) of the checkout that holds a folder.

    All are None outside git; `reason` says why nothing is known of a checkout that there is.
    """

    commit: str | None = None
    branch: str | None = None
    remote: str | None = None
    reason: str | None = None


NO_GIT = GitState()


class GitReader:
    """Answers for one folder, and asks git again only when something has changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._repository = Repository.find(folder)
        self._stamp: object = None
        self._state = NO_GIT
        self._patch: tuple[str | None, Patch] | None = None
        self._tree: WorkTree | None = None
        self._rest_until = 0.0

    def read(self) -> GitState:
        """Return the current state; NO_GIT where there is no repository."""
        with self._lock:
            return self._read()

    def patch(self) -> Patch | None:
        """Return what differs between the commit and the files now; None where git has no answer.

        The same object comes back as long as nothing changed, which is found out by the stamps of all files that
        git would look at.  Where that takes longer than half a millisecond (some 200 files), it is done no more often
        than costs 2 % of the time: 1,000 files are looked at every 0.15 s.  `forget` makes the next call look.
        """
        with self._lock:
            state = self._read()
            if self._repository is None or state.reason is not None:
                return None
            now = time.monotonic()
            if self._patch is not None and self._patch[0] == state.commit and self._is_current(now):
                return self._patch[1]
            try:
                self._patch = (state.commit, self._make(self._repository, state.commit))
            except GitError as error:
                self._patch = (state.commit, Patch("", ((".", str(error)),)))
                self._tree = None
            self._rest(time.monotonic() - now, free=0.1)
            return self._patch[1]

    def forget(self) -> None:
        """Look at all files at the next call of `patch`: to be called when files are known to have been written."""
        self._rest_until = 0.0

    def _read(self) -> GitState:
        if self._repository is None:
            self._repository = Repository.find(self._folder)  # there may be one by now
        if self._repository is None:
            return NO_GIT
        stamp = _stamp(self._repository)
        if stamp != self._stamp:
            self._state, self._stamp = _ask(self._repository), stamp
        return self._state

    def _is_current(self, now: float) -> bool:
        if now < self._rest_until:
            return True
        if self._tree is None:
            return False
        is_same = self._tree.is_unchanged()
        self._rest(time.monotonic() - now, free=FREE_SECONDS)
        return is_same

    def _rest(self, spent: float, *, free: float) -> None:
        if spent > free:
            self._rest_until = time.monotonic() + spent / SHARE

    def _make(self, repository: Repository, commit: str | None) -> Patch:
        patch, tree = read_patch(repository, commit)
        self._tree = tree
        return patch


def _stamp(repository: Repository) -> object:
    """Return what changes with every commit, checkout, branch switch and new remote."""
    stamps = []
    for name in ("HEAD", "logs/HEAD", "index", "reftable/tables.list"):
        stamps.append(_file_stamp(repository.git_dir / name))
    stamps.append(_file_stamp(repository.config_file))
    return tuple(stamps)


def _file_stamp(path: Path) -> tuple[int, int]:
    try:
        status = os.stat(path)  # noqa: PTH116 - on the path of every run
    except OSError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_size)


def _ask(repository: Repository) -> GitState:
    try:
        config = repository.config()
        branch = _answer(repository, "symbolic-ref", "--short", "HEAD")
        commit = _answer(repository, "rev-parse", "--verify", "HEAD")
        if commit is None and branch is None:
            repository.run("rev-parse", "--git-dir")
    except GitError as error:
        return GitState(reason=str(error))
    return GitState(commit, branch, _remote(config, branch))


def _answer(repository: Repository, *arguments: str) -> str | None:
    try:
        return repository.run(*arguments).decode(errors="replace").strip() or None
    except GitError:
        return None  # no commit yet, or no branch: both are states of a checkout


def _remote(config: dict[str, str], branch: str | None) -> str | None:
    """Return the address of the branch's upstream, else of `origin`, else of the only remote."""
    urls = {name: url for name, url in config.items() if name.startswith("remote.") and name.endswith(".url")}
    upstream = config.get(f"branch.{branch}.remote", "origin")
    url = urls.get(f"remote.{upstream}.url") or urls.get("remote.origin.url")
    if url is None and len(urls) == 1:
        (url,) = urls.values()
    return without_credentials(url) if url else None
