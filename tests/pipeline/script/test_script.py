"""Scripts against the notebooks they come from: both run, the script where Trackbook cannot be imported."""

import ast
import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackbook.pipeline.plan import parse_plan
from trackbook.pipeline.script.convert import convert
from trackbook.pipeline.steps.headings import Heading
from trackbook.pipeline.steps.notebook import Cell, Notebook

CELLS_ALONE = """
import ast, json, sys
space = {"__name__": "__main__", "display": lambda value: print(repr(value))}
for source in json.loads(sys.argv[1]):
    tree = ast.parse(source)
    shown = tree.body and isinstance(tree.body[-1], ast.Expr) and not source.rstrip().endswith(";")
    last = ast.Expression(tree.body.pop().value) if shown else None
    exec(compile(tree, "cell", "exec"), space)
    if last is not None and (value := eval(compile(last, "cell", "eval"), space)) is not None:
        print(repr(value))
"""


def notebook(*cells, name="trial.ipynb"):
    made = (Cell(i, f"c{i}", source, tuple(tags.split())) for i, (tags, source) in enumerate(cells))
    return Notebook(name, tuple(made))


def run(folder, *arguments):
    return subprocess.run([sys.executable, "-I", *arguments], cwd=folder, capture_output=True, text=True, check=False)


def run_script(folder, text, *arguments):
    folder.mkdir()
    (folder / "script.py").write_text(text, encoding="utf-8")
    return run(folder, "script.py", *arguments)


def run_cells(folder, given):
    folder.mkdir()
    sources = [cell.source for cell in given.cells if "skip" not in cell.tags]
    return run(folder, "-c", CELLS_ALONE, json.dumps(sources))


def formatted(text):
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--diff", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False).stdout


