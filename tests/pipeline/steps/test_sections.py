"""Notebooks without tags: the steps that headings and data flow give, and that they can always run."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackbook.pipeline.script.convert import convert
from trackbook.pipeline.steps.grouping import read_layout
from trackbook.pipeline.steps.headings import read_headings
from trackbook.pipeline.steps.notebook import Cell, Notebook


def notebook(*parts):
    """Return a notebook of Markdown (it begins with `#`) and code; a pair is code with its tags."""
    cells, headings = [], ()
    for part in parts:
        tags, text = part if isinstance(part, tuple) else ("", part)
        if text.startswith(("# ", "##")):
            headings += read_headings(text)
        else:
            cells.append(Cell(len(cells), f"c{len(cells)}", text, tuple(tags.split()), headings))
            headings = ()
    return Notebook("n.ipynb", tuple(cells))


def steps(*parts):
    return {step.name: step.cells for step in read_layout(notebook(*parts)).steps}


def prints(text):
    return subprocess.run([sys.executable, "-I", "-c", text], capture_output=True, text=True, check=True).stdout


def test_each_heading_starts_a_step_and_names_it():
    given_parts = ("# Sales", "import os", "## Load the data", "x = 1", "x += 1", "## 2. Train", "y = x")
    assert steps(*given_parts) == {"load_the_data": (1, 2), "train": (3,)}
    text = convert(notebook(*given_parts)).text
    assert '"""Load the data."""' in text
    assert "    x = load_the_data()\n    train(x)\n" in text


def test_headings_of_one_name_start_steps_of_their_own():
    assert steps("## Results", "x = 1", "## Other", "y = x", "## Results", "z = y") == {
        "results": (0,),
        "other": (1,),
        "results_2": (2,),
    }


def test_many_headings_of_a_deep_level_do_not_make_as_many_steps():
    parts = [f"### part {part}\nx{part} = {part}" for part in range(20)]
    cells = [text for part in parts for text in part.split("\n")]
    assert list(steps("## First", *cells[:20], "## Second", *cells[20:])) == ["first", "second"]
    assert list(steps("## First", *cells[:6], "## Second", *cells[6:8])) == ["part_0", "part_1", "part_2", "part_3"]


def test_a_heading_over_imports_and_definitions_alone_starts_no_step():
    assert steps(
        "## Imports", "import os", "## Load", "x = 1", "## Helpers", "def f(v):\n    return v + 1", "## Use", "y = f(x)"
    ) == {"load": (1,), "use": (2, 3)}


def test_a_heading_over_what_is_skipped_passes_to_no_other_cell():
    assert steps("## A", "x = 1", "## B", ("skip", "1 / 0"), "## C", "y = x") == {"a": (0,), "c": (2,)}


def test_without_headings_cells_are_grouped_and_named_by_what_they_do():
    assert steps(
        "import pandas as pd\nfrom sklearn.linear_model import LinearRegression",
        "df = pd.read_csv('a.csv')",
        "df.head()",
        "df = df.dropna()",
        "df['b'] = df.a * 2",
        "model = LinearRegression().fit(df[['a']], df.b)",
        "print(model.score(df[['a']], df.b))",
        "df.plot()",
    ) == {"load_data": (1, 2), "prepare_data": (3, 4), "train_model": (5,), "evaluate_model": (6,), "plot_data": (7,)}


def test_cells_that_only_set_options_are_a_step_before_the_others():
    assert list(steps("import numpy as np\nnp.random.seed(0)", "sales = np.load('a.npy')", "np.save('b', sales)")) == [
        "set_up",
        "load_sales",
        "save_sales",
    ]


def test_a_long_notebook_without_headings_has_few_steps():
    cells = [text for n in range(30) for text in (f"t{n} = load(t{n - 1 if n else 0})", f"t{n}.fit(t{n})")]
    assert len(steps("t0 = 0", *cells)) == 8


def test_steps_that_share_what_no_step_can_hand_on_become_one():
    parts = ("## A", "w = 1\nh = lambda v: v * w", "## B", "w = 9", "## C", "print(h(1))", "## D", "print(w)")
    script = convert(notebook(*parts))
    assert [(step.name, step.cells) for step in script.steps] == [("a", (0, 1, 2)), ("d", (3,))]
    assert prints(script.text) == "9\n9\n"


def test_a_class_that_two_sections_use_with_their_variables_is_in_one_step():
    parts = ("## A", "p = 1", "## B", "class T:\n    v = 0\n\n    def go(self):\n        return p", "T.v = 2")
    script = convert(notebook(*parts, "## C", "print(T().go(), T.v)"))
    assert prints(script.text) == "1 2\n"


def test_tags_that_say_what_a_cell_is_for_hold_without_steps_too():
    layout = read_layout(notebook(("parameters", "n = 1"), "## A", "x = n", ("metrics", "r = x"), "## B", "y = r"))
    assert (layout.parameters, [step.metrics for step in layout.steps]) == ((0,), [(2,), ()])
    assert layout.inferred


LINES = st.sampled_from(
    ["a = 1", "b = a + 1", "a += 1", "c = [a]", "c.append(a)", "def f():\n    return a", "print(f())", "print(a, b, c)"]
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), LINES), min_size=2, max_size=10))
def test_whatever_the_sections_are_the_script_prints_what_the_cells_print(cells):
    start = "a = 0\nb = 0\nc = []\ndef f():\n    return 0"
    parts = [
        "## Start",
        start,
        *(text for head, cell in cells for text in ([f"## Part {cell[:1]}"] if head else []) + [cell]),
    ]
    made = notebook(*parts)
    whole = "\n".join(cell.source for cell in made.cells)
    assert run(convert(made).text) == run(whole)


def run(code):
    import contextlib
    import io

    out = io.StringIO()
    with contextlib.redirect_stdout(out), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["script.py"])
        module = type(sys)("__main__")
        patch.setitem(sys.modules, "__main__", module)
        exec(compile(code, "script.py", "exec"), module.__dict__)
    return out.getvalue()
