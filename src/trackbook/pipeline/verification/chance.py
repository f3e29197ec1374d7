"""What a notebook does not repeat itself: such things are unstable, and not held against its script.

Runs of a notebook that draws without a seed agree here and there by luck.  So numbers that belong together are judged
together: the rows of a printed table, the items of a list, what an estimator learned.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import groupby

from trackbook.pipeline.verification.causes import Causes, ProgramCell, Unstable
from trackbook.pipeline.verification.compare import (
    NOT_DRAWN,
    NOT_PRINTED,
    NOT_THERE,
    NOT_WRITTEN,
    Comparison,
    Difference,
    Line,
    Outcome,
    Steps,
    compare,
)
from trackbook.tracking.reproduction.texts import NUMBER, same_line, settled

_VALUES = frozenset({"value", "estimator"})
_MISSING = frozenset({NOT_DRAWN, NOT_PRINTED, NOT_THERE, NOT_WRITTEN})
_ITEM = re.compile(r"\[\d+\]")
_LEARNED = re.compile(r"\.\w+_(?!\w)")


class Chance:
    """How further runs of a notebook differ from its first."""

    def __init__(self, first: Outcome, others: Sequence[Outcome], steps: Steps) -> None:
        self._first, self._others = first, others
        self._differences: list[Difference] = []
        places: dict[tuple[str, str], set[str]] = {}
        for other in others:
            found = compare(first, other, steps)
            self._differences += found.differences
            for place, parts in found.places.items():
                places.setdefault(place, set()).update(parts)
        self._places = {place: _with_patterns(parts) for place, parts in places.items()}
        texts = {(item.step, item.notebook) for item in self._differences if item.what == "output"}
        self._lines = set(_with_tables(first.printed, texts))
        self._forms = {(step, _form(text)) for step, text in self._lines}
        self._shown = {_form(text) for other in others for text in {*first.displayed} ^ {*other.displayed}}

    def covers(self, item: Difference, found: Comparison, script: Outcome) -> bool:
        """Tell whether a difference of `script` is one that runs of the notebook show as well."""
        if item.what in _VALUES:
            place = (item.name, item.step)
            unstable = self._places.get(place, set())
            changed = found.places.get(place, frozenset())
            return bool(changed) and all(part in unstable or _pattern(part) in unstable for part in changed)
        if item.what == "output" and self._is_row(item, script):
            return True
        return any(self._alike(item, other) for other in self._differences)

    def _is_row(self, item: Difference, script: Outcome) -> bool:
        """Tell whether a line has only other numbers, of those that change: such rows are told apart by nothing."""
        if item.notebook == NOT_PRINTED and _form(item.script) in self._shown:
            return True  # a script prints what the notebook displays
        row = (item.step, _form(item.script if item.notebook == NOT_PRINTED else item.notebook))
        counts = [sum((line.step, _form(line.text)) == row for line in run.printed) for run in (self._first, script)]
        return row in self._forms and counts[0] == counts[1]

    def _alike(self, item: Difference, other: Difference) -> bool:
        """Tell whether two differences are of one kind: something missing is no other content."""
        if (item.what, item.name) != (other.what, other.name):
            return False
        if item.script in _MISSING or item.notebook in _MISSING:
            return (item.step, item.script in _MISSING) == (other.step, other.script in _MISSING)
        return item.what != "output" or (item.step, item.notebook) in self._lines

    def unstable(self, program: Sequence[ProgramCell]) -> Iterator[Unstable]:
        """Yield what is unstable, each value, file and table once, where it begins, with its cause where known."""
        causes = Causes(program)
        earlier: dict[str, str] = {}
        seen: set[tuple[str, str]] = set()
        for item in self._differences:
            printed = item.what == "output"
            name = item.notebook if printed else item.name
            key = (item.what, f"{item.step} {_form(name)}" if printed else name)
            if key in seen:
                continue
            seen.add(key)
            before = {value for value, step in earlier.items() if step != item.step}
            yield causes.explain(Unstable(item.what, name, item.step), before)
            if item.what in _VALUES:
                earlier[item.name] = item.step
        yield from _settled_lines(self._first, self._others[0])


def _pattern(part: str) -> str:
    """Return a part of a value by what its siblings have in common with it."""
    learned = _LEARNED.match(part)
    return "._" if learned else _ITEM.sub("[*]", part)


def _with_patterns(parts: AbstractSet[str]) -> set[str]:
    """Return parts that are unstable, with the patterns of their siblings.

    One item of several may have its own reason, as the seconds in `(score, seconds)`; and the seconds that a search
    over parameters notes say nothing of what it learned.
    """
    counts = Counter(_pattern(part) for part in parts if not (_LEARNED.match(part) and "time" in part))
    return {*parts, *(pattern for pattern, count in counts.items() if count > 1 or pattern == "._")}


def _with_tables(printed: Iterable[Line], texts: AbstractSet[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the lines that are unstable with their steps, and the other rows of the tables that they stand in."""
    yield from texts
    for _, lines in groupby(printed, key=lambda line: (line.step, _form(line.text))):
        rows = {(line.step, line.text) for line in lines}
        if rows & texts:
            yield from rows


def _form(text: str) -> str:
    """Return a line without its numbers and the blanks that line them up."""
    return NUMBER.sub("#", settled(text)).replace(" ", "")


def _settled_lines(first: Outcome, again: Outcome) -> Iterator[Unstable]:
    """Yield the kinds of text in which printed lines differ although they count as the same."""
    if len(first.printed) != len(again.printed):
        return
    seen: dict[tuple[str, str], str] = {}
    for line, other in zip(first.printed, again.printed, strict=True):
        if line.text != other.text and same_line(line.text, other.text):
            cause = "memory addresses" if "0x" in line.text else "the time"
            if settled(line.text) != settled(other.text):
                cause = "the last digits of numbers"
            seen.setdefault((line.step, cause), line.text)
    for (step, cause), text in seen.items():
        yield Unstable("output", text, step, cause)
