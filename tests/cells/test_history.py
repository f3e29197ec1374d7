"""Which earlier executions the result of an execution depends on."""

import pytest

from trackbook.cells import History, Outcome
from trackbook.errors import NotFoundError, UsageError

FAILED = Outcome(failed=True)


def program(executions, number=-1):
    """Run texts, or pairs of a text and its outcome, through a history and return the program of one."""
    history = History()
    for item in executions:
        source, outcome = item if isinstance(item, tuple) else (item, None)
        history.begin(source)
        history.end(outcome)
    return history.program(range(len(history))[number]).executions


def fails(line):
    return Outcome(failed=True, line=line)


def binds(*names):
    return Outcome(bound=frozenset(names), deleted=frozenset(), changed=frozenset())


PROGRAMS = {
    "a definition that was replaced is not needed": (["x = 1", "x = 2", "y = x"], {1, 2}),
    "every run of a changing cell counts": (["x = 1", "x += 1", "x += 1", "x += 1", "x"], {0, 1, 2, 3, 4}),
    "a change through an alias": (["x = [1]", "y = x", "z = 3", "y.append(2)", "x"], {0, 1, 3, 4}),
    "a function uses the globals of its call": (["def f(): return k", "k = 1", "k = 2", "f()"], {0, 2, 3}),
    "a draw needs the seed and the draws since": (
        ["import random", "random.seed(0)", "random.random()", "random.random()"],
        {0, 1, 2, 3},
    ),
    "a new seed makes earlier draws needless": (
        ["import random", "random.seed(0)", "random.random()", "random.seed(1)", "random.random()"],
        {0, 3, 4},
    ),
    "statements before a failure ran": (["x = 1", ("x = 2\n1 / 0\nx = 3", fails(2)), "x"], {1, 2}),
    "the failing statement may have had effects": (["x = 1", ("x = f()", fails(1)), "x"], {0, 1, 2}),
    "statements after a failure never ran": (["x = 1", ("1 / 0\nx = 2", fails(1)), "x"], {0, 2}),
    "a failure at an unknown line may have run to any place": (["x = 1", ("x = 2\ny = 3", FAILED), "x"], {0, 1, 2}),
    "a failure has a program too": (["x = 0", "y = 1", ("1 / x", fails(1))], {0, 2}),
    "a cell that is not Python did nothing": (["x = 1", ("x = (", FAILED), "x"], {0, 2}),
    "names that only watching told": ([("exec(t)", binds("a")), ("exec(u)", binds("b")), "x = 1", "a"], {0, 3}),
    "a name seen to be bound hides what was there": (["x = 1", ("if c:\n    x = 2", binds("x")), "x"], {1, 2}),
    "a name seen not to be bound is as it was": (["x = 1", ("if c:\n    x = 2", binds()), "x"], {0, 2}),
    "a name seen to be gone": (["x = 1", ("drop()", Outcome(deleted=frozenset("x"))), "x"], {1, 2}),
    "a change that only watching told": (
        ["x = [1]", ("lib.go()", Outcome(changed=frozenset("x"))), "x"],
        {0, 1, 2},
    ),
    "a file written under a longer path": (
        [("lib.go()", Outcome(files_written=frozenset({"/d/a.csv"}))), "x = 1", "open('a.csv').read()"],
        {0, 2},
    ),
    "appended files need all writers": (
        [
            ("a()", Outcome(files_written=frozenset({"/d/a"}))),
            ("b()", Outcome(files_written=frozenset({"/d/a"}))),
            ("c()", Outcome(files_read=frozenset({"/d/a"}))),
        ],
        {0, 1, 2},
    ),
    "a file written anew needs the last writer": (
        [
            ("a()", Outcome(files_written=frozenset({"/d/a"}), files_replaced=frozenset({"/d/a"}))),
            ("b()", Outcome(files_written=frozenset({"/d/a"}), files_replaced=frozenset({"/d/a"}))),
            ("c()", Outcome(files_read=frozenset({"/d/a"}))),
        ],
        {1, 2},
    ),
    "a listed folder needs what was written below it": (
        [
            ("a()", Outcome(files_written=frozenset({"/d/e/a"}))),
            ("b()", Outcome(files_written=frozenset({"/f/b"}))),
            ("c()", Outcome(files_read=frozenset({"/d"}))),
        ],
        {0, 2},
    ),
    "a folder must be made before what lies in it": (
        [
            ("a()", Outcome(files_written=frozenset({"/d/e"}))),
            ("b()", Outcome(files_written=frozenset({"/d/e/f"}))),
        ],
        {0, 1},
    ),
    "state that changed unforeseen surrounds all that follows": (
        [("lib.go()", Outcome(state=frozenset({"locale.settings"}))), "x = 1", "y = f(2)"],
        {0, 2},
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_program_of_the_last_execution(name):
    executions, expected = PROGRAMS[name]
    assert set(program(executions)) == expected, name


def test_reasons_name_what_is_needed():
    history = History()
    for source in ("a = 1", "b = [a]", "print(a, b)"):
        history.begin(source)
        history.end()
    assert history.program(2).reasons == {0: ("a",), 1: ("b",)}


def test_begin_knows_what_called_functions_of_earlier_cells_read_and_change():
    history = History()
    for source in ("log = []", "k = 1", "def f():\n    log.append(k)"):
        history.begin(source)
        history.end()
    names = history.begin("f()")
    assert names.reads >= {"f", "log", "k"}
    assert names.mutates == {"log"}


def test_a_number_that_never_ran_and_an_end_without_begin_are_named():
    history = History()
    with pytest.raises(NotFoundError, match="no execution 0"):
        history.program(0)
    with pytest.raises(UsageError, match="begin"):
        history.end()
