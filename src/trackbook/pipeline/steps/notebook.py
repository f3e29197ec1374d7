"""Notebooks as frozen values: what a graph or a script needs of the file, and nothing that could run."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from blake3 import blake3

from trackbook.cells.source import normalise
from trackbook.errors import NotebookError
from trackbook.pipeline.steps.headings import Heading, read_headings

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PYTHON = frozenset({"python", "python3", "ipython", "python2"})


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell; `index` counts code cells from 0, `headings` are those of Markdown since the code cell before."""

    index: int
    id: str
    source: str
    tags: tuple[str, ...] = ()
    headings: tuple[Heading, ...] = ()

    @property
    def heading(self) -> str | None:
        """Return the text of the Markdown heading just above."""
        return self.headings[-1].text if self.headings else None

    @property
    def label(self) -> str:
        """Name the cell for a person: its number (from 1) among the code cells, and its first line."""
        first = next((line.strip() for line in self.source.split("\n") if line.strip()), "")
        short = first if len(first) <= 50 else first[:49] + "…"
        return f"code cell {self.index + 1} (`{short}`)" if short else f"code cell {self.index + 1}"


@dataclass(frozen=True, slots=True)
class Notebook:
    """The code cells of a notebook in their order; `name` is the file's name."""

    name: str
    cells: tuple[Cell, ...]

    @property
    def digest(self) -> str:
        """Return the BLAKE3 digest of all that a script is made of, in hexadecimal: code, tags, headings and ids."""
        content = [
            [cell.id, cell.source, cell.tags, [[heading.level, heading.text] for heading in cell.headings]]
            for cell in self.cells
        ]
        return blake3(json.dumps(content, ensure_ascii=True).encode()).hexdigest()


def read_notebook(path: Path) -> Notebook:
    """Read a notebook of nbformat 3 to 4.5.

    Raises NotebookError when there is no such file, or it is not a notebook, or not one of Python.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise NotebookError(f"there is no notebook {path}: check the name and the folder") from None
    except (OSError, UnicodeDecodeError) as error:
        raise NotebookError(f"cannot read the notebook {path}: {error}") from error
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotebookError(f"{path} is not a notebook: it is not JSON ({error})") from error
    return notebook_of(content, path.name)


def file_beside(folder: Path) -> Callable[[str], str | None]:
    """Return a reader of the text files in a notebook's folder; it gives None for all others."""

    def read(name: str) -> str | None:
        path = (folder / name).resolve()
        try:
            inside = path.is_relative_to(folder.resolve()) and path.is_file()
            return path.read_text(encoding="utf-8") if inside else None
        except (OSError, ValueError):
            return None

    return read


def notebook_of(content: Any, name: str) -> Notebook:
    """Return a notebook given as the decoded JSON of its file, or as a node of nbformat."""
    if not isinstance(content, Mapping) or not isinstance(content.get("nbformat"), int):
        raise NotebookError(f"{name} is not a notebook: it holds no number `nbformat`; save it again with Jupyter")
    if not 3 <= content["nbformat"] <= 4:
        raise NotebookError(f"{name} has nbformat {content['nbformat']}; open it in Jupyter and save it as nbformat 4")
    if content["nbformat"] == 3:
        content = _upgraded(content, name)
    _require_python(content, name)
    cells = content.get("cells")
    if not isinstance(cells, Sequence):
        raise NotebookError(f"{name} is not a notebook: it holds no list `cells`; save it again with Jupyter")
    return Notebook(name, tuple(_code_cells(cells, name)))


def _upgraded(content: Any, name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            upgraded = nbformat.convert(nbformat.from_dict(content), 4)  # type: ignore[no-untyped-call]
        except (AttributeError, KeyError, TypeError, ValueError, nbformat.ValidationError) as error:
            raise NotebookError(
                f"{name} is no sound notebook of nbformat 3: {error!r}; save it with Jupyter"
            ) from error
    for cell in upgraded["cells"]:
        cell.pop("id", None)  # nbformat draws it at random, and a script must not change from one day to the next
    return upgraded


def _require_python(content: Mapping[str, Any], name: str) -> None:
    metadata = content.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    found = [metadata.get("language_info", {}), metadata.get("kernelspec", {})]
    languages = [
        part.get(key) for part, key in zip(found, ("name", "language"), strict=True) if isinstance(part, Mapping)
    ]
    for language in languages:
        # JupyterLab saves an empty name where the kernel has not yet told its language.
        if isinstance(language, str) and language and language.lower() not in _PYTHON:
            raise NotebookError(f"{name} is a notebook of {language}: Trackbook reads notebooks of Python")


def _code_cells(cells: Sequence[Any], name: str) -> Iterator[Cell]:
    headings: list[Heading] = []
    index = 0
    for number, cell in enumerate(cells):
        if not isinstance(cell, Mapping) or not isinstance(cell.get("cell_type"), str):
            raise NotebookError(f"{name}: cell {number + 1} has no cell_type; open it in Jupyter and save it again")
        text = _text(cell.get("source", ""), number, name)
        if cell["cell_type"] == "code":
            yield Cell(index, _cell_id(cell, index), normalise(text), _tags(cell), tuple(headings))
            headings, index = [], index + 1
        elif cell["cell_type"] == "markdown":
            headings += read_headings(normalise(text))


def _text(source: Any, number: int, name: str) -> str:
    if isinstance(source, str):
        return source
    if isinstance(source, Sequence) and all(isinstance(line, str) for line in source):
        return "".join(source)
    raise NotebookError(f"{name}: the source of cell {number + 1} is no text; open it in Jupyter and save it again")


def _cell_id(cell: Mapping[str, Any], index: int) -> str:
    given = cell.get("id")
    return given if isinstance(given, str) and _ID.fullmatch(given) else f"cell-{index}"


def _tags(cell: Mapping[str, Any]) -> tuple[str, ...]:
    metadata = cell.get("metadata")
    tags = metadata.get("tags", []) if isinstance(metadata, Mapping) else []
    return tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, Sequence) else ()
