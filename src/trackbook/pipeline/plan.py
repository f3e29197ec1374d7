"""What a pipeline script will do, read from its text: the steps, what they hand on, and the code they reach.

The script is parsed, never imported or run.  A plan is what the cache keys are made of and what an
engine executes, so everything that could change the result of a step and stands in the script belongs
to it; where the text cannot tell (`eval`, `globals()`), the whole script counts as the code of the step.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from trackbook.errors import PipelineError, nearest
from trackbook.pipeline.reach import Code, bound_names, code_of, concerns_every_step, is_docstring

MARKER = re.compile(r"^#\s*%%\s*\[step:(?P<name>[^\]]+)\](?P<options>.*)")
"""Above a step function: `# %% [step:NAME] id=CELL,CELL after=STEP cache=off metrics=NAME`; %20 stands for a blank."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
_PICKLING = frozenset({"pickle", "joblib", "dill", "cloudpickle", "torch", "shelve"})
_SHAPE = "write it as `a, b = step(x, params.y)`, and move anything else into a step function"


@dataclass(frozen=True)
class Argument:
    """What one argument of a step is: an output of an earlier step, or a field of the parameters."""

    name: str
    is_param: bool
    keyword: str | None = None


@dataclass(frozen=True)
class ParamField:
    """One field of the class `Params`; `default` is its source, None for a field without one."""

    name: str
    annotation: str
    default: str | None


@dataclass(frozen=True)
class Marker:
    """What the comment above a step function says.

    `cells` are ids of the notebook's cells, `after` steps that must come first although no argument shows it
    (they leave files or process state behind), `cached` is false where the tag `cache:off` says so, `metrics` are the
    names of results that are kept as metrics.
    """

    name: str
    cells: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    cached: bool = True
    metrics: tuple[str, ...] = ()


@dataclass(frozen=True)
class StepPlan:
    """One call in `main`; `unpacked` tells `a, = step()` from `a = step()`, `names` are the function's local names."""

    index: int
    marker: Marker
    function: str
    arguments: tuple[Argument, ...]
    outputs: tuple[str, ...]
    unpacked: bool
    line: int
    names: tuple[str, ...]
    code: Code = field(repr=False)

    @property
    def name(self) -> str:
        """The name that the notebook's tag gives the step."""
        return self.marker.name

    @property
    def cells(self) -> tuple[str, ...]:
        """The ids of the notebook's cells that the step was made from."""
        return self.marker.cells


@dataclass(frozen=True)
class Plan:
    """The steps of a script in their order, its parameters and its text."""

    path: Path
    params: tuple[ParamField, ...]
    steps: tuple[StepPlan, ...]
    source: str = field(default="", repr=False)

    def producers(self, step: StepPlan) -> Mapping[str, int]:
        """Return, for each name that `step` is handed, the index of the step that bound it last."""
        return self._producers[step.index]

    @cached_property
    def _producers(self) -> tuple[Mapping[str, int], ...]:
        bound: dict[str, int] = {}
        found = []
        for step in self.steps:
            found.append({item.name: bound[item.name] for item in step.arguments if not item.is_param})
            bound.update(dict.fromkeys(step.outputs, step.index))
        return tuple(found)


