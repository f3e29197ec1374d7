"""The state of the analysis: what every name holds after the cells read so far, and what was noted on the way."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from trackbook.cells.catalogue import LAST, MODULE_ALIASES, OUT, PYPLOT, canonical
from trackbook.cells.journal import Journal
from trackbook.cells.source import read_source
from trackbook.cells.values import (
    EXHAUSTIBLE,
    IMMUTABLE,
    NOTHING,
    Binding,
    Change,
    Frame,
    Function,
    Thing,
    Things,
    closure,
)

BUILTIN_NAMES = frozenset(dir(builtins)) | {"display", "get_ipython", "__file__"}
_HISTORY = frozenset({"_", "__", "___", "Out", "_oh"})
EFFORT = 20_000
"""How many small pieces of work one cell is worth; what calls then lead to is guessed rather than followed."""
_HARD_LIMIT = -40_000
UNCHANGING = frozenset({IMMUTABLE, "builtin"})
VALUE: Things = frozenset({Thing(-1, IMMUTABLE)})
"""What a plain number, string or other value that never changes is."""


class TooMuch(Exception):
    """A cell is more work than it can be worth; raised and caught inside the analysis."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why an edge is there: a name (or a piece of process state), the line that wrote it and the line that reads.

    `in_place` tells that what the name holds was changed, and not the name bound; `deletes` that the reader does no
    more than to delete the name: it needs the name to be there, but no value is handed on.
    """

    name: str
    written: int
    read: int
    certain: bool
    in_place: bool = False
    deletes: bool = False


@dataclass(slots=True)
class Notes:
    """What one cell does, as it is found out; values are lines of the cell."""

    reads: dict[str, int] = field(default_factory=dict)
    writes: dict[str, int] = field(default_factory=dict)
    deletes: dict[str, int] = field(default_factory=dict)
    changed: set[Thing] = field(default_factory=set)
    globals_read: set[str] = field(default_factory=set)
    globals_bound: set[str] = field(default_factory=set)
    through: set[tuple[str, int, str]] = field(default_factory=set)
    wild: bool = False
    any_file: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What names held before a branch."""

    names: dict[str, Binding]
    held: dict[str, Things] | None


