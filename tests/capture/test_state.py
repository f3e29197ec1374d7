"""Which state of the process a cell changed, and that no value of it is kept."""

import decimal
import logging
import os
import sys
import warnings

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import sklearn
from matplotlib.figure import Figure

from trackbook.capture.state import changed, process_state
from trackbook.cells import catalogue


@pytest.fixture(autouse=True)
def everything_is_put_back(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    limit, threshold = sys.getrecursionlimit(), np.get_printoptions()
    options, level = sklearn.get_config(), logging.getLogger("trackbook.some").level
    with (
        warnings.catch_warnings(),
        decimal.localcontext(),
        pd.option_context("display.max_rows", 60),
        mpl.rc_context(),
        np.errstate(),
    ):
        yield
    sys.setrecursionlimit(limit)
    np.set_printoptions(**threshold)
    sklearn.set_config(**options)
    logging.getLogger("trackbook.some").setLevel(level)


CHANGES = {
    "state:cwd": lambda patch: (os.mkdir("folder"), patch.chdir("folder")),  # noqa: PTH102
    "os.environ": lambda patch: patch.setenv("SOME_VARIABLE", "1"),
    "sys.path": lambda patch: sys.path.append("folder"),
    "sys.argv": lambda patch: patch.setattr(sys, "argv", ["other"]),
    "sys.recursionlimit": lambda patch: sys.setrecursionlimit(sys.getrecursionlimit() + 1),
    "warnings.filters": lambda patch: warnings.filterwarnings("ignore", "some text"),
    "logging.root": lambda patch: logging.getLogger("trackbook.some").setLevel(17),
    "decimal.context": lambda patch: setattr(decimal.getcontext(), "prec", 7),
    "pandas.options": lambda patch: pd.set_option("display.max_rows", 7),
    "numpy.printoptions": lambda patch: np.set_printoptions(precision=3),
    "numpy.errstate": lambda patch: np.seterr(divide="ignore"),
    "matplotlib.rcParams": lambda patch: mpl.rcParams.update({"lines.linewidth": 9}),
    "sklearn.config": lambda patch: sklearn.set_config(assume_finite=True),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_named_in_the_words_of_the_catalogue(name, monkeypatch):
    before = process_state()
    CHANGES[name](monkeypatch)
    assert changed(before, process_state()) == {name}


def test_figures_left_open_are_state():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    pyplot.close("all")
    before = process_state()
    assert changed(before, process_state()) == frozenset()
    pyplot.figure().add_subplot()
    assert changed(before, process_state()) == {catalogue.PYPLOT}
    between = process_state()
    pyplot.plot([1, 2])
    assert changed(between, process_state()) == {catalogue.PYPLOT}
    pyplot.close("all")
    assert changed(before, process_state()) == frozenset()
    assert isinstance(Figure(), Figure)


def test_nothing_changes_by_looking():
    before = process_state()
    decimal.Decimal(1) / 3  # sets flags of the context, which decide nothing
    assert changed(before, process_state()) == frozenset()


def test_what_a_library_brought_along_is_no_change():
    after = process_state()
    before = {name: digest for name, digest in after.items() if not name.startswith("pandas")}
    assert changed(before, after) == frozenset()


def test_no_value_of_the_environment_is_kept(monkeypatch):
    monkeypatch.setenv("SOME_PASSWORD", "correct-horse-battery")
    assert "correct-horse" not in repr(process_state())


def test_a_folder_that_is_gone_and_a_hostile_option_are_no_trouble(tmp_path, monkeypatch):
    class Hostile:
        def __repr__(self):
            raise RuntimeError("no")

    before = process_state()
    monkeypatch.setattr(sys, "argv", [Hostile()])
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert changed(before, process_state()) == {"sys.argv", "state:cwd"}


def test_the_words_are_those_that_the_catalogue_writes():
    known = {name for rule in catalogue.LIBRARY.values() for name in (*rule.writes, *rule.sets)} | {catalogue.PYPLOT}
    assert {name for name in process_state() if name in known} >= {"state:cwd", "warnings.filters", "pandas.options"}
