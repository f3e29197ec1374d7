"""The program of a run: the earlier executions that an execution depends on, told while the session goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from trackbook.cells.names import CellNames
from trackbook.cells.observed import merge
from trackbook.cells.session import Seen, Session
from trackbook.cells.source import CellSource, read_source
from trackbook.errors import NotFoundError, UsageError

_UNKNOWN_LINE = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What really happened in an execution; None stands for what nobody observed.

    `line` is the line of the cell's text (from 1) that the cell's own frame had reached when it failed.
    `bound` are the variables that hold another object than before, `deleted` those that are gone, both
    out of all variables but IPython's own; `changed` those that hold the same object with another
    fingerprint.  Files are absolute paths, folders that were listed included; `files_replaced` are
    those of `files_written` whose earlier contents cannot matter any more.  `state` are the pieces of
    process state, in the words of the catalogue, that differ from before; `state_kept` are those known to be
    as before, and `state_fresh` those known to be as in a new process.  `all_files` tells that no file was opened
    but those named here, as far as `catalogue.WATCHED` goes.  `ran` are the texts of the code that the execution
    gave to `exec` and `eval`, in the order in which they ran.
    """

    failed: bool = False
    line: int | None = None
    bound: frozenset[str] | None = None
    deleted: frozenset[str] | None = None
    changed: frozenset[str] | None = None
    files_read: frozenset[str] | None = None
    files_written: frozenset[str] | None = None
    files_replaced: frozenset[str] | None = None
    state: frozenset[str] | None = None
    state_kept: frozenset[str] = frozenset()
    state_fresh: frozenset[str] = frozenset()
    all_files: bool = False
    ran: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Program:
    """The executions that lead to a result, in the order in which they ran, the one that gave it last.

    `reasons` tells for each but the last one which names (or pieces of process state) the others need from it.
    """

    executions: tuple[int, ...]
    reasons: Mapping[int, tuple[str, ...]]


class History:
    """The executions of one session in the order in which they ran."""

    def __init__(self, session: Session | None = None) -> None:
        # A run notes what it read as a whole: its program makes all columns of a frame, not only those in use.
        self._session = session if session is not None else Session(by_parts=False)
        self._open: CellSource | None = None
        self._needs: list[Mapping[int, tuple[str, ...]]] = []

    def __len__(self) -> int:
        return len(self._needs)

    def begin(self, source: str) -> CellNames:
        """Start an execution, and return what it will read, write and change as far as its text and earlier ones tell.

        An execution that is still open may have done anything up to here; it is closed as failed.
        """
        if self._open is not None:
            self.end(Outcome(failed=True))
        self._open = read_source(source)
        return self._session.run(self._open, len(self._needs))

    def end(self, outcome: Outcome | None = None, count: int | None = None) -> int:
        """End the open execution with what really happened, and return its number, counted from 0.

        `count` is IPython's execution count, by which later code may call up the result (`Out[5]`, `_5`).
        Raises UsageError when no execution is open.
        """
        if self._open is None:
            raise UsageError("No execution is open: call begin() with its source before end().")
        number, outcome = len(self._needs), outcome or Outcome()
        source, self._open = self._open, None
        self._correct(source, number, outcome)
        merge(self._session, outcome)
        if count is not None and not outcome.failed:
            self._session.keep_output(count)
        self._needs.append(self._session.take_needs())
        return number

    def _correct(self, source: CellSource, number: int, outcome: Outcome) -> None:
        """Analyse again where what happened is not what the text alone says."""
        session = self._session
        failed_at = (outcome.line or _UNKNOWN_LINE) if outcome.failed else None
        told = session.notes.wild and (outcome.bound is not None or outcome.ran is not None)
        told = told or (session.notes.any_file and outcome.all_files)
        if failed_at is not None or told:
            session.rollback()
            session.run(source, number, Seen(failed_at, outcome.bound, outcome.all_files, outcome.ran))

    def needs(self, number: int) -> Mapping[int, tuple[str, ...]]:
        """Return the earlier executions that execution `number` itself uses, with the names, as far as `program` walks.

        Raises NotFoundError when there is no such execution.
        """
        if not 0 <= number < len(self._needs):
            raise NotFoundError(f"There is no execution {number}: the session has {len(self._needs)}, from 0.")
        return self._needs[number]

    def program(self, number: int) -> Program:
        """Return the executions that execution `number` depends on, itself last.

        Raises NotFoundError when there is no such execution.
        """
        reasons: dict[int, set[str]] = {}
        waiting = [number]
        while waiting:
            for earlier, names in self.needs(waiting.pop()).items():
                if earlier not in reasons:
                    reasons[earlier] = set()
                    waiting.append(earlier)
                reasons[earlier].update(names)
        order = sorted(reasons)
        found = {earlier: tuple(sorted(reasons[earlier])) for earlier in order}
        return Program((*order, number), MappingProxyType(found))
