"""Why two runs of one notebook differ, as far as its text tells: chance without a seed, the time, the network, …"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from trackbook.capture.seeds import Unseeded, unseeded
from trackbook.cells import read_source


class Unstable(msgspec.Struct, frozen=True):
    """What the notebook's own two runs do not agree in; it is not held against the script.

    `cell` counts all cells of the notebook from 0 (-1: unknown), `line` the lines of the cell from 1; `cause` is
    empty where it is not known.
    """

    what: str
    name: str
    step: str
    cause: str = ""
    cell: int = -1
    line: int = 0


class ProgramCell(msgspec.Struct, frozen=True):
    """A code cell by its place among all cells, and the name of the step that it belongs to."""

    index: int
    text: str
    step: str


_KINDS = {
    "generator": "randomness without a seed",
    "global": "randomness without a seed",
    "system": "chance that no seed reaches",
    "clock": "the time",
}
_SIGNS = (
    ("the network", re.compile(r"https?://|\brequests\.|\burllib\b|\burlopen\(|\bhttpx\b|\baiohttp\b|\bsocket\b")),
    ("the addresses of objects", re.compile(r"\bid\(|__repr__|\brepr\(object")),
    (
        "the folder, since each run has a copy of its own",
        re.compile(r"getcwd|\.cwd\(|abspath|\.resolve\(|realpath|__file__|[%]pwd|gettempdir|mkdtemp|NamedTemporary"),
    ),
    ("the process", re.compile(r"getpid|getppid|\bpsutil\b")),
    (
        "the order of a set or hash(), since texts hash otherwise in every process",
        re.compile(r"\bset\(|\bfrozenset\(|\bhash\(|\{[^:{}]+,[^:{}]*\}|\bset\b"),
    ),
    ("the order of the files in a folder", re.compile(r"listdir|\bglob\b|iterdir|scandir|os\.walk")),
    ("the order in which threads or processes end", re.compile(r"\bthreading\b|multiprocessing|concurrent|n_jobs")),
)


class Causes:
    """Finds causes in the text of a notebook."""

    def __init__(self, cells: Sequence[ProgramCell]) -> None:
        self._cells = cells
        self._chance = list(_chance(cells))

    def explain(self, item: Unstable, earlier: AbstractSet[str]) -> Unstable:
        """Return `item` with its cause; `earlier` names values that are unstable before its step."""
        here = [(cell, text, line) for cell, text, line in self._chance if cell.step == item.step or not item.step]
        binding = {(cell.index, line) for cell in self._of(item.step) for line in _binding_lines(cell, item.name)}
        near = [found for found in here if (found[0].index, found[2]) in binding] or here
        if near:
            cell, text, line = near[0]
            return _with(item, text, cell.index, line)
        for cell in self._of(item.step):
            for name in sorted(earlier):
                if name != item.name and (line := _first(cell.text, re.compile(rf"\b{re.escape(name)}\b"))):
                    return _with(item, f"it comes from `{name}`, which is unstable", cell.index, line)
        for cell in self._of(item.step):
            for text, sign in _SIGNS:
                if line := _first(cell.text, sign):
                    return _with(item, text, cell.index, line)
        before = [cell.index for cell in self._of(item.step)]
        drawn = [found for found in self._chance if before and found[0].index <= max(before)]
        return _with(item, drawn[-1][1], drawn[-1][0].index, drawn[-1][2]) if drawn else item

    def _of(self, step: str) -> list[ProgramCell]:
        return [cell for cell in self._cells if cell.step == step or step in ("", "the end")]


def draws_by_chance(cells: Sequence[ProgramCell]) -> bool:
    """Tell whether a notebook has calls that no seed decides."""
    return next(_chance(cells), None) is not None


def _with(item: Unstable, cause: str, cell: int, line: int) -> Unstable:
    return msgspec.structs.replace(item, cause=cause, cell=cell, line=line)


def _chance(cells: Sequence[ProgramCell]) -> Iterator[tuple[ProgramCell, str, int]]:
    """Yield the calls that no seed decides, each with its cell, in words, and its line there."""
    program: list[str] = []
    places: list[tuple[ProgramCell, int]] = []
    for cell in cells:
        source = read_source(cell.text)
        if source.error is not None or source.foreign is not None:
            continue
        lines = source.python.splitlines()
        program += lines
        places += [(cell, source.line(number)) for number in range(1, len(lines) + 1)]
    found: tuple[Unseeded, ...] = unseeded("\n".join(program))
    for call in found:
        if 0 < call.line <= len(places):
            cell, line = places[call.line - 1]
            yield cell, f"{_KINDS[call.kind]}: {call.name}", line


def _binding_lines(cell: ProgramCell, name: str) -> Iterator[int]:
    """Yield the lines of the statements that bind `name` in a cell."""
    source = read_source(cell.text)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.stmt) and not isinstance(node, ast.FunctionDef | ast.ClassDef):
            stored = {
                each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
            }
            if name in stored:
                yield from (source.line(line) for line in range(node.lineno, (node.end_lineno or node.lineno) + 1))


def _first(text: str, pattern: re.Pattern[str]) -> int:
    """Return the first line in which a pattern stands outside of comments, 0 when there is none."""
    for number, line in enumerate(text.splitlines(), 1):
        if pattern.search(line.partition(" #")[0]) and not line.lstrip().startswith("#"):
            return number
    return 0