SAME = {
    "frames are imported and nothing is done with them": [("", "import numpy as np\nimport pandas as pd"), ("", 'print("no")')],
    "a global that functions assign": [
        ("", "b = 1\n\n\ndef func():\n    global b\n    b += 1\n    return b"),
        ("", "print(func())"),
        ("", "c = b * 2\nprint(c)"),
        ("", "def bind():\n    global a\n    a = [b]"),
        ("", "bind()\nprint(a)"),
        ("", "a.append(c)\nprint(a)"),
    ],
    "names that are looked up": [
        ("", "import math"),
        (
            "",
            "class Shown:\n    def __init__(self, *names):\n        self.names = names\n\n"
            '    def __repr__(self):\n        return " ".join(str(eval(name)) for name in self.names)',
        ),
        ("", "x = [1]\ny = [v * 2 for v in x]"),
        ("", 'Shown("x", "y", "x + y", "math.pi")'),
        ("", 'y = math.floor(3.5)\nprint(Shown("y"), eval("y + 1"))'),
    ],
    "imports alone": [("", "import pandas as pd")],
    "parameters of every kind": [
        ("parameters", 'n = 3\nname = "x"  # a name\n# share of it\nrate: float = 1\nflag = False\nnone = None\nsize = 24 * 60'),
        ("imports", "import json\nimport os\nimport sys\nfrom math import *"),
        ("step:a", "xs = list(range(n))\nxs"),
        ("step:b", "xs.append(int(rate))\nprint(json.dumps(xs), name, flag, none, sqrt(size))"),
        ("step:c", "xs"),
    ],
    "a parameter bound anew": [("parameters", "a = 1"), ("step:x", "a = a + 1"), ("step:y", "a += 1"), ("step:z", "print(a)")],
    "functions that use variables": [
        ("functions", "def f(z):\n    return z * k\n\n\ndef g(z):\n    return f(z) + 1"),
        ("step:a", "k = 3\nprint(f(1))"),
        ("step:b", "k = 5\nprint(g(2))"),
        ("step:c", "print(f(3), k)"),
    ],
    "a function defined before its variable": [("step:a", "def f(z):\n    return z * k"), ("step:b", "k = 3"), ("step:c", "print(f(2))")],
    "a list of the module level": [("functions", "acc = []\n\n\ndef add(v):\n    acc.append(v)"), ("step:a", "add(1)"), ("step:b", "print(acc)")],
    "classes and their state": [
        ("step:a", 'class T:\n    """Doc."""\n\n    v = 1\n\n    def go(self):\n        return self.v\n\n\nt = T()\nt.go()'),
        ("step:b", "t.v = 5\nprint(t.go())"),
        ("step:c", "print(t.v)"),
    ],
    "a name bound under a condition": [
        ("step:x", "flag = True\nif flag:\n    opt = 1"),
        ("step:y", "if not flag:\n    opt = 2"),
        ("step:z", "if flag:\n    print(opt)"),
    ],
    "a condition that is never met": [("step:x", "flag = False\nif flag:\n    opt = 1"), ("step:z", "if flag:\n    print(opt)\nprint(flag)")],
    "a change through an alias": [("step:a", "a = [1]"), ("step:b", "b = a"), ("step:c", "b.append(2)"), ("step:d", "print(a)")],
    "a change before the name": [("step:a", "raw = [3, 1]\nraw.append(2)"), ("step:b", "df = raw\ndf.sort()"), ("step:c", "df.append(9)\nprint(df)"), ("step:d", "print(raw)")],
    "names after a star import": [
        ("imports", "import random\nfrom math import *"),
        ("step:a", "random.seed(1)"),
        ("step:b", "b = sqrt(random.random())"),
        ("step:c", "print(b, pi)"),
    ],
    "a variable named in a query": [
        ("imports", "import pandas as pd"),
        ("parameters", "limit = 1"),
        ("step:a", 'df = pd.DataFrame({"v": [1, 2]})'),
        ("step:b", 'df.query("v > @limit")'),
    ],
    "a class that reads a variable is one class": [
        ("parameters", "power = 2"),
        ("step:a", "class T:\n    def go(self):\n        return power"),
        ("step:b", "t = T()"),
        ("step:c", "print(isinstance(t, T), t.go())"),
    ],
    "a function with state of its own": [
        ("step:a", "k = 2\n\n\ndef f(v, seen=[]):  # noqa: B006\n    seen.append(v * k)\n    return seen\n\n\nf(1)"),
        ("step:b", "f(2)"),
        ("step:c", "print(f(3))"),
    ],
    "a function behind another": [
        ("step:a", "def inner(z):\n    return z * k\n\n\ndef outer(z):\n    return inner(z) + 1"),
        ("step:b", "k = 3\nprint(outer(1))"),
        ("step:c", "k = 5\nprint(outer(1))"),
    ],
    "an import hidden by a variable": [("step:a", "import json as js\n\nprint(js.dumps(1))"), ("step:b", "js = 3"), ("step:c", "print(js)")],
    "an import that may fail": [("imports", "try:\n    import nosuch\nexcept ImportError:\n    nosuch = None"), ("step:a", "print(nosuch)")],
    "names of steps that are taken": [
        ("step:train", "train, test = [1], [2]"),
        ("step:print", "print(train)"),
        ("step:main", "test.append(3)"),
        ("step:params", "params = 5\nprint(test)"),
        ("step:q", "print(params)"),
    ],
    "cells of a step apart": [("step:a", "x = 1"), ("step:b", "y = x\nprint(y)"), ("step:a", "z = 2"), ("step:c", "print(x, y, z)")],
    "files between steps": [("step:a", 'open("t.txt", "w").write("1")\nNone'), ("step:b", 'print(open("t.txt").read())')],
    "last values of every form": [
        ("step:a", "a = 1\na, 2"),
        ("step:b", "(a, 3)"),
        ("step:c", "(a), (a + 1)"),
        ("step:d", "(a + 1)  # so"),
        ("step:e", '"x"'),
        ("step:g", "display(a)"),
        ("step:i", "(n := 5)"),
    ],
    "loops, deletions and walruses": [
        ("step:a", "for i in range(3):\n    last = i\nt = 1"),
        ("step:b", "print(i, last)\ndel t"),
        ("step:c", "t = [last := 5 for _ in range(2)]\nprint(last)"),
        ("step:d", "print(last, t)"),
    ],
    "a notebook without tags": [("", "import math\n\nx = 2"), ("", "def f(a):\n    return a * x\n\n\nf(3)"), ("", "x = 5\nprint(f(1), math.pi)")],
    "decorators and lambdas": [
        ("step:a", "import functools\n\n\n@functools.lru_cache\ndef f(a):\n    return a\n\n\nw = 2\nh = lambda v: v * w  # noqa: E731"),
        ("step:b", "print(f(2), h(1))"),
    ],
    "comments": [("step:a", "# only a comment"), ("step:b", "x = 1\n# at the end"), ("step:c", "# before\nprint(x)\n# after")],
    "nothing": [],
}  # fmt: skip

