"""How the code of two runs differs: the lines of their programs, as a unified difference."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal

import msgspec

from trackbook.cells.source import MARKING_MAGICS, normalise
from trackbook.tracking.values import Execution, Run

Kind = Literal["same", "added", "removed", "place"]

CONTEXT = 3
"""Unchanged lines that are shown around each change."""

_SIGNS: dict[Kind, str] = {"same": " ", "added": "+", "removed": "-", "place": ""}
_MARKING = re.compile(rf"%%(?:{'|'.join(sorted(MARKING_MAGICS))})\b(?P<arguments>[^\n]*)\n?")
_SEED = re.compile(r"--seed[ =](\d+)")
_Group = Sequence[tuple[str, int, int, int, int]]


class DiffLine(msgspec.Struct, frozen=True):
    """One line of a difference, without its end; a `place` says which lines of both texts follow."""

    kind: Kind
    text: str

    def __str__(self) -> str:
        return f"{_SIGNS[self.kind]}{self.text}"


class CodeDifference(msgspec.Struct, frozen=True):
    """What leads from the code of one run to that of another; empty (and false) where both are the same."""

    lines: tuple[DiffLine, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.lines)

    def __str__(self) -> str:
        return "\n".join(map(str, self.lines))

    def count(self, kind: Kind) -> int:
        """Return how many lines of a kind there are."""
        return sum(line.kind == kind for line in self.lines)


def code_of(run: Run) -> str:
    """Return the code of a run: the cells of its program as they were written, else its source; may be empty.

    Cells stand under `# %%`.  The first line of Trackbook is no part of a cell, but a seed that it sets is.
    """
    return program_code(run.program) if run.program else normalise(run.source or "").strip("\n")


def program_code(program: Sequence[Execution]) -> str:
    """Return the code of a program, a cell under each `# %%`."""
    return "\n\n".join(_cell(execution) for execution in program)


def code_difference(original: Run, other: Run, *, context: int = CONTEXT) -> CodeDifference:
    """Return the lines in which the code of `other` differs from the original's, with `context` lines around them."""
    return text_difference(code_of(original), code_of(other), context=context)


def text_difference(original: str, other: str, *, context: int = CONTEXT) -> CodeDifference:
    """Return the lines in which two texts differ; as in `diff -u`, without the names at its head."""
    if original == other:
        return CodeDifference()
    before, after = original.splitlines(), other.splitlines()
    groups = SequenceMatcher(None, before, after).get_grouped_opcodes(context)
    return CodeDifference(tuple(line for group in groups for line in _lines(group, before, after)))


def _cell(execution: Execution) -> str:
    source, title = normalise(execution.source), "# %%"
    while (marking := _MARKING.match(source)) is not None:
        seed = _SEED.search(marking["arguments"])
        title += f" seed {seed[1]}" if seed else ""
        source = source[marking.end() :]
    return f"{title}\n{source.strip()}"


def _lines(group: _Group, before: Sequence[str], after: Sequence[str]) -> Iterator[DiffLine]:
    """Yield the lines of one group of changes that lie close to each other."""
    first, last = group[0], group[-1]
    yield DiffLine("place", f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@")
    for tag, start, end, new_start, new_end in group:
        if tag == "equal":
            yield from (DiffLine("same", text) for text in before[start:end])
            continue
        yield from (DiffLine("removed", text) for text in before[start:end])
        yield from (DiffLine("added", text) for text in after[new_start:new_end])


def _range(start: int, end: int) -> str:
    """Return lines as `diff -u` counts them: from 1, or the line before where there are none."""
    length = end - start
    return f"{start + 1}" if length == 1 else f"{start + (length > 0)},{length}"
