"""What a run is: frozen values, as they are read back from the store."""

from __future__ import annotations

from typing import Any

import msgspec

from trackbook.store import iso

RUNNING = "RUNNING"
FINISHED = "FINISHED"
FAILED = "FAILED"
KILLED = "KILLED"
ENDED = (FINISHED, FAILED, KILLED)

REPRODUCED = "reproduced"
DIFFERS = "differs"
CANNOT_RUN = "cannot_run"


class RunSummary(msgspec.Struct, frozen=True):
    """A row of a list of runs; times are milliseconds since the epoch, metrics hold their last values."""

    run_id: str
    experiment: str
    run_name: str
    status: str
    start_time: int | None
    end_time: int | None
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
    kind: str = "python"
    parent_run_id: str | None = None
    note: str | None = None
    deleted_time: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: the fields in the order that users know, times as ISO 8601."""
        return {
            "run_id": self.run_id,
            "experiment": self.experiment,
            "run_name": self.run_name,
            "status": self.status,
            "start_time": iso(self.start_time),
            "end_time": iso(self.end_time),
            "params": self.params,
            "metrics": self.metrics,
            "tags": self.tags,
            "kind": self.kind,
            "parent_run_id": self.parent_run_id,
            "note": self.note,
            "deleted_time": iso(self.deleted_time),
        }


class RunPage(msgspec.Struct, frozen=True):
    """A part of a list of runs; `next_cursor` asks for the part behind it, None at the end."""

    runs: tuple[RunSummary, ...]
    next_cursor: str | None


class RunData(msgspec.Struct, frozen=True):
    """A variable or file that a run read or wrote; `reason` says why there is no fingerprint."""

    role: str
    name: str
    kind: str
    fingerprint: str | None
    rows: int | None
    size: int | None
    columns: dict[str, str] | None
    reason: str | None


class Artifact(msgspec.Struct, frozen=True):
    """A file that a run keeps: its path within the run, and the digest and size in bytes of its content."""

    path: str
    digest: str
    size: int
    media_type: str


class RunError(msgspec.Struct, frozen=True):
    """The exception that ended a run."""

    type: str
    message: str
    traceback: str


class Execution(msgspec.Struct, frozen=True):
    """A cell of a session that ran; `number` counts from 0, `start_time` is in milliseconds since the epoch.

    `status` is "ok", "error" or, for what ran before anybody watched, "unknown".
    """

    session: str
    number: int
    source: str
    start_time: int
    seconds: float
    status: str
    notebook: str | None = None
    cell_id: str | None = None
    execution_count: int | None = None
    error_line: int | None = None


class Reproduction(msgspec.Struct, frozen=True):
    """One attempt to repeat a run.

    `verdict` is "reproduced", "differs" or "cannot_run"; `reason` says in a sentence why, with the likely `causes`.
    `differences` come in the order of their weight, the first is the one to look at.  `environment` is "current"
    or "locked"; `compared` counts what was compared.  Times are in milliseconds since the epoch.
    """

    reproduction_id: str
    run_id: str
    verdict: str
    reason: str
    environment: str
    start_time: int
    end_time: int
    user: str
    compared: int = 0
    differences: tuple[Difference, ...] = ()
    causes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        from trackbook.tracking.reproduction.verdict import text

        return text(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: times as ISO 8601."""
        fields: dict[str, Any] = msgspec.to_builtins(self)
        return fields | {"start_time": iso(self.start_time), "end_time": iso(self.end_time)}


class Progress(msgspec.Struct, frozen=True):
    """Where a reproduction stands: its `stage` (environment, files, run, compare, again) and a sentence for people.

    While it runs, the cell at `position` (from 1) of `total`.
    """

    stage: str
    position: int
    total: int
    text: str


class Difference(msgspec.Struct, frozen=True):
    """One thing that is not the same: `what` is param, metric, data, file, output, value or error."""

    what: str
    name: str
    original: str | None
    repeated: str | None
    detail: str = ""


class Run(msgspec.Struct, frozen=True):
    """Everything that is kept about one run.

    `program` holds the executions that the run consists of and depends on, in the order in which they ran, the
    run's own last; `facts` what else was captured, by name: `random`, `resources`, `state`.
    """

    summary: RunSummary
    user: str
    source: str | None
    notebook: str | None
    cell_id: str | None
    execution_count: int | None
    git_commit: str | None
    git_branch: str | None
    environment_digest: str | None
    environment: dict[str, Any] | None
    error: RunError | None
    data: tuple[RunData, ...]
    artifacts: tuple[Artifact, ...]
    children: tuple[str, ...]
    git_remote: str | None = None
    git_patch: str | None = None
    program: tuple[Execution, ...] = ()
    facts: dict[str, Any] = {}
    reproductions: tuple[Reproduction, ...] = ()

    @property
    def run_id(self) -> str:
        """The run's 32 hexadecimal characters."""
        return self.summary.run_id

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: the summary's fields, then the details."""
        details = {
            name: msgspec.to_builtins(getattr(self, name)) for name in self.__struct_fields__ if name != "summary"
        }
        return self.summary.to_dict() | details


class MetricPoint(msgspec.Struct, frozen=True, gc=False):
    """One logged value of a metric."""

    step: int
    time: int
    value: float
