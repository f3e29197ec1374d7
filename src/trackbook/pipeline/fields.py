"""The parameters of a notebook: what its `parameters` cells assign becomes the class `Params` of the script."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from trackbook.errors import NotebookError
from trackbook.pipeline.edits import Positions
from trackbook.pipeline.notebook import Cell

_TYPES = {int: "int", float: "float", bool: "bool", str: "str", type(None): "str | None"}
_REMEDY = "give it a number, a text, True, False or None, or assign it in a step"
_LARGEST = 10**300


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter: its name, its type as written in the script, its default, and the comments beside it."""

    name: str
    annotation: str
    default: int | float | bool | str | None
    above: tuple[str, ...] = ()
    beside: str = ""
    cell: int = 0


def read_fields(cells: Iterable[tuple[Cell, str]], injected: Iterable[tuple[Cell, str]]) -> tuple[Field, ...]:
    """Return the parameters of cells given with their code; `injected` ones (papermill's) replace defaults.

    Raises NotebookError for a parameter that is no literal, or is defined by two cells.
    """
    found: dict[str, tuple[Cell, Field]] = {}
    for cell, text in cells:
        for field in _fields_of(cell, text):
            earlier = found.get(field.name)
            if earlier is not None and earlier[0].index != cell.index:
                raise NotebookError(
                    f"{earlier[0].label} and {cell.label} both define the parameter {field.name!r}; remove one of them"
                )
            found[field.name] = (cell, field)
    for cell, text in injected:
        for field in _fields_of(cell, text):
            old = found.get(field.name)
            found[field.name] = (cell, field if old is None else _with_default(old[1], field))
    _check_options(found)
    return tuple(field for _, field in found.values())


def _check_options(found: Mapping[str, tuple[Cell, Field]]) -> None:
    """Require that the names give different options of a command line."""
    for name, (cell, field) in found.items():
        clash = name if name == "help" else f"no_{name}" if isinstance(field.default, bool) else ""
        if clash in found:
            raise NotebookError(
                f"{cell.label}: the parameter {clash!r} would take the option --{clash.replace('_', '-')}, "
                "which the script has already; rename it"
            )


def _with_default(old: Field, new: Field) -> Field:
    wider = {("float", "int"): "float", ("str | None", "str"): "str | None"}
    annotation = wider.get((old.annotation, new.annotation), new.annotation)
    default = float(new.default) if annotation == "float" and isinstance(new.default, int) else new.default
    return replace(old, annotation=annotation, default=default)


def _fields_of(cell: Cell, text: str) -> Iterator[Field]:
    positions, above = Positions(text), 1
    for node in ast.parse(text).body:
        comments = _comments(positions.lines[above - 1 : positions.first_line(node) - 1])
        above = (node.end_lineno or node.lineno) + 1
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        names, value, annotation = _parts(cell, node)
        for name in names:
            literal = constant(value)
            if isinstance(literal, _NotConstant):
                written = ast.unparse(value)
                short = written if len(written) <= 60 else written[:59] + "…"
                raise NotebookError(
                    f"{cell.label}: the parameter {name!r} is `{short}`, which is no plain value; {_REMEDY}"
                )
            kind, default = _typed(annotation, literal)
            yield Field(name, kind, default, comments, _beside(positions, node), cell.index)


def _parts(cell: Cell, node: ast.stmt) -> tuple[list[str], ast.expr, ast.expr | None]:
    if isinstance(node, ast.Assign) and all(isinstance(target, ast.Name) for target in node.targets):
        return [target.id for target in node.targets if isinstance(target, ast.Name)], node.value, None
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
        return [node.target.id], node.value, node.annotation
    raise NotebookError(
        f"{cell.label}, line {node.lineno}: `{ast.unparse(node).splitlines()[0][:60]}` is no `NAME = VALUE`; "
        "keep only assignments in a cell tagged `parameters`"
    )


def _typed(
    annotation: ast.expr | None, value: int | float | bool | str | None
) -> tuple[str, int | float | bool | str | None]:
    stated = ast.unparse(annotation) if annotation is not None else ""
    if stated == "float" and isinstance(value, int) and not isinstance(value, bool):
        return "float", float(value)
    return _TYPES[type(value)], value


def _comments(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(line.strip() for line in lines if line.strip().startswith("#"))


def _beside(positions: Positions, node: ast.stmt) -> str:
    rest = positions.text[positions.end(node) :].split("\n", 1)[0].strip()
    return rest if rest.startswith("#") else ""


class _NotConstant:
    """Stands for an expression that is no plain value."""


_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def constant(node: ast.expr) -> int | float | bool | str | _NotConstant | None:
    """Return the value that `node` spells out: a constant, or arithmetic on numbers such as `24 * 60`."""
    match node:
        case ast.Constant(value=value) if isinstance(value, int | float | bool | str | None):
            return value
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=inner):
            number = constant(inner)
            if isinstance(number, int | float) and not isinstance(number, bool):
                return -number if isinstance(sign, ast.USub) else number
        case ast.BinOp(left=left, op=op, right=right):
            return _arithmetic(constant(left), constant(right), op)
    return _NotConstant()


def _arithmetic(left: object, right: object, op: ast.operator) -> int | float | _NotConstant:
    function = _BINARY.get(type(op))
    if function is None or not isinstance(left, int | float) or not isinstance(right, int | float):
        return _NotConstant()
    if max(abs(left), abs(right)) > _LARGEST:
        return _NotConstant()
    try:
        return function(left, right)
    except (ArithmeticError, ValueError):
        return _NotConstant()