def read_plan(path: Path) -> Plan:
    """Return the plan of the script at `path`.

    Raises PipelineError when there is no such file or its `main` has another form.
    """
    try:
        source = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise PipelineError(
            f"no pipeline script {path}: make one with `trackbook convert NOTEBOOK -o {path.name}`"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise PipelineError(f"cannot read the pipeline script {path}: {error}") from error
    return parse_plan(source, path)


def parse_plan(source: str, path: Path) -> Plan:
    """Return the plan of a script's text; `path` is only used in messages."""
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise PipelineError(
            f"{path}:{error.lineno}: {error.msg}; correct the line, or convert the notebook again"
        ) from error
    script = _Script(path, source, tree)
    main = script.functions.get("main")
    if main is None:
        raise PipelineError(
            f"{path} has no function main(params): it is no pipeline script; convert the notebook again"
        )
    params = tuple(_param_fields(script))
    steps = tuple(_steps(script, main, {param.name for param in params}))
    _check_order(path, steps)
    return Plan(path, params, steps, source)


def _check_order(path: Path, steps: tuple[StepPlan, ...]) -> None:
    """Raise PipelineError for a step that is to come after one that main() calls later, or that there is not."""
    names, called = [step.name for step in steps], set[str]()
    for step in steps:
        for name in step.marker.after:
            if name not in names:
                known = nearest(name, names)
                raise PipelineError(
                    f"{path}:{step.line}: step {step.name!r} is after {name!r}, which is no step{known}"
                )
            if name not in called:
                raise PipelineError(
                    f"{path}:{step.line}: step {step.name!r} is after {name!r}, which main() calls later: "
                    "change the order of the calls, or take `after` away"
                )
        called.add(step.name)


class _Script:
    """The module-level statements of a script, by the names that they bind."""

    def __init__(self, path: Path, source: str, tree: ast.Module) -> None:
        self.path, self.lines, self.tree = path, source.splitlines(), tree
        self.functions = {node.name: node for node in tree.body if isinstance(node, Function)}
        self.binders: dict[str, list[ast.stmt]] = {}
        for statement in tree.body:
            for name in bound_names(statement):
                self.binders.setdefault(name, []).append(statement)
        self.always = [statement for statement in tree.body if concerns_every_step(statement)]
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        self.classes = {node.name: node for node in classes if node.name != "Params"}
        for node in self.classes.values():
            for base in node.bases:
                if isinstance(base, ast.Name):  # which may know its subclasses
                    self.binders.setdefault(base.id, []).append(node)

    def fail(self, node: ast.AST, what: str) -> PipelineError:
        return PipelineError(f"{self.path}:{getattr(node, 'lineno', 0)}: {what}")

    def marker(self, function: Function) -> Marker:
        """Return what the marker comment above `function` says."""
        first = min([function.lineno, *(node.lineno for node in function.decorator_list)])
        for line in reversed(self.lines[: first - 1]):
            if line.strip() and not line.lstrip().startswith("#"):
                break
            if found := MARKER.match(line):
                options = dict(word.partition("=")[::2] for word in found["options"].split())
                lists = (options.get(key, "").split(",") for key in ("id", "after", "metrics"))
                cells, after, metrics = (tuple(unquote(item) for item in items if item) for items in lists)
                return Marker(found["name"].strip(), cells, after, options.get("cache") != "off", metrics)
        return Marker(function.name)


def _steps(script: _Script, main: Function, params: set[str]) -> Iterator[StepPlan]:
    parameter = _parameter_name(script, main)
    known: set[str] = set()
    position = 0
    carried = _Carried(script)
    for statement in main.body:
        if is_docstring(statement) or isinstance(statement, ast.Pass):
            continue
        call, outputs, unpacked = _call_of(script, statement)
        function = _step_function(script, call)
        arguments = tuple(_arguments(script, call, parameter, params, known))
        code = _code(script, function, carried.by(arguments))
        carried.hand_on(code, arguments, outputs)
        yield StepPlan(
            index=position,
            marker=script.marker(function),
            function=function.name,
            arguments=arguments,
            outputs=outputs,
            unpacked=unpacked,
            line=statement.lineno,
            names=tuple(_local_names(function)),
            code=code,
        )
        known.update(outputs)
        position += 1


def _code(script: _Script, function: Function, classes: Iterable[ast.stmt]) -> Code:
    """Return the code of a step whose arguments may be made of `classes`; what it unpickles may be of any class."""
    code = code_of(function, script.tree.body, script.binders, [*script.always, *classes])
    modules = {module.partition(".")[0] for module in code.modules}
    if modules & _PICKLING or "read_pickle" in code.source:
        code = code_of(function, script.tree.body, script.binders, [*script.always, *script.classes.values()])
    return code


class _Carried:
    """The classes of the script that values may be made of: a step calls the methods of what it is handed.

    A value may be of every class that the code of its step reaches, and so may what that step was handed, as it may
    have been changed in place.
    """

    def __init__(self, script: _Script) -> None:
        self._classes = script.classes
        self._by_name: dict[str, set[str]] = {}
        for field_ in _param_fields(script):
            words = re.findall(r"\w+", f"{field_.annotation} {field_.default}")
            self._by_name[f"params.{field_.name}"] = {word for word in words if word in self._classes}

    def by(self, arguments: Iterable[Argument]) -> list[ast.stmt]:
        """Return the classes of what a step is handed."""
        found: set[str] = set()
        for argument in arguments:
            found |= self._by_name.get(_full(argument), set())
        return [self._classes[name] for name in sorted(found)]

    def hand_on(self, code: Code, arguments: Iterable[Argument], outputs: Iterable[str]) -> None:
        """Note what a step may have made its results of, and may have put into what it was handed."""
        reached = {name for names, _ in code.reached for name in names.split()} & self._classes.keys()
        if reached:
            for name in [*outputs, *map(_full, arguments)]:
                self._by_name[name] = self._by_name.get(name, set()) | reached


def _full(argument: Argument) -> str:
    return f"params.{argument.name}" if argument.is_param else argument.name


def _parameter_name(script: _Script, main: Function) -> str:
    arguments = main.args.posonlyargs + main.args.args
    if len(arguments) != 1 or main.args.vararg or main.args.kwonlyargs or main.args.kwarg:
        raise script.fail(main, "main must take exactly one argument: write `def main(params: Params) -> None:`")
    return arguments[0].arg


def _call_of(script: _Script, statement: ast.stmt) -> tuple[ast.Call, tuple[str, ...], bool]:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        return statement.value, (), False
    if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call) and len(statement.targets) == 1:
        target = statement.targets[0]
        if isinstance(target, ast.Name):
            return statement.value, (target.id,), False
        if isinstance(target, ast.Tuple) and target.elts and all(isinstance(item, ast.Name) for item in target.elts):
            return statement.value, tuple(item.id for item in target.elts if isinstance(item, ast.Name)), True
    raise script.fail(statement, f"main() holds `{_short(statement)}`, which is no call of a step: {_SHAPE}")


