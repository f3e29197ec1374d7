"""What statements do, in the order in which they run."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from trackbook.cells import catalogue
from trackbook.cells.arguments import Arguments
from trackbook.cells.certain import always_fails, star_names, surely_turns, truth_of
from trackbook.cells.expressions import visible
from trackbook.cells.magics import Magics
from trackbook.cells.memory import VALUE, Snapshot
from trackbook.cells.scopes import bound_names, imported_name
from trackbook.cells.source import CellSource
from trackbook.cells.values import NOTHING, Class, Frame, Thing, Things, in_order

_SUPPRESSING = frozenset({"suppress", "ExitStack", "AsyncExitStack", "raises", "catch_exceptions"})
_LEAVING = frozenset({"exit", "quit"})


class Statements(Magics):
    """Runs statements; a block gives True when nothing after it can run."""

    def execute(self, body: list[ast.stmt]) -> bool:
        """Run a block; True when it never reaches its end."""
        return any(self.statement(node) for node in body)

    def statement(self, node: ast.stmt) -> bool:
        self.spend(1)
        method = _STATEMENTS.get(type(node).__name__)
        ended = bool(method(self, node)) if method is not None else False
        if self.stops:
            self.may_stop()
        return ended

    def cell_source(self, source: CellSource) -> None:
        """Run a whole cell."""
        self.source = source
        if source.foreign is not None:
            self.foreign_cell(source.foreign)
            return
        self.execute(source.tree.body)
        for magic in source.cell_magics:
            self.after_cell(magic)
        self._last_value(source.tree)

    def guess_cell(self, source: CellSource) -> None:
        """Take a cell that is too much to be run to read and change all that it mentions, and bind what it binds."""
        self.frame, self.call_line, self.branches, self.dry = None, 0, 0, False
        self.effort = 1 << 60
        self.running.clear()
        self.stops.clear()
        self.turns.clear()
        self.source = source
        mentioned = {node.id: node for node in ast.walk(source.tree) if isinstance(node, ast.Name)}
        for name, node in sorted(mentioned.items()):
            self.change(self.read_global(name, self.line(node)), self.line(node), certain=False)
        for name in sorted(bound_names(source.tree)):
            before = self.snapshot()
            self.bind_global(name, self.new(), 1)
            self.join(before)
        self.bind_anything(1)

    def _last_value(self, tree: ast.Module) -> None:
        if not tree.body or not isinstance(tree.body[-1], ast.Expr):
            return
        value = tree.body[-1].value
        line = self.line(value)
        surely = isinstance(value, ast.BinOp | ast.Compare | ast.List | ast.Dict | ast.Tuple | ast.JoinedStr)
        surely = surely or (isinstance(value, ast.Constant) and value.value is not None)
        last = self.known(catalogue.LAST)
        if surely:
            self.journal.empty(last.changes)
            self.journal.empty(last.contents)
        for path in (catalogue.LAST, catalogue.OUT):
            self.change((self.known(path),), line, certain=surely)

    # ---- bindings

    def _assign(self, node: ast.Assign) -> bool:
        if len(node.targets) == 1 and self._assign_each(node.targets[0], node.value):
            return False
        things = self.evaluate(node.value)
        for target in node.targets:
            self.assign(target, things)
        return always_fails(node.value)

    def _assign_each(self, target: ast.expr, value: ast.expr) -> bool:
        """Assign `a, b = x, y` part by part: each name holds its own value."""
        if not isinstance(target, ast.Tuple) or not isinstance(value, ast.Tuple) or len(target.elts) != len(value.elts):
            return False
        if any(isinstance(item, ast.Starred) for item in (*target.elts, *value.elts)):
            return False
        given = [self.evaluate(item) for item in value.elts]
        for item, things in zip(target.elts, given, strict=True):
            self.assign(item, things)
        return True

    def _annotated(self, node: ast.AnnAssign) -> None:
        if self.frame is None or self.frame.is_class:
            self.evaluate(node.annotation)
        if node.value is not None:
            self.assign(node.target, self.evaluate(node.value))

    def _augmented(self, node: ast.AugAssign) -> None:
        """`x += y` reads x, may change what it holds in place, and binds x again."""
        line = self.line(node)
        target = node.target
        owners = NOTHING
        if isinstance(target, ast.Attribute):
            owners = self.base(target.value)
            old = self.attribute(owners, target.attr, line)
        elif isinstance(target, ast.Subscript):
            old = self.evaluate(target)
            owners = self.evaluate(target.value)
        else:
            old = self.read(target.id, line)
        new = self.evaluate(node.value)
        self.operate(old | new, line)
        self.change(old, line, certain=not isinstance(target, ast.Attribute | ast.Subscript))
        inside = [inner for item in new for inner in item.held]
        for thing in old:
            self.hold(thing, inside)
        if isinstance(target, ast.Name):
            self.bind(target.id, old if old - VALUE else VALUE, line)
        else:
            self.assign(target, new)

    def _delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            for item in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
                line = self.line(item)
                if isinstance(item, ast.Name):
                    self.deleting = True
                    self.read(item.id, line, shallow=True)
                    self.deleting = False
                    self.unbind(item.id, line)
                elif isinstance(item, ast.Attribute | ast.Subscript):
                    self.remove(item)

    def _import(self, node: ast.Import) -> None:
        line = self.line(node)
        for alias in node.names:
            self._module_loaded(alias.name, line)
            path = alias.name if alias.asname else alias.name.partition(".")[0]
            self.bind(imported_name(alias), frozenset({self.known(path)}), line)

    def _import_from(self, node: ast.ImportFrom) -> None:
        line = self.line(node)
        module = "." * node.level + (node.module or "")
        self._module_loaded(module, line)
        for alias in node.names:
            if alias.name == "*":
                self._import_all(module, line)
            else:
                things = self.read_state(f"{module}.{alias.name}", line)
                self.bind(imported_name(alias), things, line)

    def _import_all(self, module: str, line: int) -> None:
        names = star_names(module)
        if names is None:
            self.bind_anything(line)
            return
        for name in names:
            self.bind(name, self.read_state(f"{module}.{name}", line), line)

    def _module_loaded(self, module: str, line: int) -> None:
        """An import looks along `sys.path`, and may read a module that an earlier cell wrote."""
        if catalogue.PACKAGES in self.library:
            self.read_state(catalogue.PACKAGES, line)
        if module.partition(".")[0] in catalogue.PURE_LIBRARIES:
            return
        for path in ("sys.path", "sys.modules", f"{catalogue.FILE}{module.replace('.', '/')}.py"):
            if path in self.library:
                self.read_state(path, line)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        things = self._decorated(node, self.make_function(node))
        self.bind(node.name, things, self.line(node))

    def _decorated(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, things: Things) -> Things:
        for decorator in reversed(node.decorator_list):
            callees = self.evaluate(decorator)
            own = any(callee.function is not None or callee.klass is not None for callee in callees)
            builtin = any(
                callee.kind == "builtin" and callee.path in {"property", "staticmethod", "classmethod"}
                for callee in callees
            )
            argument = ast.Call(func=decorator, args=[], keywords=[])
            result = self._decorate(callees, things, argument, self.line(node))
            things = result if own or builtin else things | result
        return things

    def _decorate(self, callees: Things, things: Things, node: ast.Call, line: int) -> Things:
        known = [callee for callee in callees if callee.function or callee.klass or callee.kind == "builtin"]
        if not known:
            return NOTHING
        return self.apply(frozenset(known), Arguments([things], {}, False, node), line)

    def _class(self, node: ast.ClassDef) -> None:
        bases = self.evaluate_all(node.bases)
        self.evaluate_all(keyword.value for keyword in node.keywords)
        outer = self.frame
        self.frame = Frame(frozenset(), {}, Thing(self.cell), parents=visible(outer), is_class=True)
        try:
            self.execute(node.body)
            members = self.frame.held
        finally:
            self.frame = outer
        ours = tuple(base for base in bases if not (base.kind == "builtin" and base.path == "object"))
        thing = Thing(self.cell, "class", klass=Class(node.name, members, ours))
        self.hold(thing, (item for things in (*members.values(), bases) for item in things))
        for base in bases:
            for hook in in_order(base.klass.find("__init_subclass__") if base.klass is not None else NOTHING):
                if hook.function is not None:
                    self.invoke(hook.function, [frozenset({thing})], {}, self.line(node))
        self.bind(node.name, self._decorated(node, frozenset({thing})), self.line(node))

    def _declare(self, node: ast.Global) -> None:
        if self.frame is not None:
            self.frame.globals |= frozenset(node.names)

    def _type_alias(self, node: Any) -> None:
        self.assign(node.name, self.new())

    # ---- control flow

    def _expression(self, node: ast.Expr) -> bool:
        things = self.evaluate(node.value)
        if self.frame is None:
            self.shown = things
            self.show(things, self.line(node))
        call = node.value
        leaves = isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in _LEAVING
        return leaves or always_fails(call)

    def _return(self, node: ast.Return) -> bool:
        things = self.evaluate(node.value)
        if self.frame is not None:
            self.frame.results |= things
            self.frame.exits.append(self.snapshot())
        return True

    def _jump(self, node: ast.Break | ast.Continue) -> bool:
        if self.turns:
            self.turns[-1].append(self.snapshot())
        return True

    def _raise(self, node: ast.Raise) -> bool:
        self.evaluate_all([node.exc, node.cause])
        return True

    def _assert(self, node: ast.Assert) -> None:
        self.evaluate_all([node.test, node.msg])

    def _if(self, node: ast.If) -> bool:
        self.evaluate(node.test)
        truth = truth_of(node.test)
        if truth is not None:
            return self.execute(node.body if truth else node.orelse)
        return self._either([node.body, node.orelse])

    def _either(self, blocks: list[list[ast.stmt]], before_each: list[Callable[[], None]] | None = None) -> bool:
        """Run the blocks as alternatives and go on from those that reach their end."""
        before, ends = self.snapshot(), []
        with self.branch():
            for number, block in enumerate(blocks):
                self.restore(before)
                if before_each is not None:
                    before_each[number]()
                if not self.execute(block):
                    ends.append(self.snapshot())
        if not ends:
            return True
        self.restore(ends[0])
        for end in ends[1:]:
            self.join(end)
        return False

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        given = self.iterate(self.evaluate(node.iter), self.line(node))
        self._loop(node, lambda: self.assign(node.target, given), turns=surely_turns(node.iter))

    def _while(self, node: ast.While) -> bool:
        self.evaluate(node.test)
        truth = truth_of(node.test)
        if truth is False:
            return self.execute(node.orelse)
        if truth:
            return self._endless(node)
        self._loop(node, lambda: self.evaluate(node.test))
        return False

    def _endless(self, node: ast.While) -> bool:
        """`while True` surely runs its first turn, and goes on where `break` leaves it."""
        left: list[Snapshot] = []
        with self.branch():
            for _ in range(2):
                before = self.snapshot()
                self.turns.append([])
                self.execute(node.body)
                left += self.turns.pop()
                self.join(before)
        self.gather(left, instead=True)
        return not left

    def _loop(
        self, node: ast.For | ast.AsyncFor | ast.While, start: Callable[[], object], *, turns: bool = False
    ) -> None:
        """Run a loop twice at most: what one turn binds the next may read; `turns` tells that the first surely runs."""
        body, orelse = node.body, node.orelse
        with self.branch():
            for turn in range(2):
                before = self.snapshot()
                start()
                self.turns.append([])
                ended = self.execute(body)
                self.gather(self.turns.pop(), instead=ended)
                if turn or ended or not turns:
                    self.join(before)
                if before.names == self.names and (self.frame is None or before.held == self.frame.held):
                    break
            before = self.snapshot()
            self.execute(orelse)
            if orelse:
                self.join(before)

    def _try(self, node: Any) -> bool:
        """A handler may start after any statement of the body."""
        before = self.snapshot()
        partial: list[Snapshot] = [before]
        with self.branch(), self.stopping(partial):
            ended = self.execute(node.body)
        ended = ended or self.execute(node.orelse)
        ends = [] if ended else [self.snapshot()]
        with self.branch():
            for handler in node.handlers:
                ends += self._handler(handler, partial)
        if not ends:
            self.restore(before)
            self.execute(node.finalbody)
            return True
        self.restore(ends[0])
        for end in ends[1:]:
            self.join(end)
        return self.execute(node.finalbody)

    def _handler(self, handler: ast.ExceptHandler, partial: list[Snapshot]) -> list[Snapshot]:
        self.restore(partial[0])
        for state in partial[1:]:
            self.join(state)
        self.evaluate(handler.type)
        if handler.name:
            self.bind(handler.name, self.new(), self.line(handler))
        ended = self.execute(handler.body)
        if handler.name:
            self.unbind(handler.name, self.line(handler))
        return [] if ended else [self.snapshot()]

    def _with(self, node: ast.With | ast.AsyncWith) -> bool:
        """Run a block; what its contexts put back at its end, no later cell sees changed."""
        restored = [path for item in node.items for path in self._restored(item.context_expr)]
        saved = self.saved_state(restored)
        ended = self._with_contexts(node)
        self.restore_state(restored, saved)
        return ended

    def _restored(self, context: ast.expr) -> tuple[str, ...]:
        if not isinstance(context, ast.Call) or not isinstance(context.func, ast.Name | ast.Attribute):
            return ()
        paths = {thing.path for thing in self.locate(context.func) if thing.kind == "library"}
        return catalogue.RESTORING.get(paths.pop(), ()) if len(paths) == 1 else ()

    def _with_contexts(self, node: ast.With | ast.AsyncWith) -> bool:
        for item in node.items:
            things = self.evaluate(item.context_expr)
            self.operate(things, self.line(item.context_expr))
            if item.optional_vars is not None:
                self.assign(item.optional_vars, things | self.inside(things) - VALUE)
        if not any(self._may_suppress(item.context_expr) for item in node.items):
            return self.execute(node.body)
        stops = [self.snapshot()]
        with self.branch(), self.stopping(stops):
            self.execute(node.body)
        self.gather(stops)
        return False

    def _may_suppress(self, context: ast.expr) -> bool:
        """Tell whether a context manager may end an exception, so that code goes on after a body that failed."""
        func = context.func if isinstance(context, ast.Call) else context
        last = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        if last in _SUPPRESSING:
            return True
        root = func
        while isinstance(root, ast.Attribute):
            root = root.value
        held = self.read(root.id, self.line(root), shallow=True) if isinstance(root, ast.Name) else NOTHING
        return last != "open" and not (held and all(thing.kind in {"library", "builtin"} for thing in held))

    def _match(self, node: ast.Match) -> bool:
        subject = self.evaluate(node.subject)
        inside = subject | self.inside(subject)
        blocks = [case.body for case in node.cases]
        starts: list[Callable[[], None]] = [self._case(case, inside) for case in node.cases]
        if not any(_irrefutable(case) for case in node.cases):
            blocks.append([])
            starts.append(lambda: None)
        return self._either(blocks, starts)

    def _case(self, case: ast.match_case, given: Things) -> Callable[[], None]:
        def start() -> None:
            for node in ast.walk(case.pattern):
                name = getattr(node, "name", None) or getattr(node, "rest", None)
                if isinstance(node, ast.MatchAs | ast.MatchStar | ast.MatchMapping) and name:
                    self.bind(name, given, self.line(node))
                elif isinstance(node, ast.MatchValue):
                    self.evaluate(node.value)
                elif isinstance(node, ast.MatchClass):
                    self.evaluate(node.cls)
            self.evaluate(case.guard)

        return start


def _irrefutable(case: ast.match_case) -> bool:
    return case.guard is None and isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None


_STATEMENTS: dict[str, Callable[..., object]] = {
    "Assign": Statements._assign,
    "AnnAssign": Statements._annotated,
    "AugAssign": Statements._augmented,
    "Delete": Statements._delete,
    "Import": Statements._import,
    "ImportFrom": Statements._import_from,
    "FunctionDef": Statements._function,
    "AsyncFunctionDef": Statements._function,
    "ClassDef": Statements._class,
    "Global": Statements._declare,
    "TypeAlias": Statements._type_alias,
    "Expr": Statements._expression,
    "Return": Statements._return,
    "Raise": Statements._raise,
    "Break": Statements._jump,
    "Continue": Statements._jump,
    "Assert": Statements._assert,
    "If": Statements._if,
    "For": Statements._for,
    "AsyncFor": Statements._for,
    "While": Statements._while,
    "Try": Statements._try,
    "TryStar": Statements._try,
    "With": Statements._with,
    "AsyncWith": Statements._with,
    "Match": Statements._match,
}
