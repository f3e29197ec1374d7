"""The executions of one shell, in the order in which they ran: the history that the program of a run is cut from.

Every cell is watched lightly, whether it is tracked or not: its text is analysed, and what it bound, which files it
opened and which state of the process it changed is compared with what was there when the cell before it had ended.
"""

from __future__ import annotations

import os
import re
import sys
import time
import uuid
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import TracebackType
from typing import Any

import msgspec

from trackbook.capture.executed import ExecutedTexts
from trackbook.capture.files.opened import Opened, UsedFile
from trackbook.capture.files.paths import is_library
from trackbook.capture.files.watcher import FileWatcher
from trackbook.capture.randomness import consumed, generator_states
from trackbook.capture.state import changed as changed_state
from trackbook.capture.state import fresh, kept, process_state
from trackbook.cells import CellNames, History, Outcome, Program, read_source
from trackbook.cells.source import MARKING_MAGICS

OK, ERROR, UNKNOWN = "ok", "error", "unknown"

_OF_THE_SHELL = re.compile(r"_{1,3}|_i{1,3}|_i?\d+|_(?:ih|oh|dh|exit_code)|__\w+__|In|Out|get_ipython|exit|quit|open")
_BLANK_TOP = re.compile(r"\A(?:[ \t]*\n)+")
_CHANGED_BY_IMPORTS = frozenset({"warnings.filters"})
"""What libraries change when they are imported, of no matter to a program that does not import them."""


class Executed(msgspec.Struct, frozen=True):
    """A cell that has run; see `trackbook.tracking.Execution`.  `files` are those that it used, with their
    fingerprints of then, `written` the paths that it wrote, `unseen` says what else it may have opened, `consumed`
    the global random generators that it drew from or seeded."""

    number: int
    source: str
    start_time: int
    seconds: float
    status: str
    notebook: str | None = None
    cell_id: str | None = None
    execution_count: int | None = None
    error_line: int | None = None
    files: tuple[UsedFile, ...] = ()
    written: frozenset[str] = frozenset()
    unseen: tuple[str, ...] = ()
    consumed: frozenset[str] = frozenset()


class RunningCell:
    """A cell between its beginning and its end; `names` says what its text will do."""

    def __init__(self, source: str, names: CellNames, notebook: str | None, cell_id: str | None) -> None:
        self.source = source
        self.names = names
        self.notebook = notebook
        self.cell_id = cell_id
        self.opened = Opened()
        self.ran: tuple[str, ...] | None = None
        self.files: tuple[UsedFile, ...] = ()
        self.held: list[Any] = []
        self.start_time = time.time_ns() // 1_000_000
        self.began = time.perf_counter()
        self.seconds = 0.0