def _step_function(script: _Script, call: ast.Call) -> Function:
    if not isinstance(call.func, ast.Name):
        raise script.fail(call, f"main() calls `{_short(call.func)}`, which is no function of the script: {_SHAPE}")
    function = script.functions.get(call.func.id)
    if function is None:
        hint = nearest(call.func.id, script.functions)
        raise script.fail(call, f"main() calls `{call.func.id}`, which the script does not define{hint}: {_SHAPE}")
    return function


def _arguments(
    script: _Script, call: ast.Call, parameter: str, params: set[str], known: set[str]
) -> Iterator[Argument]:
    for keyword, node in [(None, node) for node in call.args] + [(item.arg, item.value) for item in call.keywords]:
        if isinstance(node, ast.Name) and node.id in known:
            yield Argument(node.id, False, keyword)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == parameter:
            if node.attr not in params:
                raise script.fail(node, f"the class Params has no field {node.attr!r}{nearest(node.attr, params)}")
            yield Argument(node.attr, True, keyword)
        elif isinstance(node, ast.Name):
            hint = nearest(node.id, known)
            raise script.fail(
                node, f"no earlier step returns `{node.id}`{hint}: let one return it, or make it a field of Params"
            )
        else:
            raise script.fail(node, f"the argument `{_short(node)}` is no name and no `params.field`: {_SHAPE}")


def _param_fields(script: _Script) -> Iterator[ParamField]:
    for statement in script.tree.body:
        if isinstance(statement, ast.ClassDef) and statement.name == "Params":
            for item in statement.body:
                if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                    default = None if item.value is None else ast.unparse(item.value)
                    yield ParamField(item.target.id, ast.unparse(item.annotation), default)


def _local_names(function: Function) -> list[str]:
    """Return arguments and names stored in a function itself, in the order of their first appearance."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    names = dict.fromkeys(argument.arg for argument in every)
    for node in _own_nodes(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.setdefault(node.id)
    return list(names)


def _own_nodes(function: Function) -> Iterator[ast.AST]:
    """Walk a function without the scopes nested in it."""
    waiting: list[ast.AST] = list(reversed(function.body))
    while waiting:
        node = waiting.pop()
        yield node
        scopes = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
        comprehensions = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
        if not isinstance(node, scopes | comprehensions):
            waiting += reversed(list(ast.iter_child_nodes(node)))


def _short(node: ast.AST) -> str:
    first = ast.unparse(node).splitlines()[0]
    return first if len(first) <= 60 else first[:57] + "…"


def describe(plan: Plan) -> Mapping[str, object]:
    """Return a plan as plain values for JSON: its parameters, its steps and which step feeds which."""
    return {
        "script": str(plan.path),
        "params": [{"name": item.name, "type": item.annotation, "default": item.default} for item in plan.params],
        "steps": [
            {"name": step.name, "outputs": list(step.outputs), "after": sorted(set(plan.producers(step).values()))}
            for step in plan.steps
        ],
    }