HOSTILE = {
    "strings over lines": [
        ("step:a", 's = """line\n  two\t\n\\\n   three"""\nt = f"""{\n  s\n} x\n  y"""\nif s:\n\tx = """\na"""\n\ty = 1\n\n\n\nprint(s, t, x, y)'),
        ("step:b", "print(repr(s));"),
    ],
    "quotes in quotes": [("step:a", "d = 'it\\'s \"q\"'\ne = '''a\"\"\"b'''\nprint(d, e, f\"{d!r:>{len(e)}}\")"), ("step:b", "d")],
    "other alphabets": [("step:a", "é = 'ß☃'\nß = é + 'x' ; print(ß)"), ("step:b", "'☃', ß")],
    "form feeds and line ends": [("step:a", "x = 1\n\fy = 2\nif x:\n    \f  z = 3\n\n\nprint(x)\nprint(y, z)"), ("step:b", "print(x, y)")],
    "parameters that look like code": [("parameters", "a = '\"\"\"; import os; os.abort() #'\nb = '%(prog)s %d {x}'"), ("step:s", "print(a, b)")],
    "last values over lines": [("step:a", "a = 1\n(\n    a  # one\n    + 1\n)"), ("step:b", "(a)(\n) if a > 5 else (\n a,\n 2)"), ("step:c", "(x for x in [a]).__next__()"), ("step:d", "(a), (\n2)"), ("step:e", "*[a], 1"), ("step:f", "(a := 7)")],
    "semicolons": [("step:a", "a = 1; a"), ("step:b", "a;"), ("step:c", "import os; b = a; print(b); b")],
    "dunder names": [("step:a", "m = __import__('math')\nprint(__name__, m.pi)"), ("step:b", "m.e")],
    "strings that look like markers": [("step:a", 's = """\n# %% [step:evil] id=c9\ndef evil():\n    pass\n"""\nlen(s)'), ("step:b", "s")],
}  # fmt: skip


@pytest.mark.parametrize("name", [*SAME, *HOSTILE])
def test_the_script_prints_what_the_cells_print(tmp_path, name):
    given = notebook(*(SAME | HOSTILE)[name])
    script, cells = run_script(tmp_path / "script", convert(given).text), run_cells(tmp_path / "cells", given)
    assert (script.stdout, script.stderr) == (cells.stdout, cells.stderr)


@pytest.mark.parametrize("name", SAME)
def test_scripts_of_tidy_cells_are_formatted_as_ruff_does(name):
    assert formatted(convert(notebook(*SAME[name])).text) == ""


@pytest.mark.parametrize("name", [*SAME, *HOSTILE])
def test_scripts_have_the_form_that_a_plan_is_read_from(tmp_path, name):
    script = convert(notebook(*(SAME | HOSTILE)[name]))
    plan = parse_plan(script.text, tmp_path / "script.py")
    found = [
        (step.name, step.function, tuple(argument.name for argument in step.arguments), step.outputs)
        for step in plan.steps
    ]
    assert found == [(step.name, step.function, step.inputs, step.outputs) for step in script.steps]
    assert [step.cells for step in plan.steps] == [tuple(f"c{index}" for index in step.cells) for step in script.steps]


