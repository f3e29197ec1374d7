"""The functions of `runtime` that a script needs, with what they need themselves."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from trackbook.pipeline.edits import Positions
from trackbook.pipeline.imports import Import, imports_of

SHOW, DISPLAY, FIGURES, OUTPUT = "show", "display", "save_figures", "OUT"
PYPLOT = "plt"


@dataclass(frozen=True, slots=True)
class _Piece:
    """A statement of `runtime`: its text, the pieces and the imports that it names."""

    text: str
    pieces: frozenset[str]
    imports: tuple[Import, ...]


class Helpers:
    """Collects the helpers that a script needs; one whose name the notebook uses gets another name."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = frozenset(taken)
        self._used: set[str] = set()

    def use(self, name: str) -> str:
        """Take a helper into the script, and return the name that it has there."""
        waiting = [name]
        while waiting:
            piece = waiting.pop()
            if piece not in self._used:
                self._used.add(piece)
                waiting += _pieces()[piece].pieces
        return self.name(name)

    def name(self, name: str) -> str:
        """Return the name that a helper has, or would have, in the script."""
        if name == DISPLAY or name not in self._taken:
            return name
        other, number = f"{name}_", 2
        while other in self._taken:
            other, number = f"{name}_{number}", number + 1
        return other

    def __contains__(self, name: str) -> bool:
        return name in self._used

    @property
    def names(self) -> frozenset[str]:
        """Return the names that the helpers have in the script."""
        return frozenset(map(self.name, self._used))

    @property
    def imports(self) -> list[Import]:
        """Return what the helpers import."""
        return [item for name in _pieces() if name in self._used for item in _pieces()[name].imports]

    def texts(self, pyplot: str | None) -> list[str]:
        """Return the text of each helper, in a fixed order; `pyplot` is the name of `matplotlib.pyplot`."""
        found = []
        for name, piece in _pieces().items():
            if name in self._used:
                found.append(self._renamed(piece.text, pyplot or PYPLOT))
        return found

    def _renamed(self, text: str, pyplot: str) -> str:
        names = {name: self.name(name) for name in self._used} | {PYPLOT: pyplot}
        changed = [name for name, other in names.items() if name != other]
        if not changed:
            return text
        return re.sub(rf"\b(?:{'|'.join(map(re.escape, changed))})\b", lambda match: names[match[0]], text)


@cache
def _pieces() -> dict[str, _Piece]:
    source = Path(__file__).with_name("runtime.py").read_text(encoding="utf-8")
    tree, positions = ast.parse(source), Positions(source)
    imports = {
        item.bound: item
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for item in imports_of(node)
    }
    nodes = {name: node for node in tree.body if (name := _bound(node))}
    found = {}
    for name, node in nodes.items():
        names = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
        used = tuple(item for bound, item in imports.items() if bound in names)
        found[name] = _Piece(positions.segment(node), frozenset(names & nodes.keys() - {name}), used)
    return found


def _bound(node: ast.stmt) -> str | None:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
    return None
