"""A cell as a run: the run's start, what `capture` saw of the cell, the program it belongs to, and the run's end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from trackbook.capture.cell import (
    READ,
    CellCapture,
    CellWatch,
    Observation,
    UsedData,
    as_number,
    literal_params,
    named_values,
    used_file,
)
from trackbook.capture.files.keeping import content_to_keep
from trackbook.capture.files.opened import UsedFile
from trackbook.capture.modules import LocalModule, ModuleReader
from trackbook.capture.randomness import generator_states, seed_everything
from trackbook.capture.redaction import redact
from trackbook.capture.seeds import seeded, unseeded
from trackbook.capture.session import Executed, RunningCell, Session
from trackbook.cells import read_source
from trackbook.errors import nearest
from trackbook.store import Objects
from trackbook.store import events as event
from trackbook.tracking.autolog import Autolog
from trackbook.tracking.errors import status_of
from trackbook.tracking.tracker import KILLED, ActiveRun, Tracker
from trackbook.tracking.versioning import InputVersions

KEEPING_THREADS = 8
"""That write files at the same time, when a cell has read several."""


MAX_FILE_VERSIONS = 16
"""A cell that reads more new files at once reads a folder of them: each for itself is no dataset."""

MAX_REASONED = 200
"""Of a program of so many executions is kept why each is in it; of longer ones the texts tell when somebody asks."""


class CellRequest(msgspec.Struct, frozen=True):
    """A cell that is to run as a run: its code, where it stands, and what its first line asked for."""

    source: str
    experiment: str | None = None
    run_name: str | None = None
    tags: dict[str, str] = {}
    params: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    seed: int | None = None
    notebook: str | None = None
    cell_id: str | None = None


class CellEnd(msgspec.Struct, frozen=True):
    """How a cell ended: its exception, its number in the shell, and its last value."""

    error: BaseException | None = None
    execution_count: int | None = None
    value: Any = None


class CellRun:
    """A cell that is running as a run; without a `watch`, for the reason `fault`, when it cannot be observed."""

    def __init__(self, request: CellRequest, run: ActiveRun) -> None:
        self.request = request
        self.run = run
        self.watch: CellWatch | None = None
        self.generators: dict[str, str] = {}
        self.fault: BaseException | None = None


class CellTracker:
    """Turns cells into runs, one at a time, and records the executions that their programs consist of.

    Files that a run read are kept when they are not larger than `keep_bytes`; `inputs` keeps the frames.
    """

    def __init__(
        self,
        tracker: Tracker,
        capture: CellCapture,
        autolog: Autolog,
        objects: Objects,
        keep_bytes: int,
        inputs: InputVersions,
    ) -> None:
        self._tracker = tracker
        self._autolog = autolog
        self._capture = capture
        self._objects = objects
        self._keep_bytes = keep_bytes
        self._inputs = inputs
        self._modules = ModuleReader()
        self._recorded: dict[str, int] = {}

    def start(
        self, request: CellRequest, running: RunningCell, namespace: Mapping[str, Any], shell: Any = None
    ) -> CellRun:
        """Start the run of a cell that is about to execute in `namespace`; what `shell` shows of it is kept."""
        run = self._tracker.start_run(
            request.run_name,
            experiment=request.experiment,
            nested=True,
            kind="cell",
            tags=request.tags,
            source=request.source.strip("\n"),
            notebook=request.notebook,
            cell_id=request.cell_id,
        )
        cell = CellRun(request, run)
        try:
            if request.seed is not None:
                seed_everything(request.seed)
                run.log_param("seed", request.seed)
            cell.generators = generator_states()
            log = self._autolog.log_to(run, read_source(request.source).python)
            log.reserve(literal_params(running.names))
            cell.watch = self._capture.begin(running.names, namespace, log, shell)
            self._inputs.keep_frames(run.run_id, request.notebook, cell.watch.before, namespace)
        except (Exception, KeyboardInterrupt) as fault:  # noqa: BLE001 - the run goes on, and must be ended later
            cell.fault = fault
        return cell

    def end_stray(self) -> None:
        """End a cell's run that nobody holds: an interrupt came when it had started and before anybody knew of it."""
        run = self._tracker.active
        if run is not None and run.kind == "cell":
            run.end(KILLED)

    def finish(
        self, cell: CellRun, session: Session, running: RunningCell, namespace: Mapping[str, Any], end: CellEnd
    ) -> list[str]:
        """End the run with what was seen; returns complaints about `--param` and `--metric` for the user.

        The run is ended even when something about it could not be recorded.
        """
        complaints: list[str] = []
        try:
            with ExitStack() as afterwards:
                # Whatever else fails: what is no execution of the session leaves its programs without a number.
                seen: Observation | None = None
                afterwards.callback(lambda: self._log_execution(cell, session, running, namespace, end, seen))
                complaints = self._log_named(cell, namespace)
                if cell.watch is not None:
                    seen = self._capture.end(cell.watch, namespace, running.files, end.value)
                    self._log_seen(cell, seen)
        finally:
            cell.run.end(status_of(end.error), end.error, end.execution_count)
        return complaints

    def _log_execution(
        self,
        cell: CellRun,
        session: Session,
        running: RunningCell,
        namespace: Mapping[str, Any],
        end: CellEnd,
        seen: Observation | None,
    ) -> None:
        """Add the execution to the session, and to the run what is known of its surroundings and its program."""
        changed = seen.changed if seen is not None else None
        executed = session.end(running, namespace, end.error, end.execution_count, changed)
        self._log_surroundings(cell, session, executed)
        self.record(session, cell.run)
        self._log_program_files(cell.run, session, executed, seen)

    def record(self, session: Session, ending: ActiveRun | None = None) -> None:
        """Record executions that are not yet, and that the runs which they touched consist of them.

        `ending` is the run that the last of them was, and that later ones will not touch.  Nothing is written before
        the first run: to load the extension must leave no store behind.
        """
        met = self._tracker.take_met(ending)
        done = self._recorded.get(session.session_id, 0)
        if not session.executions or not (met or done):
            return
        self._modules.read()  # after every cell, so that a module is kept as it was when it was imported
        if any(executed.written or executed.unseen for executed in session.executions[done:]):
            self._tracker.forget_files()
        for executed in session.executions[done:]:
            self._tracker.append(_cell_executed(session, executed))
            self._recorded[session.session_id] = executed.number + 1  # at once: what follows may fail
            self._keep_files(executed, ending)
        if met:
            self._record_program(session, met)

    def _record_program(self, session: Session, run_ids: Iterable[str]) -> None:
        program = session.program(session.executions[-1].number)
        reasons = session.needs(program) if len(program.executions) <= MAX_REASONED else {}
        plain = {
            number: {earlier: [redact(name) for name in names] for earlier, names in needed.items()}
            for number, needed in reasons.items()
        }
        for run_id in run_ids:
            self._tracker.append(event.ProgramFound(run_id, session.session_id, program.executions))
            if plain:
                self._tracker.note(run_id, "program", plain)

    def _log_seen(self, cell: CellRun, seen: Observation) -> None:
        run = cell.run
        run.add_params(seen.params)
        for used in seen.data:
            self._log_data(run, used)
        for output in seen.outputs:
            run.add_artifact(output.path, output.content)
        if seen.resources is not None:
            self._tracker.note(run.run_id, "resources", seen.resources)

    def _log_surroundings(self, cell: CellRun, session: Session, executed: Executed) -> None:
        """Note the random generators, the working directory of the session, and the user's own modules."""
        found = {
            "states": cell.generators,
            "consumed": sorted(executed.consumed),
            "unseeded": unseeded(cell.request.source),
            "seeds": seeded(cell.request.source),
            "seed": cell.request.seed,
        }
        self._tracker.note(cell.run.run_id, "random", found)
        self._tracker.note(cell.run.run_id, "cwd", session.folder)
        if executed.unseen:
            self._tracker.note(cell.run.run_id, "unseen", executed.unseen)
        for module in self._modules.read():
            self._log_module(cell.run, module)

    def _log_module(self, run: ActiveRun, module: LocalModule) -> None:
        if module.content is not None:
            self._objects.put(module.content)
        run.log_data(
            event.DataUsed(
                run.run_id, READ, module.path, "module", module.digest, size=module.size, reason=module.reason
            )
        )

    def _log_data(self, run: ActiveRun, used: UsedData) -> None:
        run.log_data(_data_used(run.run_id, used))

    def _keep_files(self, executed: Executed, ending: ActiveRun | None) -> None:
        """Keep the small ones of the files that a cell read, unless they hold a secret or have changed since."""
        digests = {digest: file for file in executed.files if (digest := self._digest_to_keep(file)) is not None}
        with ThreadPoolExecutor(KEEPING_THREADS) as pool:  # each waits for the disk
            kept = list((pool.map if len(digests) > 1 else map)(self._keep_file, digests, digests.values()))
        if len(digests) > MAX_FILE_VERSIONS:
            return
        for (digest, file), size in zip(digests.items(), kept, strict=True):
            if size is not None:
                run_id = ending.run_id if ending is not None else None
                self._inputs.keep_file(run_id, executed.notebook, file.name, digest, size)

    def _digest_to_keep(self, file: UsedFile) -> str | None:
        seen = file.fingerprint
        if file.role != READ or seen.kind != "file" or seen.digest is None or (seen.size or 0) > self._keep_bytes:
            return None
        return None if self._objects.renew(seen.digest) else seen.digest

    def _keep_file(self, digest: str, file: UsedFile) -> int | None:
        """Keep a file; returns its size, None when it is not kept."""
        content = content_to_keep(Path(file.target or file.name), digest)
        if content is None:
            return None
        self._objects.put(content)
        return len(content)

    def _log_program_files(
        self, run: ActiveRun, session: Session, executed: Executed, seen: Observation | None
    ) -> None:
        """Note the files that the earlier executions of the program read, and that none of them had written."""
        numbers = session.program(executed.number).executions
        known = {used.name for used in seen.data} if seen is not None else set()
        for used in _files_of([session.executions[number] for number in numbers if number != executed.number]):
            if used.name not in known:
                self._log_data(run, used)

    def _log_named(self, cell: CellRun, namespace: Mapping[str, Any]) -> list[str]:
        """Log the variables that `--param` and `--metric` name."""
        complaints = []
        params, unknown = named_values(list(cell.request.params), namespace)
        for name, value in params.items():
            try:
                cell.run.add_params({name: str(value)})
            except Exception as fault:  # noqa: BLE001 - the value is the user's; its __str__ may do anything
                complaints.append(f"--param {name}: a {type(value).__name__} has no text ({type(fault).__name__})")
        metrics, missing = named_values(list(cell.request.metrics), namespace)
        for name, value in metrics.items():
            number = as_number(value)
            if number is None:
                complaints.append(f"--metric {name}: a {type(value).__name__} is no number")
            else:
                cell.run.log_metric(name, number)
        for option, names in (("--param", unknown), ("--metric", missing)):
            complaints += [
                f"{option} {name}: there is no variable of that name{nearest(name, namespace)}" for name in names
            ]
        return complaints


def _files_of(executions: list[Executed]) -> Iterator[UsedData]:
    written: set[str] = set()
    for executed in executions:
        yield from (used_file(file) for file in executed.files if file.role == READ and file.name not in written)
        written |= executed.written


def _cell_executed(session: Session, executed: Executed) -> event.CellExecuted:
    return event.CellExecuted(
        session=session.session_id,
        number=executed.number,
        source=redact(executed.source),
        start_time=executed.start_time,
        seconds=executed.seconds,
        status=executed.status,
        notebook=executed.notebook,
        cell_id=executed.cell_id,
        execution_count=executed.execution_count,
        error_line=executed.error_line,
    )


def _data_used(run_id: str, used: UsedData) -> event.DataUsed:
    seen = used.fingerprint
    return event.DataUsed(
        run_id=run_id,
        role=used.role,
        name=used.name,
        kind=seen.kind,
        fingerprint=seen.digest,
        rows=seen.rows,
        columns=seen.columns,
        reason=seen.reason,
        size=seen.size,
    )
