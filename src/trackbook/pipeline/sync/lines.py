"""Edits as lines of cells: where they go, and how far from the margin they stand there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from trackbook.pipeline.script.edits import string_lines
from trackbook.pipeline.steps.notebook import Cell, Notebook
from trackbook.pipeline.sync.mapping import CellUnit, MappedScript


@dataclass(frozen=True, slots=True)
class CellEdit:
    """Put `lines` in the place of the lines of a cell from `first` on (from 1) and before `end`."""

    cell: int
    first: int
    end: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hunk:
    """Units of the script as it was, and those that stand in their place now."""

    low: int
    high: int
    new_low: int
    new_high: int


class Unfit(Exception):
    """An edit that has no place in a cell; says why."""


def lines_of(
    old: MappedScript, number: int, place: CellUnit, new: MappedScript, low: int, high: int
) -> tuple[str, ...]:
    """Return units of a changed script as they stand in a cell, in which `place` is unit `number` of the old script."""
    margins = _margins(old, number, place.cell)
    fixed = string_lines(new.text)
    found: list[str] = []
    for index in range(low, high):
        unit = new.units[index]
        found += [""] * (new.empty_before(index) if index > low else 0)
        blanks = _margin(margins, unit.margin)
        for line, text in enumerate(unit.text.split("\n"), unit.first):
            found.append(text if line in fixed or not text.strip() else blanks + text[unit.margin :])
    return tuple(found)


def _margins(old: MappedScript, number: int, cell: int) -> dict[int, str]:
    """Return what stands before lines of a cell, by the blanks before them in this region of the script."""
    region = old.regions[number]
    return {
        old.units[other].margin: _blanks(place.unit.text)
        for other, place in old.places.items()
        if place.cell == cell and old.regions[other] is region
    }


def _blanks(text: str) -> str:
    return text[: len(text) - len(text.lstrip())]


def _margin(margins: Mapping[int, str], width: int) -> str:
    """Return what stands before a line of a cell that has so many blanks before it in the script."""
    nearest = max((known for known in margins if known <= width), default=None)
    return "" if nearest is None else margins[nearest] + " " * (width - nearest)


def applied(base: Notebook, edits: Iterable[CellEdit]) -> dict[int, str]:
    found: dict[int, list[CellEdit]] = {}
    for edit in edits:
        found.setdefault(edit.cell, []).append(edit)
    return {index: _edited(base.cells[index], own) for index, own in found.items()}


def _edited(cell: Cell, edits: Sequence[CellEdit]) -> str:
    lines = cell.source.split("\n")
    for edit in sorted(edits, key=lambda edit: (edit.first, edit.end), reverse=True):
        lines[edit.first - 1 : edit.end - 1] = edit.lines
    return "\n".join(lines)
