"""Why a repeat may have come out differently: what is known to have changed, then what is left to chance.  Pure."""

from __future__ import annotations

import ast
import importlib.metadata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec

from trackbook.capture.environment import Environment, difference
from trackbook.capture.redaction import MARK
from trackbook.capture.seeds import Unseeded, unseeded
from trackbook.cells import read_source
from trackbook.tracking.inputs import Inputs
from trackbook.tracking.values import Execution, Run

MAX_NAMED = 4
_NETWORK = frozenset(
    {"requests", "urllib", "urllib3", "httpx", "aiohttp", "socket", "boto3", "s3fs", "gcsfs", "ftplib"}
)
_NOT_NAMED = ("sources.", "variables.PYTHONHASHSEED", "variables.MPLBACKEND")
"""Facts of an environment that a repeat sets itself, or that versions say better."""

_KINDS = {
    "global": "draws from a random generator without a seed",
    "generator": "makes a random generator without a seed",
    "system": "asks the operating system for chance",
    "clock": "reads the clock",
}


class Circumstances(msgspec.Struct, frozen=True):
    """What a repeat is compared under; `drawn` are the global random generators that the original drew from."""

    inputs: Inputs
    environment: Mapping[str, Any] | None = None
    drawn: tuple[str, ...] = ()


def likely_causes(original: Run, circumstances: Circumstances) -> tuple[str, ...]:
    """Return what may explain a difference, the best evidence first; nothing when nothing is known."""
    program = original.program
    return (
        *_changed_inputs(circumstances.inputs),
        *_changed_environment(original.environment, circumstances.environment, program),
        *_chance(program),
        *_network(original),
        *secrets(program),
    )


def secrets(program: Sequence[Execution]) -> Iterator[str]:
    """Yield a sentence for every cell that held a secret."""
    for execution in program:
        if MARK in execution.source:
            yield f"{cell_name(execution)} held a secret, which is not kept: it ran with {MARK} in its place"


def cell_name(execution: Execution) -> str:
    """Return words for a cell: the number that the notebook shows, else its place in the session."""
    if execution.execution_count is not None:
        return f"cell [{execution.execution_count}]"
    return f"execution {execution.number}"


def clock_names(program: Sequence[Execution]) -> frozenset[str]:
    """Return the names that the program gives to times: variables, and keys under which it logs them."""
    trees = [read_source(execution.source).tree for execution in program]
    lines = {(place, found.line) for place, tree in enumerate(trees) for found in _clocks(program[place], tree)}
    statements = [(place, node) for place, tree in enumerate(trees) for node in ast.walk(tree)]
    names: frozenset[str] = frozenset()
    while True:
        found = names | {name for place, node in statements for name in _named(place, node, lines, names)}
        if found == names:
            return names
        names = found


def _clocks(execution: Execution, tree: ast.Module) -> Iterator[Unseeded]:
    return (found for found in unseeded(execution.source) if found.kind == "clock")


def _named(place: int, node: ast.AST, lines: set[tuple[int, int]], names: frozenset[str]) -> Iterator[str]:
    """Yield the names that one statement gives to a value made from a clock."""
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and node.value is not None:
        if _is_time(place, node.value, lines, names):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))
    elif isinstance(node, ast.Call) and len(node.args) == 2 and isinstance(node.args[0], ast.Constant):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in ("log_metric", "log_param", "set_tag") and _is_time(place, node.args[1], lines, names):
            yield str(node.args[0].value)


def _is_time(place: int, value: ast.expr, lines: set[tuple[int, int]], names: frozenset[str]) -> bool:
    """Say whether an expression is made of times and plain numbers, and of nothing else that has a name."""
    if isinstance(value, ast.Call):
        if (place, value.lineno) in lines and not value.args:
            return True
        if isinstance(value.func, ast.Name) and value.func.id in ("round", "float", "int", "abs") and value.args:
            return _is_time(place, value.args[0], lines, names)
        return isinstance(value.func, ast.Attribute) and _is_time(place, value.func.value, lines, names)
    if isinstance(value, ast.BinOp):
        sides = (value.left, value.right)
        return any(_is_time(place, side, lines, names) for side in sides) and all(
            isinstance(side, ast.Constant) or _is_time(place, side, lines, names) for side in sides
        )
    return isinstance(value, ast.Name) and value.id in names


