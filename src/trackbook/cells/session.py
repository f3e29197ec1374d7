"""The analysis of what really ran: executions of one session, of which some failed and some were watched."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from trackbook.cells import catalogue
from trackbook.cells.arguments import Arguments
from trackbook.cells.catalogue import ANY_FILE, CWD, FILE, LAST, OUT, Rule
from trackbook.cells.names import CellNames, run_cell
from trackbook.cells.paths import Paths, absolute, may_be_same
from trackbook.cells.source import CellSource
from trackbook.cells.statements import Statements
from trackbook.cells.values import NOTHING, Binding, Change, Thing, Things, closure

_SEEDED = "seeded"
_NESTED = 2
"""How deep a computed `exec` inside the text of another is followed: each level runs all the texts again."""
_WORKING = ast.Call | ast.BinOp | ast.FormattedValue | ast.Expr | ast.Compare | ast.Import | ast.ImportFrom
_DECORATED = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of an execution that has ended: see `trackbook.cells.history.Outcome`.

    `failed_at` is the line at which it failed, 0 for a line that nobody knows, None where it did not fail.
    """

    failed_at: int | None = None
    bound: frozenset[str] | None = None
    all_files: bool = False
    ran: tuple[str, ...] | None = None


_NOTHING_SEEN = Seen()


