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
from trackbook.cells.parts import constant, has_fields, key_of
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

_KEYED = frozenset({"get", "pop", "setdefault"})
_BY_NAME = frozenset({"getattr", "setattr", "vars"})
_DRAWING = "drawing"
_SHOWING = frozenset({"print", "str", "repr", "display", "format"})
_NAMESPACES = frozenset({"globals", "locals", "vars"})


class Calls(FunctionCalls):
    """Evaluates calls."""

    def run_command(self, command: str, line: int) -> Things:
        """Run a command of the shell."""
        raise NotImplementedError

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
            return self._call_method(node, self.locate(node.func.value), node.func.attr)
        callees = self.evaluate(node.func)
        named = self._named_attribute(node, callees)
        if named is not None:
            return named
        arguments = self._arguments(node, callees)
        return self.apply(callees, arguments, self.line(node))

    def _arguments(self, node: ast.Call, callees: Things = NOTHING) -> Arguments:
        """Evaluate the arguments of a call; what functions of the notebook read of theirs, their bodies tell."""
        told = bool(callees) and all(_is_followed(callee) for callee in callees)
        evaluate = self.locate if told else self.evaluate
        positional = [evaluate(item) for item in node.args]
        keywords: dict[str, Things] = {}
        for number, keyword in enumerate(node.keywords):
            keywords[keyword.arg or f"**{number}"] = evaluate(keyword.value)
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
        if callee.kind == "bound":
            self.change(callee.contents, line)
            for thing in callee.contents:
                self.hold(thing, arguments.every)
            return self.new() | self.inside(frozenset(callee.contents))
        return self._unknown(frozenset({callee}), arguments, line)

    def _named_attribute(self, node: ast.Call, callees: Things) -> Things | None:
        """Run `getattr(x, 'name')` and its like, where the name is a constant; None for any other call."""
        names = {callee.path for callee in callees if callee.kind == "builtin"}
        name = names.pop() if len(names) == len(callees) == 1 else ""
        if name not in _BY_NAME or not node.args or node.keywords:
            return None
        line = self.line(node)
        if name == "vars":
            owners = self.locate(node.args[0])
            found = [self.fields(owner) for owner in owners if has_fields(owner, "__dict__")]
            return NOTHING.union(*found) if len(found) == len(owners) == len(node.args) else None
        text = constant(node.args[1]) if len(node.args) > 1 else None
        if not isinstance(text, str):
            return None
        if name == "setattr" and len(node.args) == 3:
            owners = self.base(node.args[0])
            self.store_attribute(owners, text, self.evaluate(node.args[2]), line)
            return VALUE
        if name == "getattr":
            given = self.evaluate_all(node.args[2:])
            return self.whole(self.attribute(self.locate(node.args[0]), text, line), line) | given
        return None

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
        if name in {"staticmethod", "property", "classmethod"}:
            return frozenset({Thing(self.cell, name.replace("staticmethod", "static"), contents=set(arguments.every))})
        rule = catalogue.BUILTINS.get(name, catalogue.PURE)
        if name in _SHOWING:
            self.show(arguments.every, line)
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
        self._call_system(path, only_text(arguments.at((0,))) or "", line)
        self.figures_stay |= path in catalogue.BACKENDS
        if path in catalogue.EVALUATING:
            self._query(arguments, line, r"[^\W\d]\w*")
        state = self._state_of_call(path, arguments, line)
        if state is not None:
            return state
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
        found = self._obey(rule, last, arguments, line)
        if last in catalogue.DRAWING and "random_state" not in arguments.keywords:
            for thing in found:
                thing.path = _DRAWING
        return found

    def _call_system(self, path: str, text: str, line: int) -> None:
        """Change the folder, or run a command."""
        if path == "os.chdir" and not text.startswith("/"):
            self.read_state(catalogue.CWD, line)
        elif path in catalogue.COMMANDS:
            self.run_command(text, line)

    def _state_of_call(self, path: str, arguments: Arguments, line: int) -> Things | None:
        """Return what a function gives that hands out a piece of process state, None for any other."""
        if path == "logging.getLogger":
            return self.read_state("logging.root", line)
        mapping, key = catalogue.OPTIONS.get(path), only_text(arguments.at((0,)))
        if mapping is None or key is None:
            return None
        return self._option(self.known(mapping), path, key.rpartition(".")[2], line)

    def _option(self, mapping: Thing, path: str, key: str, line: int) -> Things:
        """Get or set one option among many."""
        if path in catalogue.OPTION_SETTERS:
            self.whole(frozenset({mapping}), line)
            self.look((mapping,), mapping.path, line)
            self.put(mapping, key, VALUE, line, alone=True)
            return VALUE
        self.partly.setdefault(mapping, mapping.path)
        return self.whole(self.pick(mapping, key, line), line)

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
            if thing.kind == "iterator" and any(item.function is not None or item.kind == "bound" for item in every):
                thing.resume = lambda now: self.hand_over(every, every, now)
        return found

    def _result(self, rule: Rule, arguments: Arguments) -> Things:
        if rule.kind == IMMUTABLE:
            return VALUE
        if rule.kind == "path":
            text = only_text(arguments.at((0,)))
            return frozenset({Thing(self.cell, IMMUTABLE, const=text)})
        every = arguments.every
        if rule.kind == "record" and not arguments.positional and not arguments.spread:
            (made,) = found = self.new(rule.kind)
            self.fill(made, arguments.keywords.items(), len(arguments.keywords))
            return found
        if rule.gives:
            return self.new("unknown", self.inside(every)) | self.inside(every) | arguments.at(rule.alias)
        kept: Iterable[Thing] = ()
        if rule.holds:
            kept = self.inside(every) if rule.consumes else {*every, *self.inside(every)}
        return self.new(rule.kind, kept) | arguments.at(rule.alias)

    # ---- methods and the unknown

    def _call_method(self, node: ast.Call, receivers: Things, name: str) -> Things:
        line = self.line(node)
        picked = self._keyed_method(node, receivers, name)
        if picked is not None:
            return picked
        if _is_unbound(receivers, name) and node.args:
            return self._call_unbound(node, line)
        own = frozenset(thing for thing in receivers if thing.kind == "library" or self._follows(thing, name))
        others = self.whole(receivers - own, line)
        callees = self.attribute(own, name, line) if own else NOTHING
        arguments = self._arguments(node, NOTHING if others else callees)
        found = self.apply(callees, arguments, line) if callees else NOTHING
        objects = frozenset(thing for thing in own if thing.kind == "library" and _is_object(thing.path))
        if objects:
            self._method(name, self.whole(objects, line), arguments, line)
        return found | self._method(name, others, arguments, line) if others else found

    def _call_unbound(self, node: ast.Call, line: int) -> Things:
        """Call a method through the builtin type that has it, as `list.append(values, 1)`."""
        arguments = self._arguments(node)
        owners = arguments.at((0,))
        self.change(owners, line)
        for owner in owners:
            self.hold(owner, arguments.every - owners)
        return self.new("unknown", self.inside(owners)) | self.inside(owners)

    def _keyed_method(self, node: ast.Call, receivers: Things, name: str) -> Things | None:
        """Run a method that works on one key of a dict or of a mapping of a library; None for any other call."""
        if name == "update" and all(thing.kind == "dict" for thing in receivers):
            return self._update(node, receivers)
        if name not in _KEYED or not node.args or node.keywords:
            return None
        key = constant(node.args[0])
        kinds = {"dict", "library"} if name == "get" else {"dict"}
        if not receivers or any(t.kind not in kinds or key_of(t, key) is None for t in receivers):
            return None
        line, alone = self.line(node), len(receivers) == 1
        given = self.evaluate_all(node.args[1:])
        if name != "get":
            self.whole(receivers, line)
        found = frozenset(item for thing in in_order(receivers) for item in self.pick(thing, key, line))
        for thing in in_order(receivers):
            if name == "pop":
                self.take_out(thing, key, line, alone=alone)
            elif name == "setdefault":
                with self.branch():
                    self.put(thing, key, given, line, alone=alone)
        return self.whole(found, line) | given

    def _update(self, node: ast.Call, receivers: Things) -> Things | None:
        """Run `update` of dicts with keys that are spelled out; None where they are not."""
        literal = node.args[0] if node.args else None
        pairs = list(zip(literal.keys, literal.values, strict=True)) if isinstance(literal, ast.Dict) else []
        if len(node.args) > 1 or (node.args and not pairs) or any(word.arg is None for word in node.keywords):
            return None
        named = [(constant(key) if key is not None else None, value) for key, value in pairs]
        named += [(word.arg, word.value) for word in node.keywords]
        if any(key is None for key, _ in named):
            return None
        line = self.line(node)
        self.whole(receivers, line)
        for key, value in named:
            things = self.evaluate(value)
            for thing in in_order(receivers):
                self.put(thing, key, things, line, alone=len(receivers) == 1)
        return VALUE

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
        if name == "shuffle":
            self.change(arguments.at((0,)), line, certain=len(receivers) == 1)
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
            elif thing.kind == "axes":
                self._draw(thing, name, line)
            elif not self._reads_only(name, thing):
                self.change((thing, *every), line, certain=False)
        if name.startswith("fit") and any(thing.path == _DRAWING for thing in closure(receivers)):
            self.change_state(catalogue.RNG_NUMPY, line)
        if arguments.flag("inplace"):
            self.change(receivers, line)
        if "out" in arguments.keywords:
            self.change(arguments.keywords["out"], line)

    def _draw(self, thing: Thing, name: str, line: int) -> None:
        """Call a method of a figure or of its axes, which pyplot may hold as its own."""
        if name.startswith("get_") or name in catalogue.WRITER_METHODS:
            self.read_state(catalogue.PYPLOT, line)
        else:
            self.change((thing,), line)
            self.change_state(catalogue.PYPLOT, line)

    def _reads_only(self, name: str, thing: Thing) -> bool:
        if thing.kind in {IMMUTABLE, "file"} or name in catalogue.PURE_METHODS or name in catalogue.WRITER_METHODS:
            return True
        return name in catalogue.PLOT_METHODS

    def _method_result(self, name: str, receivers: Things, arguments: Arguments) -> Things:
        if name in catalogue.SELF_METHODS:
            return receivers
        found: Things = NOTHING
        if all(thing.kind == "rng" for thing in receivers):
            found = self.new()
        elif name in catalogue.GIVING_METHODS:
            shared = receivers if name != "copy" else [t for t in receivers if t.kind in CONTAINERS | {"unknown"}]
            inside = frozenset(item for thing in shared for item in thing.held)
            given = arguments.at((1,)) if name in {"get", "setdefault", "pop"} else NOTHING
            found = inside | given | self.new(_kind_of_copy(name, receivers), inside)
            if name != "copy":
                found |= self.inside(receivers) - VALUE
            if name in {"keys", "values", "items"}:  # what these give shows what the dict holds later, too
                found |= {Thing(self.cell, "live", base=thing) for thing in receivers if thing.kind == "dict"}
        elif name in catalogue.VIEW_METHODS:
            found = frozenset(item for thing in receivers for item in self.within(thing))
        elif name in catalogue.PURE_METHODS or name in catalogue.MUTATING_METHODS:
            shared = [thing for thing in receivers if thing.kind in CONTAINERS]
            kind = "mask" if name in catalogue.MASK_METHODS else _kind_of_copy(name, receivers)
            found = self.new(kind, [item for thing in shared for item in thing.held])
        else:
            inner = frozenset(item for thing in receivers for item in self.within(thing))
            kind = "axes" if any(thing.kind == "axes" for thing in receivers) else "unknown"
            found = self.new(kind, receivers | arguments.every) | inner | arguments.every
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
        return self.new("unknown", every) | frozenset(item for thing in every for item in self.within(thing))


def _is_unbound(receivers: Things, name: str) -> bool:
    """Tell whether a method that changes an object is taken of its builtin type."""
    changes = name in catalogue.MUTATING_METHODS or name in {"__setattr__", "__setitem__", "__delitem__"}
    return changes and bool(receivers) and all(thing.kind == "builtin" for thing in receivers)


def _is_followed(callee: Thing) -> bool:
    """Tell whether the body of a function says what is read of its arguments."""
    return callee.kind in {"function", "method"} and callee.function is not None and not callee.function.generator


def _kind_of_copy(name: str, receivers: Things) -> str:
    """Return what a method that leaves a frame alone makes of it."""
    frames = bool(receivers) and all(thing.kind == "frame" for thing in receivers)
    return "frame" if frames and name in catalogue.FRAME_METHODS else "unknown"


def _is_object(path: str) -> bool:
    """Tell whether a dotted name is a known object whose methods change it, rather than a module or class."""
    return path in {"sys.path", "os.environ", "matplotlib.rcParams", "sys.modules", "sys.argv", "logging.root"}
