"""Runs a script as `python SCRIPT` would, noting what its steps return, as the program of a process.

The script is changed in memory only: `main` says which step begins, and each step function hands its
names over as it returns.
"""

from __future__ import annotations

import ast
import sys
import types
from pathlib import Path

from trackbook.pipeline.plan import Function, Plan, parse_plan
from trackbook.pipeline.verification.failures import note_failure
from trackbook.pipeline.verification.record import Steps

HOOK = "_trackbook_steps"
_NAMES = "{**globals(), **locals()}"


def instrument(source: str, plan: Plan) -> ast.Module:
    """Return the script's tree with the calls of the hook put in."""
    tree = ast.parse(source)
    functions = {step.function for step in plan.steps}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == "main":
            _announce(node, plan)
        elif isinstance(node, Function) and node.name in functions:
            _report(node)
    return ast.fix_missing_locations(tree)


def run(script: Path, folder: Path) -> None:
    """Run `script` as the main module with notes going to `folder`."""
    source = script.read_text(encoding="utf-8")
    plan = parse_plan(source, script)
    steps = [(step.function, list(step.names), list(step.outputs), step.unpacked) for step in plan.steps]
    module = types.ModuleType("__main__")
    module.__file__ = str(script)
    hook = Steps(folder, steps)
    setattr(module, HOOK, hook)
    sys.modules["__main__"] = module
    sys.argv = [str(script)]
    sys.path.insert(0, str(script.parent))
    code = compile(instrument(source, plan), str(script), "exec")
    try:
        exec(code, vars(module))  # noqa: S102 - running the user's script is the purpose
    except BaseException as error:
        note_failure(folder, error, hook.current, lambda name: name == str(script))
        raise
    finally:
        hook.figures.finish()


def _announce(main: ast.FunctionDef, plan: Plan) -> None:
    starts = {step.line: step.index for step in plan.steps}
    body: list[ast.stmt] = []
    for statement in main.body:
        if statement.lineno in starts:
            body.append(_located(f"{HOOK}.enter({starts[statement.lineno]})", statement))
        body.append(statement)
    main.body = [*body, _located(f"{HOOK}.finish(locals())", main.body[-1])]


def _report(function: Function) -> None:
    _Returns(function.name).visit_body(function)
    last = function.body[-1]
    function.body.append(_located(f"{HOOK}.leave({function.name!r}, {_NAMES}, None)", last))


class _Returns(ast.NodeTransformer):
    """Wraps the values that one function returns, leaving those of functions inside it alone."""

    def __init__(self, name: str) -> None:
        self._name = name

    def visit_body(self, function: Function) -> None:
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
        call = _located(f"{HOOK}.leave({self._name!r}, {_NAMES}, None)", node)
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
