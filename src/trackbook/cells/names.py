"""What one cell reads, binds and changes, told by its text alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from trackbook.cells.memory import BUILTIN_NAMES, EFFORT, Notes, TooMuch
from trackbook.cells.scopes import Definitions
from trackbook.cells.source import CellSource, SyntaxProblem, read_source
from trackbook.cells.statements import Statements
from trackbook.cells.values import Binding, Thing, closure, in_order

_REHEARSAL = 2_000
_NO_FUNCTIONS: Mapping[str, FunctionNames] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class FunctionNames:
    """The variables of the notebook that a function or class uses when it runs."""

    reads: frozenset[str]
    writes: frozenset[str]
    mutates: frozenset[str]


@dataclass(frozen=True, slots=True)
class CellNames:
    """What a cell does with the variables of the notebook.

    `reads` are names read before the cell itself has bound them for certain, the globals of its own
    functions that it calls included; `writes` the names it binds, `maybe` those of them that it binds
    on some ways only; `mutates` the names whose values, made elsewhere, it may change in place;
    `deletes` the names it deletes.  `imports` are the modules and objects it imports by dotted name.
    `literals` are `NAME = constant` at top level, the last one of each.  `through` are the variables read by functions
    that other cells made, each with that cell and the function's name.  `star` is set where names that nobody can
    tell may have been bound (`from x import *`, `exec`).  `error` says why a cell is not Python; all
    else is then empty.
    """

    index: int = 0
    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    maybe: frozenset[str] = frozenset()
    mutates: frozenset[str] = frozenset()
    deletes: frozenset[str] = frozenset()
    imports: frozenset[str] = frozenset()
    functions: Mapping[str, FunctionNames] = field(default_factory=lambda: _NO_FUNCTIONS)
    literals: Mapping[str, object] = field(default_factory=dict)
    through: frozenset[tuple[str, int, str]] = frozenset()
    star: bool = False
    error: SyntaxProblem | None = None


def analyse(source: str, index: int = 0, modules: Mapping[str, str] | None = None) -> CellNames:
    """Return what a cell does, read without the other cells; never raises.

    `modules` tells which names are modules (`{"np": "numpy"}`); customary ones are known.  A call of a
    function that the cell does not define, and that is none of a known library, may change its arguments.
    """
    return run_cell(Statements(modules), read_source(source), index)


def run_cell(machine: Statements, source: CellSource, index: int) -> CellNames:
    """Run one cell on a machine that has run the cells before it, and return what it does."""
    machine.cell, machine.notes, machine.effort = index, Notes(), EFFORT
    machine.given_up.clear()
    machine.partly.clear()
    before = dict(machine.names)
    try:
        machine.cell_source(source)
        functions = _functions(machine, source.tree.body)
    except (RecursionError, TooMuch):
        machine.names, machine.notes = dict(before), Notes()
        machine.guess_cell(source)
        functions = _NO_FUNCTIONS
    return _summary(machine, source, index, before, functions)


def _summary(
    machine: Statements,
    source: CellSource,
    index: int,
    before: Mapping[str, Binding],
    functions: Mapping[str, FunctionNames],
) -> CellNames:
    notes, body = machine.notes, source.tree.body
    bound = {name: machine.names[name] for name in notes.writes if name in machine.names}
    return CellNames(
        index=index,
        reads=frozenset(notes.reads),
        writes=frozenset(name for name, binding in bound.items() if binding.things or binding.bound),
        maybe=frozenset(name for name, binding in bound.items() if not _surely_bound(binding, index)),
        mutates=_mutated(machine, before),
        deletes=frozenset(notes.deletes),
        imports=frozenset(_imports(source.tree)),
        functions=functions,
        literals=dict(_literals(body)),
        through=frozenset(notes.through),
        star=notes.wild,
        error=source.error,
    )


def _surely_bound(binding: Binding, index: int) -> bool:
    return binding.bound and all(writer.cell == index for writer in binding.writers)


def _mutated(machine: Statements, before: Mapping[str, Binding]) -> frozenset[str]:
    """Return the names that held, before the cell or after it, a thing from elsewhere that it changed."""
    changed = {thing for thing in machine.notes.changed if thing.cell != machine.cell and not _is_state(thing)}
    if not changed:
        return frozenset()
    names = set()
    for bindings in (before, machine.names):
        for name, binding in bindings.items():
            if name not in names and not changed.isdisjoint(closure(binding.things)):
                names.add(name)
    return frozenset(name for name in names if not _is_module(machine, name))


def _is_state(thing: Thing) -> bool:
    return thing.kind == "library" and thing.path.startswith(("state:", "file:"))


def _is_module(machine: Statements, name: str) -> bool:
    return all(thing.kind == "library" for thing in machine.names[name].things)


def _functions(machine: Statements, body: list[ast.stmt]) -> Mapping[str, FunctionNames]:
    found: dict[str, FunctionNames] = {}
    for node in body:
        if isinstance(node, Definitions) and node.name in machine.names:
            found[node.name] = _function_names(machine, node)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            for target in node.targets:
                if isinstance(target, ast.Name) and target.id in machine.names:
                    found[target.id] = _function_names(machine, node.value, target.id)
    return MappingProxyType(found) if found else _NO_FUNCTIONS


def _function_names(machine: Statements, node: Definitions | ast.Lambda, name: str = "") -> FunctionNames:
    """Run a function (or all methods of a class) once with unknown arguments, on the side."""
    if machine.effort <= 0:
        return _guessed(node)
    outer, names, effort = machine.notes, dict(machine.names), machine.effort
    machine.notes, machine.dry, machine.effort = Notes(), True, _REHEARSAL
    machine.given_up.clear()
    try:
        for thing in in_order(names[name or getattr(node, "name", "")].things):
            machine.rehearse(thing)
        notes = machine.notes
        reads = {read for read in notes.globals_read if read not in BUILTIN_NAMES}
        changed = notes.changed
        mutates = {read for read in reads if read in names and not changed.isdisjoint(names[read].things)}
        mutates |= {read for read in reads - names.keys() if not changed.isdisjoint(_held(machine, read))}
        return FunctionNames(frozenset(reads), frozenset(notes.globals_bound), frozenset(mutates))
    finally:
        machine.notes, machine.names, machine.dry = outer, names, False
        machine.effort = effort - (_REHEARSAL - machine.effort)


def _guessed(node: Definitions | ast.Lambda) -> FunctionNames:
    """Take code too long to be followed to read every name that it mentions, and to change it."""
    mentioned = frozenset(inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)) - BUILTIN_NAMES
    bound = frozenset(name for inner in ast.walk(node) if isinstance(inner, ast.Global) for name in inner.names)
    return FunctionNames(mentioned, bound, mentioned)


def _held(machine: Statements, name: str) -> frozenset[object]:
    binding = machine.names.get(name)
    return frozenset() if binding is None else binding.things


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (f"{module}.{alias.name}" for alias in node.names)


def _literals(body: list[ast.stmt]) -> Iterator[tuple[str, object]]:
    for node in body:
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        else:
            continue
        literal = literal_of(value)
        if literal is not _NO_LITERAL:
            yield from ((target.id, literal) for target in targets if isinstance(target, ast.Name))


_NO_LITERAL = object()


def literal_of(node: ast.expr) -> object:
    """Return the int, float, bool, str or None that `node` spells out, else a marker that equals nothing."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = literal_of(node.operand)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return -value if isinstance(node.op, ast.USub) else value
        return _NO_LITERAL
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float | str | None):
        return node.value
    return _NO_LITERAL
