"""What a script was made of, found again: the notebook as it was when the script was written."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from trackbook.capture.git.repository import GitError, Repository
from trackbook.errors import NotebookError
from trackbook.pipeline.steps.headings import Heading
from trackbook.pipeline.steps.notebook import Cell, Notebook, notebook_of

_DIGEST = re.compile(r"^Code of the notebook \(blake3\): ([0-9a-f]{64})$", re.MULTILINE)
_COMMITS = 50


def digest_in(script: str) -> str | None:
    """Return the digest of the notebook that a script says it was made from."""
    found = _DIGEST.search(script)
    return found[1] if found else None


def to_json(notebook: Notebook) -> str:
    """Return the cells of a notebook as a text to keep."""
    cells = [
        [cell.id, cell.source, cell.tags, [[heading.level, heading.text] for heading in cell.headings]]
        for cell in notebook.cells
    ]
    return json.dumps({"name": notebook.name, "cells": cells})


def from_json(text: str) -> Notebook:
    """Return what `to_json` made a text of."""
    content: dict[str, Any] = json.loads(text)
    return Notebook(
        content["name"],
        tuple(
            Cell(index, cell_id, source, tuple(tags), tuple(Heading(*heading) for heading in headings))
            for index, (cell_id, source, tags, headings) in enumerate(content["cells"])
        ),
    )


def from_git(path: Path, digest: str) -> Notebook | None:
    """Return the notebook with a digest from the last commits of its file; None where they do not have it."""
    repository = Repository.find(path.resolve().parent)
    if repository is None:
        return None
    name = path.resolve().relative_to(repository.root).as_posix()
    with suppress(GitError):  # then there is nothing to be found
        for commit in repository.run("log", f"-{_COMMITS}", "--format=%H", "--", name).decode().split():
            with suppress(GitError, ValueError, NotebookError):  # a commit that deletes it, or breaks it
                notebook = notebook_of(json.loads(repository.run("show", f"{commit}:{name}")), path.name)
                if notebook.digest == digest:
                    return notebook
    return None
