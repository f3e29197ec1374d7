"""Which earlier executions the result of an execution depends on."""

import pytest

from trackbook.cells import History, Outcome, analyse
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


def runs(*texts):
    return Outcome(ran=texts)


def opens(read="", written=""):
    return Outcome(
        files_read=frozenset([read] * bool(read)), files_written=frozenset([written] * bool(written)), all_files=True
    )


PROGRAMS = {
    "a definition that was replaced is not needed": (["x = 1", "x = 2", "y = x"], {1, 2}),
    "every run of a changing cell counts": (["x = 1", "x += 1", "x += 1", "x += 1", "x"], {0, 1, 2, 3, 4}),
    "what was read is noted as a whole": (["d = {}", "d['a'] = 1", "d['b'] = 2", "d['b']"], {0, 1, 2, 3}),
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
    "a generator runs where it is advanced": (
        ["k = 1", "g = (k * i for i in range(3))", "k = 2", "next(g)", "z = 0", "list(g)"],
        {0, 1, 2, 3, 5},
    ),
    "a way out of a function before it binds": (
        ["n = 1", "def f(v):\n    global n\n    if v: return\n    n = 2", "f(1)", "n"],
        {0, 1, 2, 3},
    ),
    "a body that may be left half-way": (
        ["import contextlib", "n = 1", "with contextlib.suppress(Exception):\n    f()\n    n = 2", "n"],
        {0, 1, 2, 3},
    ),
    "a text run as code may change all": (["l = [1]", "t = 'l.append(2)'", "exec(t)", "l"], {0, 1, 2, 3}),
    "the value shown is another name for it": (["l = [1]", "l", "_.append(2)", "l"], {0, 1, 2, 3}),
    "a method put into a class": (
        ["k = 1", "class C: pass", "C.get = lambda self: k", "k = 2", "C().get()"],
        {1, 2, 3, 4},
    ),
    "a library that keeps what it was told": (["import torch", "torch.manual_seed(0)", "torch.rand(3)"], {0, 1, 2}),
    "settings that code does not name": (
        ["import numpy as np", "np.set_printoptions(precision=2)", "x = 1", "print(np.zeros(3))"],
        {0, 1, 3},
    ),
    "installed packages": (["%pip install foo", "x = 1", "import foo"], {0, 2}),
    "a shell command may write any file": (["!wget u", "!ls", "open('a').read()"], {0, 2}),
    "a written cell": (["%%writefile m.py\nx = 1", "y = 2", "import m"], {0, 2}),
    "a relative change of the folder": (["%cd a", "x = 1", "%cd b", "open('c').read()"], {0, 2, 3}),
    "a magic that runs a script": (["%run s.py", "z = 1", "y"], {0, 2}),
    "captured output": (["%%capture out\nprint(1)", "z = 1", "out.show()"], {0, 2}),
    "a tracked cell": (["x = 1", "%%track e\ny = x", "z = 1", "y"], {0, 1, 3}),
    "await in a cell": (["x = 1", "async def f(): return x", "y = await f()", "y"], {0, 1, 2, 3}),
    "a failure has a program too": (["x = 0", "y = 1", ("1 / x", fails(1))], {0, 2}),
    "a cell that is not Python did nothing": (["x = 1", ("x = (", FAILED), "x"], {0, 2}),
    "names that only watching told": ([("exec(t)", binds("a")), ("exec(u)", binds("b")), "x = 1", "a"], {0, 1, 3}),
    "texts that only watching told": (
        ["x = [1]", ("exec(t)", runs("a = x")), ("exec(u)", runs("b = 1")), ("eval(v)", runs("x.append(2)")), "a"],
        {0, 1, 3, 4},
    ),
    "an unknown text may change what is there": (["x = [1]", "y = x", "t = input()", "exec(t)", "y"], {0, 1, 2, 3, 4}),
    "what eval gives is the thing itself": (["x = [1]", "y = eval('x')", "y.append(2)", "x"], {0, 1, 2, 3}),
    "names of exec may be those of a dict": (["x = 1", "exec('x = 2', {})", "x"], {0, 1, 2}),
    "a text run in a dict changes what lies in it": (["x = [1]", "exec('y.append(2)', {'y': x})", "x"], {0, 1, 2}),
    "super() runs the method of a base": (
        [
            "k = 1",
            "class A:\n    def get(self): return k",
            "class B(A):\n    def get(self): return super().get()",
            "b = B()",
            "b.get()",
        ],
        {0, 1, 2, 3, 4},
    ),
    "what is written to an open file is in the file": (
        ["out = open('a.txt', 'w')", "out.write('x')", "y = 2", "out.close()", "open('a.txt').read()"],
        {0, 1, 3, 4},
    ),
    "a file that is let go is written at last": (
        ["out = open('a.txt', 'w')", "out.write('x')", "out = 1", "open('a.txt').read()"],
        {0, 1, 2, 3},
    ),
    "computed paths are those that were seen": (
        [
            "n = input()",
            ("open(n, 'w').write('x')", opens(written="/d/a")),
            ("open(n + 'b', 'w').write('x')", opens(written="/d/b")),
            ("open(n).read()", opens(read="/d/a")),
        ],
        {0, 1, 3},
    ),
    "what asks for a computed path raises no event": (
        ["import os", "n = input()", ("open('b', 'w')", opens(written="/d/b")), ("os.path.exists(n)", opens())],
        {0, 1, 2, 3},
    ),
    "a strange library may write unseen": (
        [("import geo", opens()), ("geo.save(n)", opens()), ("open('b').read()", opens(read="/d/b"))],
        {0, 1, 2},
    ),
    "a setting that was in effect before was not changed": (
        ["import pandas as pd", ("pd.set_option('a', 1)", Outcome(state_kept=frozenset({"pandas.options"}))), "1 + 1"],
        {2},
    ),
    "a text that is made is not the text it is made of": (
        ["x, y = [1], [2]", "exec('x.append(1)'.replace('x', 'y'))", "y"],
        {0, 1, 2},
    ),
    "a formatted path is any path": (["n = 1", "open('a{}'.format(n), 'w')", "open('a1').read()"], {0, 1, 2}),
    "a path beside a path": (
        [
            "from pathlib import Path",
            "p = Path('d/a.csv')",
            "open('d/b.csv', 'w').write('x')",
            "open('d/a.csv', 'w').write('x')",
            "(p.parent / 'b.csv').read_text()",
        ],
        {0, 1, 2, 4},
    ),
    "functions of a star import may share what they change": (
        ["from helper import *", "push(1)", "x = 2", "items"],
        {0, 1, 3},
    ),
    "a computed query may read any variable": (
        ["df = f()", "k = 2", "q = ' > '.join(['a', '@k'])", "df.query(q)"],
        {0, 1, 2, 3},
    ),
    "a query in an f-string reads what it names": (
        ["df = f()", "k, m = 2, 3", "n = 4", "df.query(f'a > @k + {m}')"],
        {0, 1, 3},
    ),
    "a text of pandas.eval reads all its names": (
        ["import pandas as pd", "x = 1", "y = 2", "pd.eval('x + 1')"],
        {0, 1, 3},
    ),
    "an extension that changes no result is needed by its magics": (
        ["%load_ext autoreload", "x = 1", "y = f(x)", "%autoreload 2"],
        {0, 3},
    ),
    "a setting that an extension changed surrounds what follows": (["%load_ext other", "y = f(2)"], {0, 1}),
    "no figure is left to draw into": (
        [
            "import matplotlib.pyplot as plt",
            ("plt.plot([1])", Outcome(state_fresh=frozenset({"state:matplotlib.pyplot"}))),
            "plt.plot([2])",
        ],
        {0, 2},
    ),
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


def test_a_value_shown_is_found_by_its_execution_count():
    history = History()
    for count, source in enumerate(["a = 1", "a", "b = 2", "b", "_2 + Out[4]", "Out[2]"], start=1):
        history.begin(source)
        history.end(count=count)
    assert history.program(4).executions == (0, 1, 2, 3, 4)
    assert history.program(5).executions == (0, 1, 5)


def test_an_execution_that_never_ended_may_have_done_anything():
    history = History()
    history.begin("x = 1")
    history.begin("x")
    history.end()
    assert history.program(1).executions == (0, 1)


def test_sessions_and_single_cells_are_analysed_side_by_side():
    histories = [History(), History()]
    for source in ("x = [1]", "y = x", "y.append(2)", "x"):
        for history in histories:
            history.begin(source)
            analyse("a = [b]\na.append(c)")
            history.end()
    assert [history.program(3).executions for history in histories] == [(0, 1, 2, 3)] * 2


HOSTILE = [
    "\0",
    "\ud800 = 1",
    "(" * 3000,
    "x = '" + "a" * 1_000_000 + "'",
    "x" + ".a" * 20_000,
    "%",
    "!",
    "%%",
    "%%foo",
    "",
]


@pytest.mark.parametrize("source", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("outcome", [None, FAILED, Outcome(failed=True, line=10**9), binds("\ud800", "", "x y")])
def test_hostile_cells_and_outcomes_do_not_stop_a_session(source, outcome):
    assert program(["k = 1", (source, outcome), "k"])[-1] == 2
    odd = frozenset({"", "/", "\0", "a", "\udcff", "//x/"})
    history = History()
    history.begin(source)
    history.end(Outcome(files_read=odd, files_written=odd, state=odd, changed=odd, deleted=odd))
    assert history.program(0).executions == (0,)


def test_a_cell_too_long_to_be_followed_is_needed_by_all_that_follows():
    long = "\n".join(f"def f{n}(v):\n    return [f{m}(v) for m in range(9)]" for n in range(1, 400) for m in [n - 1])
    assert program(["f0 = len", long + "\nx = f399([1])", "x"]) == (0, 1, 2)


def test_a_thousand_runs_of_a_changing_cell_keep_a_thousand_edges():
    history = History()
    history.begin("x = []")
    history.end()
    for _ in range(1000):
        history.begin("x.append(len(x))")
        history.end()
    assert history.program(1000).executions == tuple(range(1001))
    assert sum(len(history.needs(number)) for number in range(1001)) <= 2000