class Memory:
    """Names, things and notes; the subclasses say what expressions and statements do to them."""

    def __init__(self, modules: Mapping[str, str] | None = None) -> None:
        self.modules = {**MODULE_ALIASES, **(modules or {})}
        self.names: dict[str, Binding] = {}
        self.library: dict[str, Thing] = {}
        self.journal = Journal()
        self.frame: Frame | None = None
        self.cell = 0
        self.source = read_source("")
        self.notes = Notes()
        self.evidence: dict[tuple[int, int], dict[str, Evidence]] = {}
        self.wild_cells: list[Change] = []
        self.branches = 0
        self.call_line = 0
        self.running: list[Function] = []
        self.dry = False
        self.effort = EFFORT
        self.stops: list[tuple[Frame | None, list[Snapshot]]] = []
        self.turns: list[list[Snapshot]] = []
        self.shown: Things = NOTHING
        self._advancing: set[Thing] = set()
        self.figures_stay = False
        self.deleting = False
        self.partly: dict[Thing, str] = {}
        """Things that the cell has got at without reading all of them, with the names that it came by."""
        self.by_parts = True
        """Whether a cell that reads a column or a key of what a name holds reads that part of it alone."""

    @property
    def surely(self) -> bool:
        """Tell whether what runs here runs once, whenever the cell does."""
        return not self.branches and (self.frame is None or not self.frame.exits)

    def spend(self, amount: int) -> None:
        """Count work.  Raises TooMuch when a cell goes on long after calls are no longer followed."""
        self.effort -= amount
        if self.effort < _HARD_LIMIT:
            raise TooMuch

    # ---- places

    def line(self, node: object) -> int:
        """Return the line of the current cell that is running: the line of the call inside functions."""
        if self.call_line:
            return self.call_line
        return self.source.line(getattr(node, "lineno", 1))

    def new(self, kind: str = "unknown", contents: Iterable[Thing] = (), path: str = "") -> Things:
        """Return a thing that comes into being here."""
        kept = {thing for thing in contents if thing.kind not in UNCHANGING or thing.const is not None}
        return frozenset({Thing(self.cell, kind, path, contents=kept, single=not self.branches)})

    # ---- reading

    def read(self, name: str, line: int, *, shallow: bool = False) -> Things:
        """Return what `name` holds where the analysis stands, and note that it was read."""
        shallow = shallow and self.by_parts
        held = self._read_local(name)
        if held is not None:
            return held if shallow else self.whole(held, line)
        return self.read_global(name, line, shallow=shallow)

    def whole(self, things: Things, line: int) -> Things:
        """Return `things`, noting that all of them is read where only a part was noted so far."""
        for thing in things:
            name = self.partly.get(thing)
            if name is not None:
                self.look((thing,), name, line)
        return things

    def _read_local(self, name: str) -> Things | None:
        frame = self.frame
        if frame is None or name in frame.globals:
            return None
        for scope in (frame, *frame.parents):
            if name in scope.held:
                return scope.held[name]
            if name in scope.names:
                return NOTHING
        return None

    def read_global(self, name: str, line: int, *, shallow: bool = False) -> Things:
        """Return what the notebook's variable `name` holds; adds edges from the cells that wrote it."""
        self.notes.through.update((name, made.cell, made.name) for made in self.running if made.cell != self.cell)
        binding = self.names.get(name)
        if binding is None:
            return self._read_unbound(name, line)
        self.notes.globals_read.add(name)
        if not binding.bound or not binding.writers or any(w.cell != self.cell for w in binding.writers):
            self.notes.reads.setdefault(name, line)
        self._edges(name, binding.writers, line)
        if not shallow:
            self.look(binding.things, name, line)
        else:
            for thing in binding.things:
                self.partly.setdefault(thing, name)
        return binding.things

    def _read_unbound(self, name: str, line: int) -> Things:
        if name in _HISTORY or (name[:1] == "_" and name[1:].isdigit()):
            return self.read_state(LAST if name == "_" else OUT, line)
        if f"builtins.{name}" in self.library:
            return self.read_state(f"builtins.{name}", line) | self._outside(name)
        if name in BUILTIN_NAMES and not self.wild_cells:
            return frozenset({self.known(name, "builtin")})
        self.notes.globals_read.add(name)
        self.notes.reads.setdefault(name, line)
        self._edges(name, self.wild_cells, line)
        if name in BUILTIN_NAMES:
            return frozenset({self.known(name, "builtin")})
        return self._outside(name)

    def _outside(self, name: str) -> Things:
        """Return the thing for a name that no cell binds: all that is known is its name."""
        module = self.modules.get(name)
        thing = self.known(module, "library") if module else Thing(-1)
        if not self.wild_cells:
            self.names[name] = Binding(frozenset({thing}), (), bound=False)
        return frozenset({thing})

    def look(self, things: Iterable[Thing], name: str, line: int) -> None:
        """Note that `things`, with all they contain, are read under `name`."""
        reached = closure(things)
        self.spend(len(reached))
        for thing in reached:
            if thing.changes:
                self._edges(name, thing.changes.values(), line, in_place=True)
            if thing.owner is not None and thing.owner not in reached:
                self._edges(name, thing.owner.changes.values(), line, in_place=True)

    def look_into(self, things: Iterable[Thing], name: str, line: int) -> None:
        """Note that `things` are read, without what they contain."""
        for thing in things:
            if thing.changes:
                self._edges(name, thing.changes.values(), line, in_place=True)

    def _edges(self, name: str, writers: Iterable[Change], line: int, *, in_place: bool = False) -> None:
        for writer in writers:
            if writer.cell == self.cell or self.dry:
                continue
            found = self.evidence.setdefault((writer.cell, self.cell), {})
            known = found.get(name)
            better = known is None or (known.certain, -known.written) < (writer.certain, -writer.line)
            if better or (known is not None and known.deletes and not self.deleting):
                found[name] = Evidence(name, writer.line, line, writer.certain, in_place, self.deleting)

    def known(self, path: str, kind: str = "library") -> Thing:
        """Return the one thing for an imported object, a builtin or a piece of process state."""
        path = canonical(path) if kind == "library" else f"{kind} {path}"
        if path not in self.library:
            self.library[path] = Thing(-1, kind, path.removeprefix("builtin "))
            parent = path.rpartition(".")[0]
            if parent and kind == "library":
                self.known(parent).contents.add(self.library[path])
        return self.library[path]

    def read_state(self, path: str, line: int) -> Things:
        """Read a piece of process state."""
        thing = self.known(path)
        self.look((thing,), path, line)
        return frozenset({thing})

    # ---- writing

    def keep(self, owner: Thing, things: Iterable[Thing]) -> None:
        """Put things inside a new one, texts that may be paths or code included."""
        self.journal.add(owner.contents, [t for t in things if t.kind not in UNCHANGING or t.const is not None])

    def hold(self, owner: Thing, things: Iterable[Thing]) -> None:
        """Put things inside another; what never changes holds nothing, and need not be held."""
        if owner.kind != IMMUTABLE:
            inside = {thing for thing in things if thing.kind != IMMUTABLE}
            self.spend(len(inside) // 8)
            self.journal.add(owner.contents, inside)

    def bind(self, name: str, things: Things, line: int) -> None:
        """Let `name` hold `things` from here on."""
        frame = self.frame
        if frame is None or name in frame.globals:
            self.bind_global(name, things, line)
        elif name in frame.names or frame.is_class:
            frame.held[name] = things
            self.hold(frame.thing, things)
        else:
            self._bind_enclosing(frame, name, things, line)

    def _bind_enclosing(self, frame: Frame, name: str, things: Things, line: int) -> None:
        for scope in frame.parents:
            if name in scope.names:
                self.journal.put(scope.held, name, scope.held.get(name, NOTHING) | things)
                self.hold(scope.thing, things)
                self.change(frozenset({scope.thing}), line)
                return
        self.bind_global(name, things, line)

    def bind_global(self, name: str, things: Things, line: int) -> None:
        """Let a variable of the notebook hold `things`."""
        self.notes.globals_bound.add(name)
        self.notes.writes.setdefault(name, line)
        self.names[name] = Binding(things, (Change(self.cell, line, True),))

    def unbind(self, name: str, line: int) -> None:
        """Delete a name."""
        frame = self.frame
        if frame is not None and name not in frame.globals:
            frame.held.pop(name, None)
            return
        self.notes.deletes.setdefault(name, line)
        self.names[name] = Binding(NOTHING, (Change(self.cell, line, True),), bound=False)

    def bind_anything(self, line: int) -> None:
        """Note that names nobody can tell may have been bound: a star import, `exec` of a computed text."""
        here = Change(self.cell, line, False)
        self.notes.wild = True
        self.journal.append(self.wild_cells, here)
        unknown = frozenset({Thing(self.cell)})
        for name, binding in self.names.items():
            self.names[name] = Binding(binding.things | unknown, (*binding.writers, here), binding.bound)

    def change(self, things: Iterable[Thing], line: int, *, certain: bool = True) -> None:
        """Note that `things` are changed in place."""
        affected = [thing for thing in things if thing.kind not in UNCHANGING]
        sure = certain and self.surely and len(affected) == 1
        affected += [thing.base for thing in affected if thing.base is not None]
        self.spend(len(affected))
        for thing in affected:
            self.notes.changed.add(thing)
            if thing.owner is not None:
                self.notes.changed.add(thing.owner)
            for part in thing.parts.values():
                part.present = False
            if self.dry:
                continue
            earlier = thing.changes.get(self.cell)
            sure_now = sure or (earlier is not None and earlier.certain)
            self.journal.put(thing.changes, self.cell, Change(self.cell, line, sure_now))
        for thing in affected:
            if thing.kind in EXHAUSTIBLE and thing not in self._advancing:
                self._advance(thing, line)

    def _advance(self, thing: Thing, line: int) -> None:
        """Run on what stopped half-way, and what it takes its items from."""
        self._advancing.add(thing)
        try:
            self.change([inner for inner in thing.contents if inner.kind in EXHAUSTIBLE], line, certain=False)
            if thing.resume is not None:
                with self.perhaps():
                    thing.resume(line)
        finally:
            self._advancing.discard(thing)

    def change_state(self, path: str, line: int, *, replace: bool = False) -> None:
        """Change a piece of process state, or set it to something that what it was does not matter for."""
        thing = self.known(path)
        if not replace:
            self.look((thing,), path, line)
        elif not self.branches and not self.dry:
            self.journal.empty(thing.changes)
        self.change((thing,), line)

    def end_cell(self) -> None:
        """Close what a notebook closes at the end of a cell: pyplot's figures, unless another backend was chosen."""
        if PYPLOT in self.library and not self.figures_stay:
            self.journal.empty(self.library[PYPLOT].changes)

    def saved_state(self, paths: Iterable[str]) -> dict[Thing, dict[int, Change]]:
        """Return which changes pieces of process state have now, their parts included."""
        things = [self.known(path) for path in paths]
        return {part: dict(part.changes) for thing in things for part in (thing, *thing.parts.values())}

    def restore_state(self, paths: Iterable[str], saved: Mapping[Thing, dict[int, Change]]) -> None:
        """Let pieces of process state have the changes that they had: what was changed since was put back."""
        for thing in [self.known(path) for path in paths]:
            for part in (thing, *thing.parts.values()):
                self.journal.empty(part.changes)
                for cell, change in saved.get(part, {}).items():
                    self.journal.put(part.changes, cell, change)

    # ---- branches

    def snapshot(self) -> Snapshot:
        """Return what names hold now."""
        return Snapshot(dict(self.names), None if self.frame is None else dict(self.frame.held))

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to what names held."""
        self.names = dict(snapshot.names)
        if self.frame is not None and snapshot.held is not None:
            self.frame.held = dict(snapshot.held)

    def join(self, other: Snapshot) -> None:
        """Go on from a place that is reached from here and from where `other` was taken."""
        if self.names != other.names:
            self.names = dict(_joined(self.names, other.names))
        if self.frame is not None and other.held is not None:
            mine = self.frame.held
            self.frame.held = {
                name: mine.get(name, NOTHING) | other.held.get(name, NOTHING) for name in {*mine, *other.held}
            }

    @contextmanager
    def branch(self) -> Iterator[None]:
        """What runs inside may not run at all."""
        self.branches += 1
        try:
            yield
        finally:
            self.branches -= 1

    @contextmanager
    def perhaps(self) -> Iterator[None]:
        """What runs inside may not run at all; what names held before, they may hold after it."""
        before = self.snapshot()
        with self.branch():
            yield
        self.join(before)

    @contextmanager
    def stopping(self, stops: list[Snapshot]) -> Iterator[None]:
        """What runs inside may stop after any statement; `stops` takes what names held there."""
        self.stops.append((self.frame, stops))
        try:
            yield
        finally:
            self.stops.pop()

    def may_stop(self) -> None:
        """Keep what names hold at a place where the code that runs may stop."""
        for frame, stops in self.stops:
            held = dict(frame.held) if frame is not None and frame is self.frame else None
            self.spend(1)
            stops.append(Snapshot(dict(self.names), held))

    def gather(self, ends: list[Snapshot], *, instead: bool = False) -> None:
        """Go on from here or from any of `ends`; with `instead` only from one of those."""
        if instead and ends:
            self.restore(ends[0])
        for end in ends[int(instead) :]:
            self.join(end)


def _joined(mine: dict[str, Binding], other: dict[str, Binding]) -> Iterator[tuple[str, Binding]]:
    for name, binding in mine.items():
        if name in other:
            yield name, binding.joined(other[name])
        else:
            yield name, binding.loosened()
    for name, binding in other.items():
        if name not in mine:
            yield name, binding.loosened()
