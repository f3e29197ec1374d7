"""Why a repeat may have come out differently: what is known to have changed, then what is left to chance.  Pure."""

from __future__ import annotations

import ast
import importlib.metadata
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec

from trackbook.capture.environment import Environment, difference
from trackbook.capture.redaction import MARK
from trackbook.capture.seeds import Unseeded, seeded, unseeded
from trackbook.cells import read_source
from trackbook.tracking.reproduction.inputs import Inputs
from trackbook.tracking.values import Execution, Run

MAX_NAMED = 4
_NETWORK = frozenset(
    {"requests", "urllib", "urllib3", "httpx", "aiohttp", "socket", "boto3", "s3fs", "gcsfs", "ftplib"}
)
_NOT_NAMED = ("sources.", "variables.PYTHONHASHSEED", "variables.MPLBACKEND")
"""Facts of an environment that a repeat sets itself, or that versions say better."""

_HEADER_SEED = re.compile(r"\A\s*%%track[^\n]*\s--seed[= ]")
_SEEDING = "import random, numpy, torch; random.seed(0); numpy.random.seed(0); torch.manual_seed(0)"
_RANDOM = ("global", "generator", "system")
_KINDS = {
    "global": "draws from a random generator without a seed",
    "generator": "makes a random generator without a seed",
    "system": "asks the operating system for chance",
    "clock": "reads the clock",
}


def likely_causes(original: Run, inputs: Inputs, environment: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return what may well explain a difference, the best evidence first; nothing when nothing is known.

    `inputs` are what became of the files that were read, `environment` is the content of the repeat's.
    """
    return (
        *_changed_inputs(inputs),
        *changed_environment(original, environment),
        *_chance(original.program, _RANDOM),
        *_drawn(original),
        *secrets(original.program),
    )


def possible_causes(original: Run) -> tuple[str, ...]:
    """Return what could explain a difference, and mostly does not: a clock that is read, a network in reach."""
    return (*_chance(original.program, ("clock",)), *_network(original))


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
    cells = [read_source(execution.source) for execution in program]
    lines = {
        (place, found.line)
        for place, cell in enumerate(cells)
        for found in unseeded(cell.python)  # not its text: the lines are to be those of its tree
        if found.kind == "clock" and cell.foreign is None
    }
    statements = [(place, node) for place, cell in enumerate(cells) for node in ast.walk(cell.tree)]
    names: frozenset[str] = frozenset()
    while True:
        found = names | {name for place, node in statements for name in _named(place, node, lines, names)}
        if found == names:
            return names
        names = found


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


def changed_environment(original: Run, now: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield what changed of the libraries that the program imports, then of Python, the platform and the rest."""
    if not original.environment or not now:
        return
    found = difference(_environment(original.environment), _environment(now))
    changed: dict[str, tuple[str | None, str | None]] = {**found.changed}
    changed |= {name: (version, None) for name, version in found.removed.items()}
    used = _imported(original.program)
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


def _chance(program: Sequence[Execution], kinds: Sequence[str]) -> Iterator[str]:
    """Yield one sentence for each of the `kinds` of chance, with the cells and lines."""
    places: dict[str, list[str]] = {}
    for execution, found in chances(program):
        places.setdefault(found.kind, []).append(f"{cell_name(execution)}, line {found.line}: {found.name}")
    for kind in kinds:
        if kind in places:
            yield f"the program {_KINDS[kind]} ({_listed(dict.fromkeys(places[kind]))})"


def _drawn(original: Run) -> Iterator[str]:
    """Yield what was drawn from a global generator that nothing seeded, where the program's own text draws nothing."""
    found = original.facts.get("random")
    consumed = found.get("consumed") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not consumed or found.get("seed") is not None:
        return
    is_seeded = any(seeded(execution.source) for execution in original.program)
    if not is_seeded and not any(each.kind == "global" for _, each in chances(original.program)):
        names = ", ".join(str(name).removeprefix("state:") for name in consumed)
        yield f"code that the program calls drew from the global generator of {names}, without a seed"


def chances(program: Sequence[Execution]) -> Iterator[tuple[Execution, Unseeded]]:
    """Yield what the program leaves to chance; a seed of a global generator reaches the cells after it."""
    lines: list[tuple[Execution, int]] = []
    texts = []
    for execution in program:
        python = read_source(execution.source).python
        if read_source(execution.source).error is not None or read_source(execution.source).foreign is not None:
            continue
        rows = python.split("\n")
        numbers = range(1, len(rows) + 1)
        if _HEADER_SEED.search(execution.source):  # `%%track --seed` seeds all generators
            rows, numbers = [_SEEDING, *rows], range(len(rows) + 1)
        texts.append("\n".join(rows))
        lines += [(execution, number) for number in numbers]
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
