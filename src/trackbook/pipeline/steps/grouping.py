"""Which cells form which step, by their tags.

`parameters` (papermill's, with `injected-parameters` on top), `imports`, `functions`, `step:NAME`, `after:NAME`,
`skip`, `metrics` and `cache:off`, and their aliases in `tags`; a first line `%%step NAME [--after A]` says the
same.  A cell without a tag belongs to the step of the tagged cell before it; in front of the first step it may
hold imports and definitions only.  The steps of a notebook that names none are its `sections`.
"""

from __future__ import annotations

import ast
import keyword
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType

from trackbook.cells import CellSource, Graph, Outcome, build_graph, read_source
from trackbook.cells.graph import RecordedUse
from trackbook.errors import NotebookError, TagWarning, nearest
from trackbook.pipeline.steps.notebook import Cell, Notebook
from trackbook.pipeline.steps.sections import Section, merged, sections
from trackbook.pipeline.steps.tags import (
    AFTER,
    FUNCTIONS,
    IMPORTS,
    INJECTED,
    METRICS,
    PARAMETERS,
    SKIP,
    STEP,
    UNCACHED,
    is_known,
    suggestion,
    told,
)


class StepsError(NotebookError):
    """What the `cells`, by index, do to each other cannot be done by the steps that they are in."""

    def __init__(self, message: str, cells: Iterable[int]) -> None:
        super().__init__(message)
        self.cells = tuple(cells)


_ROLES = (PARAMETERS, INJECTED, IMPORTS, FUNCTIONS)


@dataclass(frozen=True, slots=True)
class Step:
    """The cells of one step, by index, and what its tags say about it."""

    name: str
    cells: tuple[int, ...]
    after: tuple[str, ...] = ()
    cached: bool = True
    metrics: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """What every cell of a notebook is for; numbers are indexes of cells.

    `inferred` tells that no tag names a step.
    """

    parameters: tuple[int, ...]
    injected: tuple[int, ...]
    imports: tuple[int, ...]
    functions: tuple[int, ...]
    skipped: tuple[int, ...]
    steps: tuple[Step, ...]
    inferred: bool = False

    def step_of(self, index: int) -> str | None:
        """Return the name of the step that a cell belongs to."""
        return next((step.name for step in self.steps if index in step.cells), None)


def read_layout(notebook: Notebook) -> Layout:
    """Return what the cells are for.  Raises NotebookError where tags contradict each other."""
    _warn_of_unknown(notebook)
    marks = [_marks(cell) for cell in notebook.cells]
    groups: dict[str, list[int]] = {role: [] for role in (*_ROLES, SKIP)}
    free: list[int] = []
    for cell, mark in zip(notebook.cells, marks, strict=True):
        if mark.role is not None:
            groups[mark.role].append(cell.index)
        elif not _is_empty(mark.source):
            free.append(cell.index)
    inferred = not any(mark.step for mark in marks)
    homes = _inferred(notebook, marks, free) if inferred else _tagged(notebook, marks, free)
    groups[FUNCTIONS] = sorted([*groups[FUNCTIONS], *(index for index in free if index not in homes)])
    steps: dict[str, Step] = {}
    for index, name in homes.items():
        steps[name] = _joined(steps.get(name, Step(name, ())), notebook.cells[index], marks[index])
    _check_after(notebook, steps)
    parameters, injected, imports, functions, skipped = (tuple(groups[role]) for role in (*_ROLES, SKIP))
    return Layout(parameters, injected, imports, functions, skipped, tuple(steps.values()), inferred)


def joined(layout: Layout, cells: Iterable[int]) -> Layout | None:
    """Return a layout in which some cells are in one step; None where tags say otherwise, or they are already."""
    if not layout.inferred:
        return None
    found = merged([Section(step.name, step.cells) for step in layout.steps], cells)
    if found is None:
        return None
    return replace(layout, steps=tuple(_union(layout.steps, section) for section in found))


