"""What a notebook does not repeat itself is not held against its script, and what it does repeat is."""

from pathlib import Path

import pytest

from trackbook.pipeline.verification.compare import Line, Outcome
from trackbook.pipeline.verification.failures import Failure, same_failure
from trackbook.pipeline.verification.record import Noted
from trackbook.pipeline.verification.verify import judge

STEPS = [("a", ("x",))]


def outcome(
    parts: dict[str, str] | None = None, printed: str = "", displayed: str = "", kind: str = "value"
) -> Outcome:
    """Return a run of one step with one value, given by its parts."""
    digest = repr(sorted((parts or {}).items()))
    notes = [Noted(0, "x", "list", digest, digest, parts=parts, kind=kind)] if parts is not None else []
    lines = [Line(line, "a") for line in printed.splitlines()]
    return Outcome(Path(), notes, lines, displayed.splitlines(), {}, Path())


def verdict(first: Outcome, again: Outcome, script: Outcome) -> str:
    name = judge(first, [again], script, STEPS, [])["name"]
    assert isinstance(name, str)
    return name


@pytest.mark.parametrize(
    ("kind", "first", "again", "script", "expected"),
    [
        # several items of a list change: the others agreed by luck
        ("value", "[0]=1 [1]=2 [2]=3", "[0]=9 [1]=8 [2]=3", "[0]=1 [1]=2 [2]=7", "same"),
        # one item changes, such as seconds beside a score: the score counts
        ("value", "[0]=score [1]=2", "[0]=score [1]=3", "[0]=other [1]=4", "differs"),
        ("value", "['score']=1 ['time']=2 ['end']=3", "['score']=1 ['time']=4 ['end']=5", "['score']=2 ['time']=6", "differs"),
        # what was learned by chance is of one piece, parameters are not learned
        ("estimator", ".coef_=1 .n_iter_=2 .C=1", ".coef_=3 .n_iter_=2 .C=1", ".coef_=4 .n_iter_=5 .C=1", "same"),
        ("estimator", ".coef_=1 .n_iter_=2 .C=1", ".coef_=3 .n_iter_=2 .C=1", ".coef_=4 .n_iter_=5 .C=2", "differs"),
        # a search that notes its seconds has learned nothing by chance
        ("estimator", ".fit_time_=1 .best_=2", ".fit_time_=3 .best_=2", ".fit_time_=4 .best_=5", "differs"),
    ],
)  # fmt: skip
def test_parts_of_a_value_that_belong_together_are_unstable_together(
    kind: str, first: str, again: str, script: str, expected: str
) -> None:
    made = [outcome(dict(part.split("=") for part in text.split()), kind=kind) for text in (first, again, script)]
    assert verdict(*made) == expected


@pytest.mark.parametrize(
    ("first", "again", "script", "expected"),
    [
        ("0     3\n1     5\n2     4", "0     3\n1     2\n2     4", "0     1\n1     5\n2     2", "same"),
        ("score 0.5\n0     3\n1     5", "score 0.5\n0     3\n1     2", "score 0.6\n0     3\n1     1", "differs"),
        ("rows 3", "rows 3", "rows 4", "differs"),
        # rows pair up with others by luck; but a row that is not printed is missing
        ("0     3\n1     5\n2     4", "0     3\n1     2\n2     4", "1     5\n0     9\n2     1", "same"),
        ("0     3\n1     5\n2     4", "0     3\n1     2\n2     4", "1     5\n2     1", "differs"),
    ],
)
def test_the_rows_of_a_printed_table_are_unstable_together(first: str, again: str, script: str, expected: str) -> None:
    assert verdict(*(outcome(printed=text) for text in (first, again, script))) == expected


def test_a_script_may_print_what_the_notebook_displays_in_other_numbers_each_time() -> None:
    first, again = outcome(displayed="array([ 0.5, -1.0])\nfixed 1"), outcome(displayed="array([-0.25, 2.0])\nfixed 1")
    assert verdict(first, again, outcome(printed="array([ 1.5,  0.125])")) == "same"
    assert verdict(first, again, outcome(printed="fixed 2")) == "differs"


def test_a_missing_module_is_the_same_failure_whichever_import_meets_it_first() -> None:
    first = Failure("ModuleNotFoundError", "No module named 'gone'", 0, "import gone.deep")
    second = Failure("ModuleNotFoundError", "No module named 'gone'", -1, "from gone import a, b")
    assert same_failure(first, second)
    other = Failure("ModuleNotFoundError", "No module named 'away'", -1, "import away")
    assert not same_failure(first, other)
    called = Failure("ModuleNotFoundError", "No module named 'gone'", 0, "load('gone')")
    assert not same_failure(first, called)
