"""Notes what each cell of a notebook really did, in the kernel that runs it, for the graph of the notebook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from trackbook.capture.cell import CellWatch
from trackbook.capture.fingerprint.values import Fingerprinter
from trackbook.capture.session import RunningCell, Session
from trackbook.cells import Outcome


class Watched(msgspec.Struct, frozen=True):
    """What happened in the cell with this id."""

    cell_id: str
    outcome: Outcome


def watch(path: str) -> None:
    """Write a line to `path` after each cell of this kernel; called before the first."""
    from IPython.core.getipython import get_ipython

    _Watcher(get_ipython(), Path(path)).install()


def read_watched(path: Path) -> dict[str, Outcome]:
    """Return what was noted, by the ids of the cells; a torn last line is left out."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return {found.cell_id: found.outcome for found in (msgspec.json.decode(line, type=Watched) for line in lines)}


class _Watcher:
    """Listens to one shell; each line is written before the next cell starts, so that a crash leaves the others."""

    def __init__(self, shell: Any, path: Path) -> None:
        self._shell, self._path = shell, path
        self._session = Session((str(path.parent),))
        self._fingerprinter = Fingerprinter()
        self._running: tuple[RunningCell, CellWatch, Any] | None = None

    def install(self) -> None:
        self._shell.events.register("pre_run_cell", self._before)
        self._shell.events.register("post_run_cell", self._after)

    def _before(self, info: Any) -> None:
        if info.silent or not info.store_history or self._running is not None:
            return
        running = self._session.begin(info.raw_cell, self._shell.user_ns, cell_id=info.cell_id)
        seen = CellWatch(running.names, self._shell.user_ns, None, None, self._fingerprinter)
        self._running = running, seen, info
        self._session.start(running)

    def _after(self, result: Any) -> None:
        if self._running is None or self._running[2] is not result.info:
            return
        running, seen, _ = self._running
        self._running = None
        self._session.stop(running)
        namespace = self._shell.user_ns
        changed = seen.observation(namespace, (), None, None).changed
        error = result.error_before_exec or result.error_in_exec
        self._session.end(running, namespace, error, result.execution_count, changed)
        if self._session.outcome is not None and running.cell_id is not None:
            line = msgspec.json.encode(Watched(running.cell_id, self._session.outcome))
            with self._path.open("ab") as file:
                file.write(line + b"\n")
