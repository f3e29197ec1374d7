"""The scopes of the analysis against those of CPython's own compiler."""

import ast
import symtable
import sysconfig
from pathlib import Path

import pytest

from trackbook.cells.scopes import local_names

LIBRARY = Path(sysconfig.get_path("stdlib"))


def functions(table):
    for child in table.get_children():
        if child.get_type() == "function":
            yield child
        yield from functions(child)


@pytest.mark.parametrize("name", ["argparse", "dataclasses", "enum", "inspect", "tarfile", "textwrap", "typing"])
def test_local_names_are_those_of_the_compiler(name):
    text = (LIBRARY / f"{name}.py").read_text(encoding="utf-8")
    nodes = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(item.lineno for item in node.decorator_list)])
            nodes.setdefault((node.name, first), []).append(node)
    compared = 0
    for table in functions(symtable.symtable(text, name, "exec")):
        found = nodes.get((table.get_name(), table.get_lineno()), [])
        if len(found) == 1:
            expected = {s.get_name() for s in table.get_symbols() if s.is_local() and "__" not in s.get_name()}
            assert {local for local in local_names(found[0]) if "__" not in local} == expected - {".0"}
            compared += 1
    assert compared > 10


def test_a_walrus_in_a_comprehension_belongs_to_the_function():
    (node,) = ast.parse("def f(xs):\n    return [(last := x) for x in xs]").body
    assert local_names(node) == {"xs", "last"}
