"""The parameters of a notebook: what its `parameters` cells assign becomes the class `Params` of the script."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import PurePath, PurePosixPath
from typing import Any

from trackbook.errors import NotebookError
from trackbook.pipeline.script.edits import Positions
from trackbook.pipeline.steps.notebook import Cell

_REMEDY = (
    "give it a number, a text, True, False, None, a list, tuple or dict of these, a date or a Path, "
    "or assign it in a step"
)
_CHOICES = re.compile(r"#\s*choices:\s*(.+)", re.IGNORECASE)
_LARGEST = 10**300


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter: its name, its type as written in the script, its default, and the comments beside it."""

    name: str
    annotation: str
    default: Any
    above: tuple[str, ...] = ()
    beside: str = ""
    cell: int = 0
    choices: tuple[Any, ...] = ()

    @property
    def note(self) -> str:
        """Return what the comments say about the parameter, as one line."""
        lines = [self.beside] if self.beside else list(self.above)
        text = " ".join(line.lstrip("# ").strip() for line in lines if not _CHOICES.match(line))
        return " ".join("".join(character if character.isprintable() else " " for character in text).split())


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
    if new.default in old.choices:
        annotation = old.annotation
    elif old.choices:
        old = replace(old, choices=())
    default = float(new.default) if annotation == "float" and isinstance(new.default, int) else new.default
    return replace(old, annotation=annotation, default=default)


def _fields_of(cell: Cell, text: str) -> Iterator[Field]:
    positions, above = Positions(text), 1
    for node in ast.parse(text).body:
        comments = _comments(positions.lines[above - 1 : positions.first_line(node) - 1])
        above = (node.end_lineno or node.lineno) + 1
        if isinstance(node, ast.Import | ast.ImportFrom):
            continue
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
            beside = _beside(positions, node)
            field = Field(name, kind, default, comments, beside, cell.index)
            yield _with_choices(cell, field, _choices(annotation, [*comments, beside]))


def _parts(cell: Cell, node: ast.stmt) -> tuple[list[str], ast.expr, ast.expr | None]:
    if isinstance(node, ast.Assign) and all(isinstance(target, ast.Name) for target in node.targets):
        return [target.id for target in node.targets if isinstance(target, ast.Name)], node.value, None
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
        return [node.target.id], node.value, node.annotation
    raise NotebookError(
        f"{cell.label}, line {node.lineno}: `{ast.unparse(node).splitlines()[0][:60]}` is no `NAME = VALUE`; "
        "keep only assignments in a cell tagged `parameters`"
    )


def _typed(annotation: ast.expr | None, value: Any) -> tuple[str, Any]:
    """Return the type of a parameter as the script writes it, and its default as that type."""
    stated = ast.unparse(annotation) if annotation is not None else ""
    if match := re.fullmatch(r"(?:typing\.)?Optional\[(.+)\]", stated):
        stated = f"{match[1]} | None"
    base, maybe = stated.removesuffix(" | None"), stated.endswith(" | None")
    if base == "float" and type(value) is int:
        return stated, float(value)
    if value is None:
        return (stated if maybe and base in _PLAIN else "str | None"), None
    found = _type_of(value)
    if base == found or (base.partition("[")[0] == found.partition("[")[0] and _is_known(base)):
        return stated, value
    return found, value


_PLAIN = frozenset({"int", "float", "bool", "str", "date", "datetime", "Path"})
_GENERIC = frozenset({"list", "tuple", "dict", "set"})


def _is_known(annotation: str) -> bool:
    """Tell whether an annotation needs no other names than builtins."""
    return set(re.findall(r"\w+", annotation)) <= {"int", "float", "bool", "str", "None", *_GENERIC}


def _type_of(value: Any) -> str:
    """Return the annotation that a value shows: `list[str]` where all parts are alike."""
    match value:
        case PurePath():
            return "Path"
        case tuple() if value:
            return f"tuple[{', '.join(map(_type_of, value))}]" if len(value) <= 4 else "tuple"
        case list() | set() if len(kinds := {_type_of(part) for part in value}) == 1:
            return f"{type(value).__name__}[{kinds.pop()}]"
        case dict() if value:
            keys, parts = {_type_of(key) for key in value}, {_type_of(part) for part in value.values()}
            return f"dict[{keys.pop()}, {parts.pop()}]" if len(keys) == len(parts) == 1 else "dict"
    return "None" if value is None else type(value).__name__


