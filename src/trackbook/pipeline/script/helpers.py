"""The functions of `runtime` that a script needs, with what they need themselves."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from trackbook.pipeline.script.edits import Positions
from trackbook.pipeline.script.imports import Import, imports_of

SHOW, DISPLAY, FIGURES, OUTPUT = "show", "display", "save_figures", "OUT"
METRIC, METRICS = "log_metric", "log_metrics"
IPYTHON, LOOP, ERROR = "ipython", "in_loop", "print_error"
PYPLOT = "plt"

EFFECTS = {
    "show": "(value):\n    repr(value)",
    "print_error": "():\n    pass",
    "shell": "(command):\n    get_ipython().system('command')",
    "shell_lines": "(command):\n    return get_ipython().getoutput('command')",
    "run_program": "(command, text, **options):\n    get_ipython().system('command')\n    return str(text), ''",
    "change_folder": "(path, **options):\n    get_ipython().run_line_magic('cd', 'path')",
    "current_folder": "():\n    import os\n    return os.getcwd()",
    "variable": "(name):\n    import os\n    return os.environ[name]",
    "set_variable": "(name, value):\n    import os\n    os.environ[name] = value",
    "write_file": "(path, text, append=False):\n    open(path, 'a' if append else 'w').write(text)",
    "run_file": "(path, *arguments):\n    import runpy\n    open(path)\n    return runpy.run_path(path)",
    "time_code": "(function, **options):\n    return function([1])",
    "log_metric": "(key, value, step=None):\n    pass",
    "log_metrics": "(metrics, step=None):\n    pass",
    "ipython": "(**variables):\n    return get_ipython()",
}
"""What helpers do to files, folders and the environment, in code that the graph understands."""
SILENT = (
    "change_folder",
    "log_metric",
    "log_metrics",
    "run_file",
    "run_program",
    "set_variable",
    "shell",
    "time_code",
    "write_file",
)
"""Helpers whose value a notebook does not show."""


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

    def free_name(self, name: str) -> str:
        """Return a name that neither the notebook nor a helper has."""
        taken, number, other = self._taken | _pieces().keys(), 2, name
        while other in taken:
            other, number = f"{name}_{number}", number + 1
        return other

    @property
    def effects(self) -> str:
        """Return code that does what the helpers taken so far do to the state that cells share."""
        return "\n".join(f"def {self.name(name)}{EFFECTS[name]}" for name in EFFECTS if name in self._used)

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

    def behind(self, names: Iterable[str]) -> frozenset[str]:
        """Return the helpers, by their own names, that code with these names needs."""
        found: set[str] = set()
        waiting = [name for name in self._used if self.name(name) in set(names)]
        while waiting:
            if (name := waiting.pop()) not in found:
                found.add(name)
                waiting += _pieces()[name].pieces
        return frozenset(found)

    def texts(
        self, pyplot: str | None, only: frozenset[str] | None = None, without: frozenset[str] = frozenset()
    ) -> list[str]:
        """Return the text of each helper, in a fixed order; `pyplot` is the name of `matplotlib.pyplot`."""
        chosen = (self._used if only is None else only) - without
        return [self._renamed(piece.text, pyplot or PYPLOT) for name, piece in _pieces().items() if name in chosen]

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
