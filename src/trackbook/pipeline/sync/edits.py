"""From a changed script to changed cells: sound, as the changed cells must give the changed script again."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import islice, product, zip_longest

from trackbook.errors import NotebookError
from trackbook.pipeline.script.convert import Script, convert
from trackbook.pipeline.script.helpers import FIGURES
from trackbook.pipeline.steps.notebook import Notebook
from trackbook.pipeline.sync.head import imports, params
from trackbook.pipeline.sync.lines import CellEdit, Hunk, Unfit, applied, lines_of
from trackbook.pipeline.sync.mapping import FUNCTIONS, IMPORTS, PARAMS, STEP, MappedScript, map_script
from trackbook.pipeline.sync.units import Unit, only_argument

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


def cells_from_script(base: Notebook, was: str, now: str, make: Make = convert) -> tuple[dict[int, str], list[Refused]]:
    """Return the new texts of the cells (by index in `base`) that make the script `was` into `now`, and what cannot be.

    Both scripts are laid out alike.  Nothing is returned that does not give `now` again when it is converted.
    """
    old, new = map_script(was, base.cells), map_script(now, ())
    hunks = _hunks(old, new)
    options: list[list[list[CellEdit]]] = []
    refused = []
    for hunk in hunks:
        try:
            options += _ways(base, old, new, hunk)
        except Unfit as error:
            refused.append(_refusal(new, hunk, str(error)))
    if refused or not hunks:
        return {}, refused
    reason = ""
    for chosen in islice(product(*options), _TRIALS):
        texts = applied(base, {edit for edits in chosen for edit in edits})
        problem = _problem(base, texts, new, hunks, make)
        if problem is None:
            return texts, []
        reason = reason or problem
    return {}, [_refusal(new, hunk, reason) for hunk in hunks]


def _hunks(old: MappedScript, new: MappedScript) -> list[Hunk]:
    matcher = SequenceMatcher(None, old.texts, new.texts, autojunk=False)
    return [Hunk(*place) for kind, *place in matcher.get_opcodes() if kind != "equal"]


def _refusal(new: MappedScript, hunk: Hunk, reason: str) -> Refused:
    if hunk.new_low < hunk.new_high:
        lines = new.lines(hunk.new_low, hunk.new_high - 1)
        return Refused(new.units[hunk.new_low].first, "\n".join(lines), reason)
    line = new.units[min(hunk.new_low, len(new.units) - 1)].first
    return Refused(line, "(deleted lines)", reason)


# ---- where an edit belongs


def _ways(base: Notebook, old: MappedScript, new: MappedScript, hunk: Hunk) -> list[list[list[CellEdit]]]:
    """Return the ways in which an edit may be made, or those of each of its parts.  Raises Unfit for none."""
    try:
        return [list(_options(base, old, new, hunk))]
    except Unfit:
        parts = _parts(old, new, hunk)
        if len(parts) < 2:
            raise
    return [list(_options(base, old, new, part)) for part in parts]


def _parts(old: MappedScript, new: MappedScript, hunk: Hunk) -> list[Hunk]:
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
        found.append(Hunk(low, row, new_low, column))
        found.append(Hunk(row, row + 1, column, column + 1))
        low, new_low = row + 1, column + 1
    return [part for part in found[:-1] if part.low < part.high or part.new_low < part.new_high]


def _options(base: Notebook, old: MappedScript, new: MappedScript, hunk: Hunk) -> Iterator[list[CellEdit]]:
    """Yield the ways in which an edit may be made in the cells, the likeliest first.  Raises Unfit for none."""
    regions = {old.regions[number].kind for number in range(hunk.low, hunk.high)}
    regions |= {new.regions[number].kind for number in range(hunk.new_low, hunk.new_high)}
    if regions == {PARAMS}:
        yield params(base, old, new, hunk)
    elif regions == {IMPORTS}:
        yield imports(base, new, hunk)
    elif not regions <= {STEP, FUNCTIONS}:
        raise Unfit("it stands outside the steps, in what conversion writes itself")
    elif hunk.low == hunk.high:
        yield from _insertions(old, new, hunk)
    else:
        yield _replacement(old, new, hunk)


def _insertions(old: MappedScript, new: MappedScript, hunk: Hunk) -> Iterator[list[CellEdit]]:
    """Yield the ways to add lines: behind the line of a cell that stands before them, or before the one behind."""
    above, below = new.empty_before(hunk.new_low), new.empty_before(hunk.new_high)
    found = []
    if before := old.places.get(hunk.low - 1):
        added = lines_of(old, hunk.low - 1, before, new, hunk.new_low, hunk.new_high)
        found.append([CellEdit(before.cell, before.last + 1, before.last + 1, ("",) * above + added)])
    if after := old.places.get(hunk.low):
        added = lines_of(old, hunk.low, after, new, hunk.new_low, hunk.new_high)
        found.append([CellEdit(after.cell, after.first, after.first, added + ("",) * below)])
    if not found:
        raise Unfit("no line of a cell stands beside it")
    yield from reversed(found) if above and not below else found


def _replacement(old: MappedScript, new: MappedScript, hunk: Hunk) -> list[CellEdit]:
    """Return the edits that change or delete lines which come from cells."""
    numbers = range(hunk.low, hunk.high)
    places = [place for number in numbers if (place := old.places.get(number)) is not None]
    if len(places) < len(numbers):
        raise Unfit("it changes lines that conversion writes itself, such as arguments and results")
    first, count = places[0], hunk.new_high - hunk.new_low
    plain = all(old.units[number].key == place.unit.key for number, place in zip(numbers, places, strict=True))
    together = [(place.cell, place.number - first.number) for place in places] == [
        (first.cell, offset) for offset in range(len(places))
    ]
    if count and plain and together:
        lines = lines_of(old, hunk.low, first, new, hunk.new_low, hunk.new_high)
        return [CellEdit(first.cell, first.first, places[-1].last + 1, lines)]
    if count not in (0, len(places)):
        raise Unfit("it runs over the border of two cells, or over a line that is shown; change each by itself")
    shift = hunk.new_low - hunk.low
    return [
        CellEdit(place.cell, place.first, place.last + 1, _instead(old, new, number, shift) if count else ())
        for number, place in zip(numbers, places, strict=True)
    ]


def _instead(old: MappedScript, new: MappedScript, number: int, shift: int) -> tuple[str, ...]:
    """Return the lines of a cell that stand for one unit of the script in the place of another."""
    place = old.places[number]
    if old.units[number].key == place.unit.key:
        return lines_of(old, number, place, new, number + shift, number + shift + 1)
    return tuple(textwrap.indent(_shown(new.units[number + shift]), " " * place.unit.margin).split("\n"))


def _shown(unit: Unit) -> str:
    """Return the expression that a line of a script shows, with the comment behind it."""
    text = textwrap.dedent(unit.text)
    body = ast.parse(text).body if unit.value else []
    call = body[0].value if body and isinstance(body[0], ast.Expr) else None
    argument = only_argument(call) if call else None
    segment = ast.get_source_segment(text, argument) if argument else None
    if segment is None or call is None:
        raise Unfit("the line shows a value, and must go on to show one")
    return segment + text.split("\n")[-1].encode()[call.end_col_offset :].decode()


# ---- what comes of it


def with_texts(notebook: Notebook, texts: Mapping[int, str]) -> Notebook:
    """Return a notebook with other texts in some of its cells."""
    cells = tuple(replace(cell, source=texts.get(cell.index, cell.source)) for cell in notebook.cells)
    return replace(notebook, cells=cells)


def _problem(
    base: Notebook, texts: Mapping[int, str], new: MappedScript, hunks: Sequence[Hunk], make: Make
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
