"""`%%track` and `%track on`: cells observed from IPython's own events, never executed by us."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import lru_cache
from types import FrameType
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic_arguments import argument, magic_arguments

from trackbook.capture.session import RunningCell, Session
from trackbook.errors import TrackbookError, reason_of, tell
from trackbook.ipython.arguments import key_value, parse
from trackbook.ipython.headers import body, header_line, strip_headers
from trackbook.project import CurrentProject, Project, notebook_path
from trackbook.tracking.cells import CellEnd, CellRequest, CellRun
from trackbook.tracking.errors import status_of

_REPORT = "please report it, with the output of `trackbook doctor`"


@magic_arguments("%%track")
@argument("experiment", nargs="?", help="the experiment that the run belongs to; default: the current one")
@argument("--name", help="the run's name; default: one is made up")
@argument("--tag", action="append", default=[], metavar="K=V", help="a tag of the run; may be repeated")
@argument("--param", action="append", default=[], metavar="NAME", help="log this variable as a param; may be repeated")
@argument(
    "--metric", action="append", default=[], metavar="NAME", help="log this variable as a metric; may be repeated"
)
@argument("--seed", type=int, help="seed random, numpy and torch before the cell runs")
def track_options(line: str) -> None:
    """Run this cell as a tracked run.

    Recorded are the code, literals assigned in it, scikit-learn fits and metrics, fingerprints of the data that it
    read and wrote, files, git commit and environment.  The cell itself runs exactly as without the first line.
    """


class TrackedCells:
    """Listens to one IPython shell."""

    def __init__(self, shell: Any, current: CurrentProject) -> None:
        self.always = False
        self._shell = shell
        self._current = current
        self.session = Session(current.ignored_folders())
        self._running: _Running | None = None
        self._interrupting: _Interrupting | None = None
        self._warned: set[str] = set()

    def install(self) -> None:
        """Begin to listen."""
        # What ran before, the cell that loads the extension included, is part of what later cells depend on.
        history = getattr(self._shell, "history_manager", None)
        self.session.adopt(history.input_hist_raw[1:] if history is not None else ())
        if self._current.opened is not None:
            self._current.opened.tracker.take_met()  # runs that ended before are of cells that nobody watched
        # First among the transformers: the header must be gone before IPython looks for a cell magic.
        self._shell.input_transformers_cleanup.append(self.transform)
        self._shell.events.register("pre_run_cell", self.pre_run_cell)
        self._shell.events.register("post_run_cell", self.post_run_cell)

    def uninstall(self) -> None:
        """Stop listening."""
        self._shell.input_transformers_cleanup.remove(self.transform)
        self._shell.events.unregister("pre_run_cell", self.pre_run_cell)
        self._shell.events.unregister("post_run_cell", self.post_run_cell)

    def transform(self, lines: list[str]) -> list[str]:
        """Take header lines off a cell; one with wrong arguments stays, so that the magic itself says what is wrong."""
        line = header_line("".join(lines))
        return strip_headers(lines) if line is None or is_valid(line) else lines

    def pre_run_cell(self, info: Any) -> None:
        """Note the execution, and start a run when the cell asks for one."""
        if info.silent or not info.store_history:
            return
        with self._guarded("this cell is not tracked"):
            self._end_abandoned()
            if self._running is None:
                self._begin(info)

    def _begin(self, info: Any) -> None:
        try:
            self._start(info)
        except KeyboardInterrupt:
            if self._running is not None and self._running.project is not None and self._running.cell is None:
                self._running.project.cells.end_stray()
            self._interrupt()
        finally:
            if self._running is not None:
                self.session.start(self._running.execution)

    def post_run_cell(self, result: Any) -> None:
        """End the run of the cell that has just ended."""
        running = self._running
        if running is None or running.info is not result.info:
            return
        if self._interrupting is not None:
            self._interrupting.forget()  # a cell that does not parse never comes to it
            self._interrupting = None
        # Only now is the count known: some versions of IPython raise it before the cell runs, some after.
        error = result.error_before_exec or result.error_in_exec
        self._finish(running, CellEnd(error, result.execution_count, result.result))

    def _interrupt(self) -> None:
        """Interrupt the cell that is about to run: IPython would let it run, and the user has said no."""
        self._interrupting = _Interrupting(self._shell.ast_transformers)
        self._say("interrupted before the cell ran, while what it reads was looked at")

    @contextmanager
    def _guarded(self, what: str) -> Iterator[None]:
        """Make one line for the user of whatever is raised: objects of the user's may raise anything, at any time."""
        try:
            yield
        except BaseException as fault:  # noqa: BLE001 - the user's cell must run whatever we do
            self._warn(what, fault)
            if self._running is not None:
                self._running.has_fault = True

    def _finish(self, running: _Running, end: CellEnd) -> None:
        self._running = None
        if running.cell is None:
            with self._guarded_unless(running.has_fault, "this cell is not in the history of later runs"):
                self.session.stop(running.execution)
                self._record(running, end)
            return
        try:
            with self._guarded(f"run {running.cell.run.run_name!r} is not recorded in full"):
                self.session.stop(running.execution)
                for complaint in running.finish(self.session, self._shell.user_ns, end):
                    self._say(complaint)
        finally:
            self._end(running.cell, end.error)

    def _guarded_unless(self, known: bool, what: str) -> AbstractContextManager[None]:
        """Guard as `_guarded` does; a fault that is `known` has been said, and what follows from it is not."""
        return suppress(Exception) if known else self._guarded(what)

    def _record(self, running: _Running, end: CellEnd) -> None:
        """Note the end of a cell that is no run."""
        self.session.end(running.execution, self._shell.user_ns, end.error, end.execution_count)
        project = self._current.opened
        if project is not None:
            project.cells.record(self.session)

    def _end(self, cell: CellRun, error: BaseException | None) -> None:
        """End a run that `finish` could not: left active, it would be the parent of every later cell."""
        if cell.run.status is not None:
            return
        with self._guarded(f"the end of run {cell.run.run_name!r} is not recorded"):
            cell.run.end(status_of(error), error)

    def _start(self, info: Any) -> None:
        notebook = notebook_path()
        place = {"notebook": str(notebook) if notebook else None, "cell_id": info.cell_id}
        execution = self.session.begin(info.raw_cell, self._shell.user_ns, **place)
        running = self._running = _Running(info, execution)
        request = self._request(info)
        if request is not None:
            running.project = self._current.get()
            running.cell = running.project.cells.start(request, execution, self._shell.user_ns, self._shell)
            if isinstance(running.cell.fault, KeyboardInterrupt):
                self._interrupt()
            elif running.cell.fault is not None:
                self._warn(f"run {running.cell.run.run_name!r} is not recorded in full", running.cell.fault)

    def _request(self, info: Any) -> CellRequest | None:
        line = header_line(info.raw_cell)
        source = body(info.raw_cell)
        if line is None:
            if (
                not self.always
                or not source.strip()
                or source.lstrip().startswith(("%track", "%load_ext", "%reload_ext"))
            ):
                return None
            line = ""
        if not is_valid(line):
            return None  # the magic is about to say why
        options = parse_track(line)
        notebook = notebook_path()
        return CellRequest(
            source=source,
            experiment=options.experiment,
            run_name=options.name,
            tags=dict(key_value(tag) for tag in options.tag),
            params=tuple(options.param),
            metrics=tuple(options.metric),
            seed=options.seed,
            notebook=str(notebook) if notebook else None,
            cell_id=info.cell_id,
        )

    def _end_abandoned(self) -> None:
        """End a run whose cell never reported its end, as when an awaiting cell was cancelled."""
        if self._running is None or self._is_within_a_cell():
            return  # what a cell runs as a cell belongs to it
        self._finish(self._running, CellEnd(KeyboardInterrupt("the cell was cancelled")))

    def _is_within_a_cell(self) -> bool:
        """Say whether the cell that is about to run was started by another one, as by `get_ipython().run_cell`."""
        runs_cells = type(self._shell).run_cell_async.__code__
        cells = 0
        frame: FrameType | None = sys._getframe()
        while frame is not None:
            cells += frame.f_code is runs_cells
            frame = frame.f_back
        return cells > 1

    def _warn(self, what: str, error: BaseException) -> None:
        if isinstance(error, KeyboardInterrupt):
            self._say(f"{what}: interrupted")
            return
        reason = str(error) if isinstance(error, TrackbookError) else f"{reason_of(error)}; {_REPORT}"
        self._say(f"{what}: {reason}", reason)  # what has one reason is one warning, whatever it hits

    def _say(self, text: str, key: str | None = None) -> None:
        if (key or text) not in self._warned:
            self._warned.add(key or text)
            tell(f"Trackbook: {text}")


