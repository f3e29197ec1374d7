"""What tests have processes of their own do, to be killed while they do it."""

from __future__ import annotations

import time
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from trackbook.project import Project

_CONTEXT = get_context("forkserver")  # imports once, forks from there
_CONTEXT.set_forkserver_preload(
    ["trackbook.exchange", "trackbook.store.backup", "trackbook.store.rebuild", "trackbook.store.gc", "pandas",
     "sklearn.linear_model", "skops.io", "fsspec.implementations.local", "sqlite_utils", "support.operations"]
)  # fmt: skip


class Operation:
    """One operation on the project in `root`, begun in a process of its own."""

    def __init__(self, root: Path, what: str, folder: Path | None = None) -> None:
        self._told, tells = _CONTEXT.Pipe(duplex=False)
        self._process = _CONTEXT.Process(target=_operate, args=(tells, root, what, folder))
        self._process.start()
        assert self._told.recv() == "begun"

    def finish(self) -> float:
        """Wait for its end; returns the seconds that it took."""
        seconds: float = self._told.recv()
        self._process.join(60)
        assert self._process.exitcode == 0
        return seconds

    def kill(self, seconds: float) -> bool:
        """Kill it after so many seconds; says whether that was before its end."""
        self._process.join(seconds)
        self._process.kill()
        self._process.join(60)
        return self._process.exitcode != 0


def _operate(tells: Connection, root: Path, what: str, folder: Path | None) -> None:
    project = Project.open(root)
    tells.send("begun")
    began = time.monotonic()
    _do(project, what, folder)
    tells.send(time.monotonic() - began)


def _do(project: Project, what: str, folder: Path | None) -> None:
    from trackbook.store.backup import back_up
    from trackbook.store.gc import collect

    match what:
        case "push":
            project.exchange.push()
        case "pull":
            assert project.exchange.pull().refused == ()
        case "gc":
            collect(project.store, grace=3600.0, remove=True)
        case "backup":
            assert folder is not None
            back_up(project.store, folder)
        case "rebuild":
            project.rebuild()
