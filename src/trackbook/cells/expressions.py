"""What expressions read, bind and give."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable

from trackbook.cells.memory import VALUE
from trackbook.cells.parts import constant
from trackbook.cells.places import Places
from trackbook.cells.scopes import Comprehensions, annotation_parts, is_generator, local_names, target_names
from trackbook.cells.values import (
    CONTAINERS,
    EXHAUSTIBLE,
    IMMUTABLE,
    NOTHING,
    Frame,
    Function,
    Thing,
    Things,
    closure,
    in_order,
)

_LAID_OUT = frozenset({"unknown", "frame", "column", "mask"})
_INSTANT = frozenset({"__init__", "__new__", "__init_subclass__", "__class_getitem__"})


class Expressions(Places):
    """Evaluates expressions to the things that they may give; calls are the subclass's."""

    def call(self, node: ast.Call) -> Things:
        raise NotImplementedError

    def evaluate(self, node: ast.expr | None) -> Things:
        """Return what `node` may give, noting what it reads, binds and changes."""
        if node is None:
            return NOTHING
        method = _EVALUATORS.get(type(node))
        found = method(self, node) if method is not None else self._parts(node)
        self.spend(1 + len(found) // 8)
        return found

    def evaluate_all(self, nodes: Iterable[ast.expr | None]) -> Things:
        found: Things = NOTHING
        for node in nodes:
            found |= self.evaluate(node)
        return found

    def _parts(self, node: ast.AST) -> Things:
        """Evaluate the parts of an expression that gives a new value (or awaits, yields, formats)."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.evaluate(child)
            else:
                self._parts(child)
        return VALUE

    # ---- leaves and containers

    def _constant(self, node: ast.Constant) -> Things:
        if isinstance(node.value, str):
            return frozenset({Thing(-1, IMMUTABLE, const=node.value)})
        return VALUE

    def _name(self, node: ast.Name) -> Things:
        return self.read(node.id, self.line(node))

    def _list(self, node: ast.List | ast.Tuple | ast.Set) -> Things:
        kind = type(node).__name__.lower()
        items = [self.evaluate(item) for item in node.elts]
        contents = NOTHING.union(*items)
        if kind == "tuple" and all(thing.kind == IMMUTABLE for thing in contents):
            return VALUE
        if kind != "list" or any(isinstance(item, ast.Starred) for item in node.elts):
            return self.new(kind, contents)
        (made,) = found = self.new(kind)
        self.fill(made, enumerate(items), len(items))
        return found

    def _dict(self, node: ast.Dict) -> Things:
        (made,) = found = self.new("dict")
        pairs = []
        for key, value in zip(node.keys, node.values, strict=True):
            self.evaluate(key)
            things = self.evaluate(value)
            pairs.append((None, self.inside(things)) if key is None else (constant(key), things))
        self.fill(made, pairs, len(pairs))
        return found

    def _starred(self, node: ast.Starred) -> Things:
        return self.iterate(self.evaluate(node.value), self.line(node))

    def _formatted(self, node: ast.FormattedValue) -> Things:
        things = self.evaluate(node.value)
        self.evaluate(node.format_spec)
        self.operate(things, self.line(node))
        self.show(things, self.line(node))
        return VALUE

    def show(self, things: Things, line: int) -> None:
        """Note that things are shown as text, which for arrays and frames options say how."""
        if any(thing.kind in _LAID_OUT for thing in closure(things)):
            for path in ("numpy.printoptions", "pandas.options"):
                if path in self.library:
                    self.read_state(path, line)

    # ---- operators

    def _operator(self, node: ast.BinOp) -> Things:
        left, right = self.evaluate(node.left), self.evaluate(node.right)
        self.operate(left | right, self.line(node))
        if all(thing.kind == IMMUTABLE for thing in left | right):
            return self._joined_path(node, left, right)
        kinds = {thing.kind for thing in left | right} & CONTAINERS
        inside = [item for thing in left | right if thing.kind in CONTAINERS for item in thing.held]
        masks = isinstance(node.op, ast.BitAnd | ast.BitOr) and any(thing.kind == "mask" for thing in left | right)
        return self.new(kinds.pop() if len(kinds) == 1 else "mask" if masks else "unknown", inside)

    def _joined_path(self, node: ast.BinOp, left: Things, right: Things) -> Things:
        first, second = only_text(left), only_text(right)
        if first is None or second is None:
            return VALUE
        if isinstance(node.op, ast.Div):
            return frozenset({Thing(-1, IMMUTABLE, const=f"{first.rstrip('/')}/{second}")})
        return frozenset({Thing(-1, IMMUTABLE, const=first + second)}) if isinstance(node.op, ast.Add) else VALUE

    def _unary(self, node: ast.UnaryOp) -> Things:
        things = self.evaluate(node.operand)
        self.operate(things, self.line(node))
        if isinstance(node.op, ast.Not) or things <= VALUE:
            return VALUE
        return self.new("mask" if all(thing.kind == "mask" for thing in things) else "unknown")

    def _compare(self, node: ast.Compare) -> Things:
        given = [self.evaluate(item) for item in (node.left, *node.comparators)]
        for operator, searched in zip(node.ops, given[1:], strict=True):
            if isinstance(operator, ast.In | ast.NotIn):
                self.change([thing for thing in searched if thing.kind in EXHAUSTIBLE], self.line(node))
        things = NOTHING.union(*given)
        self.operate(things, self.line(node))
        if any(thing.kind == "namespace" for thing in things):
            self.namespace_item(node.left, self.line(node))
        return VALUE if all(thing.kind in CONTAINERS | {IMMUTABLE} for thing in things) else self.new("mask")

    def _boolean(self, node: ast.BoolOp) -> Things:
        found = self.evaluate(node.values[0])
        with self.branch():
            for value in node.values[1:]:
                before = self.snapshot()
                found |= self.evaluate(value)
                self.join(before)
        return found

    def _conditional(self, node: ast.IfExp) -> Things:
        self.evaluate(node.test)
        with self.branch():
            before = self.snapshot()
            found = self.evaluate(node.body)
            after = self.snapshot()
            self.restore(before)
            found |= self.evaluate(node.orelse)
            self.join(after)
        return found

    def operate(self, things: Things, line: int) -> Things:
        """Run the special methods that operators, iteration and formatting of the notebook's own objects may call.

        Returns what they give.
        """
        found: set[Thing] = set()
        for thing in in_order(item for item in things if item.klass is not None):
            if thing.kind == "instance":
                members = [member for name, member in _special_members(thing) if name not in _INSTANT]
                for function in [item.function for member in members for item in in_order(member) if item.function]:
                    found |= self.invoke(function, [frozenset({thing}), things], {}, line)
        return frozenset(found)

    def iterate(self, things: Things, line: int) -> Things:
        """Return what iterating over `things` gives; iterators move on."""
        given = self.operate(things, line)
        self.change([thing for thing in things if thing.kind in EXHAUSTIBLE], line)
        return self.inside(things) | given | (self.inside(given) if given else NOTHING)

    # ---- scopes

    def _walrus(self, node: ast.NamedExpr) -> Things:
        things = self.evaluate(node.value)
        inner = self.frame
        while self.frame is not None and self.frame.is_comprehension:
            self.frame = self.frame.parents[0] if self.frame.parents else None
        self.bind(node.target.id, things, self.line(node))
        self.frame = inner
        return things

    def _lambda(self, node: ast.Lambda) -> Things:
        return self.make_function(node)

    def make_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Things:
        """Return the thing of a function; its defaults and annotations are evaluated here."""
        defaults = self._defaults(node)
        if not isinstance(node, ast.Lambda):
            self.evaluate_all(annotation_parts(node))
        parents = visible(self.frame)
        function = Function(node, parents, defaults, local_names(node), is_generator(node), self.cell)
        shared = [thing for things in defaults.values() for thing in things]
        thing = Thing(self.cell, "function", function=function)
        self.hold(thing, [*shared, *(scope.thing for scope in parents)])
        return frozenset({thing})

    def _defaults(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> dict[str, Things]:
        args = node.args
        positional = [argument.arg for argument in (*args.posonlyargs, *args.args)]
        pairs = list(zip(reversed(positional), reversed(args.defaults), strict=False))
        found = {name: self.evaluate(value) for name, value in reversed(pairs)}
        for argument, value in zip(args.kwonlyargs, args.kw_defaults, strict=True):
            if value is not None:
                found[argument.arg] = self.evaluate(value)
        return found

    def _comprehension(self, node: Comprehensions) -> Things:
        first = node.generators[0]
        source = self.evaluate(first.iter)
        given = self.iterate(source, self.line(node))
        names = frozenset(name for part in node.generators for name in target_names(part.target))
        outer = self.frame
        above = () if outer is None else (outer, *outer.parents)
        frame = Frame(names, {}, Thing(self.cell), parents=above, is_comprehension=True)
        if outer is not None:
            frame.globals = outer.globals
        found = self._turns_of(node, frame, given)
        if isinstance(node, ast.GeneratorExp):
            (generator,) = made = self.new("generator", found | source)
            generator.resume = lambda line: self._resumed(node, frame, given, line)
            return made
        return self.new({ast.ListComp: "list", ast.SetComp: "set", ast.DictComp: "dict"}[type(node)], found)

    def _turns_of(self, node: Comprehensions, frame: Frame, given: Things) -> Things:
        """Return what the turns of a comprehension over `given` give."""
        first, *others = node.generators
        outer, self.frame = self.frame, frame
        try:
            with self.perhaps():
                self._comprehend(first, given)
                for part in others:
                    self._comprehend(part, self.iterate(self.evaluate(part.iter), self.line(node)))
                return self._element(node)
        finally:
            self.frame = outer

    def _resumed(self, node: ast.GeneratorExp, frame: Frame, given: Things, line: int) -> Things:
        outer, self.call_line = self.call_line, line
        try:
            return self._turns_of(node, frame, given)
        finally:
            self.call_line = outer

    def _comprehend(self, part: ast.comprehension, given: Things) -> None:
        self.assign(part.target, given)
        self.evaluate_all(part.ifs)

    def _element(self, node: Comprehensions) -> Things:
        if isinstance(node, ast.DictComp):
            self.evaluate(node.key)
            return self.evaluate(node.value)
        return self.evaluate(node.elt)

    def assign(self, target: ast.expr, things: Things) -> None:
        """Store `things` in a target of an assignment, a loop or a `with`."""
        line = self.line(target)
        match target:
            case ast.Name(id=name):
                self.bind(name, things, line)
            case ast.Starred(value=inner):
                self.assign(inner, self.new("list", things))
            case ast.Tuple(elts=items) | ast.List(elts=items):
                given = self.iterate(things, line)
                for item in items:
                    self.assign(item, given)
            case ast.Attribute(value=owner, attr=name):
                self.store_attribute(self.base(owner), name, things, line)
            case ast.Subscript():
                self.store_item(target, things, line)


def visible(frame: Frame | None) -> tuple[Frame, ...]:
    """Return the scopes that a function made in `frame` can see: class bodies are not among them."""
    if frame is None:
        return ()
    return tuple(scope for scope in (frame, *frame.parents) if not scope.is_class)


def only_text(things: Things) -> str | None:
    """Return the text that `things` is, when it is one known text."""
    if len(things) == 1:
        (thing,) = things
        return thing.const if isinstance(thing.const, str) else None
    return None


def _special_members(thing: Thing) -> list[tuple[str, Things]]:
    found: dict[str, Things] = {}
    waiting = [thing.klass]
    while waiting and len(found) < 100:
        klass = waiting.pop()
        if klass is not None:
            found |= {name: item for name, item in klass.members.items() if name.startswith("__") and name not in found}
            waiting += [base.klass for base in klass.bases]
    return list(found.items())


_EVALUATORS: dict[type[ast.AST], Callable[..., Things]] = {
    ast.Constant: Expressions._constant,
    ast.FormattedValue: Expressions._formatted,
    ast.Name: Expressions._name,
    ast.List: Expressions._list,
    ast.Tuple: Expressions._list,
    ast.Set: Expressions._list,
    ast.Dict: Expressions._dict,
    ast.Starred: Expressions._starred,
    ast.BinOp: Expressions._operator,
    ast.UnaryOp: Expressions._unary,
    ast.Compare: Expressions._compare,
    ast.BoolOp: Expressions._boolean,
    ast.IfExp: Expressions._conditional,
    ast.Attribute: lambda self, node: self._attribute(node),
    ast.Subscript: lambda self, node: self._item(node),
    ast.NamedExpr: Expressions._walrus,
    ast.Lambda: Expressions._lambda,
    ast.ListComp: Expressions._comprehension,
    ast.SetComp: Expressions._comprehension,
    ast.DictComp: Expressions._comprehension,
    ast.GeneratorExp: Expressions._comprehension,
    ast.Call: lambda self, node: self.call(node),
}