class _Interrupting:
    """An AST transformer that lets the next cell do nothing but raise KeyboardInterrupt, as at its first line."""

    def __init__(self, transformers: list[Any]) -> None:
        self._transformers = transformers
        transformers.append(self)

    def forget(self) -> None:
        """Take it away."""
        if self in self._transformers:
            self._transformers.remove(self)

    def visit(self, node: ast.AST) -> ast.AST:
        """Return the cell that raises; IPython calls this once a cell."""
        self.forget()
        raising = ast.parse("raise KeyboardInterrupt").body
        return ast.Module([*raising, *getattr(node, "body", [])], [])


class _Running:
    """The cell that is running: IPython's info of it, its execution and, when it is tracked, its run."""

    def __init__(self, info: Any, execution: RunningCell) -> None:
        self.info = info
        self.execution = execution
        self.project: Project | None = None
        self.cell: CellRun | None = None
        self.has_fault = False

    def finish(self, session: Session, namespace: dict[str, Any], end: CellEnd) -> list[str]:
        assert self.project is not None
        assert self.cell is not None
        return self.project.cells.finish(self.cell, session, self.execution, namespace, end)


@lru_cache(256)
def parse_track(line: str) -> Any:
    """Return the options of a `%%track` line, not to be changed; raises IPython's UsageError."""
    options = parse(track_options, line)
    for tag in options.tag:
        key_value(tag)
    if options.seed is not None and not 0 <= options.seed < 2**32:
        raise UsageError(f"--seed takes a number from 0 to {2**32 - 1}, not {options.seed}")
    return options


def is_valid(line: str) -> bool:
    """Say whether `parse_track` can read a line."""
    try:
        parse_track(line)
    except UsageError:
        return False
    return True
