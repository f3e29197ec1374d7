"""The source files of the project that the imports of a step reach, with their digests."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from blake3 import blake3

from trackbook.pipeline.worker.seen import within


class ProjectModules:
    """Follows imports through the files under one folder, each of which is read once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read = cache(_read)
        self._files = cache(lambda name, base: tuple(_module_files(name, base, folder)))

    def reached(self, modules: Iterable[str]) -> dict[str, str]:
        """Return the digests of the files under the folder that importing `modules` reaches, by their paths in it."""
        return {place: digest for place, (digest, _) in self._followed(modules).items()}

    def imported(self, modules: Iterable[str]) -> frozenset[str]:
        """Return the names of all modules that importing `modules` imports in turn, relative ones aside."""
        names = frozenset().union(*(imports for _, imports in self._followed(modules).values()))
        return frozenset(name for name in names if not name.startswith("."))

    def _followed(self, modules: Iterable[str]) -> dict[str, tuple[str, frozenset[str]]]:
        found: dict[str, tuple[str, frozenset[str]]] = {}
        waiting = [(name, self._folder) for name in modules]
        while waiting:
            name, base = waiting.pop()
            for path in self._files(name, base):
                place = within(str(path), str(self._folder))
                if place not in found:
                    found[place] = self._read(path)
                    waiting += [(inner, path.parent) for inner in found[place][1]]
        return found


def _read(path: Path) -> tuple[str, frozenset[str]]:
    source = path.read_bytes()
    return blake3(source).hexdigest(), _imports(source)


def _module_files(name: str, base: Path, root: Path) -> Iterator[Path]:
    """Yield the files of a module and of the packages around it; `base` is where a relative import starts."""
    level = len(name) - len(name.lstrip("."))
    start = base if level else root
    for _ in range(level - 1):
        start = start.parent
    place = start
    for part in [part for part in name.lstrip(".").split(".") if part]:
        place = place / part
        for path in (place / "__init__.py", place.with_name(part + ".py")):
            if path.is_file():
                yield path
    if level and (start / "__init__.py").is_file():
        yield start / "__init__.py"


def _imports(source: bytes) -> frozenset[str]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return frozenset()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            joint = start if start.endswith(".") else f"{start}."
            names |= {start, *(f"{joint}{alias.name}" for alias in node.names)}
    return frozenset(names)
