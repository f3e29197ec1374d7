"""From a changed script to changed cells: sound, as the changed cells must give the changed script again."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import islice, product, zip_longest

from trackbook.errors import NotebookError
from trackbook.pipeline.helpers import FIGURES
from trackbook.pipeline.notebook import Cell, Notebook
from trackbook.pipeline.script import Script, convert
from trackbook.pipeline.sync.mapping import (
    FUNCTIONS,
    IMPORTS,
    PARAMS,
    STEP,
    CellUnit,
    MappedScript,
    cell_units,
    map_script,
)
from trackbook.pipeline.sync.units import Unit, only_argument
from trackbook.pipeline.tags import PARAMETERS, told

Make = Callable[[Notebook], Script]
"""Converts a notebook, as the script was made that is synced."""

_TRIALS = 16
_PAIRS = 400
_ALIKE = 0.5


@dataclass(frozen=True, slots=True)
class Refused:
    """An edit of the script that no cell can take: its first line in the script, what it says, and why."""

    line: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class _CellEdit:
    """Put `lines` in the place of the lines of a cell from `first` on (from 1) and before `end`."""

    cell: int
    first: int
    end: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Hunk:
    """Units of the script as it was, and those that stand in their place now."""

    low: int
    high: int
    new_low: int
    new_high: int


class _Unfit(Exception):
    """An edit that has no place in a cell; says why."""


def cells_from_script(base: Notebook, was: str, now: str, make: Make = convert) -> tuple[dict[int, str], list[Refused]]:
    """Return the new texts of the cells (by index in `base`) that make the script `was` into `now`, and what cannot be.

    Both scripts are laid out alike.  Nothing is returned that does not give `now` again when it is converted.
    """
    old, new = map_script(was, base.cells), map_script(now, ())
    hunks = _hunks(old, new)
    options: list[list[list[_CellEdit]]] = []
    refused = []
    for hunk in hunks:
        try:
            options += _ways(base, old, new, hunk)
        except _Unfit as error:
            refused.append(_refusal(new, hunk, str(error)))
    if refused or not hunks:
        return {}, refused
    reason = ""
    for chosen in islice(product(*options), _TRIALS):
        texts = _applied(base, {edit for edits in chosen for edit in edits})
        problem = _problem(base, texts, new, hunks, make)
        if problem is None:
            return texts, []
        reason = reason or problem
    return {}, [_refusal(new, hunk, reason) for hunk in hunks]


def _hunks(old: MappedScript, new: MappedScript) -> list[_Hunk]:
    matcher = SequenceMatcher(None, old.texts, new.texts, autojunk=False)
    return [_Hunk(*place) for kind, *place in matcher.get_opcodes() if kind != "equal"]


def _refusal(new: MappedScript, hunk: _Hunk, reason: str) -> Refused:
    if hunk.new_low < hunk.new_high:
        lines = new.lines(hunk.new_low, hunk.new_high - 1)
        return Refused(new.units[hunk.new_low].first, "\n".join(lines), reason)
    line = new.units[min(hunk.new_low, len(new.units) - 1)].first
    return Refused(line, "(deleted lines)", reason)


# ---- where an edit belongs


def _ways(base: Notebook, old: MappedScript, new: MappedScript, hunk: _Hunk) -> list[list[list[_CellEdit]]]:
    """Return the ways in which an edit may be made, or those of each of its parts.  Raises _Unfit for none."""
    try:
        return [list(_options(base, old, new, hunk))]
    except _Unfit:
        parts = _parts(old, new, hunk)
        if len(parts) < 2:
            raise
    return [list(_options(base, old, new, part)) for part in parts]


def _parts(old: MappedScript, new: MappedScript, hunk: _Hunk) -> list[_Hunk]:
    """Return an edit in parts: units that resemble each other, and what was added or deleted between them."""
    ours, theirs = range(hunk.low, hunk.high), range(hunk.new_low, hunk.new_high)
    if len(ours) * len(theirs) > _PAIRS:
        return [hunk]
    best: dict[tuple[int, int], tuple[float, tuple[tuple[int, int], ...]]] = {}
    for row in reversed(range(hunk.low, hunk.high + 1)):
        for column in reversed(range(hunk.new_low, hunk.new_high + 1)):
            ways = [best[place] for place in ((row + 1, column), (row, column + 1)) if place in best]
            if (row + 1, column + 1) in best:
                ratio = SequenceMatcher(None, old.texts[row], new.texts[column], autojunk=False).ratio()
                score, pairs = best[row + 1, column + 1]
                ways += [(score + ratio, ((row, column), *pairs))] if ratio > _ALIKE else []
            best[row, column] = max(ways, default=(0.0, ()), key=lambda way: way[0])
    found, low, new_low = [], hunk.low, hunk.new_low
    for row, column in (*best[hunk.low, hunk.new_low][1], (hunk.high, hunk.new_high)):
        found.append(_Hunk(low, row, new_low, column))
        found.append(_Hunk(row, row + 1, column, column + 1))
        low, new_low = row + 1, column + 1
    return [part for part in found[:-1] if part.low < part.high or part.new_low < part.new_high]


def _options(base: Notebook, old: MappedScript, new: MappedScript, hunk: _Hunk) -> Iterator[list[_CellEdit]]:
    """Yield the ways in which an edit may be made in the cells, the likeliest first.  Raises _Unfit for none."""
    regions = {old.regions[number].kind for number in range(hunk.low, hunk.high)}
    regions |= {new.regions[number].kind for number in range(hunk.new_low, hunk.new_high)}
    if regions == {PARAMS}:
        yield _params(base, old, new, hunk)
    elif regions == {IMPORTS}:
        yield _imports(base, new, hunk)
    elif not regions <= {STEP, FUNCTIONS}:
        raise _Unfit("it stands outside the steps, in what conversion writes itself")
    elif hunk.low == hunk.high:
        yield from _insertions(base, old, new, hunk)
    else:
        yield _replacement(old, new, hunk)


def _insertions(base: Notebook, old: MappedScript, new: MappedScript, hunk: _Hunk) -> Iterator[list[_CellEdit]]:
    lines = new.lines(hunk.new_low, hunk.new_high - 1)
    above, below = new.empty_before(hunk.new_low), new.empty_before(hunk.new_high)
    found = []
    if before := old.places.get(hunk.low - 1):
        margin = old.units[hunk.low - 1].margin - before.unit.margin
        added = ("",) * above + _moved(lines, margin)
        found.append([_CellEdit(before.cell, before.last + 1, before.last + 1, added)])
    if after := old.places.get(hunk.low):
        margin = old.units[hunk.low].margin - after.unit.margin
        added = _moved(lines, margin) + ("",) * below
        found.append([_CellEdit(after.cell, after.first, after.first, added)])
    if not found:
        raise _Unfit("no line of a cell stands beside it")
    yield from reversed(found) if above and not below else found


def _replacement(old: MappedScript, new: MappedScript, hunk: _Hunk) -> list[_CellEdit]:
    """Return the edits that change or delete lines which come from cells."""
    numbers = range(hunk.low, hunk.high)
    places = [place for number in numbers if (place := old.places.get(number)) is not None]
    if len(places) < len(numbers):
        raise _Unfit("it changes lines that conversion writes itself, such as arguments and results")
    first, count = places[0], hunk.new_high - hunk.new_low
    plain = all(old.units[number].key == place.unit.key for number, place in zip(numbers, places, strict=True))
    together = [(place.cell, place.number - first.number) for place in places] == [
        (first.cell, offset) for offset in range(len(places))
    ]
    if count and plain and together:
        margin = old.units[hunk.low].margin - first.unit.margin
        lines = _moved(new.lines(hunk.new_low, hunk.new_high - 1), margin)
        return [_CellEdit(first.cell, first.first, places[-1].last + 1, lines)]
    if count not in (0, len(places)):
        raise _Unfit("it runs over the border of two cells, or over a line that is shown; change each by itself")
    return [
        _CellEdit(
            place.cell, place.first, place.last + 1, _instead(old, new, number, place, number + hunk.new_low - hunk.low)
        )
        if count
        else _CellEdit(place.cell, place.first, place.last + 1, ())
        for number, place in zip(numbers, places, strict=True)
    ]


def _instead(old: MappedScript, new: MappedScript, number: int, place: CellUnit, new_number: int) -> tuple[str, ...]:
    """Return the lines of a cell that stand for one unit of the script in the place of another."""
    unit = new.units[new_number]
    if old.units[number].key == place.unit.key:
        return _moved(unit.text.split("\n"), old.units[number].margin - place.unit.margin)
    return tuple(textwrap.indent("\n".join(_shown(unit)), " " * place.unit.margin).split("\n"))


def _shown(unit: Unit) -> list[str]:
    """Return the expression that a line of a script shows."""
    text = textwrap.dedent(unit.text)
    body = ast.parse(text).body if unit.value else []
    argument = only_argument(body[0].value) if body and isinstance(body[0], ast.Expr) else None
    segment = ast.get_source_segment(text, argument) if argument else None
    if segment is None:
        raise _Unfit("the line shows a value, and must go on to show one")
    return segment.split("\n")


def _moved(lines: Iterable[str], margin: int) -> tuple[str, ...]:
    """Return lines moved to the left by as many blanks; those that have fewer are in a string, and stay."""
    return tuple(line[margin:] if (margin >= 0 and line[:margin].isspace()) or margin == 0 else line for line in lines)


def _params(base: Notebook, old: MappedScript, new: MappedScript, hunk: _Hunk) -> list[_CellEdit]:
    """Return the edits that give parameters other values."""
    if hunk.high - hunk.low != hunk.new_high - hunk.new_low:
        raise _Unfit("parameters come and go in the cell tagged `parameters`")
    edits = []
    for offset in range(hunk.high - hunk.low):
        was, now = _field(old.units[hunk.low + offset]), _field(new.units[hunk.new_low + offset])
        if was[:2] != now[:2]:
            raise _Unfit("only the value of a parameter can be changed here")
        edits.append(_assignment(base, was[0], now[2]))
    return edits


def _field(unit: Unit) -> tuple[str, str, str]:
    text = textwrap.dedent(unit.text)
    try:
        node = ast.parse(text).body[0]
    except (SyntaxError, IndexError):
        node = None
    match node:
        case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=ast.expr() as value):
            return name, ast.unparse(annotation), ast.get_source_segment(text, value) or ""
    raise _Unfit("only the value of a parameter can be changed here")


def _assignment(base: Notebook, name: str, value: str) -> _CellEdit:
    """Return the edit that gives a parameter another value in its cell."""
    cells = [cell for cell in base.cells if PARAMETERS in told(cell.tags, cell.source)] if "\n" not in value else []
    for item in (item for cell in reversed(cells) for item in reversed(cell_units(cell))):
        text = item.unit.text
        match ast.parse(text).body if item.first == item.last and not item.unit.margin else []:
            case [
                ast.Assign(targets=[ast.Name(id=found)], value=old)
                | ast.AnnAssign(target=ast.Name(id=found), value=old)
            ]:
                if found == name and old is not None:
                    start, end = (
                        len(text.encode()[:column].decode()) for column in (old.col_offset, old.end_col_offset)
                    )
                    return _CellEdit(item.cell, item.first, item.last + 1, (text[:start] + value + text[end:],))
    raise _Unfit(f"the parameter {name!r} cannot be changed from here; change it in its cell")


def _imports(base: Notebook, new: MappedScript, hunk: _Hunk) -> list[_CellEdit]:
    """Return the edits that add imports: to the first cell that only imports and defines, else to the first of all."""
    if hunk.low < hunk.high:
        raise _Unfit("imports follow from what the cells use: change the cell that imports")
    lines = new.lines(hunk.new_low, hunk.new_high - 1)
    if not all(line.startswith(("import ", "from ")) for line in lines if line):
        raise _Unfit("it stands outside the steps, in what conversion writes itself")
    for cell in base.cells:
        imports = [item for item in cell_units(cell) if item.unit.text.startswith(("import ", "from "))]
        if imports:
            place = imports[-1].last + 1
            return [_CellEdit(cell.index, place, place, tuple(line for line in lines if line))]
    raise _Unfit("no cell imports anything; write the import into the step that uses it")


# ---- what comes of it


def _applied(base: Notebook, edits: Iterable[_CellEdit]) -> dict[int, str]:
    found: dict[int, list[_CellEdit]] = {}
    for edit in edits:
        found.setdefault(edit.cell, []).append(edit)
    return {index: _edited(base.cells[index], own) for index, own in found.items()}


def _edited(cell: Cell, edits: Sequence[_CellEdit]) -> str:
    lines = cell.source.split("\n")
    for edit in sorted(edits, key=lambda edit: (edit.first, edit.end), reverse=True):
        lines[edit.first - 1 : edit.end - 1] = edit.lines
    return "\n".join(lines)


def with_texts(notebook: Notebook, texts: Mapping[int, str]) -> Notebook:
    """Return a notebook with other texts in some of its cells."""
    cells = tuple(replace(cell, source=texts.get(cell.index, cell.source)) for cell in notebook.cells)
    return replace(notebook, cells=cells)


def _problem(
    base: Notebook, texts: Mapping[int, str], new: MappedScript, hunks: Sequence[_Hunk], make: Make
) -> str | None:
    """Return why changed cells would not give the changed script; None when they do."""
    changed = with_texts(base, texts)
    try:
        made = map_script(make(changed).text, ())
    except NotebookError as error:
        return f"the notebook would not convert any more: {error}"
    own, theirs = _lines(new), _lines(made)
    if own != theirs:
        return _difference(own, theirs)
    for number in (number for hunk in hunks for number in range(hunk.new_low, hunk.new_high)):
        if new.regions[number].kind in (IMPORTS, PARAMS) and new.units[number].text not in made.texts:
            return f"conversion would not write `{new.units[number].text.strip()}`"
    return None


def _lines(script: MappedScript) -> list[str]:
    """Return the units of steps and functions but those that follow from the others: heads, results, starts."""
    numbers = [number for number, region in enumerate(script.regions) if region.kind in (STEP, FUNCTIONS)]
    return [script.units[number].text for number in numbers if not _follows(script, number)]


def _follows(script: MappedScript, number: int) -> bool:
    unit, region = script.units[number], script.regions[number]
    if unit.first == region.first or unit.text.strip() == f"{FIGURES}()":
        return True
    if region.kind == FUNCTIONS:
        return False
    head = unit.margin == 0 and unit.text.startswith("def ")
    return head or bool(re.match(r"    return\b|    \w+ = None$", unit.text))


def _difference(own: Sequence[str], theirs: Sequence[str]) -> str:
    pairs = (
        (mine.strip()[:60], other.strip()[:60])
        for mine, other in zip_longest(own, theirs, fillvalue="")
        if mine != other
    )
    mine, other = next(pairs)
    if not (mine and other):
        return f"conversion would {'leave out' if mine else 'add'} `{mine or other}`"
    return f"conversion would write `{other}` for `{mine}`"
