"""Runs a script as `python SCRIPT` would, noting what its steps return: `python -m trackbook.pipeline.driver`.

The script is changed in memory only: `main` says which step begins, and each step function hands its
names over as it returns.  What the script shows as a notebook would is written as the kernel writes it.
"""

from __future__ import annotations

import ast
import sys
import types
from pathlib import Path

from trackbook.pipeline.plan import Plan, parse_plan
from trackbook.pipeline.record import Recorder, Steps
from trackbook.pipeline.results import DISPLAY, SHOW, helper

HOOK = "_trackbook_steps"


def instrument(source: str, plan: Plan) -> ast.Module:
    """Return the script's tree with the calls of the hook put in."""
    tree = ast.parse(source)
    functions = {step.function for step in plan.steps}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == "main":
            _announce(node, plan)
        elif isinstance(node, ast.FunctionDef) and node.name in functions:
            _report(node)
        elif isinstance(node, ast.FunctionDef) and _is_helper(node):
            _Pretty().visit(node)
    return ast.fix_missing_locations(tree)


def run(script: Path, folder: Path) -> None:
    """Run `script` as the main module with notes going to `folder`."""
    source = script.read_text(encoding="utf-8")
    plan = parse_plan(source, script)
    steps = [(step.function, list(step.names), list(step.outputs), step.unpacked) for step in plan.steps]
    module = types.ModuleType("__main__")
    module.__file__ = str(script)
    setattr(module, HOOK, Steps(Recorder(folder), steps))
    if any(name.partition(".")[0] == "pandas" for step in plan.steps for name in step.code.modules):
        _show_frames_as_a_kernel_does()
    sys.modules["__main__"] = module
    sys.argv = [str(script)]
    sys.path.insert(0, str(script.parent))
    code = compile(instrument(source, plan), str(script), "exec")
    exec(code, vars(module))  # noqa: S102 - running the user's script is the purpose


def _show_frames_as_a_kernel_does() -> None:
    """Let pandas write as many columns as in a kernel; in a plain process it goes by the width of the terminal."""
    import pandas

    pandas.set_option("display.max_columns", 20)


def _is_helper(node: ast.FunctionDef) -> bool:
    """Tell whether a function is one that conversion adds to show values."""
    texts = (helper(kind, node.name) for kind in (SHOW, DISPLAY))
    return ast.unparse(node) in {ast.unparse(ast.parse(text)) for text in texts}


class _Pretty(ast.NodeTransformer):
    """Writes `repr(value)` as IPython does, which wraps long lists and sorts sets."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "repr":
            node.func = ast.copy_location(ast.Attribute(ast.Name(HOOK, ast.Load()), "pretty", ast.Load()), node.func)
        return node


def _announce(main: ast.FunctionDef, plan: Plan) -> None:
    starts = {step.line: step.index for step in plan.steps}
    body: list[ast.stmt] = []
    for statement in main.body:
        if statement.lineno in starts:
            body.append(_located(f"{HOOK}.enter({starts[statement.lineno]})", statement))
        body.append(statement)
    main.body = [*body, _located(f"{HOOK}.finish(locals())", main.body[-1])]


def _report(function: ast.FunctionDef) -> None:
    _Returns(function.name).visit_body(function)
    last = function.body[-1]
    function.body.append(_located(f"{HOOK}.leave({function.name!r}, locals(), None)", last))


class _Returns(ast.NodeTransformer):
    """Wraps the values that one function returns, leaving those of functions inside it alone."""

    def __init__(self, name: str) -> None:
        self._name = name

    def visit_body(self, function: ast.FunctionDef) -> None:
        function.body = [self.visit(statement) for statement in function.body]

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return node

    def visit_Return(self, node: ast.Return) -> ast.AST:
        call = _located(f"{HOOK}.leave({self._name!r}, locals(), None)", node)
        assert isinstance(call, ast.Expr)
        assert isinstance(call.value, ast.Call)
        if node.value is not None:
            call.value.args[2] = node.value
        return ast.copy_location(ast.Return(call.value), node)


def _located(text: str, like: ast.stmt) -> ast.stmt:
    statement = ast.parse(text).body[0]
    for node in ast.walk(statement):
        ast.copy_location(node, like)
    return statement


if __name__ == "__main__":
    run(Path(sys.argv[1]), Path(sys.argv[2]))