def _union(steps: Iterable[Step], section: Section) -> Step:
    parts = [step for step in steps if set(step.cells) <= set(section.cells)]
    names = {step.name for step in parts}
    after = tuple(dict.fromkeys(name for step in parts for name in step.after if name not in names))
    metrics = tuple(index for step in parts for index in step.metrics)
    return Step(section.name, section.cells, after, all(step.cached for step in parts), metrics)


def notebook_graph(
    notebook: Notebook,
    outcomes: Mapping[int, Outcome] = MappingProxyType({}),
    recorded: Mapping[int, RecordedUse] = MappingProxyType({}),
) -> Graph:
    """Return the graph of all code cells, with the step of each and the dependencies that tags declare.

    `outcomes` says what happened in cells that were executed, by their indexes, `recorded` what earlier runs tell.
    """
    layout = read_layout(notebook)
    steps = {step.name: step for step in layout.steps}
    declared = [(steps[name].cells[-1], step.cells[0]) for step in layout.steps for name in step.after]
    return build_graph(
        [cell.source for cell in notebook.cells],
        [cell.id for cell in notebook.cells],
        [layout.step_of(cell.index) for cell in notebook.cells],
        [pair for pair in declared if pair[0] < pair[1]],
        outcomes,
        recorded,
    )


@dataclass(frozen=True, slots=True)
class _Marks:
    source: CellSource
    role: str | None = None
    step: str | None = None
    after: tuple[str, ...] = ()
    metrics: bool = False
    cached: bool = True


def _marks(cell: Cell) -> _Marks:
    source = read_source(cell.source)
    tags = told([*cell.tags, *_tags_of_magics(cell, source)], cell.source)
    names = list(dict.fromkeys(_argument(cell, tag) for tag in tags if tag.startswith(STEP)))
    after = tuple(dict.fromkeys(_argument(cell, tag) for tag in tags if tag.startswith(AFTER)))
    roles = [role for role in (SKIP, *_ROLES) if role in tags]
    if SKIP in roles:
        return _Marks(source, SKIP)
    if len(names) + len(roles) > 1:
        said = ", ".join([*roles, *(f"step:{name}" for name in names)])
        raise NotebookError(f"{cell.label} is tagged {said}: a cell has one place; keep one of these tags")
    step = names[0] if names else None
    return _Marks(source, roles[0] if roles else None, step, after, METRICS in tags, UNCACHED not in tags)


def _warn_of_unknown(notebook: Notebook) -> None:
    """Warn once of each tag that means nothing to any known tool."""
    first: dict[str, Cell] = {}
    for cell in notebook.cells:
        for tag in cell.tags:
            if not is_known(tag):
                first.setdefault(tag, cell)
    for tag, cell in first.items():
        _warn_once(f"{notebook.name}: {cell.label} has the tag {tag!r}, which nobody knows{suggestion(tag)}")


@cache
def _warn_once(message: str) -> None:
    """Warn, once a process: Python's own filter forgets what it showed when IPython changes the filters."""
    warnings.warn(message, TagWarning, stacklevel=1)


def _tags_of_magics(cell: Cell, source: CellSource) -> Iterator[str]:
    for magic in source.cell_magics:
        if magic.name == "step":
            yield from _tags_of_line(cell, magic.arguments.split())


def _tags_of_line(cell: Cell, words: Sequence[str]) -> Iterator[str]:
    """Yield what a line `%%step NAME [--after A]` says, as tags."""
    if not words or words[0].startswith("-"):
        raise NotebookError(f"{cell.label}: `%%step` needs a name: write `%%step NAME`")
    yield STEP + words[0]
    rest = iter(words[1:])
    for word in rest:
        option, given, value = word.partition("=")
        if option != "--after":
            what = f"no option {option!r}" if word.startswith("-") else f"no place for {word!r} behind its name"
            hint = nearest(option, ["--after"])
            raise NotebookError(f"{cell.label}: `%%step` has {what}{hint}; write `%%step NAME [--after A]`")
        value = value if given else next(rest, "")
        if not value or value.startswith("-"):
            raise NotebookError(f"{cell.label}: `--after` of `%%step` needs the name of a step: write `--after A`")
        yield AFTER + value


