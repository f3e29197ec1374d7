import pytest

from trackbook.errors import NotebookError
from trackbook.pipeline.script.convert import convert
from trackbook.pipeline.steps.grouping import notebook_graph, read_layout
from trackbook.pipeline.steps.notebook import Cell, Notebook


def notebook(*cells):
    return Notebook("n.ipynb", tuple(Cell(i, f"c{i}", source, tuple(tags)) for i, (tags, source) in enumerate(cells)))


def test_cells_of_one_name_form_one_step_and_untagged_cells_follow_the_one_before():
    layout = read_layout(
        notebook(
            ([], "import math"),
            (["parameters"], "n = 1"),
            (["step:a"], "x = n"),
            ([], "x += 1"),
            (["step:b", "after:a", "cache:off"], "y = 1"),
            (["skip"], "1 / 0"),
            (["metrics"], "r2 = y"),
            (["step:a"], "z = 1"),
            ([], "\n# nothing\n"),
        )
    )
    assert (layout.functions, layout.parameters, layout.skipped) == ((0,), (1,), (5,))
    first, second = layout.steps
    assert (first.name, first.cells, first.after, first.cached) == ("a", (2, 3, 7), (), True)
    assert (second.name, second.cells, second.after, second.cached, second.metrics) == (
        "b",
        (4, 6),
        ("a",),
        False,
        (6,),
    )


def test_a_first_line_says_the_same_as_a_tag():
    (step, other) = read_layout(notebook(([], "%%step a\nx = 1"), ([], "%%step b --after a\ny = 1"))).steps
    assert (step.name, other.name, other.after) == ("a", "b", ("a",))


def test_a_notebook_without_steps_is_one():
    (step,) = read_layout(notebook(([], "import os"), ([], "x = 1"), ([], "def f():\n    return x"))).steps
    assert (step.name, step.cells) == ("main", (1, 2))


def test_the_graph_has_the_steps_and_what_tags_declare():
    graph = notebook_graph(notebook((["step:a"], "x = 1"), (["skip"], "x"), (["step:b", "after:a"], "y = 1"))).to_json()
    assert [cell["step"] for cell in graph["cells"]] == ["a", None, "b"]
    assert {"source": 0, "target": 2, "names": [], "kind": "declared"} in graph["edges"]


