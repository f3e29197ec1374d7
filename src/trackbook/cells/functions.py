"""What calls of the notebook's own functions and classes do: they are followed."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping

from trackbook.cells.arguments import Arguments
from trackbook.cells.files import FileCalls
from trackbook.cells.memory import VALUE
from trackbook.cells.scopes import declared
from trackbook.cells.values import NOTHING, Class, Frame, Function, Thing, Things, in_order

_DEPTH = 12


class FunctionCalls(FileCalls):
    """Follows calls into functions, classes and their methods."""

    def __init__(self, modules: Mapping[str, str] | None = None) -> None:
        super().__init__(modules)
        self.given_up: set[Function] = set()

    def execute(self, body: list[ast.stmt]) -> bool:
        raise NotImplementedError

    def apply(self, callees: Things, arguments: Arguments, line: int) -> Things:
        raise NotImplementedError

    def invoke(
        self, function: Function, args: list[Things], keywords: dict[str, Things], line: int, spread: bool = False
    ) -> Things:
        """Call a function of the notebook with these arguments and return what it gives."""
        if not function.generator:
            return self._run_function(function, args, keywords, line, spread)
        with self.perhaps():
            result = self._run_function(function, args, keywords, line, spread)
        (generator,) = made = self.new("generator", result.union(*args, *keywords.values()))
        generator.resume = lambda now: self.hold(generator, self._run_function(function, args, keywords, now, spread))
        return made

    def _run_function(
        self, function: Function, args: list[Things], keywords: dict[str, Things], line: int, spread: bool
    ) -> Things:
        every: Things = NOTHING.union(*args, *keywords.values())
        if function in self.running or len(self.running) >= _DEPTH or self.effort <= 0:
            return self._not_followed(function, every, line)
        self.effort -= 10 + len(every)
        if spread or function.node.args.vararg or function.node.args.kwarg:
            self.whole(every, line)
        held = _parameters(self, function, args, keywords, spread)
        frame = Frame(function.names, held, Thing(self.cell), declared(function.node, ast.Global), function.parents)
        self.hold(frame.thing, (thing for things in held.values() for thing in things))
        outer, outer_line = self.frame, self.call_line
        maybe = int(outer is not None and bool(outer.exits))
        self.frame, self.call_line = frame, line
        self.branches += maybe
        self.running.append(function)
        try:
            result = self._body(function, frame)
        finally:
            self.running.pop()
            self.branches -= maybe
            self.frame, self.call_line = outer, outer_line
        return result

    def _body(self, function: Function, frame: Frame) -> Things:
        if isinstance(function.node, ast.Lambda):
            return self.evaluate(function.node.body)
        ended = self.execute(function.node.body)
        self.gather(frame.exits, instead=ended)
        return frozenset(frame.results) or VALUE

    def _not_followed(self, function: Function, every: Things, line: int) -> Things:
        """A recursive or too deep call: the first time round has shown what it reads; arguments may change."""
        self.whole(every, line)
        if function not in self.running:
            self.change(every, line, certain=False)
            self._give_up(function, line)
        return self.new("unknown", every) | self.inside(every)

    def _give_up(self, function: Function, line: int) -> None:
        """Take a function that is not followed to read and change every variable that it mentions."""
        waiting = [function]
        while waiting:
            current = waiting.pop()
            if current in self.given_up:
                continue
            self.given_up.add(current)
            self.running.append(current)
            for name in sorted({n.id for n in ast.walk(current.node) if isinstance(n, ast.Name)} & self.names.keys()):
                things = self.read_global(name, line)
                self.change(things, line, certain=False)
                waiting += [thing.function for thing in in_order(things) if thing.function is not None]
            self.running.pop()

    def _construct_or_call(self, callee: Thing, arguments: Arguments, line: int) -> Things:
        assert callee.klass is not None
        if callee.kind == "instance":
            methods = self.attribute(frozenset({callee}), "__call__", line)
            own = frozenset(thing for thing in methods if thing.function is not None)
            return self.apply(own, arguments, line)
        instance = Thing(self.cell, "instance", klass=callee.klass, contents={callee}, single=not self.branches)
        starters = callee.klass.find("__init__") | callee.klass.find("__new__") | callee.klass.find("__post_init__")
        for starter in [thing.function for thing in in_order(starters) if thing.function]:
            receiver: list[Things] = [frozenset({instance})]
            self.invoke(starter, receiver + arguments.positional, arguments.keywords, line, arguments.spread)
        if not starters or not callee.klass.closed:
            self.hold(instance, arguments.every)
        return frozenset({instance})

    def hand_over(self, functions: Iterable[Thing], given: Things, line: int) -> None:
        """Run functions that were passed to some other code, which may call them with what it has."""
        inner = self.inside(given) | given
        for thing in in_order(functions):
            if thing.kind == "bound":
                self.change(thing.contents, line, certain=False)
            if thing.function is not None and thing.kind in {"function", "method"}:
                first = [thing.receiver] if thing.kind == "method" else []
                count = len(thing.function.names)
                with self.perhaps():
                    self.invoke(thing.function, [*first, *[inner] * min(count, 8)], {}, line)

    def rehearse(self, thing: Thing) -> None:
        """Run a function, or all methods of a class, with arguments that nothing is known of."""
        if thing.function is not None:
            self.invoke(thing.function, [], {}, 1)
        elif thing.klass is not None:
            instance = Thing(self.cell, "instance", klass=thing.klass, contents={thing})
            members = [item for things in thing.klass.members.values() for item in things]
            for member in [*members, *(inner for item in members for inner in item.held)]:
                if member.function is not None:
                    self.invoke(member.function, [frozenset({instance})], {}, 1)

    def above(self, arguments: Arguments) -> Things:
        """Return what `super()` gives: the object with the members of all classes above its own, whichever is meant."""
        receivers = arguments.at((1,)) if arguments.positional else self._first_parameter()
        found = []
        for thing in in_order(receivers):
            if thing.klass is not None:
                above = Class(thing.klass.name, thing.klass.inherited(), thing.klass.bases)
                found.append(Thing(self.cell, thing.kind, klass=above, receiver=frozenset({thing}), contents={thing}))
        return frozenset(found)

    def _first_parameter(self) -> Things:
        """Return what the first parameter of the running function holds: of a method, the object."""
        frame = self.frame
        while frame is not None and frame.is_comprehension:
            frame = frame.parents[0] if frame.parents else None
        spec = self.running[-1].node.args if self.running else None
        names = [] if spec is None else [argument.arg for argument in (*spec.posonlyargs, *spec.args)]
        return frame.held.get(names[0], NOTHING) if frame is not None and names else NOTHING


def _parameters(
    memory: FunctionCalls, function: Function, args: list[Things], keywords: dict[str, Things], spread: bool
) -> dict[str, Things]:
    """Return what the parameters of a function hold when it is called with these arguments."""
    spec = function.node.args
    names = [argument.arg for argument in (*spec.posonlyargs, *spec.args)]
    every: Things = NOTHING.union(*args, *keywords.values())
    held = dict(function.defaults)
    if spread:
        held |= {name: every | held.get(name, NOTHING) for name in (*names, *(a.arg for a in spec.kwonlyargs))}
    else:
        held |= dict(zip(names, args, strict=False))
        known = {*names, *(argument.arg for argument in spec.kwonlyargs)}
        held |= {name: things for name, things in keywords.items() if name in known}
    if spec.vararg:
        rest = every if spread else NOTHING.union(*args[len(names) :])
        held[spec.vararg.arg] = memory.new("tuple", rest)
    if spec.kwarg:
        held[spec.kwarg.arg] = memory.new("dict", NOTHING.union(*keywords.values()))
    for name in (*names, *(argument.arg for argument in spec.kwonlyargs)):
        held.setdefault(name, memory.new())
    return held