def _argument(cell: Cell, tag: str) -> str:
    name = tag.partition(":")[2].strip()
    if name.isidentifier() and name.isascii() and not keyword.iskeyword(name):
        return name
    better = "".join(character if character.isalnum() and character.isascii() else "_" for character in name).strip("_")
    better = f"step_{better}" if not better.isidentifier() or keyword.iskeyword(better) else better
    raise NotebookError(
        f"{cell.label}: the tag {tag!r} holds {name!r}, which cannot name a Python function; "
        f"write {tag.partition(':')[0]}:{better}"
    )


def _joined(step: Step, cell: Cell, mark: _Marks) -> Step:
    return replace(
        step,
        cells=(*step.cells, cell.index),
        after=tuple(dict.fromkeys((*step.after, *mark.after))),
        cached=step.cached and mark.cached,
        metrics=(*step.metrics, cell.index) if mark.metrics else step.metrics,
    )


def _tagged(notebook: Notebook, marks: Sequence[_Marks], free: Sequence[int]) -> dict[int, str]:
    """Return the step of each cell without another place; those that are left out define things for all steps."""
    found: dict[int, str] = {}
    last: str | None = None
    for index in free:
        last = marks[index].step or last
        if last is not None:
            found[index] = last
        elif not only_definitions(marks[index].source.tree.body):
            raise NotebookError(
                f"{notebook.cells[index].label} has no tag, and no step comes before it: "
                "give it a tag (`step:NAME`, `parameters`, `functions` or `skip`)"
            )
    return found


def _inferred(notebook: Notebook, marks: Sequence[_Marks], free: Sequence[int]) -> dict[int, str]:
    """Return the section of each cell of a notebook without steps, but those at its start that define things."""
    trees = {index: marks[index].source.tree for index in free}
    working = [index for index in free if not only_definitions(trees[index].body)]
    if not working:
        return {}
    rest = {index: tree for index, tree in trees.items() if index >= working[0]}
    found = sections(notebook.cells, rest, working)
    return {index: section.name for section in found for index in section.cells}


def _is_empty(source: CellSource) -> bool:
    return not source.tree.body and source.error is None and source.foreign is None


def only_definitions(body: Sequence[ast.stmt]) -> bool:
    """Tell whether code only imports and defines (or is for IPython: a magic alone)."""
    return all(isinstance(node, _DEFINING) or _is_magic(node) for node in body) and bool(body)


_DEFINING = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _is_magic(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython"))))):
            return True
    return False


def _check_after(notebook: Notebook, steps: dict[str, Step]) -> None:
    for step in steps.values():
        for name in step.after:
            if name not in steps:
                label = notebook.cells[step.cells[0]].label
                raise NotebookError(f"{label}: `after:{name}` names no step of this notebook{nearest(name, steps)}")


def ordered(notebook: Notebook, steps: Sequence[Step], needs: dict[str, set[str]]) -> list[Step]:
    """Return the steps so that each comes after those it needs, else in the order of the notebook.

    Raises NotebookError for a cycle.
    """
    waiting, done = list(steps), list[Step]()
    while waiting:
        ready = [step for step in waiting if needs[step.name] <= {item.name for item in done}]
        if not ready:
            raise NotebookError(_cycle(notebook, waiting, needs))
        first = min(ready, key=lambda step: step.cells[0])
        done.append(first)
        waiting.remove(first)
    return done


def _cycle(notebook: Notebook, waiting: Iterable[Step], needs: dict[str, set[str]]) -> str:
    steps = {step.name: step for step in waiting}
    path = [next(iter(steps))]
    while path[-1] not in path[:-1]:
        path.append(min(needs[path[-1]] & steps.keys()))
    loop = path[path.index(path[-1]) :]
    cells = "; ".join(
        f"{name}: {', '.join(notebook.cells[index].label for index in steps[name].cells)}"
        for name in dict.fromkeys(loop)
    )
    return (
        f"the steps need each other in a circle, {' → '.join(reversed(loop))} ({cells}); "
        "move a cell to another step, or give it a step of its own"
    )
