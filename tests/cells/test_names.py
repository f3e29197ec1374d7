import sysconfig
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackbook.cells import analyse
from trackbook.cells.memory import VALUE

READS = [
    ("y = x + 1", {"x"}),
    ("x = 1\ny = x", set()),
    ("x += 1", {"x"}),
    ("if c:\n    x = 1\nprint(x)", {"c", "x"}),
    ("if c:\n    x = 1\nelse:\n    x = 2\nprint(x)", {"c"}),
    ("s = [i for i in xs if i > k]", {"xs", "k"}),
    ("def f(a, b=d):\n    return a + g", {"d"}),
    ("def f(a):\n    return a + g\nf(1)", {"g"}),
    ("class K(Base):\n    v = w\n    def m(self):\n        return later", {"Base", "w"}),
    ("print(f'{a!r:>{b}}')", {"a", "b"}),
    ("del x", {"x"}),
    ("lambda v: v * k", set()),
    ("list(map(lambda v: v * k, xs))", {"k", "xs"}),
    ("%time y = x", {"x"}),
    ("%%time\ny = x", {"x"}),
    ("for i in range(n):\n    print(i)", {"n"}),
    ("try:\n    import q\nexcept ImportError:\n    q = z", {"z"}),
    ("match p:\n    case {'k': v}:\n        print(v)", {"p"}),
    ("%snapshot frame NAME", {"frame", "NAME"}),
]


@pytest.mark.parametrize(("source", "reads"), READS)
def test_reads_are_the_names_that_a_cell_takes_from_outside(source, reads):
    assert analyse(source).reads == reads


MUTATES = [
    ("x.append(1)", {"x"}),
    ("x['a'] = 1", {"x"}),
    ("x.loc[0, 'a'] = 1", {"x"}),
    ("x.a.b = 1", {"x"}),
    ("del x[0]", {"x"}),
    ("y = x\ny.append(1)", {"x", "y"}),
    ("y = x[:2]\ny[0] = 7", {"x", "y"}),
    ("df.drop(columns='a', inplace=True)", {"df"}),
    ("df.drop(columns='a')", set()),
    ("df.head()\ndf.describe()\nlen(df)\nprint(df)", set()),
    ("unknown(x)", {"x", "unknown"}),
    ("m.fit(X, y)", {"m"}),
    ("m.predict(X)", set()),
    ("np.mean(x)\npd.concat([x, y])", set()),
    ("np.add(x, 1, out=y)", {"y"}),
    ("x = []\nx.append(1)", set()),
    ("def f(a):\n    a['k'] = 1\nf(q)", {"q"}),
    ("def f(a):\n    return a['k']\nf(q)", set()),
    ("next(g)", {"g"}),
    ("setattr(z, 'p', 1)", {"z"}),
    ("import heapq\nheapq.heappush(h, 1)", {"h"}),
    ("rng.random()", {"rng"}),
    ("a = 1\na += 1", set()),
]


@pytest.mark.parametrize(("source", "mutates"), MUTATES)
def test_mutates_are_the_names_whose_values_may_change_in_place(source, mutates):
    assert analyse(source).mutates == mutates


def test_what_a_function_needs_is_told_without_a_call():
    found = analyse("def f(a):\n    global count\n    count = k\n    log.append(a)\n    a.append(1)").functions["f"]
    assert found.reads == {"k", "log"}
    assert found.writes == {"count"}
    assert found.mutates == {"log"}


def test_defining_a_function_neither_reads_nor_changes_what_its_body_uses():
    cell = analyse("def f():\n    log.append(k)")
    assert cell.reads == cell.mutates == set()
    assert cell.writes == {"f"}


def test_literals_are_plain_constants_at_top_level_and_the_last_one_wins():
    source = "a = 1\nb: float = -0.5\nc = 'x'\nd = True\ne = f = None\na = 2\ng = 1 + 1\nif a:\n    h = 3\nx, y = 1, 2"
    assert analyse(source).literals == {"a": 2, "b": -0.5, "c": "x", "d": True, "e": None, "f": None}


def test_names_bound_on_some_ways_only_are_told_apart():
    cell = analyse("if c:\n    x = 1\ny = 2\nfor i in xs:\n    z = i")
    assert cell.writes == {"x", "y", "i", "z"}
    assert cell.maybe == {"x", "i", "z"}


def test_imports_are_told_by_dotted_name():
    assert analyse("import os.path as p\nfrom a.b import c as d\nfrom . import e").imports == {
        "os.path",
        "a.b.c",
        "..e",
    }


def test_star_imports_and_computed_exec_are_flagged():
    assert analyse("from somewhere import *").star
    assert analyse("exec(text)").star
    assert analyse("exec('x = 1')").writes == {"x"}


def test_star_imports_of_the_standard_library_bind_its_names():
    cell = analyse("from math import *")
    assert {"sqrt", "pi"} <= cell.writes
    assert not cell.star


def test_a_cell_that_is_not_python_gives_its_error_and_nothing_else():
    cell = analyse("x = (", 3)
    assert cell.error is not None
    assert (cell.index, cell.reads, cell.writes) == (3, set(), set())


PIECES = [
    "x",
    "=",
    "(",
    ")",
    "[",
    "]",
    ":",
    "\n",
    "    ",
    "def f",
    "lambda",
    "for",
    "in",
    "if",
    "else",
    "%%time",
    "!ls",
    "'",
    '"""',
    "\f",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join) | st.text(max_size=30))
def test_analyse_never_raises(source):
    analyse(source)


@pytest.mark.parametrize("name", ["_strptime", "argparse", "filecmp", "statistics", "textwrap"])
def test_long_and_tangled_code_is_analysed_and_leaves_no_trace_for_the_next(name):
    text = (Path(sysconfig.get_path("stdlib")) / f"{name}.py").read_text(encoding="utf-8")
    cell = analyse(text)
    assert cell.error is None
    assert cell == analyse(text)
    assert all(not thing.contents and not thing.changes for thing in VALUE)
