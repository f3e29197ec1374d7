"""The steps of a notebook without tags: by its Markdown headings, else by what its cells do and hand to each other.

A section holds cells that follow one another, so sections never need each other in a circle.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, pairwise

from trackbook.cells.scopes import Definitions, bound_names
from trackbook.pipeline.steps.headings import step_name
from trackbook.pipeline.steps.notebook import Cell
from trackbook.pipeline.steps.phases import SETUP, name_for, phase_of

WHOLE = "main"
"""The step of a notebook in which no parts can be seen."""

MOST_HEADINGS, MOST_GROUPS = 12, 8
"""The most steps that a notebook is divided into, by headings of one more level and by data flow."""


@dataclass(frozen=True, slots=True)
class Section:
    """Cells of a step to be, by index."""

    name: str
    cells: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    """Cells that stay together: what they are about, the names they bind, and those they use of others."""

    cells: tuple[int, ...]
    phase: str | None = None
    bound: frozenset[str] = frozenset()
    used: frozenset[str] = frozenset()
    title: str | None = None

    def joined(self, other: _Piece) -> _Piece:
        """Return this piece with the one that follows; the name is this one's where it has one."""
        phase = self.phase if self.phase not in (None, SETUP) else other.phase or self.phase
        used = self.used | (other.used - self.bound)
        return _Piece((*self.cells, *other.cells), phase, self.bound | other.bound, used, self.title or other.title)


def sections(cells: Sequence[Cell], trees: Mapping[int, ast.Module], working: Iterable[int]) -> tuple[Section, ...]:
    """Return the sections of the cells that are in `trees`, in their order.

    `cells` are all of the notebook, `working` those that do more than import and define.
    """
    busy = frozenset(working)
    level = _level(cells, busy)
    if level is not None:
        found = _by_heading(cells, [_Piece((index,)) for index in sorted(trees)], level, busy)
        if all(piece.title for piece in found):
            return _named(found)
    pieces = [_piece(index, trees[index]) for index in sorted(trees)]
    if level is not None:
        return _named(_by_heading(cells, pieces, level, busy))
    return _named(_fewer(_with_idle(_by_phase(pieces), busy), MOST_GROUPS))


def merged(found: Sequence[Section], cells: Iterable[int]) -> tuple[Section, ...] | None:
    """Return the sections with those from the first to the last of some cells as one; None when they are one already.

    The name stays that of the first.
    """
    wanted = set(cells)
    places = [place for place, section in enumerate(found) if wanted & set(section.cells)]
    if not places or places[0] == places[-1]:
        return None
    first, last = places[0], places[-1]
    joined = Section(found[first].name, tuple(index for item in found[first : last + 1] for index in item.cells))
    return (*found[:first], joined, *found[last + 1 :])


def _piece(index: int, tree: ast.Module) -> _Piece:
    made, known, used = set[str](), set[str](), set[str]()
    for node in tree.body:
        names = (inner for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load))
        used |= {name.id for name in names} - known
        bound = bound_names(ast.Module([node], []))
        known |= bound
        if not isinstance(node, ast.Import | ast.ImportFrom | Definitions):
            made |= bound
    return _Piece((index,), phase_of(tree.body), frozenset(made), frozenset(used))


# ---- headings


def _level(cells: Sequence[Cell], busy: frozenset[int]) -> int | None:
    """Return the deepest level of headings that start a step; None where no two stand above code that does work."""
    counts = {level: _count(cells, busy, level) for level in range(1, 7)}
    fitting = [level for level, number in counts.items() if 2 <= number <= MOST_HEADINGS]
    if fitting:
        return max(fitting, key=lambda level: (counts[level], -level))
    return next((level for level, number in counts.items() if number >= 2), None)


def _count(cells: Sequence[Cell], busy: frozenset[int], level: int) -> int:
    number, fresh = 0, False
    for cell in cells:
        fresh = fresh or any(heading.level <= level for heading in cell.headings)
        if fresh and cell.index in busy:
            number, fresh = number + 1, False
    return number


