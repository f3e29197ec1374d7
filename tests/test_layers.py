"""The floors of the house: a room imports from the floors below it, and from nowhere else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import trackbook

PACKAGE = Path(trackbook.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

# From the roof to the ground; what stands on one line is one floor.
FLOORS = (
    ("ipython", "widgets", "server", "cli", "nbconvert", "fluent", "filesystem"),
    ("project",),
    ("charts",),
    ("monitoring", "exchange"),
    ("pipeline", "registry"),
    ("tracking",),
    ("data",),
    ("capture", "store"),
    ("cells", "settings"),
    ("errors", "hashing"),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
MAX_LINES = 500


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return "" if parts == ("__init__",) else parts[0]


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the absolute names of all modules that a file imports, wherever in it, with the line."""
    package = ["trackbook", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            yield module, node.lineno
            if module == "trackbook":
                yield from ((f"trackbook.{alias.name}", node.lineno) for alias in node.names)


def rooms_imported(path: Path) -> Iterator[tuple[str, int]]:
    for module, line in imports(path):
        parts = module.split(".")
        if parts[0] == "trackbook" and len(parts) > 1 and parts[1] in FLOOR:
            yield parts[1], line


def test_every_room_has_a_floor():
    assert {room_of(path) for path in MODULES} - {""} <= FLOOR.keys()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_the_floors_below(path):
    room = room_of(path)
    if not room:
        pytest.skip("the public face names every room, and loads them only when they are used")
    wrong = [
        f"line {line}: {room} imports {other}"
        for other, line in rooms_imported(path)
        if other != room and FLOOR[other] <= FLOOR[room]
    ]
    assert wrong == []


def test_only_the_store_knows_sqlite():
    strangers = {
        str(path.relative_to(PACKAGE)): line
        for path in MODULES
        if room_of(path) != "store"
        for module, line in imports(path)
        if module.split(".")[0] in ("sqlite3", "sqlite_utils")
    }
    assert strangers == {}


def test_no_module_is_longer_than_anybody_wants_to_read():
    lengths = {str(path.relative_to(PACKAGE)): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {path: lines for path, lines in lengths.items() if lines > MAX_LINES} == {}


def test_the_public_face_imports_nothing_when_it_is_imported():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    at_once = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert {node.module for node in at_once if isinstance(node, ast.ImportFrom)} <= {"__future__", "typing"}
    assert not [node for node in at_once if isinstance(node, ast.Import)]
