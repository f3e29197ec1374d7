"""Merging the imports of many cells into the head of a script, sorted as ruff sorts them."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trackbook.cells.scopes import imported_name

WIDTH = 88
_KEEP = ("sklearn.experimental",)
"""Modules that are imported for what the import does."""


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name: `import module [as alias]`, or `from module import name [as alias]`."""

    module: str
    name: str | None
    alias: str | None
    level: int = 0

    @property
    def bound(self) -> str:
        """Return the name that the import binds, `*` for a star import."""
        if self.name is None:
            return self.alias or self.module.partition(".")[0]
        return self.alias or self.name

    @property
    def path(self) -> str:
        """Return the dotted name of the module written after `import` or `from`."""
        return "." * self.level + self.module

    def needed(self, names: set[str]) -> bool:
        """Tell whether code that mentions `names` needs this import."""
        return self.bound in names or self.name == "*" or self.path == "__future__" or self.module in _KEEP


def imports_of(node: ast.Import | ast.ImportFrom) -> list[Import]:
    """Return the parts of an import statement."""
    if isinstance(node, ast.Import):
        return [Import(alias.name, None, alias.asname) for alias in node.names]
    return [Import(node.module or "", alias.name, alias.asname, node.level) for alias in node.names]


def bound_by(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Return the names that an import statement binds."""
    return [imported_name(alias) for alias in node.names]


def render(imports: Iterable[Import], local: frozenset[str] = frozenset()) -> str:
    """Return the imports as text: future, standard library, installed and `local` modules, each sorted."""
    sections: dict[int, set[Import]] = {}
    for item in imports:
        sections.setdefault(_section(item, local), set()).add(item)
    return "\n\n".join("\n".join(_lines(sections[number])) for number in sorted(sections))


def _section(item: Import, local: frozenset[str]) -> int:
    root = item.module.partition(".")[0]
    if root == "__future__":
        return 0
    if item.level:
        return 4
    if root in sys.stdlib_module_names:
        return 1
    return 3 if root in local else 2


def _lines(imports: set[Import]) -> list[str]:
    plain = [item for item in imports if item.name is None]
    lines = [_plain(item) for item in sorted(plain, key=lambda item: (*_order(item.path), item.alias or ""))]
    merged: dict[str, list[Import]] = {}
    for item in imports - set(plain):
        merged.setdefault(item.path, []).append(item)
    for module in sorted(merged, key=_order):
        lines += _from(module, merged[module])
    return lines


def _order(name: str) -> tuple[str, str]:
    return name.lower(), name


def _plain(item: Import) -> str:
    same = item.alias is None or item.alias == item.module
    return f"import {item.path}" if same else f"import {item.path} as {item.alias}"


def _from(module: str, items: Sequence[Import]) -> list[str]:
    """Return the lines for one module: what is renamed stands on a line of its own."""
    names = sorted({item.name for item in items if item.name and item.alias in {None, item.name}}, key=_member_order)
    renamed = [(item.name or "", item.alias or "") for item in items if item.alias not in {None, item.name}]
    found = [(_member_order(name), alias, [f"from {module} import {name} as {alias}"]) for name, alias in renamed]
    if "*" in names:
        names.remove("*")
        found.append(((-1, "", ""), "", [f"from {module} import *"]))
    if names:
        found.append((_member_order(names[0]), "", [f"from {module} import {', '.join(names)}"]))
    return [line for _, _, lines in sorted(found) for line in lines]


def _member_order(name: str) -> tuple[int, str, str]:
    """Order as isort does: constants, then classes, then the rest."""
    group = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return (group, *_order(name))