ERRORS = {
    "a tag that is no identifier": ([(["step:my step"], "x = 1")], r"code cell 1 \(`x = 1`\).*write step:my_step"),
    "a tag that is a keyword": ([(["step:class"], "x = 1")], "write step:step_class"),
    "a magic without a name": ([([], "%%step\nx = 1")], "write `%%step NAME`"),
    "a magic with an option that it has not": ([([], "%%step a --aftr b\nx = 1")], r"code cell 1 .*no option '--aftr'; did you mean '--after'"),
    "a magic with an option of another one": ([([], "%%step a --cache=off\nx = 1")], r"no option '--cache'; write `%%step NAME"),
    "a magic with two names": ([([], "%%step a b\nx = 1")], "no place for 'b' behind its name"),
    "a magic with half an option": ([([], "%%step a --after\nx = 1")], "`--after` of `%%step` needs the name of a step"),
    "two places for one cell": ([(["parameters", "step:a"], "x = 1")], "parameters, step:a: a cell has one place"),
    "a step after one that is not there": ([(["step:load"], "x = 1"), (["step:b", "after:laod"], "y = 1")], "did you mean 'load'"),
    "a cell without a tag in front": ([([], "x = 1"), (["step:a"], "x")], r"code cell 1 \(`x = 1`\) has no tag"),
    "two cells that define one parameter": (
        [(["parameters"], "n = 1"), (["parameters"], "n = 2"), (["step:a"], "n")],
        r"code cell 1 \(`n = 1`\) and code cell 2 \(`n = 2`\) both define the parameter 'n'; remove one",
    ),
    "a parameter that is no plain value": ([(["parameters"], "n = f()")], r"parameter 'n' is `f\(\)`.*assign it in a step"),
    "a cell of parameters that does more": ([(["parameters"], "print(1)")], "keep only assignments"),
    "a parameter named as an option of its own": ([(["parameters"], "help = 1")], "--help"),
    "a cycle": (
        [(["step:a"], "x = 1"), (["step:b"], "y = x"), (["step:a"], "z = y")],
        r"circle, a → b → a \(a: code cell 1 \(`x = 1`\), code cell 3 \(`z = y`\); b: code cell 2 \(`y = x`\)\)",
    ),
    "a cycle by tags": ([(["step:a", "after:b"], "x = 1"), (["step:b"], "y = x")], "circle"),
    "a name that only a skipped cell makes": (
        [(["skip"], "q = 1"), (["step:a"], "print(q)")],
        r"code cell 2 \(`print\(q\)`\) needs 'q', which only the skipped code cell 1 \(`q = 1`\) makes",
    ),
    "a value that changes between the cells of a step": (
        [(["step:a"], "x = 1"), (["step:b"], "print(x)"), (["step:a"], "x = 2")],
        "share 'x'.*give one of the two cells a step of its own",
    ),
    "code that is not Python": ([(["step:a"], "x = 1\ny = (")], r"code cell 1 \(`x = 1`\), line 2"),
    "a shell line": ([(["step:a"], "x = 1\n!ls")], "line 2: `!ls` runs a shell command"),
    "an unknown magic": ([(["step:a"], "%timet 1")], "line 1: `%timet 1` has no form"),
    "a cell of another language": ([(["step:a"], "%%bash\nls")], "`%%bash` runs a shell command"),
    "return outside a function": ([(["step:a"], "x = 1\nreturn x")], "line 2: `return`"),
    "set-up code that needs a step": ([(["step:a"], "x = 1"), (["functions"], "y = x")], "needs 'x', which code cell 1.*step:NAME"),
    "a global of a function": ([(["step:a"], "n = 0\ndef f():\n    global n\n    n += 1\nf()"), (["step:b"], "print(n)")], "'f' assigns the global 'n'"),
    "a function that sees a later value": (
        [(["step:a"], "w = 1\nh = lambda v: v * w"), (["step:b"], "w = 9"), (["step:c"], "print(h(1))")],
        "make 'w' an argument of the function",
    ),
    "a function called where its variable changes": (
        [(["step:a"], "w = 1\nh = lambda v: v * w"), (["step:b"], "w = 9\nprint(h(1))")],
        "make 'w' an argument of the function",
    ),
    "a class that two steps would each have": (
        [(["parameters"], "p = 1"), (["functions"], "class T:\n    v = 0\n\n    def go(self):\n        return p"), (["step:a"], "t = T()"), (["step:b"], "T.v = 1")],
        "the class 'T' uses the variable 'p', so the steps a, b would each have one of their own",
    ),
    "the last value of another cell": ([(["step:a"], "5"), (["step:b"], "y = 1\nx = _ + y")], "line 2: `_` has no form"),
    "outputs by number": ([(["step:a"], "5"), (["step:b"], "Out[1]")], "`Out` has no form.*give the earlier value a name"),
    "a global with a name of the script": ([([], "types = {1, 2}\neval('types')\ntypes")], "'types' has to be a global"),
    "the namespace": ([(["step:a"], "x = 1\nglobals()['x']"), (["step:b"], "2")], r"line 2: `globals\(\)` has no form"),
    "code in a text": ([(["step:a"], "exec('x = 1')")], "`exec.*write the code out"),
    "a builtin bound after its use": ([(["step:a"], "print(1)\nprint = 5")], "binds 'print', the name of a builtin"),
    "a name that the script needs": ([(["step:a"], "def main():\n    pass\nmain()")], "'main', a name that every pipeline script needs"),
    "a star import in a block": ([(["step:a"], "if 1:\n    from os import *")], "cannot stand inside a function"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_what_has_no_form_is_an_error_that_names_cell_and_remedy(name):
    cells, says = ERRORS[name]
    with pytest.raises(NotebookError, match=says):
        convert(notebook(*cells))