class Session:
    """Remembers what the cells of one shell did; made once a shell.

    `folder` is the working directory that its first cell found, None when there was none.  Files in the folders
    `ignored` are not the user's.
    """

    def __init__(self, ignored: Iterable[str] = ()) -> None:
        self.session_id = uuid.uuid4().hex
        self.executions: list[Executed] = []
        self.folder: str | None = None
        self.outcome: Outcome | None = None
        """What was seen of the execution that ended last."""
        self._history = History()
        self._begun = ""
        self._files = FileWatcher(ignored)
        self._texts = ExecutedTexts()
        self._bindings: dict[str, int] | None = None
        self._state: dict[str, str] = {}
        self._generators: dict[str, str] = {}
        self._modules = set(sys.modules)

    def adopt(self, sources: Iterable[str]) -> None:
        """Take cells that ran before anybody watched for the beginning of the history."""
        now = time.time_ns() // 1_000_000
        for count, source in enumerate(sources, 1):
            self._history.begin(source)
            # Nobody saw whether they failed, so nothing that they bind hides what was bound before.
            number = self._history.end(Outcome(failed=True), count)
            self.executions.append(Executed(number, source, now, 0.0, UNKNOWN, execution_count=count))

    def begin(
        self, source: str, namespace: Mapping[str, Any], *, notebook: str | None = None, cell_id: str | None = None
    ) -> RunningCell:
        """Analyse a cell that is about to run in `namespace`."""
        running = RunningCell(source, self._history.begin(source), notebook, cell_id)
        self._fill()
        self._begun = source
        if running.names.star:
            # That a name was not bound counts as evidence here, and a new object may lie where a freed one lay.
            running.held = list(namespace.values())
        if self._bindings is None:
            self._bindings, self._state = _bindings(namespace), process_state()
            self._generators = generator_states()
            self.folder = _working_directory()
        return running

    def _fill(self) -> None:
        """Add the cell before where a fault kept its end from the history, which has closed it: numbers are places."""
        now = time.time_ns() // 1_000_000
        while len(self.executions) < len(self._history):
            self.executions.append(Executed(len(self.executions), self._begun, now, 0.0, UNKNOWN))

    def start(self, running: RunningCell) -> None:
        """Note that the code of the cell runs from now on: what was opened until here was not its doing."""
        self._files.start()
        if running.names.star:
            self._texts.start()
        running.began = time.perf_counter()

    def stop(self, running: RunningCell) -> None:
        """Note that the code of the cell has ended: what is opened from now on is not its doing."""
        running.seconds = round(time.perf_counter() - running.began, 6)
        running.ran = self._texts.stop() if running.names.star else None
        running.opened = self._files.stop()
        running.files = running.opened.used()  # now: what an untracked cell reads, a run may depend on later

    def end(
        self,
        running: RunningCell,
        namespace: Mapping[str, Any],
        error: BaseException | None,
        execution_count: int | None = None,
        changed: frozenset[str] | None = None,
    ) -> Executed:
        """Add the cell, which has been stopped, to the history; `changed` are variables that changed in place."""
        line = None if error is None else failed_line(error, running.source)
        drawn = self._drawn()
        outcome = self._outcome(running, namespace, error is not None, line, changed, drawn)
        self.outcome = outcome
        number = self._history.end(outcome, execution_count)
        executed = Executed(
            number=number,
            source=running.source,
            start_time=running.start_time,
            seconds=running.seconds,
            status=OK if error is None else ERROR,
            notebook=running.notebook,
            cell_id=running.cell_id,
            execution_count=execution_count,
            error_line=line,
            files=running.files,
            written=running.opened.written,
            unseen=running.opened.unseen,
            consumed=drawn,
        )
        self.executions.append(executed)
        return executed

    def program(self, number: int) -> Program:
        """Return the executions that the execution `number` consists of and depends on."""
        return self._history.program(number)

    def needs(self, program: Program) -> dict[int, dict[int, tuple[str, ...]]]:
        """Return, for each execution of a program, the earlier ones that it uses itself, with the names."""
        return {number: dict(needed) for number in program.executions if (needed := self._history.needs(number))}

    def _outcome(
        self,
        running: RunningCell,
        namespace: Mapping[str, Any],
        failed: bool,
        line: int | None,
        changed: frozenset[str] | None,
        drawn: frozenset[str],
    ) -> Outcome:
        bindings, state = _bindings(namespace), process_state()
        before, self._bindings = self._bindings or {}, bindings
        state_before, self._state = self._state, state
        return Outcome(
            failed=failed,
            line=line,
            bound=frozenset(name for name, identity in bindings.items() if before.get(name) != identity),
            deleted=frozenset(before.keys() - bindings.keys()),
            changed=changed,
            files_read=running.opened.read,
            files_written=running.opened.written,
            files_replaced=running.opened.replaced,
            state=self._own_changes(changed_state(state_before, state)) | drawn,
            state_kept=kept(state_before, state),
            state_fresh=fresh(state),
            all_files=running.opened.is_complete,
            ran=running.ran,
        )

    def _own_changes(self, state: frozenset[str]) -> frozenset[str]:
        """Return the changes of process state that are not the doing of a library that was imported only now."""
        new = sys.modules.keys() - self._modules
        self._modules |= new
        return state - _CHANGED_BY_IMPORTS if new and all(_is_of_a_library(name) for name in new) else state

    def _drawn(self) -> frozenset[str]:
        """Return the global random generators that were drawn from, or seeded, since the cell before ended."""
        before, self._generators = self._generators, generator_states()
        return consumed(before, self._generators)


def _is_of_a_library(module: str) -> bool:
    if module.partition(".")[0] == "trackbook":
        return True
    path = getattr(sys.modules.get(module), "__file__", None)
    return not isinstance(path, str) or is_library(path)


def _working_directory() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 - as text
    except OSError:  # it was deleted
        return None


def _bindings(namespace: Mapping[str, Any]) -> dict[str, int]:
    """Return the identities of the user's variables.

    Not the objects: to hold what a cell replaces would double the memory that it needs.
    """
    return {name: id(value) for name, value in list(namespace.items()) if not _is_of_the_shell(name)}


@lru_cache(65_536)
def _is_of_the_shell(name: str) -> bool:
    """Say whether a variable is IPython's own; remembered, as there are two more of them after each cell."""
    return _OF_THE_SHELL.fullmatch(name) is not None


def failed_line(error: BaseException, source: str) -> int | None:
    """Return the line of the cell's text, from 1, at which it raised; None where the traceback does not tell."""
    cell = read_source(source)
    if cell.foreign or any(magic.name not in MARKING_MAGICS for magic in cell.cell_magics):
        return None  # the magic ran the rest of the cell, under lines of its own
    traceback = error.__traceback__
    while traceback is not None and not _is_cell(traceback):
        traceback = traceback.tb_next
    if traceback is None:
        return None
    taken_off = _BLANK_TOP.match(source)
    line = traceback.tb_lineno + (taken_off[0].count("\n") if taken_off else 0)
    return cell.line(line - cell.offset) if cell.lines else line


def _is_cell(traceback: TracebackType) -> bool:
    name = traceback.tb_frame.f_code.co_name
    return name == "<module>" or name.startswith("<cell line")  # as IPython before version 9 calls it


__all__ = ["ERROR", "OK", "UNKNOWN", "Executed", "RunningCell", "Session", "failed_line"]
