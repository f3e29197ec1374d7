"""Executions and runs of a notebook's session, written into a store as a kernel writes them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path

from trackbook.store import Store, events, now_ms


class Session:
    """One session of a notebook; each cell is executed a second after the one before, the first an hour ago."""

    def __init__(self, store: Store, notebook: Path, name: str = "first", start: int | None = None) -> None:
        self.store = store
        self.notebook = str(notebook)
        self.name = name
        self.number = 0
        self.time = start if start is not None else now_ms() - 3_600_000

    def execute(self, cell_id: str, source: str, status: str = "ok", error_line: int | None = None) -> int:
        """Record an execution; returns its number."""
        number, self.number, self.time = self.number, self.number + 1, self.time + 1000
        self.store.append(
            events.CellExecuted(
                self.name, number, source, self.time, 0.1, status, self.notebook, cell_id, number + 1, error_line
            )
        )
        return number

    def track(
        self,
        cell_id: str,
        source: str,
        program: Sequence[int] = (),
        *,
        name: str | None = None,
        data: Sequence[tuple[str, str, str, str | None, int | None]] = (),
        error: str | None = None,
    ) -> str:
        """Record an execution as a run whose program are the executions `program` and itself; returns the run's id.

        `data` are role, name, kind, fingerprint and size.
        """
        number = self.execute(cell_id, source, "error" if error else "ok")
        run_id = secrets.token_hex(16)
        append = self.store.append
        append(
            events.RunStarted(
                run_id, "test", name or cell_id, "cell", self.time, "ann", None, source, self.notebook, cell_id
            )
        )
        append(events.ProgramFound(run_id, self.name, (*program, number)))
        for role, label, kind, fingerprint, size in data:
            append(events.DataUsed(run_id, role, label, kind, fingerprint, size=size))
        ended = ("FAILED", self.time + 100, error, "boom", "Traceback") if error else ("FINISHED", self.time + 100)
        append(events.RunEnded(run_id, *ended, execution_count=number + 1))
        return run_id
