"""One round of the round trip: read both sides, join them, write what changed, or nothing at all."""

from __future__ import annotations

import json
import tokenize
from dataclasses import dataclass
from pathlib import Path

from trackbook.errors import PipelineError
from trackbook.pipeline.script.convert import Script
from trackbook.pipeline.script.formatting import formatted
from trackbook.pipeline.steps.notebook import Notebook, notebook_of, read_notebook
from trackbook.pipeline.sync.edits import Make, Refused, cells_from_script, with_texts
from trackbook.pipeline.sync.files import with_sources
from trackbook.pipeline.sync.merge import Conflict, changed_cells, merge


@dataclass(frozen=True, slots=True)
class Origin:
    """A notebook as it was when its script was written, and the script's text if it is known."""

    notebook: Notebook
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Synced:
    """What a round trip did: the ids of cells that changed on one side and now are the same on both.

    Where there are `conflicts` or `refused` edits nothing was written.
    """

    steps: tuple[str, ...]
    from_script: tuple[str, ...] = ()
    from_notebook: tuple[str, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    refused: tuple[Refused, ...] = ()

    @property
    def is_done(self) -> bool:
        return not self.conflicts and not self.refused


@dataclass(frozen=True, slots=True)
class Joined:
    """Both sides joined: what is to be written where, and what came of it."""

    result: Synced
    notebook: Notebook
    script: Script
    content: str | None = None
    """The text of the notebook's file where it is another than before."""


def join(path: Path, script: Path, origin: Origin, make: Make) -> Joined:
    """Join the notebook in the file `path` and its script, which both come from `origin`; writes nothing.

    `make` converts a notebook as the script was made.

    Raises PipelineError for a script that is not Python, NotebookError where the notebook cannot become a script.
    """
    now = read_notebook(path)
    texts, refused = _changes(origin, _laid_out(script), make)
    found, conflicts = merge(origin.notebook, now, texts)
    made = with_texts(now, found)
    try:
        content = _content(path, found, made) if found else None
    except UnicodeDecodeError as error:
        raise PipelineError(f"cannot read the notebook {path}: {error}") from error
    converted = make(made)
    result = Synced(
        tuple(step.name for step in converted.steps),
        tuple(now.cells[index].id for index in sorted(found)),
        tuple(changed_cells(origin.notebook, now)),
        tuple(conflicts),
        tuple(refused),
    )
    return Joined(result, made, converted, content)


def _changes(origin: Origin, text: str, make: Make) -> tuple[dict[int, str], list[Refused]]:
    if origin.text is not None and text == origin.text:
        return {}, []
    return cells_from_script(origin.notebook, origin.text or make(origin.notebook).text, text, make)


def _laid_out(script: Path) -> str:
    """Return the text of a script in the layout that conversion gives it."""
    try:
        text = script.read_text(encoding="utf-8")
        return formatted(text)
    except (SyntaxError, tokenize.TokenError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise PipelineError(f"{script}, line {line} is not Python: {error}; correct it, then sync again") from error
    except OSError as error:
        raise PipelineError(f"cannot read the script {script}: {error.strerror}") from error


def _content(path: Path, sources: dict[int, str], made: Notebook) -> str:
    """Return the text of the notebook's file with changed cells; sure to be read as they are meant."""
    old = path.read_bytes().decode("utf-8")
    content = with_sources(old, sources, path.name)
    if notebook_of(json.loads(content.removeprefix("\ufeff")), path.name) != made:
        raise PipelineError(f"{path} cannot be changed in place: save it with Jupyter, then sync again")
    return content
