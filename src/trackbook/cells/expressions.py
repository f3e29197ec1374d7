"""What expressions read, bind and give."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable

from trackbook.cells.catalogue import VIEW_METHODS
from trackbook.cells.memory import VALUE, Memory
from trackbook.cells.scopes import Comprehensions, annotation_parts, is_generator, local_names, target_names
from trackbook.cells.texts import attribute_of_text
from trackbook.cells.values import CONTAINERS, EXHAUSTIBLE, IMMUTABLE, NOTHING, Frame, Function, Thing, Things, in_order

_INSTANT = frozenset({"__init__", "__new__", "__init_subclass__", "__class_getitem__"})


class Expressions(Memory):
    """Evaluates expressions to the things that they may give; calls are the subclass's."""

    def call(self, node: ast.Call) -> Things:
        raise NotImplementedError

    def invoke(self, function: Function, args: list[Things], keywords: dict[str, Things], line: int) -> Things:
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
        contents = self.evaluate_all(node.elts)
        if kind == "tuple" and all(thing.kind == IMMUTABLE for thing in contents):
            return VALUE
        return self.new(kind, contents)

    def _dict(self, node: ast.Dict) -> Things:
        self.evaluate_all(node.keys)
        return self.new("dict", self.evaluate_all(node.values))

    def _starred(self, node: ast.Starred) -> Things:
        return self.iterate(self.evaluate(node.value), self.line(node))

    # ---- operators

    def _operator(self, node: ast.BinOp) -> Things:
        left, right = self.evaluate(node.left), self.evaluate(node.right)
        self.operate(left | right, self.line(node))
        if all(thing.kind == IMMUTABLE for thing in left | right):
            return self._joined_path(node, left, right)
        kinds = {thing.kind for thing in left | right} & CONTAINERS
        inside = [item for thing in left | right if thing.kind in CONTAINERS for item in thing.contents]
        return self.new(kinds.pop() if len(kinds) == 1 else "unknown", inside)

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
        return VALUE if isinstance(node.op, ast.Not) or things <= VALUE else self.new()

    def _compare(self, node: ast.Compare) -> Things:
        things = self.evaluate_all([node.left, *node.comparators])
        self.operate(things, self.line(node))
        if any(thing.kind == "namespace" for thing in things):
            self.namespace_item(node.left, self.line(node))
        return VALUE if all(thing.kind in CONTAINERS | {IMMUTABLE} for thing in things) else self.new()

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

    def operate(self, things: Things, line: int) -> None:
        """Run the special methods that operators, iteration and formatting of the notebook's own objects may call."""
        for thing in in_order(item for item in things if item.klass is not None):
            if thing.kind == "instance":
                members = [member for name, member in _special_members(thing) if name not in _INSTANT]
                for function in [item.function for member in members for item in in_order(member) if item.function]:
                    self.invoke(function, [frozenset({thing}), things], {}, line)

    def iterate(self, things: Things, line: int) -> Things:
        """Return what iterating over `things` gives; iterators move on."""
        self.operate(things, line)
        self.change([thing for thing in things if thing.kind in EXHAUSTIBLE], line)
        return self.inside(things)

    def inside(self, things: Things) -> Things:
        """Return what may lie in `things`; an array or frame gives views of itself."""
        found: set[Thing] = set()
        self.spend(len(things))
        for thing in things:
            found |= thing.contents
            if thing.kind not in CONTAINERS and thing.kind not in EXHAUSTIBLE:
                found.add(thing)
        return frozenset(found) or VALUE

    # ---- attributes and items

    def _attribute(self, node: ast.Attribute) -> Things:
        line = self.line(node)
        return self.attribute(self.base(node.value), node.attr, line)

    def base(self, node: ast.expr) -> Things:
        """Evaluate what an attribute is taken of; of a module only the attribute itself is read."""
        if isinstance(node, ast.Name):
            things = self.read(node.id, self.line(node), shallow=True)
            if not all(thing.kind == "library" for thing in things):
                self.look(things, node.id, self.line(node))
            else:
                self.look_into(things, node.id, self.line(node))
            return things
        return self.evaluate(node)

    def attribute(self, things: Things, name: str, line: int) -> Things:
        """Return what the attribute `name` of `things` may be."""
        found: set[Thing] = set()
        for thing in in_order(things):
            found |= self._attribute_of(thing, name, line)
        return frozenset(found)

    def _attribute_of(self, thing: Thing, name: str, line: int) -> Things:
        if thing.kind == "library":
            return self.read_state(f"{thing.path}.{name}", line)
        if thing.klass is not None:
            return self._member(thing, name, line)
        if thing.kind == IMMUTABLE:
            text = attribute_of_text(name, thing.const) if isinstance(thing.const, str) else None
            return VALUE if text is None else frozenset({Thing(-1, IMMUTABLE, const=text)})
        if name in VIEW_METHODS:
            return frozenset({thing})
        return frozenset({thing, *thing.contents})

    def _member(self, thing: Thing, name: str, line: int) -> Things:
        assert thing.klass is not None
        members = thing.klass.find(name)
        code = any(member.function is not None or member.kind in {"property", "static"} for member in members)
        receiver = thing.receiver or frozenset({thing})  # `super()` finds members for another object
        found: set[Thing] = set() if code or (members and thing.kind != "instance") else set(thing.contents)
        for member in in_order(members):
            if member.kind == "property":
                for function in [item.function for item in in_order(member.contents) if item.function]:
                    found |= self.invoke(function, [receiver], {}, line)
            elif member.kind == "static":
                found |= member.contents
            elif member.function is not None and thing.kind == "instance":
                found.add(Thing(self.cell, "method", function=member.function, receiver=receiver, contents={thing}))
            else:
                found.add(member)
        if not members and not thing.klass.closed:
            found.add(thing)
        return frozenset(found)

    def _item(self, node: ast.Subscript) -> Things:
        things = self.evaluate(node.value)
        self.evaluate(node.slice)
        line = self.line(node)
        self.operate(things, line)
        if any(thing.kind == "namespace" for thing in things):
            return self.namespace_item(node.slice, line)
        found: set[Thing] = set()
        for thing in things:
            if thing.kind in CONTAINERS:
                found |= self.new(thing.kind, thing.contents) if isinstance(node.slice, ast.Slice) else thing.contents
            elif thing.kind != IMMUTABLE:
                found |= {thing, *thing.contents}
        return frozenset(found) or VALUE

    def namespace_item(self, key: ast.expr, line: int) -> Things:
        """Return what `globals()[key]` may be; a computed key may be any name."""
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            return self.read_global(key.value, line)
        found: Things = NOTHING
        for name in sorted(self.names):
            found |= self.read_global(name, line)
        return found

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
                self._store_attribute(self.base(owner), name, things, line)
            case ast.Subscript(value=owner, slice=key):
                self._store_item(self.evaluate(owner), key, things, line)

    def _store_attribute(self, owners: Things, name: str, things: Things, line: int) -> None:
        for owner in owners:
            if owner.kind == "library":
                self.change_state(f"{owner.path}.{name}", line, replace=True)
                self.hold(self.known(f"{owner.path}.{name}"), things)
            else:
                self.hold(owner, things)
                self._store_member(owner, name, things)
                self.change((owner,), line, certain=len(owners) == 1)

    def _store_member(self, owner: Thing, name: str, things: Things) -> None:
        """A function put into a class or an object may be what a later call of that name runs."""
        code = frozenset(thing for thing in things if thing.function is not None)
        if owner.klass is not None and (code or owner.kind == "class"):
            new = code if owner.kind == "instance" else things
            self.journal.put(owner.klass.members, name, owner.klass.members.get(name, NOTHING) | new)

    def _store_item(self, owners: Things, key: ast.expr, things: Things, line: int) -> None:
        self.evaluate(key)
        self.operate(owners | things, line)
        for owner in owners:
            if owner.kind == "namespace":
                self._store_name(key, things, line)
            self.hold(owner, things)
        self.change(owners, line)

    def _store_name(self, key: ast.expr, things: Things, line: int) -> None:
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            self.bind_global(key.value, things, line)
        else:
            self.bind_anything(line)


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
    ast.Attribute: Expressions._attribute,
    ast.Subscript: lambda self, node: self._item(node),
    ast.NamedExpr: Expressions._walrus,
    ast.Lambda: Expressions._lambda,
    ast.ListComp: Expressions._comprehension,
    ast.SetComp: Expressions._comprehension,
    ast.DictComp: Expressions._comprehension,
    ast.GeneratorExp: Expressions._comprehension,
    ast.Call: lambda self, node: self.call(node),
}
