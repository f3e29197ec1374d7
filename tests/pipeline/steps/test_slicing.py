"""The script of one result: what it needs is there, and nothing else."""

import pytest

from trackbook.errors import NotebookError
from trackbook.pipeline.script.convert import convert
from trackbook.pipeline.script.magics import Choices
from trackbook.pipeline.steps.notebook import Cell, Notebook

CELLS = [
    ("imports", "import json\nimport math"),
    ("parameters", "n = 3"),
    ("functions", "def twice(v):\n    return 2 * v"),
    ("functions", "def unused(v):\n    return v"),
    ("step:load", "xs = list(range(n))"),
    ("step:load", "print(json.dumps(xs))"),
    ("step:clean", "xs.append(7)"),
    ("step:plot", "print(max(xs))"),
    ("step:fit", "total = twice(sum(xs))"),
    ("step:fit", "other = 5"),
    ("step:report after:plot", "print(math.sqrt(total))"),
]


def script(target, cells=CELLS):
    made = (Cell(i, f"c{i}", text, tuple(tags.split())) for i, (tags, text) in enumerate(cells))
    return convert(Notebook("n.ipynb", tuple(made)), Choices(target=target))


def test_a_variable_keeps_the_cells_that_make_and_change_it():
    made = script("total")
    assert [(step.name, step.cells) for step in made.steps] == [("load", (4,)), ("clean", (6,)), ("fit", (8,))]
    assert "unused" not in made.text
    assert "import math" not in made.text
    assert [field.name for field in made.params] == ["n"]


def test_a_variable_that_needs_nothing_is_alone():
    made = script("other")
    assert ([step.cells for step in made.steps], made.params) == ([(9,)], ())


def test_a_step_keeps_what_it_needs_and_what_tags_say_it_needs():
    assert [step.name for step in script("report").steps] == ["load", "clean", "plot", "fit", "report"]
    assert [step.name for step in script("plot").steps] == ["load", "clean", "plot"]


def test_a_variable_means_its_value_at_the_end():
    made = script("x", [("step:a", "x = 1"), ("step:b", "y = 1"), ("step:c", "x = y"), ("step:d", "print(x)")])
    assert [step.name for step in made.steps] == ["b", "c"]


def test_random_state_and_files_are_needed_too():
    cells = [
        ("step:seed", "import random\nrandom.seed(1)"),
        ("step:note", "print(1)"),
        ("step:save", "open('a.txt', 'w').write('1')"),
        ("step:read", "text = open('a.txt').read() + str(random.random())"),
    ]
    assert [step.name for step in script("text", cells).steps] == ["seed", "save", "read"]


def test_sections_of_a_notebook_without_tags_can_be_asked_for():
    assert [step.cells for step in script("main", [("", "x = 1"), ("", "y = x")]).steps] == [(0, 1)]


def test_an_unknown_name_is_an_error_with_the_nearest():
    with pytest.raises(NotebookError, match=r"n\.ipynb has no step and no variable 'totl'; did you mean 'total'\?"):
        script("totl")