class Session(Statements):
    """Runs executions instead of cells.

    A thing remembers only those changes that no later change has read: the others are needed by
    way of it, so that a loop of a thousand executions costs a thousand edges and not half a million.
    """

    def __init__(self, *, by_parts: bool = True) -> None:
        super().__init__()
        self.by_parts = by_parts
        self.seen = _NOTHING_SEEN
        self.outputs: dict[int, Binding] = {}
        self._shows = False
        self._inside = 0
        self._settings: set[str] = set()
        self._strange: Things = frozenset({Thing(-1)})
        self.undecided = False
        self.surroundings: dict[str, Change] = {}
        self._before: dict[str, Binding] = {}
        self._paths = Paths()
        self._replaced: set[str] = set()

    def run(self, source: CellSource, number: int, seen: Seen = _NOTHING_SEEN) -> CellNames:
        """Analyse execution `number`; what it leaves can be taken back with `rollback`."""
        self.journal.forget()
        self._before = dict(self.names)
        self.seen, self.all_files = seen, seen.all_files
        self.shown, self.undecided, self._shows, self._inside = NOTHING, False, False, 0
        self._replaced.clear()
        names = run_cell(self, source, number)
        self._meet_surroundings(source)
        return names

    def _meet_surroundings(self, source: CellSource) -> None:
        """Let what is more than names and constants depend on settings that earlier executions changed."""
        known = catalogue.SETTINGS & self.library.keys()
        self._settings = {path for path in known if self.library[path] in self.notes.changed}
        if not self.surroundings:
            return
        if self._settings or source.foreign or any(isinstance(node, _WORKING) for node in ast.walk(source.tree)):
            for path, change in self.surroundings.items():
                self._edges(path, (change,), 1)

    def rollback(self) -> None:
        """Forget the execution that was analysed last."""
        self.journal.rollback()
        self.names = self._before
        self.evidence.clear()

    @property
    def before(self) -> dict[str, Binding]:
        """What names held before the execution."""
        return self._before

    # ---- executions that failed

    def cell_source(self, source: CellSource) -> None:
        """Run a cell: all of it, or what ran of it when it failed."""
        if self.seen.failed_at is None:
            super().cell_source(source)
            return
        self.source = source
        if source.foreign is not None:
            foreign = source.foreign
            self._perhaps(lambda: self.foreign_cell(foreign))
            return
        self._until(source.tree.body, self.seen.failed_at)
        for magic in source.cell_magics:
            self._perhaps(partial(self.after_cell, magic))

    def _until(self, body: list[ast.stmt], line: int) -> None:
        """Run what stands before `line`, and perhaps what stands there; where nothing does, perhaps all."""
        spans = [self._span(node) for node in body]
        if not any(first <= line <= last for first, last in spans):
            spans = [(line, line)] * len(body)
        for node, (first, last) in zip(body, spans, strict=True):
            if last < line:
                self.statement(node)
            elif first <= line:
                self._perhaps(partial(self.statement, node))

    def _span(self, node: ast.stmt) -> tuple[int, int]:
        """Return the first and the last line of a statement in the cell's text, decorators included."""
        starts = [node.lineno]
        if isinstance(node, _DECORATED):
            starts += [item.lineno for item in node.decorator_list]
        return self.source.line(min(starts)), self.source.line(node.end_lineno or node.lineno)

    def _perhaps(self, step: Callable[[], object]) -> None:
        """Take a step that may have stopped anywhere on its way."""
        stops = [self.snapshot()]
        with self.branch(), self.stopping(stops):
            step()
        self.gather(stops)

    # ---- names that only the execution itself can tell

    def bind_anything(self, line: int) -> None:
        """Note that names may have been bound that the text does not tell; of watched executions they are known."""
        if self.seen.bound is None:
            super().bind_anything(line)
            for name, held in self.names.items():
                self.names[name] = Binding(held.things | self._strange, held.writers, held.bound)
            return
        self.notes.wild = True
        for name in sorted(self.seen.bound):
            self.may_bind(name, line)

    def run_unknown(self, line: int) -> Things:
        """Run the texts that computed `exec`s are known to have run, any of them here; else take it to do anything."""
        if self.seen.ran is None:
            return super().run_unknown(line)
        self.notes.wild = True
        if self._inside >= _NESTED:
            return NOTHING
        self._inside += 1
        found: set[Thing] = set()
        try:
            for text in self.seen.ran:
                self._perhaps(lambda text=text: found.update(self.run_text(text, line)))  # type: ignore[misc]
        finally:
            self._inside -= 1
        return frozenset(found)

    def bind_global(self, name: str, things: Things, line: int) -> None:
        """Let a variable hold `things`; a file that it held open may be closed by that, and be written at last."""
        self._let_go(name, line)
        super().bind_global(name, things, line)

    def unbind(self, name: str, line: int) -> None:
        """Delete a name."""
        if self.frame is None or name in self.frame.globals:
            self._let_go(name, line)
        super().unbind(name, line)

    def _let_go(self, name: str, line: int) -> None:
        held = self.names.get(name)
        if held is not None:
            self.write_open_files(held.things, line)

    def _outside(self, name: str) -> Things:
        """Return what a name may be that no text binds; functions of one star import may share what they change."""
        found = super()._outside(name)
        return found | self._strange if self.wild_cells else found

    def may_bind(self, name: str, line: int) -> None:
        """Let `name` hold something unknown, or still what it held."""
        unknown = frozenset({Thing(self.cell)}) | self._within_reach()
        old = self.names.get(name)
        here = Change(self.cell, line, False)
        if old is None:
            self.names[name] = Binding(unknown, (here,), False)
        else:
            self.names[name] = Binding(old.things | unknown, (*old.writers, here), old.bound)
        self.notes.writes.setdefault(name, line)

    def _within_reach(self) -> Things:
        """Return what code that is not seen may have got hold of: whatever this cell has read."""
        names = (self.names.get(name) for name in self.notes.globals_read)
        return NOTHING.union(*(binding.things for binding in names if binding is not None))

    # ---- what need not be remembered

    def change(self, things: Iterable[Thing], line: int, *, certain: bool = True) -> None:
        """Note that `things` are changed in place, and forget changes that this cell is known to need anyway."""
        things = list(things)
        super().change(things, line, certain=certain)
        if self.dry:
            return
        for thing in (*things, *(thing.base for thing in things if thing.base is not None)):
            if len(thing.changes) > 1:
                self._forget_needed(thing)

    def make_certain(self, things: Things) -> None:
        """Note that a change in place which this cell may make was seen to happen."""
        for thing in [part for owner in things for part in (owner, *owner.parts.values())]:
            change = thing.changes.get(self.cell)
            if change is not None and not change.certain:
                self.journal.put(thing.changes, self.cell, Change(self.cell, change.line, True))

    def _forget_needed(self, thing: Thing) -> None:
        if self.cell not in thing.changes:
            return
        for cell, _ in self.evidence:
            if cell in thing.changes:
                self.journal.remove(thing.changes, cell)

    def take_needs(self) -> dict[int, tuple[str, ...]]:
        """Return which names this execution needs from which earlier ones, and forget it here."""
        if self._settings:
            self.surround(min(self._settings), 1)
        needs = {earlier: tuple(sorted(names)) for (earlier, _), names in self.evidence.items()}
        self.evidence.clear()
        return needs

    # ---- process state

    def forget_settings(self, kept: Iterable[str]) -> None:
        """Note that settings which the text of this execution changes are what they were before."""
        for path in self._settings.intersection(kept):
            self._settings.discard(path)
            self.library[path].changes.pop(self.cell, None)

    def freshen(self, path: str, *, changed: bool) -> None:
        """Note that a piece of process state is as in a new process; `changed` tells that it was not before."""
        self.library[path].changes.clear()

    def surround(self, path: str, line: int) -> None:
        """Note that a piece of process state changed which anything that runs later may depend on."""
        for earlier, change in self.surroundings.items():
            self._edges(earlier, (change,), line)
        self.surroundings = {path: Change(self.cell, line, False)}

    def known(self, path: str, kind: str = "library") -> Thing:
        """Return the one thing for an imported object, a builtin, a piece of process state or a file."""
        if kind == "library" and path.startswith(FILE) and path not in self.library:
            self._paths.add(path)
            self.library[path] = Thing(-1, kind, path)
        return super().known(path, kind)

    def read_state(self, path: str, line: int) -> Things:
        """Read a piece of process state; of a file also what it may be called elsewhere."""
        if path.startswith(FILE) and path != ANY_FILE:
            self._look_at(self._paths.needed(path), line)
        root = path.partition(".")[0]
        if root != path and root in self.library and self._keeps_state(root):
            self.look_into((self.library[root],), path, line)
        return super().read_state(path, line)

    def change_state(self, path: str, line: int, *, replace: bool = False) -> None:
        """Change a piece of process state."""
        if path.startswith(FILE) and path != ANY_FILE:
            if replace:
                self._look_at(self._paths.above(path), line)
            else:
                self._read_file(path, line)
            if replace and not self.branches and not self.dry:
                self._replaced.add(path)
        super().change_state(path, line, replace=replace)

    def _read_file(self, path: str, line: int) -> None:
        """Read a file, which an execution may have written under a path that the text does not tell."""
        if path != ANY_FILE:
            self.read_state(path, line)
        super()._read_file(path, line)

    def _look_at(self, pieces: set[str], line: int) -> None:
        for piece in sorted(pieces & self.library.keys()):
            self.look((self.library[piece],), piece, line)

    def touch_files(self, read: Iterable[str], written: Iterable[str], replaced: Iterable[str]) -> None:
        """Note the files that were seen to be read and written, by absolute paths."""
        for path in absolute(read):
            self.read_state(path, 1)
            if ANY_FILE in self.library:
                self.read_state(ANY_FILE, 1)
        if CWD in self.library and (read or written):
            self.read_state(CWD, 1)
        anew = set(absolute(replaced))
        for path in absolute(written):
            told = any(may_be_same(path.removeprefix(FILE), piece.removeprefix(FILE)) for piece in self._replaced)
            self.change_state(path, 1, replace=told or path in anew)

    # ---- libraries that nothing is known of

    def _call_library(self, path: str, arguments: Arguments, line: int) -> Things:
        """A library that the catalogue does not know may keep what it was told, and tell it later."""
        found = super()._call_library(path, arguments, line)
        root = path.partition(".")[0]
        if self._keeps_state(root):
            self.look_into((self.known(root),), path, line)
            self.change((self.known(root), self.known(path.rpartition(".")[0] or path)), line, certain=False)
        return found

    def look(self, things: Iterable[Thing], name: str, line: int) -> None:
        """Note that things are read; what a library that nothing is known of holds, any call of it may have changed."""
        things = frozenset(things)
        super().look(things, name, line)
        for thing in things:
            root = thing.path.partition(".")[0] if thing.kind == "library" else ""
            if root != thing.path and root in self.library and self._keeps_state(root):
                self.look_into((self.library[root],), name, line)

    def _keeps_state(self, root: str) -> bool:
        return root not in catalogue.PURE_LIBRARIES and not root.startswith((FILE, "state:")) and root.isidentifier()

    def _result(self, rule: Rule, arguments: Arguments) -> Things:
        found = super()._result(rule, arguments)
        for thing in found:
            if thing.kind == "estimator" and "random_state" in arguments.keywords:
                thing.path = _SEEDED
        return found

    def _effects_of_method(self, name: str, receivers: Things, arguments: Arguments, line: int) -> None:
        """An estimator without a seed of its own may draw from the generator of numpy when it is fitted."""
        super()._effects_of_method(name, receivers, arguments, line)
        if name.startswith("fit"):
            inside = closure(thing for thing in receivers if thing.kind == "estimator")
            self.undecided |= any(thing.kind == "estimator" and thing.path != _SEEDED for thing in inside)

    # ---- what cells show

    def _last_value(self, tree: ast.Module) -> None:
        super()._last_value(tree)
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            self._shows = True
            for path in (LAST, OUT):
                self.hold(self.known(path), self.shown)

    def _read_unbound(self, name: str, line: int) -> Things:
        """Return what a name may be that no cell has bound: `_` and `_5` are values shown, builtins may be replaced."""
        if name[:1] == "_" and name[1:].isdigit() and int(name[1:]) in self.outputs:
            return self._output(int(name[1:]), name, line)
        found = super()._read_unbound(name, line)
        self.look(found & self._strange, name, line)
        if any(thing.path in {LAST, OUT} for thing in found):
            return found.union(*(thing.contents for thing in found))
        return found

    def _output(self, count: int, name: str, line: int) -> Things:
        binding = self.outputs[count]
        self._edges(name, binding.writers, line)
        self.look(binding.things, name, line)
        return binding.things

    def item(self, node: ast.Subscript) -> Things:
        """Return an item; `Out[5]` is what the execution with the count 5 showed."""
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        shown = isinstance(node.value, ast.Name) and node.value.id in {"Out", "_oh"} - self.names.keys()
        if shown and isinstance(key, int) and key in self.outputs:
            return self._output(key, f"Out[{key}]", self.line(node))
        return super().item(node)

    def keep_output(self, count: int) -> None:
        """Let the value that this execution showed be known by its execution count."""
        if self._shows:
            self.outputs[count] = Binding(self.shown, (Change(self.cell, 1, True),))