def _changed_inputs(inputs: Inputs) -> Iterator[str]:
    if inputs.changed:
        yield f"{_listed(inputs.changed)} changed since the run, and the old content was not kept"
    if inputs.gone:
        yield f"{_listed(inputs.gone)} is gone, and its content was not kept"


def _changed_environment(
    before: Mapping[str, Any] | None, now: Mapping[str, Any] | None, program: Sequence[Execution]
) -> Iterator[str]:
    """Yield what changed of the libraries that the program imports, then of Python, the platform and the rest."""
    if not before or not now:
        return
    found = difference(_environment(before), _environment(now))
    changed: dict[str, tuple[str | None, str | None]] = {**found.changed}
    changed |= {name: (version, None) for name, version in found.removed.items()}
    used = _imported(program)
    mine = {name: pair for name, pair in changed.items() if name in used}
    if mine:
        yield f"another version of {_versions(mine)}, which the program imports"
    facts = {name: pair for name, pair in found.facts.items() if not name.startswith(_NOT_NAMED)}
    if facts:
        yield "; ".join(f"another {name} ({_arrow(pair)})" for name, pair in list(facts.items())[:MAX_NAMED])
    others = {name: pair for name, pair in changed.items() if name not in used}
    if others:
        yield f"other versions of libraries that the program does not import itself: {_versions(others)}"


def _environment(content: Mapping[str, Any]) -> Environment:
    return msgspec.convert(content, Environment)


def _versions(changed: Mapping[str, tuple[str | None, str | None]]) -> str:
    shown = [f"{name} ({_arrow(pair)})" for name, pair in list(changed.items())[:MAX_NAMED]]
    more = len(changed) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _arrow(pair: tuple[str | None, str | None]) -> str:
    before, after = (value or "none" for value in pair)
    return f"{before} → {after}"


def _imported(program: Sequence[Execution]) -> frozenset[str]:
    """Return the normalised names of the distributions that the program imports."""
    modules = {
        name.partition(".")[0]
        for execution in program
        for node in ast.walk(read_source(execution.source).tree)
        for name in _modules(node)
    }
    known = _distributions()
    return frozenset(each for module in modules for each in known.get(module, (_normalised(module),)))


def _modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []


@cache
def _distributions() -> dict[str, tuple[str, ...]]:
    found = importlib.metadata.packages_distributions()
    return {module: tuple(map(_normalised, names)) for module, names in found.items()}


def _normalised(name: str) -> str:
    return name.replace("_", "-").replace(".", "-").lower()


def _chance(program: Sequence[Execution]) -> Iterator[str]:
    """Yield one sentence a kind of chance, with the cells and lines; clocks come last."""
    places: dict[str, list[str]] = {}
    for execution, found in chances(program):
        places.setdefault(found.kind, []).append(f"{cell_name(execution)}, line {found.line}: {found.name}")
    for kind in sorted(places, key=list(_KINDS).index):
        yield f"the program {_KINDS[kind]} ({_listed(list(dict.fromkeys(places[kind])))})"


def chances(program: Sequence[Execution]) -> Iterator[tuple[Execution, Unseeded]]:
    """Yield what the program leaves to chance; a seed of a global generator reaches the cells after it."""
    lines: list[tuple[Execution, int]] = []
    texts = []
    for execution in program:
        python = read_source(execution.source).python
        if read_source(execution.source).error is not None or read_source(execution.source).foreign is not None:
            continue
        rows = python.split("\n")
        texts.append("\n".join(rows))
        lines += [(execution, number) for number in range(1, len(rows) + 1)]
    for found in unseeded("\n".join(texts)):
        if found.line <= len(lines):
            execution, line = lines[found.line - 1]
            yield execution, msgspec.structs.replace(found, line=read_source(execution.source).line(line))


def _network(original: Run) -> Iterator[str]:
    urls = [used.name for used in original.data if used.role == "read" and used.kind == "url"]
    if urls:
        yield f"the program reads {_listed(urls)} from the network"
        return
    used = sorted(_NETWORK & {name for each in original.program for name in _import_roots(each)})
    if used:
        yield f"the program can reach the network (it imports {_listed(used)})"


def _import_roots(execution: Execution) -> Iterator[str]:
    for node in ast.walk(read_source(execution.source).tree):
        yield from (name.partition(".")[0] for name in _modules(node))


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    more = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")


__all__ = ["Circumstances", "cell_name", "chances", "clock_names", "likely_causes", "secrets"]
