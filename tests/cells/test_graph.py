"""Edges between cells: which must be there, and which must not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackbook.cells import Edge, Graph, build_graph

CASES = {
    "a name": (["x = 1", "print(x)"], {(0, 1)}, set()),
    "a later binding hides an earlier one": (["x = 1", "x = 2", "print(x)"], {(1, 2)}, {(0, 2)}),
    "a binding under a condition hides nothing": (["x = 1", "if c:\n    x = 2", "print(x)"], {(0, 2), (1, 2)}, set()),
    "two readers": (["x = [1]", "print(len(x))", "print(x)"], {(0, 1), (0, 2)}, {(1, 2)}),
    "a change through an alias": (["a = [1]", "b = a", "b.append(2)", "print(a)"], {(2, 3)}, set()),
    "a copy is no alias": (
        ["import copy\na = [1]", "b = copy.deepcopy(a)", "b.append(2)", "print(a)"],
        {(0, 3)},
        {(2, 3)},
    ),
    "a list of a list is new": (["a = [1]", "b = list(a)", "b.append(2)", "print(a)"], set(), {(2, 3)}),
    "an element of a list": (["a = [[1]]", "b = a[0]", "b.append(2)", "print(a)"], {(2, 3)}, set()),
    "a closure over a list": (
        [
            "def make():\n    acc = []\n    def add(v):\n        acc.append(v)\n        return acc\n    return add",
            "f = make()",
            "f(1)",
            "print(f(2))",
        ],
        {(1, 2), (2, 3)},
        set(),
    ),
    "a counter in a closure": (
        [
            "def make():\n    n = 0\n    def up():\n        nonlocal n\n        n += 1\n        return n\n    return up",
            "f = make()",
            "f()",
            "print(f())",
        ],
        {(2, 3)},
        set(),
    ),
    "a method changes its object": (
        [
            "class C:\n    def __init__(self):\n        self.v = []\n    def add(self, x):\n        self.v.append(x)",
            "c = C()",
            "c.add(1)",
            "print(c.v)",
        ],
        {(2, 3)},
        set(),
    ),
    "a method that reads changes nothing": (
        ["class C:\n    v = 1\n    def get(self):\n        return self.v", "c = C()", "c.get()", "print(c.v)"],
        {(1, 3)},
        {(2, 3)},
    ),
    "a variable named in a query": (
        ["import pandas as pd\ndf = pd.read_csv('d.csv')", "low = 1", "high = 2", "df.query('x > @low')"],
        {(0, 3), (1, 3)},
        {(2, 3)},
    ),
    "an operator of a class reads a global": (
        ["k = 1", "class C:\n    def __add__(self, o):\n        return k", "c = C()", "k = 2", "c + 1"],
        {(3, 4)},
        {(0, 4)},
    ),
    "functions handed to others run": (
        ["k = 1", "f = lambda v: v * k", "k = 2", "list(map(f, [1]))"],
        {(2, 3)},
        {(0, 3)},
    ),
    "a module found by another name": (
        ["import os", "import os as o\no.environ['A'] = '1'", "print(os.environ['A'])"],
        {(1, 2)},
        set(),
    ),
    "attributes of modules apart": (["import math", "math.tau2 = 1", "print(math.pi)"], {(0, 2)}, {(1, 2)}),
    "files by their path": (
        ["open('a.txt', 'w').write('1')", "open('b.txt', 'w').write('2')", "print(open('a.txt').read())"],
        {(0, 2)},
        {(1, 2)},
    ),
    "a path in a name": (["p = 'a.csv'", "df.to_csv(p)", "pd.read_csv('./a.csv')"], {(1, 2)}, set()),
    "seeds and draws": (
        ["import random", "random.seed(1)", "x = random.random()", "random.seed(2)", "y = random.random()"],
        {(1, 2), (3, 4)},
        {(2, 4), (1, 4)},
    ),
    "drawing without a seed of its own": (
        [
            "import numpy as np\nnp.random.seed(0)",
            "from sklearn.model_selection import train_test_split",
            "train_test_split([1, 2])",
        ],
        {(0, 2)},
        set(),
    ),
    "drawing with a seed of its own": (
        [
            "import numpy as np\nnp.random.seed(0)",
            "from sklearn.model_selection import train_test_split",
            "train_test_split([1, 2], random_state=1)",
        ],
        {(1, 2)},
        {(0, 2)},
    ),
    "a pipeline fits what lies in it": (
        [
            "from sklearn.pipeline import make_pipeline\nfrom sklearn.preprocessing import StandardScaler\ns = StandardScaler()",
            "p = make_pipeline(s)",
            "p.fit(X)",
            "print(s.mean_)",
        ],
        {(2, 3)},
        set(),
    ),
    "a finally block": (["x = 1", "try:\n    pass\nfinally:\n    x = 2", "print(x)"], {(1, 2)}, {(0, 2)}),
    "a branch that raises binds nothing": (
        ["x = 1", "if c:\n    x = 2\n    raise ValueError", "print(x)"],
        {(0, 2)},
        {(1, 2)},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_edges(name):
    cells, must, forbid = CASES[name]
    edges = {(edge.source, edge.target) for edge in build_graph(cells).edges}
    assert must <= edges, f"{name}: an edge is missing"
    assert not forbid & edges, f"{name}: an edge is there that must not be"


def test_json_has_cells_with_their_steps_and_edges_with_names_and_kind():
    graph = build_graph(["x = 1", "if x:\n    y = x", "print(y)"], ["a", "b", "c"], ["s", "s", None], declared=[(0, 2)])
    assert graph.to_json() == {
        "cells": [
            {"index": 0, "id": "a", "step": "s"},
            {"index": 1, "id": "b", "step": "s"},
            {"index": 2, "id": "c", "step": None},
        ],
        "edges": [
            {"source": 0, "target": 1, "names": ["x"], "kind": "proved"},
            {"source": 0, "target": 2, "names": [], "kind": "declared"},
            {"source": 1, "target": 2, "names": ["y"], "kind": "may"},
        ],
    }


def test_an_edge_that_a_proved_path_says_already_is_not_drawn():
    graph = build_graph(["d = {}", "d['k'] = 1", "print(d)"])
    assert {(edge.source, edge.target) for edge in graph.edges} == {(0, 1), (0, 2), (1, 2)}
    assert {(edge.source, edge.target) for edge in graph.drawn} == {(0, 1), (1, 2)}


def test_a_path_of_other_names_says_an_edge_too_but_none_that_is_less_sure():
    graph = build_graph(["a = [1]", "b = a[0]", "print(a, b)"])
    assert {(edge.source, edge.target) for edge in graph.drawn} == {(0, 1), (1, 2)}
    graph = build_graph(["a = [1]\nif a[0]:\n    c = 2", "if a:\n    b = a[0]", "print(a, globals().get('b'))"])
    kinds = {(edge.source, edge.target): edge.kind for edge in graph.edges}
    drawn = {(edge.source, edge.target) for edge in graph.drawn}
    assert kinds[1, 2] == "may"
    assert kinds[0, 2] == "proved"
    assert (0, 2) in drawn


@given(
    st.lists(
        st.tuples(st.integers(0, 7), st.integers(1, 4), st.sampled_from(["proved", "may", "declared"])), max_size=16
    )
)
def test_what_is_drawn_leads_to_the_same_cells_and_as_surely(parts):
    pairs = {(source, source + step): kind for source, step, kind in parts}
    every = {"proved", "may", "declared"}
    for name, sureness in (("x", [every]), ("x{}-{}", [every, {"proved"}])):  # one name may go along a less sure path
        edges = tuple(Edge(*pair, (name.format(*pair),), kind) for pair, kind in sorted(pairs.items()))
        graph = Graph((), edges, (), ())
        for kinds in sureness:
            for source in range(8):
                assert reached(graph.drawn, source, kinds) == reached(edges, source, kinds)


def reached(edges, source, kinds):
    found = {source}
    for edge in sorted(edges, key=lambda edge: edge.source):
        if edge.source in found and edge.kind in kinds:
            found.add(edge.target)
    return found


def test_evidence_names_the_lines_of_writer_and_reader():
    (edge,) = build_graph(["a = 1\nx = 2", "\n\nprint(x)"]).edges
    (evidence,) = edge.evidence
    assert (evidence.name, evidence.written, evidence.read, evidence.certain) == ("x", 2, 3, True)


def test_a_cell_that_is_not_python_has_no_edges_and_stops_nothing():
    graph = build_graph(["x = 1", "x = (", "print(x)"])
    assert {(edge.source, edge.target) for edge in graph.edges} == {(0, 2)}
    assert graph.cells[1].error is not None


@pytest.mark.parametrize(
    "line",
    (
        *("%cd $name", "%cd {name + '1'}", "%env A={name[0]}", "%run {name}.py", "!ls {name[0]} > f", "x = !ls {name}"),
        *("%%writefile {name}\nx", "%%file $name\nx", "%%bash -s $name\necho $1", "pip install {name}"),
    ),
)
def test_magics_read_the_variables_that_ipython_puts_into_their_lines(line):
    (edge,) = build_graph(["name = 'x'", line]).edges
    assert (edge.source, edge.target, edge.names) == (0, 1, ("name",))


@pytest.mark.parametrize("call", ["os.system('x')", "subprocess.run(['x'])", "subprocess.check_output(c, shell=True)"])
def test_a_command_may_write_any_file(call):
    edges = build_graph(["import os, subprocess\nc = 'x'", call, "open('f').read()", "%%file f\nx", "open('f')"]).edges
    pairs = {(edge.source, edge.target): edge.names for edge in edges}
    assert pairs[1, 2] == ("file:*",)
    assert pairs[3, 4] == ("file:f",)