UNTIDY = [
    ("functions", "def very_long_name_of_a_function_that_is_called(*values):  return len(values)"),
    ("imports", "import os;import sys"),
    ("step:a", "x={'a':1,'b':[1,2,\n3]}; y=x['a']\ndef f( v ):\n  '''Doc.\n\n  more  \n  '''\n  return v+1 # one\n\n\n\n\nz=f(y)"),
    ("step:b", "if z :\n\tprint( x,os.sep,'it\\'s',\n  '''a\n  b  \n''')\nw = x[ 'a' ] + very_long_name_of_a_function_that_is_called(z, y, os.path.join('some', 'folder', 'that', 'is', 'long'))"),
]  # fmt: skip


def test_scripts_of_untidy_cells_are_formatted_and_print_what_the_cells_print(tmp_path):
    given = notebook(*UNTIDY)
    text = convert(given).text
    assert formatted(text) == ""
    script, cells = run_script(tmp_path / "script", text), run_cells(tmp_path / "cells", given)
    assert (script.stdout, script.stderr) == (cells.stdout, cells.stderr)


def test_a_docstring_that_code_looks_at_keeps_its_margin(tmp_path):
    cells = [("step:a", 'def f():\n  """One\n\n  two  \n  """\n\nx=1\nprint(repr(f.__doc__), x)')]
    given = notebook(*cells)
    assert run_script(tmp_path / "s", convert(given).text).stdout == run_cells(tmp_path / "c", given).stdout


