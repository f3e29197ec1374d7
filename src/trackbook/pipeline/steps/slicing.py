"""The part of a notebook that one result needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from trackbook.cells import Graph, build_graph
from trackbook.errors import NotebookError, nearest
from trackbook.pipeline.steps.grouping import Layout
from trackbook.pipeline.steps.notebook import Notebook


def sliced(notebook: Notebook, layout: Layout, target: str) -> Layout:
    """Return a layout of the cells alone that `target` needs: a step, or a variable as it is at the end.

    Imports stay, as a script has those only that it uses.  Raises NotebookError where there is neither.
    """
    kept = _needed(notebook, layout, target)
    inputs = {*layout.parameters, *layout.injected}
    if kept & inputs:
        kept |= inputs
    steps = tuple(
        replace(step, cells=cells, metrics=tuple(index for index in step.metrics if index in kept))
        for step in layout.steps
        if (cells := tuple(index for index in step.cells if index in kept))
    )
    names = {step.name for step in steps}
    left_out = {index for step in layout.steps for index in step.cells} | inputs | set(layout.functions)
    return replace(
        layout,
        parameters=tuple(index for index in layout.parameters if index in kept),
        injected=tuple(index for index in layout.injected if index in kept),
        functions=tuple(index for index in layout.functions if index in kept),
        skipped=tuple(sorted({*layout.skipped, *(left_out - kept)})),
        steps=tuple(replace(step, after=tuple(name for name in step.after if name in names)) for step in steps),
    )


def _needed(notebook: Notebook, layout: Layout, target: str) -> set[int]:
    """Return the cells that a step or a variable needs, by index."""
    used = [cell.index for cell in notebook.cells if cell.index not in layout.skipped]
    steps = {step.name: step for step in layout.steps}
    last = [] if target in steps or not target.isidentifier() else [target]
    graph = build_graph([*(notebook.cells[index].source for index in used), *last])
    declared = [(steps[name].cells, step.cells) for step in layout.steps for name in step.after]
    pairs = [(used[edge.source], used[edge.target]) for edge in graph.edges if edge.target < len(used)]
    pairs += [(source, end) for sources, ends in declared for source in sources for end in ends]
    if target in steps:
        return _closure(steps[target].cells, pairs)
    makers = [used[edge.source] for edge in graph.edges if edge.target == len(used) and target in edge.names]
    if not makers:
        known = {*steps, *_variables(graph)}
        raise NotebookError(f"{notebook.name} has no step and no variable {target!r}{nearest(target, known)}")
    return _closure(makers, pairs)


def _variables(graph: Graph) -> set[str]:
    return {name for cell in graph.cells for name in cell.writes if name.isidentifier()}


def _closure(cells: Iterable[int], pairs: Iterable[tuple[int, int]]) -> set[int]:
    sources: dict[int, set[int]] = {}
    for source, end in pairs:
        sources.setdefault(end, set()).add(source)
    found, waiting = set[int](), list(cells)
    while waiting:
        cell = waiting.pop()
        if cell not in found:
            found.add(cell)
            waiting += sources.get(cell, ())
    return found
