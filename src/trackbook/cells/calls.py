"""What calls of builtins, libraries and methods do: the catalogue tells; unknown ones may change all they are given."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from trackbook.cells import catalogue
from trackbook.cells.arguments import Arguments
from trackbook.cells.catalogue import ANY_FILE, Rule
from trackbook.cells.expressions import only_text
from trackbook.cells.files import paths_among
from trackbook.cells.functions import FunctionCalls
from trackbook.cells.memory import VALUE
from trackbook.cells.texts import method_of_text
from trackbook.cells.values import (
    CONTAINERS,
    EXHAUSTIBLE,
    IMMUTABLE,
    NOTHING,
    Thing,
    Things,
    closure,
    in_order,
)

_NAMESPACES = frozenset({"globals", "locals", "vars"})


class Calls(FunctionCalls):
    """Evaluates calls."""

    def run_text(self, text: str, line: int) -> Things:
        raise NotImplementedError

    def run_magic(self, node: ast.Call) -> Things | None:
        raise NotImplementedError

    def call(self, node: ast.Call) -> Things:
        """Return what a call may give, noting what it does."""
        found = self.run_magic(node)
        if found is not None:
            return found
        if isinstance(node.func, ast.Attribute):
            receivers = self.base(node.func.value)
            return self._call_method(node, receivers, node.func.attr)
        callees = self.evaluate(node.func)
        arguments = self._arguments(node)
        return self.apply(callees, arguments, self.line(node))

    def _arguments(self, node: ast.Call) -> Arguments:
        positional = [self.evaluate(item) for item in node.args]
        keywords: dict[str, Things] = {}
        for number, keyword in enumerate(node.keywords):
            keywords[keyword.arg or f"**{number}"] = self.evaluate(keyword.value)
        spread = any(isinstance(item, ast.Starred) for item in node.args) or any(k.arg is None for k in node.keywords)
        return Arguments(positional, keywords, spread, node)

    def apply(self, callees: Things, arguments: Arguments, line: int) -> Things:
        """Call whatever `callees` are."""
        found: Things = NOTHING
        with_branch = len(callees) > 1
        for callee in in_order(callees):
            if with_branch:
                with self.perhaps():
                    found |= self._apply_one(callee, arguments, line)
            else:
                found |= self._apply_one(callee, arguments, line)
        return found or self._unknown(NOTHING, arguments, line)

    def _apply_one(self, callee: Thing, arguments: Arguments, line: int) -> Things:
        if callee.kind == "builtin":
            return self._call_builtin(callee.path, arguments, line)
        if callee.kind == "library":
            return self._call_library(callee.path, arguments, line)
        if callee.function is not None:
            first = [callee.receiver] if callee.kind == "method" else []
            return self.invoke(
                callee.function, [*first, *arguments.positional], arguments.keywords, line, arguments.spread
            )
        if callee.klass is not None:
            return self._construct_or_call(callee, arguments, line)
        return self._unknown(frozenset({callee}), arguments, line)

    # ---- builtins and libraries

    def _call_builtin(self, name: str, arguments: Arguments, line: int) -> Things:
        if name in _NAMESPACES and not arguments.positional and (self.frame is None or name == "globals"):
            return frozenset({self.known("", "namespace")})
        if name == "dir" and not arguments.positional:
            return self.namespace_item(ast.Name("computed"), line)
        if name in {"exec", "eval"}:
            return self._call_exec(arguments, line)
        if name == "open":
            return self.open_file(arguments, line)
        if name == "super" and (above := self.above(arguments)):
            return above
        if name in {"staticmethod", "property"}:
            return frozenset({Thing(self.cell, name.removesuffix("method"), contents=set(arguments.every))})
        rule = catalogue.BUILTINS.get(name, catalogue.PURE)
        return self._obey(rule, name, arguments, line)

    def _call_exec(self, arguments: Arguments, line: int) -> Things:
        text = only_text(arguments.at((0,)))
        spaces = NOTHING.union(*arguments.positional[1:], *arguments.keywords.values())
        if text is not None and not spaces:
            return self.new() | self.run_text(text, line)
        self.change(closure(spaces), line, certain=False)
        if text is None:
            return self.new("unknown", spaces) | self.run_unknown(line)
        with self.perhaps():  # its names may be those of the dicts that it is given
            return self.new("unknown", spaces) | self.run_text(text, line)

    def run_unknown(self, line: int) -> Things:
        """Run code of which the text is computed: it may read, bind, change and give everything."""
        self.bind_anything(line)
        found = self.namespace_item(ast.Name("computed"), line)
        self.change(found, line, certain=False)
        return found

    def _call_library(self, path: str, arguments: Arguments, line: int) -> Things:
        self.read_state(path, line)
        if path == "os.chdir" and not (only_text(arguments.at((0,))) or "").startswith("/"):
            self.read_state(catalogue.CWD, line)
        if path in catalogue.EVALUATING:
            self._query(arguments, line, r"[^\W\d]\w*")
        rule = catalogue.library_rule(path)
        last = path.rpartition(".")[2]
        if last in catalogue.SEEDED and path.startswith("sklearn") and "random_state" not in arguments.keywords:
            self.change_state(catalogue.RNG_NUMPY, line)
        if last in catalogue.FILE_CHANGERS and path.startswith(("os.", "shutil.")):
            paths = paths_among(arguments.every)
            if paths or last == "utime" or not self._is_watched():
                self.change_files(paths or [ANY_FILE], line)
        else:
            self.files(last, arguments, NOTHING, line, path.partition(".")[0])
        if rule is None:
            return self._unknown(NOTHING, arguments, line)
        return self._obey(rule, last, arguments, line)

    def _obey(self, rule: Rule, name: str, arguments: Arguments, line: int) -> Things:
        every = arguments.every
        for state in rule.reads:
            self.read_state(state, line)
        for state in (*rule.writes, *rule.sets):
            self.change_state(state, line, replace=state in rule.sets)
        self.change(arguments.at(rule.changes), line)
        if "out" in arguments.keywords:
            self.change(arguments.keywords["out"], line)
        if rule.consumes:
            for things in (*arguments.positional, *arguments.keywords.values()):
                self.iterate(things, line)
        self.hand_over(every, every, line)
        self.operate(every, line)
        found = self._result(rule, arguments)
        for thing in found:
            if thing.kind == "iterator" and any(item.function is not None for item in every):
                thing.resume = lambda now: self.hand_over(every, every, now)
        return found

    def _result(self, rule: Rule, arguments: Arguments) -> Things:
        if rule.kind == IMMUTABLE:
            return VALUE
        if rule.kind == "path":
            text = only_text(arguments.at((0,)))
            return frozenset({Thing(self.cell, IMMUTABLE, const=text)})
        every = arguments.every
        kept: Iterable[Thing] = ()
        if rule.holds:
            kept = self.inside(every) if rule.consumes else {*every, *self.inside(every)}
        return self.new(rule.kind, kept) | arguments.at(rule.alias)

    # ---- methods and the unknown

    def _call_method(self, node: ast.Call, receivers: Things, name: str) -> Things:
        line = self.line(node)
        own = frozenset(thing for thing in receivers if thing.kind == "library" or self._follows(thing, name))
        others = receivers - own
        callees = self.attribute(own, name, line) if own else NOTHING
        arguments = self._arguments(node)
        found = self.apply(callees, arguments, line) if callees else NOTHING
        library = any(thing.kind == "library" and _is_object(thing.path) for thing in own)
        if library:
            self._method(name, own, arguments, line)
        return found | self._method(name, others, arguments, line) if others else found

    def _follows(self, thing: Thing, name: str) -> bool:
        return thing.klass is not None and (bool(thing.klass.find(name)) or thing.klass.closed)

    def _method(self, name: str, receivers: Things, arguments: Arguments, line: int) -> Things:
        """Call a method that the notebook does not define."""
        every = arguments.every
        if any(thing.kind == "namespace" for thing in receivers):
            return self._namespace_method(name, line)
        self.files(name, arguments, receivers, line)
        self.hand_over(every, receivers | every, line)
        self.operate(every, line)
        if name in catalogue.QUERY_METHODS:
            self._query(arguments, line, r"@([^\W\d]\w*)")
        if all(thing.kind == IMMUTABLE for thing in receivers):
            self.iterate(every, line)
            return self._text_of_method(name, receivers, arguments)
        self._pyplot(name, receivers, line)
        if name == "sample" and "random_state" not in arguments.keywords:
            self.change_state(catalogue.RNG_NUMPY, line)
        self._effects_of_method(name, receivers, arguments, line)
        return self._method_result(name, receivers, arguments)

    def _text_of_method(self, name: str, receivers: Things, arguments: Arguments) -> Things:
        """Return what a method of plain values gives: a text, where that follows from known ones."""
        given = [only_text(things) for things in arguments.positional]
        known = [text for text in given if text is not None]
        if len(known) < len(given) or arguments.keywords:
            return VALUE
        found = [method_of_text(name, thing.const, known) for thing in receivers if isinstance(thing.const, str)]
        texts = {Thing(-1, IMMUTABLE, const=text) for text in found if text is not None}
        return frozenset(texts) if len(texts) == len(receivers) else frozenset(texts) | VALUE

    def _effects_of_method(self, name: str, receivers: Things, arguments: Arguments, line: int) -> None:
        every = arguments.every
        for thing in receivers:
            certain = len(receivers) == 1
            if name in catalogue.MUTATING_METHODS or thing.kind in EXHAUSTIBLE | {"rng"}:
                self.change((thing,), line, certain=certain)
                if thing.kind != "estimator":
                    self.hold(thing, every)
                elif name.startswith(("fit", "partial_fit")):
                    self.change(closure(thing.contents), line, certain=False)
            elif not self._reads_only(name, thing):
                self.change((thing, *every), line, certain=False)
        if arguments.flag("inplace"):
            self.change(receivers, line)
        if "out" in arguments.keywords:
            self.change(arguments.keywords["out"], line)

    def _reads_only(self, name: str, thing: Thing) -> bool:
        if thing.kind in {IMMUTABLE, "file"} or name in catalogue.PURE_METHODS or name in catalogue.WRITER_METHODS:
            return True
        return name in catalogue.PLOT_METHODS and thing.kind != "axes"

    def _method_result(self, name: str, receivers: Things, arguments: Arguments) -> Things:
        if name in catalogue.SELF_METHODS:
            return receivers
        found: Things = NOTHING
        if all(thing.kind == "rng" for thing in receivers):
            found = self.new()
        elif name in catalogue.GIVING_METHODS:
            inside = frozenset(item for thing in receivers for item in thing.contents)
            given = arguments.at((1,)) if name in {"get", "setdefault", "pop"} else NOTHING
            found = inside | given | self.new("unknown", inside)
        elif name in catalogue.VIEW_METHODS:
            found = self.new("unknown", receivers) | receivers
        elif name in catalogue.PURE_METHODS or name in catalogue.MUTATING_METHODS:
            found = self.new(
                "unknown", [item for thing in receivers if thing.kind in CONTAINERS for item in thing.contents]
            )
        else:
            found = self.new("unknown", receivers | arguments.every) | receivers | arguments.every
        return found

    def _namespace_method(self, name: str, line: int) -> Things:
        if name in {"update", "setdefault", "pop", "clear"}:
            self.bind_anything(line)
        return self.namespace_item(ast.Name("computed"), line)

    def _query(self, arguments: Arguments, line: int, pattern: str) -> None:
        """`frame.query("size > @limit")` reads the variable `limit`; a computed text may read any.

        What an f-string puts in is taken to be a value, not to name variables itself.
        """
        found = arguments.at((0,)) or arguments.keywords.get("expr", NOTHING)
        node = next(iter([*arguments.node.args, *(word.value for word in arguments.node.keywords)]), None)
        texts = [thing.const for thing in found if isinstance(thing.const, str)]
        if isinstance(node, ast.JoinedStr):
            texts += [str(part.value) for part in node.values if isinstance(part, ast.Constant)]
        elif len(texts) < len(found):
            self.namespace_item(ast.Name("computed"), line)
        for name in sorted({name for text in texts for name in re.findall(pattern, text)} & self.names.keys()):
            self.read(name, line)

    def _pyplot(self, name: str, receivers: Things, line: int) -> None:
        if name in catalogue.PLOT_METHODS and any(thing.kind in {"unknown", "frame"} for thing in receivers):
            self.read_state("matplotlib.rcParams", line)
            self.change_state(catalogue.PYPLOT, line)

    def _unknown(self, callees: Things, arguments: Arguments, line: int) -> Things:
        """A call of something that nothing is known about may change it and all that it is handed."""
        every = arguments.every
        self.change(callees | every, line, certain=False)
        self.hand_over(every, every, line)
        self.files("", arguments, NOTHING, line)
        return self.new("unknown", every) | every


def _is_object(path: str) -> bool:
    """Tell whether a dotted name is a known object whose methods change it, rather than a module or class."""
    return path in {"sys.path", "os.environ", "matplotlib.rcParams", "sys.modules", "sys.argv"}