def _by_heading(cells: Sequence[Cell], pieces: Sequence[_Piece], level: int, busy: frozenset[int]) -> list[_Piece]:
    """Return a piece for each heading; cells in front of the first heading stand for themselves."""
    known = {piece.cells[0]: piece for piece in pieces}
    parts: list[tuple[str | None, list[_Piece]]] = [(None, [])]
    for cell in cells:
        titles = [heading.text for heading in cell.headings if heading.level <= level]
        if titles:
            parts.append((titles[-1], []))
        if cell.index in known:
            parts[-1][1].append(known[cell.index])
    found = []
    for title, members in parts:
        if members:
            whole = members[0]
            for member in members[1:]:
                whole = whole.joined(member)
            name = step_name(title) if title else None
            found.append(_Piece(whole.cells, whole.phase, whole.bound, whole.used, name))
    return _with_idle(found, busy)


def _with_idle(pieces: Sequence[_Piece], busy: frozenset[int]) -> list[_Piece]:
    """Join pieces that only import and define to the next that does something, the last to the one before."""
    found: list[_Piece] = []
    waiting: _Piece | None = None
    for piece in pieces:
        if busy.isdisjoint(piece.cells):
            waiting = waiting.joined(piece) if waiting else piece
            continue
        if waiting:
            together = waiting.joined(piece)
            piece = _Piece(together.cells, piece.phase, together.bound, together.used, piece.title)
            waiting = None
        found.append(piece)
    if waiting:
        found = [*found[:-1], found[-1].joined(waiting)] if found else [waiting]
    return found


# ---- data flow


def _by_phase(pieces: Sequence[_Piece]) -> list[_Piece]:
    """Join neighbours that are about the same, and what only looks at things to what comes before."""
    found: list[_Piece] = []
    for piece in pieces:
        last = found[-1] if found else None
        unclear = last is not None and (last.phase is None or (last.phase == SETUP and len(found) > 1))
        if last and (unclear or piece.phase in (None, last.phase)):
            found[-1] = last.joined(piece)
        else:
            found.append(piece)
    return found


def _fewer(pieces: list[_Piece], most: int) -> list[_Piece]:
    """Join neighbours until no more than `most` are left: short ones, and those that hand on much, first."""
    while len(pieces) > most:
        costs = [_cost(first, second) for first, second in pairwise(pieces)]
        best = costs.index(min(costs))
        pieces = [*pieces[:best], pieces[best].joined(pieces[best + 1]), *pieces[best + 2 :]]
    return pieces


def _cost(first: _Piece, second: _Piece) -> float:
    return len((*first.cells, *second.cells)) / (1 + min(len(first.bound & second.used), 3))


def _named(pieces: Sequence[_Piece]) -> tuple[Section, ...]:
    if len(pieces) == 1 and pieces[0].title is None:
        return (Section(WHOLE, pieces[0].cells),)
    taken: set[str] = set()
    found = []
    for place, piece in enumerate(pieces):
        name = piece.title or name_for(piece.phase, _given(pieces, place), _taken(pieces, place))
        name = next(option for option in _variants(name) if option not in taken)
        taken.add(name)
        found.append(Section(name, piece.cells))
    return tuple(found)


def _variants(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}_{number}" for number in count(2))


def _given(pieces: Sequence[_Piece], place: int) -> list[str]:
    """Return the names that a piece binds for later ones, the most used first."""
    uses = Counter(name for piece in pieces[place + 1 :] for name in piece.used & pieces[place].bound)
    return [name for name, _ in sorted(uses.items(), key=lambda item: (-item[1], item[0]))]


def _taken(pieces: Sequence[_Piece], place: int) -> list[str]:
    """Return the names that a piece uses of earlier ones, the last bound first."""
    earlier = [piece.bound for piece in pieces[:place]]
    shared = pieces[place].used & frozenset().union(*earlier)
    found = {name: max(n for n, bound in enumerate(earlier) if name in bound) for name in shared}
    return sorted(found, key=lambda name: (-found[name], name))
