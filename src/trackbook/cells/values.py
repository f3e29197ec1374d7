"""What a name may hold, as far as the text of the cells tells: the values of the analysis.

A `Thing` stands for all objects that one place in the code makes.  A name holds a set of things; a
thing knows what it may contain and which cells changed it.  Contents and changes only ever grow, so
that branches need not copy them; what a name holds is replaced when it is bound anew.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

IMMUTABLE = "immutable"
_serials = count(1)
CONTAINERS = frozenset({"list", "tuple", "dict", "set"})
EXHAUSTIBLE = frozenset({"iterator", "generator", "file"})


@dataclass(frozen=True, slots=True)
class Change:
    """A cell wrote: bound a name or changed a thing, at a line of its own, for certain or perhaps."""

    cell: int
    line: int
    certain: bool


@dataclass(eq=False, slots=True)
class Function:
    """A function of the notebook: its text, the scopes around it, what its defaults hold, the cell that makes it."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    parents: tuple[Frame, ...]
    defaults: dict[str, Things]
    names: frozenset[str]
    generator: bool
    cell: int

    @property
    def name(self) -> str:
        """The name in its `def`; a lambda has none."""
        return "" if isinstance(self.node, ast.Lambda) else self.node.name


@dataclass(eq=False, slots=True)
class Class:
    """A class of the notebook: what its body bound, and its bases."""

    name: str
    members: dict[str, Things]
    bases: tuple[Thing, ...]

    def find(self, name: str, depth: int = 0) -> Things:
        """Return what the attribute `name` may be, looked up through the bases that the notebook defines."""
        if name in self.members:
            return self.members[name]
        found: set[Thing] = set()
        for base in self.bases:
            if base.klass is not None and depth < 20:
                found |= base.klass.find(name, depth + 1)
        return frozenset(found)

    def inherited(self) -> dict[str, Things]:
        """Return the members of all bases that the notebook defines, each with all that its name may stand for."""
        found: dict[str, Things] = {}
        waiting, met = list(self.bases), set[int]()
        while waiting:
            base = waiting.pop().klass
            if base is None or id(base) in met:
                continue
            met.add(id(base))
            waiting += base.bases
            for name, things in base.members.items():
                found[name] = found.get(name, NOTHING) | things
        return found

    @property
    def closed(self) -> bool:
        """Tell whether all methods are in the notebook: no base comes from elsewhere."""
        return all(base.klass is not None and base.klass.closed for base in self.bases)


@dataclass(eq=False, slots=True)
class Thing:
    """All objects made at one place.

    `kind` is what they are, as far as it matters (`list`, `immutable`, `module`, `instance`, ...);
    `path` the dotted name of an imported object, or of the library class an instance is of.
    `resume` goes on with code that stopped half-way: whatever advances a generator runs more of it.
    `parts` are told apart by key, attribute or column, see `trackbook.cells.parts`; a part knows its `owner`, and
    whether it is surely `present`.  A thing with a `base` lies somewhere inside that, which holds it as its `inner`.
    `single` tells that the thing is one object, which no loop makes several of.
    """

    cell: int
    kind: str = "unknown"
    path: str = ""
    const: object = None
    function: Function | None = None
    klass: Class | None = None
    receiver: Things = frozenset()
    contents: set[Thing] = field(default_factory=set)
    changes: dict[int, Change] = field(default_factory=dict)
    resume: Callable[[int], object] | None = None
    parts: dict[object, Thing] = field(default_factory=dict)
    owner: Thing | None = None
    present: bool = False
    base: Thing | None = None
    inner: Thing | None = None
    single: bool = False
    serial: int = field(default_factory=lambda: next(_serials))

    @property
    def held(self) -> Things:
        """What lies directly in the thing, under whatever key."""
        if self.base is not None:
            return self.base.held
        if not self.parts:
            return frozenset(self.contents)
        found = set(self.contents)
        for part in self.parts.values():
            found |= part.contents
            if part.kind != "part":
                found.add(part)
        return frozenset(found)


def in_order(things: Iterable[Thing]) -> list[Thing]:
    """Return things in the order of their making, so that the same cells are analysed the same way every time."""
    return sorted(things, key=lambda thing: thing.serial)


Things = frozenset[Thing]
NOTHING: Things = frozenset()


@dataclass(eq=False, slots=True)
class Frame:
    """The names of one running scope; `parents` are the scopes around its text that it can see.

    `thing` stands for the variables themselves, which functions made in here share.
    """

    names: frozenset[str]
    held: dict[str, Things]
    thing: Thing
    globals: frozenset[str] = frozenset()
    parents: tuple[Frame, ...] = ()
    results: set[Thing] = field(default_factory=set)
    exits: list[Any] = field(default_factory=list)
    is_class: bool = False
    is_comprehension: bool = False


@dataclass(frozen=True, slots=True)
class Binding:
    """What a name holds and which cells may have bound it; `bound` is False where it may be unbound."""

    things: Things
    writers: tuple[Change, ...]
    bound: bool = True

    def joined(self, other: Binding) -> Binding:
        """Return the binding after a place that both branches lead to."""
        if self == other:
            return self
        writers = {writer.cell: writer for writer in (*self.writers, *other.writers)}
        single = len(writers) == 1 and self.bound and other.bound
        kept = tuple(Change(w.cell, w.line, w.certain and single) for w in writers.values())
        return Binding(self.things | other.things, kept, self.bound and other.bound)

    def loosened(self) -> Binding:
        """Return the binding after a place that a way around leads to, where the name was not bound."""
        return Binding(self.things, tuple(Change(w.cell, w.line, False) for w in self.writers), False)


def closure(things: Iterable[Thing]) -> set[Thing]:
    """Return `things` and all that they may contain, at any depth."""
    found = set(things)
    waiting = list(found)
    while waiting:
        thing = waiting.pop()
        parts = thing.parts.values() if thing.base is None else (thing.base,)
        for inner in (*thing.contents, *parts) if parts else thing.contents:
            if inner not in found:
                found.add(inner)
                waiting.append(inner)
    return found