def test_the_same_notebook_gives_the_same_bytes_in_another_process(tmp_path):
    given = notebook(*SAME["functions that use variables"])
    code = (
        "from trackbook.pipeline.steps.notebook import Cell, Notebook; from trackbook.pipeline.script.convert import convert; import sys; "
        f"sys.stdout.write(convert({given!r}).text)"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout == convert(given).text


def test_a_script_reads_as_a_person_would_write_it():
    given = notebook(
        ("imports", "import csv\nimport math"),
        ("parameters", "n = 2  # how many"),
        ("step:make", "xs = [math.pi] * n"),
        ("step:show", "print(xs)"),
    )
    text = convert(given).text
    start, end = text.index("@dataclasses"), text.index("# %% [helpers]")
    assert text.startswith('#!/usr/bin/env python\n"""Pipeline trial.\n\nMade from trial.ipynb by Trackbook ')
    assert given.digest in text[:start]
    assert text[start:end] == EXPECTED


EXPECTED = '''@dataclasses.dataclass(frozen=True)
class Params:
    """The parameters of the pipeline."""

    n: int = 2  # how many


# %% [step:make] id=c2
def make(n):
    """Run the step make."""
    xs = [math.pi] * n
    return xs


# %% [step:show] id=c3
def show(xs):
    """Run the step show."""
    print(xs)


# %% [main]
def main(params: Params) -> None:
    xs = make(params.n)
    show(xs)


'''


def test_parameters_are_options_of_the_command_line(tmp_path):
    given = notebook(
        ("parameters", "max_depth = 3\nrate = 0.5\nfast = True\nname = 'a'\nnone = None"),
        ("injected-parameters", "# Parameters\nrate = 1\nextra = 2"),
        ("step:s", "print(max_depth, rate, fast, name, none, extra)"),
    )
    script = convert(given)
    assert [(field.name, field.annotation, field.default) for field in script.params[1:3]] == [
        ("rate", "float", 1.0),
        ("fast", "bool", True),
    ]
    options = ["--max-depth", "5", "--rate", "2", "--no-fast", "--name", "--", "--none", "x"]
    assert run_script(tmp_path / "a", script.text).stdout == "3 1.0 True a None 2\n"
    assert (
        run_script(tmp_path / "b", script.text, *options[:5], "--name=-b", "--none", "x").stdout
        == "5 2.0 False -b x 2\n"
    )
    shown = run_script(tmp_path / "c", script.text, "--help").stdout
    assert "--max-depth" in shown
    assert "default: 1.0" in shown


def test_headings_become_docstrings_whatever_they_hold():
    titles = [(Heading(2, 'Load """ \\ the `data`'),), (Heading(1, "Why?"),)]
    cells = (Cell(0, "a", "x = 1", ("step:a",), titles[0]), Cell(1, "b", "y = 1", ("step:b",), titles[1]))
    tree = ast.parse(convert(Notebook('odd """ \\name\n.ipynb', cells)).text)
    functions = {node.name: ast.get_docstring(node) for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert (functions["a"], functions["b"]) == ("Load ''' / the data.", "Why?")


@pytest.mark.parametrize("name", SAME)
def test_imports_are_sorted_as_ruff_does_and_all_are_used(name):
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "I,F401,F63,F7,F82,E7,E9", "-"]
    text = convert(notebook(*SAME[name])).text
    assert subprocess.run(command, input=text, capture_output=True, text=True, check=False).returncode == 0


def test_only_needed_imports_stay_sorted_and_merged():
    given = notebook(
        (
            "imports",
            "from zlib import crc32, adler32\nimport os, sys\nimport collections.abc\nimport numpy as np, pandas as pd",
        ),
        (
            "step:a",
            "from zlib import crc32 as c\nimport os.path\nfrom collections import OrderedDict, defaultdict, deque",
        ),
        ("step:b", "print(adler32, c, os.path, np, collections.abc, deque, OrderedDict)"),
    )
    text = convert(given).text
    assert text[text.index("import argparse") : text.index("\n\n\n")] == (
        "import argparse\nimport collections.abc\nimport dataclasses\nimport os\nimport os.path\n"
        "from collections import OrderedDict, deque\nfrom zlib import adler32, crc32\nfrom zlib import crc32 as c\n\n"
        "import numpy as np"
    ).replace("adler32, crc32", "adler32")


def test_magics_are_left_out_or_become_python():
    given = notebook(
        ("step:a", "%load_ext trackbook\n%matplotlib inline\nx = 1\nif x:\n    %drift a b\n%time y = 2\nx?"),
        ("step:b", "%%track exp --name n\nprint(x)"),
    )
    text = convert(given).text
    assert (
        "    x = 1\n    if x:\n        pass  # left out of the script: %drift a b\n    y = 2\n    # left out of the script: x?\n"
        in text
    )
    assert "get_ipython" not in text
    assert '    """Run the step b."""\n    print(x)\n' in text


def test_reports_to_trackbook_are_left_out_and_the_work_stays(tmp_path):
    given = notebook(
        ("imports", "import trackbook as tb, os\nfrom trackbook import log_param"),
        ("step:a", "with tb.start_run('x') as run:\n    # inside\n    a = '''\n  b'''\n    tb.log_metric('a',\n      1)\n    run.log_param('x', 2)\n    print(repr(a), os.sep)\nlog_param('z', 1); b = 2"),
        ("step:b", "for i in range(2):\n    tb.log_metric('i', i)\nif b:\n    log_param('q', 1)\nelse:\n    with tb.start_run():\n        tb.set_tag('a', 'b')\nprint(b)\nrun"),
        ("step:c", "v = tb.register_model(b, 'm')\nv"),
    )  # fmt: skip
    text = convert(given).text
    tree = ast.parse(text)
    assert not {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} & {"tb", "log_param", "run", "v"}
    assert 'log_metric("i", i)' in text
    assert run_script(tmp_path / "s", text).stdout == "'\\n  b' /\n2\n"


def test_metrics_stay_in_a_script_that_needs_no_trackbook():
    """What a notebook logs as metrics, the script reports to who runs it, and imports nothing for it."""
    given = notebook(
        ("imports", "import trackbook as tb"),
        ("step:a", "a = [1.5]\nfor at, b in enumerate(a):\n    tb.log_metric('b', b.real, step=at)\ntb.log_metrics({'c': 2})"),
        ("step:b", "d = 4\ntb.log_metric('e', d)"),
    )  # fmt: skip
    text = convert(given).text
    assert 'log_metric("b", b.real, step=at)' in text
    assert 'log_metrics({"c": 2})' in text
    assert 'log_metric("e", d)' in text
    assert "import trackbook" not in text


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("df = tb.load_data('data:/x')\ndf", "line 1: the value of `tb` comes from Trackbook"),
        ("x = 1\nprint(tb.search_runs())", "line 2: the value of `tb`"),
        (
            "m = 1\ntb.log_param('x', m.fit(1).score(1))",
            "line 2: this call of Trackbook does work that the script needs",
        ),
        ("with tb.start_run(), open('a'):\n    pass", "line 1: this `with` opens a run and something else"),
    ],
)
def test_a_value_that_comes_from_trackbook_is_an_error_with_its_line(source, says):
    with pytest.raises(Exception, match=says):
        convert(notebook(("imports", "import trackbook as tb"), ("step:a", source)))