def _choices(annotation: ast.expr | None, comments: Iterable[str]) -> tuple[Any, ...]:
    """Return what a parameter may be: of `Literal["a", "b"]`, or of a comment `# choices: a, b`."""
    match annotation:
        case ast.Subscript(value=ast.Name(id="Literal") | ast.Attribute(attr="Literal"), slice=inner):
            parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            values = [constant(part) for part in parts]
            return tuple(value for value in values if isinstance(value, int | float | str))
    texts = [match[1] for comment in comments if (match := _CHOICES.match(comment))]
    return tuple(_read_choice(part.strip()) for text in texts for part in text.split(",") if part.strip())


def _read_choice(text: str) -> int | float | str:
    try:
        value = constant(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError):
        return text
    return value if isinstance(value, int | float | str) and not isinstance(value, bool) else text


def _with_choices(cell: Cell, field: Field, choices: tuple[Any, ...]) -> Field:
    if not choices:
        return field
    if field.default not in choices:
        raise NotebookError(
            f"{cell.label}: the parameter {field.name!r} is {field.default!r}, which is none of its choices "
            f"{', '.join(map(repr, choices))}; add it to them, or change it"
        )
    listed = ", ".join(map(literal, choices))
    return replace(field, annotation=f"Literal[{listed}]", choices=choices)


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


def constant(node: ast.expr) -> Any:
    """Return the value that `node` spells out, else a `_NotConstant`; nothing of it runs.

    Values are constants, arithmetic on numbers such as `24 * 60`, containers of values, dates and paths.
    """
    match node:
        case ast.Constant(value=value) if isinstance(value, int | float | bool | str | None):
            return value
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=inner):
            number = constant(inner)
            if isinstance(number, int | float) and not isinstance(number, bool):
                return -number if isinstance(sign, ast.USub) else number
        case ast.BinOp(left=left, op=op, right=right):
            first, second = constant(left), constant(right)
            if isinstance(first, PurePath) and isinstance(second, str) and isinstance(op, ast.Div):
                return first / second
            return _arithmetic(first, second, op)
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            kind = {ast.List: list, ast.Tuple: tuple, ast.Set: set}[type(node)]
            return _container(kind, [constant(part) for part in parts])
        case ast.Dict(keys=keys, values=values) if all(keys):
            pairs = [constant(part) for part in (*filter(None, keys), *values)]
            return _container(lambda found: dict(zip(found[: len(keys)], found[len(keys) :], strict=True)), pairs)
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=parts, keywords=[]) if name in _MADE:
            return _container(lambda found: _MADE[name](*found), [constant(part) for part in parts])
    return _NotConstant()


_MADE: dict[str, Callable[..., Any]] = {"date": date, "datetime": datetime, "Path": PurePosixPath}


def _container(make: Callable[[list[Any]], Any], parts: list[Any]) -> Any:
    if any(isinstance(part, _NotConstant) for part in parts):
        return _NotConstant()
    try:
        return make(parts)
    except (TypeError, ValueError):
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


def literal(value: Any) -> str:
    """Return a value as ruff would write it; a text holds what `repr` gives for it."""
    written = repr(value)
    match value:
        case str() if '"' not in value and "'" not in value:
            return f'"{written[1:-1]}"'
        case float() if written in {"inf", "-inf", "nan"}:
            return f'float("{written}")'
        case PurePath():
            return f"Path({literal(str(value))})"
        case date():
            return written.removeprefix("datetime.")
        case list():
            return f"[{', '.join(map(literal, value))}]"
        case tuple():
            return f"({', '.join(map(literal, value))}{',' if len(value) == 1 else ''})"
        case set() if value:
            return f"{{{', '.join(sorted(map(literal, value)))}}}"
        case dict():
            return f"{{{', '.join(f'{literal(key)}: {literal(item)}' for key, item in value.items())}}}"
    return written
