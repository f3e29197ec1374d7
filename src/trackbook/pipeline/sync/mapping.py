"""Which unit of a script is which of a cell."""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from trackbook.cells import read_source
from trackbook.pipeline.steps.notebook import Cell
from trackbook.pipeline.sync.units import Unit, read_units

STEP, FUNCTIONS, IMPORTS, PARAMS, REST = "step", "functions", "imports", "params", "rest"

_MARKER = re.compile(r"# %% \[(\w+)(?::[^\]]*)?\](?: id=(\S+))?")


@dataclass(frozen=True, slots=True)
class Region:
    """Lines of a script that belong together; `cells` are the ids that its marker names."""

    first: int
    kind: str
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CellUnit:
    """A unit of a cell; `first` and `last` are lines of the cell's text, from 1."""

    cell: int
    number: int
    unit: Unit
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class MappedScript:
    """A script in units, the region of each, and the places of those that come from cells, by number."""

    text: str
    units: tuple[Unit, ...]
    regions: tuple[Region, ...]
    places: Mapping[int, CellUnit]

    @property
    def texts(self) -> list[str]:
        return [unit.text for unit in self.units]

    def lines(self, first: int, last: int) -> list[str]:
        """Return the lines from the first of a unit to the last of another, by their numbers."""
        return self.text.split("\n")[self.units[first].first - 1 : self.units[last].last]

    def empty_before(self, number: int) -> int:
        """Return how many empty lines stand between a unit and the one before it."""
        if not 0 < number < len(self.units):
            return 0
        return self.units[number].first - self.units[number - 1].last - 1


def map_script(text: str, cells: Sequence[Cell]) -> MappedScript:
    """Return a script with the places where its units come from.  Raises SyntaxError where it is not Python."""
    units = tuple(read_units(text))
    starts = _regions(text)
    regions = tuple(_region_of(unit.first, starts) for unit in units)
    return MappedScript(text, units, regions, _places(units, regions, cells))


def cell_units(cell: Cell) -> list[CellUnit]:
    """Return the units of a cell, none where it is not Python."""
    source = read_source(cell.source)
    if source.error is not None or source.foreign is not None:
        return []
    try:
        units = read_units(source.python)
    except (SyntaxError, tokenize.TokenError):
        return []
    return [
        CellUnit(cell.index, number, unit, source.line(unit.first), source.line(unit.last))
        for number, unit in enumerate(units)
    ]


# ---- regions


def _regions(text: str) -> list[Region]:
    """Return where the regions of a script begin, in the order of its lines."""
    found = [Region(1, REST)]
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        if marker := _MARKER.fullmatch(re.sub(r"(?<=\S) (after|cache|metrics)=.*", "", line)):
            kind = marker[1] if marker[1] in (STEP, FUNCTIONS) else REST
            found.append(Region(number, kind, tuple((marker[2] or "").split(",")) if kind == STEP else ()))
    marked = {region.first for region in found}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.append(Region(node.lineno, IMPORTS))
        elif isinstance(node, ast.ClassDef) and node.name == "Params":
            found += [Region(node.lineno, PARAMS), Region((node.end_lineno or node.lineno) + 1, REST)]
        elif isinstance(node, ast.FunctionDef) and node.name in ("main", "parse_params") and node.lineno not in marked:
            found.append(Region(node.lineno, REST))
    return sorted(found, key=lambda region: region.first)


def _region_of(line: int, starts: Sequence[Region]) -> Region:
    return [region for region in starts if region.first <= line][-1]


# ---- places


def _places(units: Sequence[Unit], regions: Sequence[Region], cells: Sequence[Cell]) -> dict[int, CellUnit]:
    known = {cell.index: cell_units(cell) for cell in cells}
    by_id = {cell.id: cell.index for cell in reversed(cells)}
    every = [item for cell in cells for item in known[cell.index]]
    found: dict[int, CellUnit] = {}
    for region in dict.fromkeys(regions):
        if region.kind not in (STEP, FUNCTIONS):
            continue
        numbers = [number for number, other in enumerate(regions) if other is region]
        own = [item for name in region.cells if name in by_id for item in known[by_id[name]]]
        found.update(_aligned(units, numbers, own if region.kind == STEP else every))
        left = [number for number in numbers if number not in found]
        if region.kind == STEP and left:
            # A function that uses variables of the notebook is repeated in each step that calls it.
            others = [item for item in every if cells[item.cell].id not in region.cells]
            found.update(_aligned(units, left, others, at_least=2))
    return found


def _aligned(
    units: Sequence[Unit], numbers: Sequence[int], items: Sequence[CellUnit], *, at_least: int = 1
) -> Iterator[tuple[int, CellUnit]]:
    """Yield pairs of units that mean the same, in one order on both sides, and those that are shown by a call."""
    ours, theirs = [units[number].key for number in numbers], [item.unit.key for item in items]
    matcher = SequenceMatcher(None, ours, theirs, autojunk=False)
    mine, other = 0, 0
    for start, begin, size in matcher.get_matching_blocks():
        if 0 < size < at_least:
            continue
        if at_least == 1:
            yield from _shown(units, numbers[mine:start], items[other:begin])
        yield from zip(numbers[start : start + size], items[begin : begin + size], strict=True)
        mine, other = start + size, begin + size


def _shown(units: Sequence[Unit], numbers: Iterable[int], items: Sequence[CellUnit]) -> Iterator[tuple[int, CellUnit]]:
    """Yield the units of a gap that are an expression of a cell in a call: `show(df)` for `df`."""
    place = 0
    for number in numbers:
        shown = units[number].shown
        fitting = (offset for offset, item in enumerate(items[place:]) if shown and item.unit.value == shown)
        if (offset := next(fitting, None)) is not None:
            yield number, items[place + offset]
            place += offset + 1