def test_what_no_argument_shows_stands_in_the_marker():
    script = convert(
        notebook(
            ("step:seed cache:off", "import random\n\nrandom.seed(1)"),
            ("step:draw", "x = random.random()"),
            ("step:c after:seed metrics", "r2 = x"),
        )
    )
    assert [(step.after, step.cached, step.metrics) for step in script.steps] == [
        ((), False, ()),
        (("seed",), True, ()),
        (("seed",), True, ("r2",)),
    ]
    assert "# %% [step:seed] id=c0 cache=off\n" in script.text
    assert "# %% [step:draw] id=c1 after=seed\n" in script.text


def test_the_numbers_of_a_metric_cell_are_results_and_what_leads_to_them_is_not():
    """Also where no later step uses them; one that some ways through the cell leave unbound stays inside."""
    source = (
        "p = model.predict(x)\nmse = error(y, p)\nrmse = sqrt(mse)\nif rmse < 1:\n    good = 1\nprint(round(mse, 2))"
    )
    script = convert(notebook(("step:make", "model, x, y = load()"), ("step:judge metrics", source)))
    assert script.steps[1].metrics == script.steps[1].outputs == ("mse", "rmse")
    assert "# %% [step:judge] id=c1 metrics=mse,rmse\n" in script.text
    assert "    mse, rmse = judge(model, x, y)\n" in script.text


STATEMENTS = ["a = 1", "b = [a]", "b.append(a)", "a += 1", "c = b", "print(a, b)", "c = [a for a in b]", "b = b + c", "a, c = len(b), b", "if a > 2:\n    b = [0]"]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(STATEMENTS), max_size=8))
def test_any_order_of_statements_gives_a_script_that_leaves_the_same_values(statements):
    sources = ["a = 1\nb = [a]\nc = b\nlog = []", *statements, "log.append(repr((a, b, c)))"]
    script = convert(notebook(*((f"step:s{number}", source) for number, source in enumerate(sources))))
    space, printed = {"print": lambda *values: None}, {"print": lambda *values: None, "__name__": "script"}
    exec("\n".join(sources), space)
    text = script.text.replace("    log.append", "    global result\n    result = (a, b, c)\n    log.append")
    exec(text, printed)
    printed["main"](printed["Params"]())
    assert repr(printed["result"]) == repr((space["a"], space["b"], space["c"]))


