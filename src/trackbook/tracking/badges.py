"""Badges of notebook cells: the latest run of each cell, and whether something it depends on has changed since.

A run is stale when repeating the cells of its program, as they were last executed, need not give its result again:

- a cell of the program was executed again after the run with other code, in whatever session;
- or with the same code, and failed, or was then the end of another program: something before it had changed, or it
  changes a value in place and did so once more (``x += 1``).  Programs are compared as the texts that they hold, so
  executing an unchanged chain again makes nothing stale, also not in a new session;
- a file that the run, or a tracked cell of its program, read has other bytes now.

A run from an earlier session is not stale by that alone.  Whether a cell was edited since its run is for whoever sees
the document to say: `plain` of both texts differs.

Everything here is pure; `tracking.latest` reads what it needs from the store.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from trackbook.cells.history import History, Outcome
from trackbook.cells.source import MARKING_MAGICS
from trackbook.store import iso
from trackbook.tracking.values import Execution

EDITED = "code"
REPEATED = "repeated"
FAILED = "failed"
FILE = "file"

_HEADER = re.compile(rf"[ \t]*%%(?:{'|'.join(sorted(MARKING_MAGICS))})(?:[ \t].*)?")

Key = tuple[str, int]
"""An execution: its session and its number."""


class Reason(msgspec.Struct, frozen=True):
    """Why a run is stale: `code` is the kind, `text` a clause for people, `cell_id` the cell that it speaks of."""

    code: str
    text: str
    cell_id: str | None = None


class CellBadge(msgspec.Struct, frozen=True):
    """The latest run of a cell; `source` is its code without first lines, `session` None where none was recorded."""

    cell_id: str
    run_id: str
    run_name: str
    status: str
    start_time: int | None
    execution_count: int | None
    source: str
    session: str | None
    error: str | None = None
    reasons: tuple[Reason, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return the JSON form, with `stale` for those who need no reasons."""
        fields: dict[str, object] = msgspec.to_builtins(self)
        return fields | {"start_time": iso(self.start_time), "stale": bool(self.reasons)}


class UsedFile(msgspec.Struct, frozen=True):
    """A file that a run `read` or had `written`: fingerprint and size in bytes then, `time` when the run started."""

    role: str
    path: str
    fingerprint: str
    size: int | None
    time: int


def plain(source: str) -> str:
    """Return the code of a cell without `%%track` and `%%step` lines at its top and empty lines around it."""
    lines = source.splitlines()
    while lines and (not lines[0].strip() or _HEADER.fullmatch(lines[0])):
        lines.pop(0)
    return "\n".join(lines).rstrip()


def changed_cells(
    program: Sequence[Execution],
    newest: Mapping[str, Execution],
    texts: Callable[[Execution], Sequence[str] | None],
) -> list[Reason]:
    """Return what later executions of the program's own cells have changed, in the order of the program.

    `newest` holds the last execution of each cell by its id; `texts` gives the texts of the program that an execution
    was the end of, None where nobody knows, and is asked only where nothing simpler decides.
    """
    if not program:
        return []
    own = program[-1]
    used = {execution.cell_id: execution for execution in program if execution.cell_id is not None}
    reasons = []
    for cell_id, before in used.items():
        now = newest.get(cell_id)
        if now is not None and _is_later(now, own):
            reasons.append(_judge(before, now, texts, is_own=before is own))
    return [reason for reason in reasons if reason is not None]


def _is_later(execution: Execution, than: Execution) -> bool:
    if execution.session == than.session:
        return execution.number > than.number
    return execution.start_time > than.start_time


def _judge(
    before: Execution, now: Execution, texts: Callable[[Execution], Sequence[str] | None], *, is_own: bool
) -> Reason | None:
    name = "this cell" if is_own else f"cell {label(now)}"
    if plain(before.source) != plain(now.source):
        return Reason(EDITED, f"{name} was run again with other code", now.cell_id)
    if now.status == "error" and before.status != "error":
        return Reason(FAILED, f"{name} failed when it was run again", now.cell_id)
    then, since = texts(before), texts(now)
    if then is None or since is None or then == since:
        return None
    if since.count(plain(now.source)) > then.count(plain(now.source)):
        return Reason(REPEATED, f"{name} was run again and changes what it finds", now.cell_id)
    return Reason(REPEATED, f"{name} was run again after what it depends on had changed", now.cell_id)


def label(execution: Execution) -> str:
    """Return how people find an execution: its count as the notebook shows it, else how its code begins."""
    if execution.execution_count is not None:
        return f"[{execution.execution_count}]"
    first = plain(execution.source).partition("\n")[0].strip()
    return repr(first if len(first) <= 30 else f"{first[:29]}…")


def files_read(used: Iterable[UsedFile]) -> list[UsedFile]:
    """Return the files that a program read, each as the program left it; `used` comes in the program's order.

    What the program itself wrote into a file after reading it is what the file should hold now.
    """
    read: dict[str, UsedFile] = {}
    for file in used:
        if "://" not in file.path and (file.role == "read" or file.path in read):
            read[file.path] = file
    return list(read.values())


class SessionPrograms:
    """The programs of all executions of a session, told by their text; grows with the session."""

    def __init__(self) -> None:
        self._history = History()
        self._places: dict[int, int] = {}
        self._sources: list[str] = []

    def extend(self, executions: Iterable[Execution]) -> None:
        """Add executions in their order; those known already are passed over."""
        for execution in executions:
            if execution.number not in self._places:
                self._history.begin(execution.source)
                place = self._history.end(Outcome(execution.status == "error", execution.error_line))
                self._places[execution.number] = place
                self._sources.append(plain(execution.source))

    @property
    def next(self) -> int:
        """The number of the first execution that is not known yet."""
        return max(self._places, default=-1) + 1

    def program(self, number: int) -> tuple[str, ...] | None:
        """Return the texts of the program that ends with execution `number`; None for one never added."""
        place = self._places.get(number)
        if place is None:
            return None
        return tuple(self._sources[each] for each in self._history.program(place).executions)
