"""Joining what was changed in a notebook with what was changed in its script, cell by cell."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

from trackbook.pipeline.steps.notebook import Cell, Notebook


@dataclass(frozen=True, slots=True)
class Conflict:
    """A cell that both sides changed since the last conversion; `notebook` is None where it was deleted there."""

    cell: str
    label: str
    base: str
    notebook: str | None
    script: str

    @property
    def diff(self) -> str:
        """Return how the two texts of the cell differ."""
        theirs = [] if self.notebook is None else self.notebook.split("\n")
        lines = difflib.unified_diff(theirs, self.script.split("\n"), "the notebook", "the script", lineterm="")
        return "\n".join(lines)


def merge(base: Notebook, now: Notebook, texts: Mapping[int, str]) -> tuple[dict[int, str], list[Conflict]]:
    """Return the new texts for cells of `now`, by index, and the cells that both sides changed.

    `texts` are the changes of the script to cells of `base`.
    """
    pairs = _paired(base, now)
    found: dict[int, str] = {}
    conflicts = []
    for index, text in sorted(texts.items()):
        old = base.cells[index]
        place = pairs.get(index)
        current = None if place is None else now.cells[place].source
        if place is not None and current == old.source:
            found[place] = text
        elif current != text:
            conflicts.append(Conflict(old.id, old.label, old.source, current, text))
    return found, conflicts


def changed_cells(base: Notebook, now: Notebook) -> list[str]:
    """Return the ids of the cells of `now` that are not as they were in `base`, and of those that are gone."""
    pairs = {new: old for old, new in _paired(base, now).items()}
    found = [cell.id for cell in now.cells if _is_changed(cell, base, pairs.get(cell.index))]
    return [*found, *(cell.id for cell in base.cells if cell.index not in pairs.values())]


def _is_changed(cell: Cell, base: Notebook, place: int | None) -> bool:
    if place is None:
        return True
    old = base.cells[place]
    return (cell.source, cell.tags, cell.headings) != (old.source, old.tags, old.headings)


def _paired(base: Notebook, now: Notebook) -> dict[int, int]:
    """Return which cell of `now` is which of `base`: by id, or where the file has no ids by what the cells hold."""
    if _has_ids(base) and _has_ids(now):
        places = {cell.id: cell.index for cell in now.cells}
        return {cell.index: places[cell.id] for cell in base.cells if cell.id in places}
    before, after = ([cell.source for cell in notebook.cells] for notebook in (base, now))
    found: dict[int, int] = {}
    for kind, low, high, new_low, new_high in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal" or (kind == "replace" and high - low == new_high - new_low):
            found.update(zip(range(low, high), range(new_low, new_high), strict=True))
    return found


def _has_ids(notebook: Notebook) -> bool:
    ids = [cell.id for cell in notebook.cells]
    return len(set(ids)) == len(ids) and any(cell.id != f"cell-{cell.index}" for cell in notebook.cells)
