"""The trial of one run: whether it can be repeated, what came out when it was, and what that says."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.capture.environment import read_environment
from trackbook.capture.redaction import redact
from trackbook.errors import DataError, TrackbookError
from trackbook.store import Store, now_ms
from trackbook.tracking.reproduction.attempt import SECOND_HASH_SEED, Attempt
from trackbook.tracking.reproduction.causes import (
    cell_name,
    changed_environment,
    clock_names,
    likely_causes,
    possible_causes,
    secrets,
)
from trackbook.tracking.reproduction.outcomes import Comparer, Comparison
from trackbook.tracking.reproduction.verdict import difference_line
from trackbook.tracking.values import CANNOT_RUN, DIFFERS, KILLED, REPRODUCED, Progress, Run

if TYPE_CHECKING:
    from trackbook.tracking.environments import Environments

CURRENT, LOCKED = "current", "locked"
ENVIRONMENTS = (CURRENT, LOCKED)

_INTERRUPTED = frozenset({None, "ProcessGone", "KeyboardInterrupt", "CancelledError"})
_CANNOT = frozenset(
    {
        *("FileNotFoundError", "NotADirectoryError", "PermissionError", "NotFoundError"),
        *("ModuleNotFoundError", "ImportError", "UsageError", "StdinNotImplementedError", "MemoryError"),
        *("ConnectionError", "ConnectionRefusedError", "ConnectTimeout", "ReadTimeout", "URLError", "HTTPError"),
        *("gaierror", "SSLError", "ProxyError", "ClientConnectorError"),
    }
)
"""Exceptions that say that something is missing, not that something came out differently."""

OnProgress = Callable[[Progress], None]


class Trial:
    """The way from a run, which has its program, to a verdict."""

    def __init__(
        self,
        run: Run,
        store: Store,
        root: Path,
        *,
        env: str,
        timeout: float | None,
        on_progress: OnProgress | None,
        environments: Environments | None,
    ) -> None:
        self._store = store
        self._root = root
        self._run = run
        self._env = env
        self._timeout = timeout
        self._on_progress = on_progress
        self._environments = environments
        self._start_time = now_ms()
        self._notes: list[str] = []

    def judge(self) -> dict[str, Any]:
        """Return the fields of the reproduction that depend on what came out."""
        reason = why_not(self._run)
        if reason is not None:
            return self._cannot(reason)
        try:
            python = self._python()
        except (TrackbookError, OSError) as error:
            return self._cannot(f"its environment cannot be built: {error}")
        with tempfile.TemporaryDirectory(prefix="trackbook-reproduce-", ignore_cleanup_errors=True) as folder:
            return self._try(Path(folder).resolve(), python)

    def _python(self) -> Path | None:
        if self._env == CURRENT:
            return None
        from trackbook.tracking.environments import Environments

        digest = self._run.environment_digest
        if digest is None:
            raise DataError("the run has no recorded environment; use the current one")
        self._say("environment", text="building the environment of the run")
        environments = self._environments or Environments(self._store)
        return environments.build(digest, lambda text: self._say("environment", text=text))

    def _try(self, folder: Path, python: Path | None) -> dict[str, Any]:
        first = Attempt(self._run, folder / "1", self._root, self._store)
        self._say("files", text="copying the project and restoring what the run read")
        try:
            inputs = first.prepare()
        except (TrackbookError, OSError) as error:
            return self._cannot(f"its files cannot be laid out: {error}")
        self._note_inputs(first)
        if inputs.gone:
            return self._cannot(f"{', '.join(inputs.gone)} is gone, and its content was not kept")
        first.execute(python, timeout=self._timeout, on_cell=self._say_cell)
        reason = self._why_stopped(first)
        repeated = None if reason else first.repeated()
        if reason is None and repeated is None:
            reason = self._why_failed(first) or "the repeat made no run: its last cell did not start one"
        if reason is not None or repeated is None:
            return self._cannot(reason or "", self._causes(first, None))
        self._say("compare", text="comparing")
        found = self._compare(first, repeated)
        failed = self._why_failed(first)
        if not found.differences:
            notes = (f"{failed}; nothing that was compared depends on it",) if failed else ()
            return self._reproduced(found, (*notes, *changed_environment(self._run, repeated.environment)))
        causes = self._causes(first, repeated)
        if failed is not None:
            return self._cannot(failed, causes)
        return self._differs(found, causes or self._chance(folder, python, first, repeated))

    def _compare(self, attempt: Attempt, repeated: Run) -> Comparison:
        clocks = clock_names(self._run.program)
        comparer = Comparer(attempt.read, attempt.mirror.original, clocks)
        return comparer.compare(self._run, repeated, attempt.children(repeated))

    def _chance(self, folder: Path, python: Path | None, first: Attempt, repeated: Run) -> tuple[str, ...]:
        """Repeat once more, to tell a program that never does the same from one that met something else."""
        possible = possible_causes(self._run)
        second = Attempt(self._run, folder / "2", self._root, self._store)
        self._say("again", text="repeating once more: do two repeats agree?")
        second.prepare()
        second.execute(python, hash_seed=SECOND_HASH_SEED, timeout=self._timeout, on_cell=self._say_cell)
        again = second.repeated()
        if second.repeat.stopped or again is None:
            return ("a second repeat did not come to its end", *possible)
        comparer = Comparer(
            lambda digest, path: first.read(digest, path) or second.read(digest, path), second.mirror.original
        )
        differences = comparer.compare(_as_original(repeated, first), again).differences
        if differences:
            names = ", ".join(dict.fromkeys(f"{each.what} {each.name}" for each in differences[:4]))
            return (f"the program is not deterministic: two repeats differ in {names}", *possible)
        return ("two repeats agree: the cause is outside of what was recorded", *possible)

    def _why_stopped(self, attempt: Attempt) -> str | None:
        """Return why the repeat cannot be compared, None when it can."""
        repeat = attempt.repeat
        if repeat.stopped is not None:
            return f"{attempt.where()}, {repeat.stopped}"
        if repeat.refused:
            return (
                f"the program changes {repeat.refused[0]}, which is no copy: by a path made while it runs, or behind a "
                "link; use a path in the project relative to the notebook, so that a repeat can work on a copy"
            )
        return None

    def _why_failed(self, attempt: Attempt) -> str | None:
        """Return which cell lacked something that it had, None when none did."""
        failure = attempt.failure()
        if failure is None or failure[1].error not in _CANNOT:
            return None
        execution, ended = failure
        line = f", line {ended.line}" if ended.line else ""
        message = attempt.mirror.original(ended.message).splitlines()[:1]
        return f"{cell_name(execution)}{line} raised {ended.error}: {' '.join(message)}"

    def _causes(self, attempt: Attempt, repeated: Run | None) -> tuple[str, ...]:
        if repeated is not None:
            environment = repeated.environment
        else:
            environment = msgspec.to_builtins(read_environment()) if self._env == CURRENT else None
        return likely_causes(self._run, attempt.inputs, environment)

    def _note_inputs(self, attempt: Attempt) -> None:
        inputs = attempt.inputs
        self._notes += [f"{name} has changed since, and was restored from the store" for name in inputs.restored]
        self._notes += [f"{name} could not be checked: it has no fingerprint" for name in inputs.unknown]

    def _reproduced(self, found: Comparison, other: Iterable[str]) -> dict[str, Any]:
        all_of_them = (
            f"all {found.compared} things that were compared are" if found.compared > 1 else "the one thing is"
        )
        reason = f"{all_of_them} the same"
        notes = (*self._notes, *secrets(self._run.program), *other, *found.notes)
        return self._verdict(REPRODUCED, reason, compared=found.compared, notes=notes)

    def _differs(self, found: Comparison, causes: tuple[str, ...]) -> dict[str, Any]:
        more = len(found.differences) - 1
        reason = difference_line(found.differences[0])
        reason += f"; {more} more differ" if more > 1 else "; one more differs" if more else ""
        return self._verdict(
            DIFFERS,
            reason,
            compared=found.compared,
            differences=found.differences,
            causes=causes,
            notes=(*self._notes, *found.notes),
        )

    def _cannot(self, reason: str, causes: tuple[str, ...] = ()) -> dict[str, Any]:
        # What the program raised or wrote last stands in it, and was redacted by nobody yet.
        return self._verdict(CANNOT_RUN, redact(reason, prose=True), causes=causes, notes=tuple(self._notes))

    def _verdict(self, verdict: str, reason: str, **fields: Any) -> dict[str, Any]:
        return {"verdict": verdict, "reason": reason, "start_time": self._start_time, **fields}

    def _say_cell(self, position: int, execution: Any) -> None:
        total = len(self._run.program)
        self._say("run", position + 1, total, f"running {cell_name(execution)} ({position + 1} of {total})")

    def _say(self, stage: str, position: int = 0, total: int = 0, text: str = "") -> None:
        if self._on_progress is not None:
            self._on_progress(Progress(stage, position, total, text))


def why_not(run: Run) -> str | None:
    """Return why a run cannot be repeated at all, None when it can."""
    error = run.error.type if run.error else None
    if run.summary.status == KILLED and error in _INTERRUPTED:
        return "the run was interrupted before its end, so there is no result to compare with"
    if len({execution.session for execution in run.program}) > 1:
        return "it went on in several sessions, and no single process can repeat them"
    if run.program:
        return None
    if run.summary.kind in ("pipeline", "step"):
        return "it is a run of a pipeline; repeat it with `trackbook pipeline run SCRIPT --no-cache`"
    return (
        "its program was not recorded: it was not made by a cell of a notebook with the extension loaded "
        "(`%load_ext trackbook`)"
    )


def _as_original(repeated: Run, attempt: Attempt) -> Run:
    """Return a repeat's record under the user's own paths."""
    data = tuple(msgspec.structs.replace(used, name=attempt.mirror.original(used.name)) for used in repeated.data)
    return msgspec.structs.replace(repeated, data=data)
