"""The layout of a script: ruff's, which is black's, in its default width."""

from __future__ import annotations

import ast
import inspect
import subprocess

from ruff import find_ruff_bin

from trackbook.cells.scopes import Definitions


def formatted(text: str) -> str:
    """Return Python as `ruff format` lays it out, or as it is where that would change more than the layout."""
    command = [find_ruff_bin(), "format", "--isolated", "--target-version", "py311", "-"]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
    new = done.stdout.decode() if done.returncode == 0 else text
    return new if _meaning(new) == _meaning(text) else text


def _meaning(text: str) -> str:
    """Return what a text says: its tree, where the margin of a docstring counts only where the code looks at it."""
    tree = ast.parse(text)
    if ".__doc__" not in text:
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | Definitions) and ast.get_docstring(node, clean=False) is not None:
                _without_margin(node.body[0])
    return ast.dump(tree)


def _without_margin(docstring: ast.stmt) -> None:
    assert isinstance(docstring, ast.Expr)
    assert isinstance(docstring.value, ast.Constant)
    lines = inspect.cleandoc(str(docstring.value.value)).splitlines()
    docstring.value.value = "\n".join(line.rstrip() for line in lines).strip()
