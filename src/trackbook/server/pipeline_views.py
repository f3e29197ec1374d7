"""The JSON of pipelines as the Lab shows them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from blake3 import blake3

from trackbook.cells import build_graph, read_source
from trackbook.errors import NotebookError, TrackbookError
from trackbook.pipeline import Verification
from trackbook.pipeline.script.convert import convert
from trackbook.pipeline.steps.grouping import Layout, notebook_graph, read_layout
from trackbook.pipeline.steps.notebook import Notebook, read_notebook
from trackbook.pipeline.steps.tags import is_known, suggestion

_CELL = re.compile(r"code cell ([0-9]+)\b")


def script_of(notebook: Path) -> Path:
    """Return where the script of a notebook lies: beside it, under the name that `trackbook convert` gives."""
    return notebook.with_name(f"{notebook.stem}_pipeline.py")


def is_current(notebook: Path, script: Path) -> bool:
    """Say whether a script is what its notebook becomes; the same notebook always becomes the same."""
    try:
        return convert(read_notebook(notebook)).text == script.read_text(encoding="utf-8")
    except (TrackbookError, OSError, UnicodeDecodeError):
        return False


def graph(path: Path) -> dict[str, Any]:
    """Return the graph with the text of each cell and the evidence of each edge, and the problems of cells.

    `inferred` tells that no tag names a step.  Where tags contradict each other the cells are shown all the same,
    without steps.
    """
    notebook = read_notebook(path)
    cells = notebook.cells
    problems = [*_broken_cells(notebook), *_unknown_tags(notebook)]
    roles: dict[int, str] = {}
    inferred = False
    try:
        layout = read_layout(notebook)
        roles, inferred = _roles(layout), layout.inferred
        found = notebook_graph(notebook)
    except NotebookError as error:
        problems.append(_problem(str(error), cells_in(str(error))))
        found = build_graph([cell.source for cell in cells], [cell.id for cell in cells], [None] * len(cells))
    told: dict[str, Any] = found.to_json(explain=True)
    texts = [
        {"role": roles.get(cell.index), "source": cell.source, "heading": cell.heading, "tags": list(cell.tags)}
        for cell in cells
    ]
    told["cells"] = [cell | text for cell, text in zip(told["cells"], texts, strict=True)]
    return told | {"inferred": inferred, "problems": problems}


def _roles(layout: Layout) -> dict[int, str]:
    groups = {
        "parameters": (*layout.parameters, *layout.injected),
        "imports": layout.imports,
        "functions": layout.functions,
        "skip": layout.skipped,
    }
    return {index: role for role, indexes in groups.items() for index in indexes}


def cells_in(message: str) -> list[int]:
    """Return the indexes of the code cells that an error names."""
    return [int(number) - 1 for number in dict.fromkeys(_CELL.findall(message))]


def _problem(message: str, cells: list[int], *, severity: str = "error") -> dict[str, Any]:
    return {"message": message, "cells": cells, "severity": severity}


def _broken_cells(notebook: Notebook) -> Iterator[dict[str, Any]]:
    for cell in notebook.cells:
        if error := read_source(cell.source).error:
            yield _problem(f"{cell.label}, line {error.line}: {error.message}; correct it", [cell.index])


def _unknown_tags(notebook: Notebook) -> Iterator[dict[str, Any]]:
    unknown: dict[str, list[int]] = {}
    for cell in notebook.cells:
        for tag in cell.tags:
            if not is_known(tag):
                unknown.setdefault(tag, []).append(cell.index)
    for tag, cells in unknown.items():
        message = f"the tag {tag!r} says nothing about a pipeline{suggestion(tag)}"
        yield _problem(message, cells, severity="warning")


def verification(found: Verification | None, script: Path) -> dict[str, Any] | None:
    """Return the last verification; `current` says whether the script still is the one that was verified."""
    if found is None:
        return None
    try:
        current = blake3(script.read_bytes()).hexdigest() == found.script_digest
    except OSError:
        current = False
    return {**msgspec.to_builtins(found), "current": current}
