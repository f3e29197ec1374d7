"""Which names belong to which scope, read from the syntax tree alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator

Functions = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehensions = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
Definitions = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """Walk the nodes that run in `scope` itself: without the bodies of the scopes nested in it.

    Decorators, defaults, annotations and bases of nested definitions run here, and a walrus in a
    comprehension binds here, so comprehensions are walked too (their targets are left out).
    """
    waiting = list(reversed(_body_of(scope)))
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(_outer_parts(node))


def _body_of(scope: ast.AST) -> list[ast.AST]:
    if isinstance(scope, ast.Lambda):
        return [scope.body]
    if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
        return list(scope.body)
    return [scope]


def _outer_parts(node: ast.AST) -> list[ast.AST]:
    if isinstance(node, ast.Lambda):
        return [item for item in (*node.args.defaults, *node.args.kw_defaults) if item]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        parts = [*node.decorator_list, *node.args.defaults, *node.args.kw_defaults, *annotation_parts(node)]
        return [item for item in parts if item]
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *node.keywords]
    if isinstance(node, ast.comprehension):
        return [node.iter, *node.ifs]
    return list(ast.iter_child_nodes(node))


def annotation_parts(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.expr]:
    """Return the annotations of a function's arguments and result; they run where it is defined."""
    found = [argument.annotation for argument in arguments(node)]
    return [item for item in (*found, node.returns) if item is not None]


def arguments(node: Functions) -> list[ast.arg]:
    """Return all arguments of a function, `*args` and `**kwargs` included."""
    args = node.args
    extra = [item for item in (args.vararg, args.kwarg) if item is not None]
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *extra]


def target_names(target: ast.AST) -> Iterator[str]:
    """Yield the plain names that an assignment to `target` binds."""
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Starred):
        yield from target_names(target.value)
    elif isinstance(target, ast.Tuple | ast.List):
        for item in target.elts:
            yield from target_names(item)


def imported_name(alias: ast.alias) -> str:
    """Return the name that one part of an import binds."""
    return alias.asname or alias.name.partition(".")[0]


def bound_names(scope: ast.AST) -> set[str]:
    """Return the names that `scope` itself binds or deletes, those it declares global or nonlocal included."""
    names: set[str] = set()
    for node in own_nodes(scope):
        names.update(_bound_by(node))
    if isinstance(scope, Functions):
        names.update(argument.arg for argument in arguments(scope))
    return names


def _bound_by(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            yield from (imported_name(alias) for alias in aliases if alias.name != "*")
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.MatchMapping(rest=str(name)):
            yield name
        case _ if type(node).__name__ == "TypeAlias":
            yield from target_names(node.name)  # type: ignore[attr-defined]


def declared(scope: ast.AST, kind: type[ast.Global] | type[ast.Nonlocal]) -> frozenset[str]:
    """Return the names that `scope` declares `global` (or `nonlocal`)."""
    return frozenset(name for node in own_nodes(scope) if isinstance(node, kind) for name in node.names)


def local_names(scope: ast.AST) -> frozenset[str]:
    """Return the names that live in `scope` itself."""
    return frozenset(bound_names(scope) - declared(scope, ast.Global) - declared(scope, ast.Nonlocal))


def is_generator(node: Functions) -> bool:
    """Tell whether a function yields."""
    return any(isinstance(inner, ast.Yield | ast.YieldFrom) for inner in own_nodes(node))
