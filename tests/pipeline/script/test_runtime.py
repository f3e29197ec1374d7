"""The helpers that scripts take along: what they print is what a kernel prints."""

import collections
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.lib.pretty import pretty as in_a_notebook

from trackbook.pipeline.script.convert import convert
from trackbook.pipeline.script.runtime import pretty
from trackbook.pipeline.steps.notebook import Cell, Notebook

ATOMS = st.integers() | st.text(max_size=30) | st.floats() | st.none() | st.booleans() | st.binary(max_size=8)


def containers(inner):
    named = st.dictionaries(st.text(max_size=20), inner, max_size=12)
    return st.one_of(
        st.lists(inner, max_size=30),
        st.lists(inner, max_size=9).map(tuple),
        st.lists(inner, max_size=9).map(collections.deque),
        named,
        named.map(collections.OrderedDict),
        named.map(lambda value: collections.defaultdict(int, value)),
        st.sets(st.integers() | st.text(max_size=9), max_size=25),
        st.lists(st.text(max_size=4), max_size=30).map(collections.Counter),
    )


@settings(max_examples=80, deadline=None)
@given(st.recursive(ATOMS, containers, max_leaves=40))
def test_nested_values_are_laid_out_as_in_a_notebook(value):
    assert pretty(value) == in_a_notebook(value)


class Plain:
    pass


class Named(list):
    def __repr__(self):
        return "Named!"


class Laid:
    def _repr_pretty_(self, printer, cycle):
        with printer.group(2, "Laid(", ")"):
            printer.pretty(["a long text that fills the line"] * 3)


VALUES = [Laid(), [Laid()], list(range(1200)), {number: number for number in range(1200)}, Plain, int, len, [int, Plain], Named([1]), frozenset(), {1, "a"}, [np.arange(6).reshape(2, 3)] * 2, {"f": pd.DataFrame({"a": [1, 2]})}, [np.float64(2)] * 20, range(4), ValueError("x")]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_of_many_kinds_are_laid_out_as_in_a_notebook(value):
    assert pretty(value) == in_a_notebook(value)


PARAMETERS = """from datetime import date
from pathlib import Path

n = 3  # how many
size = (1, 2)
columns = ["a", "b"]
extra = {"k": 1}
day = date(2020, 1, 2)
file = Path("x.csv")
mode = "fast"  # choices: fast, slow
rate: float | None = None
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    path = tmp_path_factory.mktemp("params") / "script.py"
    cells = (
        Cell(0, "p", PARAMETERS, ("parameters",)),
        Cell(1, "s", "print(n, size, columns, extra, day, file, mode, rate)"),
    )
    path.write_text(convert(Notebook("t.ipynb", cells)).text)
    return path


def run(script, *options):
    done = subprocess.run(
        [sys.executable, "-I", script.name, *options], cwd=script.parent, capture_output=True, text=True
    )
    return (done.stdout or done.stderr).strip().splitlines()[-1]


def test_parameters_of_every_type_have_their_defaults(script):
    assert run(script) == "3 (1, 2) ['a', 'b'] {'k': 1} 2020-01-02 x.csv fast None"


def test_options_win_over_the_file_of_parameters(script):
    (script.parent / "p.toml").write_text('n = 5\nday = 2021-02-03\ncolumns = ["z"]\nsize = [3, 4]\nrate = 0.5\n')
    shown = run(script, "--params", "p.toml", "--n", "9", "--mode", "slow")
    assert shown == "9 (3, 4) ['z'] {'k': 1} 2021-02-03 x.csv slow 0.5"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--day", "x"), "argument --day: 'x' is no date; write it like 2026-12-31"),
        (("--columns", "5"), "argument --columns: '5' is no list; write it like the default, in quotes"),
        (("--mode", "odd"), "argument --mode: invalid choice: 'odd' (choose from 'fast', 'slow')"),
    ],
)
def test_a_wrong_value_names_the_parameter(script, options, says):
    assert run(script, *options).endswith(says)


def test_figures_are_saved_where_the_user_says(tmp_path):
    cells = (Cell(0, "a", "import matplotlib.pyplot as plt"), Cell(1, "b", "plt.plot([1, 2])\nplt.show()"))
    (tmp_path / "script.py").write_text(convert(Notebook("t.ipynb", cells)).text)
    subprocess.run([sys.executable, "-I", "script.py", "--out", "made"], cwd=tmp_path, check=True)
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["001.png"]