SKLEARN = [
    ("imports", "%load_ext trackbook\n%matplotlib inline\nimport numpy as np\nimport pandas as pd\nfrom sklearn.datasets import load_wine"),
    ("parameters", "test_size = 0.25\nseed = 3\nC = 1.0  # inverse strength\nscale = True"),
    ("functions", "def with_ratio(frame):\n    frame = frame.copy()\n    frame['ratio'] = frame['alcohol'] / frame['ash']\n    return frame"),
    ("step:load", "frame = load_wine(as_frame=True).frame\nframe.shape"),
    ("skip", "frame.plot()\n!ls"),
    ("step:prepare", "frame['heavy'] = (frame['proline'] > 700).astype(int)\nframe = with_ratio(frame)\nX = frame.drop(columns='target')\ny = frame['target']"),
    ("step:prepare", "from sklearn.model_selection import train_test_split\nX_train, X_test, y_train, y_test = train_test_split(\n    X, y, test_size=test_size, random_state=seed, stratify=y\n)"),
    ("step:train", "%%track wine --name logistic\nfrom sklearn.linear_model import LogisticRegression\nfrom sklearn.pipeline import make_pipeline\nfrom sklearn.preprocessing import StandardScaler\n\nmodel = LogisticRegression(C=C, max_iter=2000)\nif scale:\n    model = make_pipeline(StandardScaler(), model)\nmodel.fit(X_train, y_train);"),
    ("step:judge metrics", "from sklearn.metrics import accuracy_score, f1_score\n\npredicted = model.predict(X_test)\naccuracy = accuracy_score(y_test, predicted)\nf1 = f1_score(y_test, predicted, average='macro')\nprint(f'accuracy {accuracy:.6f}, f1 {f1:.6f}')"),
    ("", "pd.crosstab(y_test, predicted)"),
    ("step:report", "best = {k: round(float(v), 6) for k, v in zip(['a', 'f'], [accuracy, f1])}\nbest"),
]  # fmt: skip


def test_a_notebook_of_scikit_learn_gives_the_same_results(tmp_path):
    script = convert(notebook(*SKLEARN, name="wine.ipynb"))
    assert [(step.name, step.inputs, step.outputs) for step in script.steps] == [
        ("load", (), ("frame",)),
        ("prepare", ("frame", "test_size", "seed"), ("X_train", "X_test", "y_train", "y_test")),
        ("train", ("X_train", "y_train", "C", "scale"), ("model",)),
        ("judge", ("model", "X_test", "y_test"), ("accuracy", "f1")),
        ("report", ("accuracy", "f1"), ()),
    ]
    assert script.steps[3].metrics == ("accuracy", "f1")
    plain = [
        (
            tags,
            source.replace("%load_ext trackbook\n%matplotlib inline\n", "").removeprefix(
                "%%track wine --name logistic\n"
            ),
        )
        for tags, source in SKLEARN
    ]
    cells = run_cells(tmp_path / "cells", notebook(*plain))
    ran = run_script(tmp_path / "script", script.text)
    assert (ran.stdout, ran.stderr) == (cells.stdout, "")
    assert "accuracy 0.9" in ran.stdout
    other = run_script(tmp_path / "other", script.text, "--no-scale", "--C", "0.01")
    assert other.returncode == 0
    assert other.stdout != ran.stdout


DRAWING = [
    ("imports", "import matplotlib.pyplot as plt"),
    ("step:a", "plt.plot([1, 2])"),
    ("step:b", "plt.figure()"),
]


def test_a_change_in_place_at_the_end_of_a_cell_shows_nothing():
    text = convert(notebook(("step:a", "frame.dropna(inplace=True)"), ("step:b", "frame.fillna(0, inplace=True)"))).text
    assert "    frame.dropna(inplace=True)\n" in text
    assert "    show(frame.fillna(0, inplace=True))\n" in text


def test_figures_are_closed_after_each_cell_as_a_kernel_does():
    text = convert(notebook(*DRAWING)).text
    assert "    show(plt.plot([1, 2]))\n    save_figures()\n" in text
    assert '\nplt.switch_backend("agg")\n' in text
    shown = [("imports", "%matplotlib agg"), *DRAWING[1:]]
    assert "save_figures" not in convert(notebook(DRAWING[0], *shown)).text
