"""Notebooks that fail give scripts that fail with the same exception, and cells that are said to raise do not end them."""

import json
import subprocess
import sys

import nbformat
import pytest

from trackbook.pipeline.execution import execute_notebook
from trackbook.pipeline.script.convert import convert
from trackbook.pipeline.steps.notebook import Cell, Notebook

CELLS_ALONE = """
import json, sys
space = {"__name__": "__main__"}
for source in json.loads(sys.argv[1]):
    exec(source, space)
"""

NAMES = {
    "an import that comes later": [("step:a", "print(1)\nprint(js.dumps)"), ("step:b", "import json as js\nprint(js)")],
    "a function that comes later": [("step:a", "f(2)"), ("step:b", "def f(x):\n    return x"), ("step:c", "f(1)")],
    "a variable that comes later in its step": [("step:a", "x = 1\nprint(y)\ny = 2"), ("step:b", "print(y)")],
    "a variable deleted in another step": [("step:a", "x = 1\ndel x"), ("step:b", "print(x)")],
    "a variable deleted in its step": [("step:a", "x = 1\ndel x\nprint(x)")],
    "a name of an except clause": [("step:a", "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    print(1)\nprint(e)")],
    "a counter that was never set": [("step:a", "n += 1\nprint(n)")],
    "a variable made of itself": [("step:a", "n = n + 1\nprint(n)")],
    "a name that nothing binds": [("step:a", "print(nothing)")],
    "a global that a function misses": [("step:a", "def g():\n    return late\n\n\ng()"), ("step:b", "late = 1\ng()")],
    "a variable of a try that failed": [("", "import math\npath = 'gone'"), ("", "try:\n    data = open(path).read()\nexcept OSError:\n    print('no file')"), ("", "print('going on')"), ("", "data.split()")],
    "a variable of a try that failed, which is bound": [("step:a", "try:\n    x = 1 / 0\nexcept ZeroDivisionError:\n    x = 0"), ("step:b", "print(x)")],
    "names of loops and comprehensions, which are bound": [("step:a", "for i in range(2):\n    if i:\n        print(y)\n    y = i\na = [k for k in range(3)]\nk = 5\nprint(a, k)")],
}  # fmt: skip


def notebook(*cells):
    made = (Cell(i, f"c{i}", source, tuple(tags.split())) for i, (tags, source) in enumerate(cells))
    return Notebook("trial.ipynb", tuple(made))


def run(*command):
    done = subprocess.run([sys.executable, "-I", *command], capture_output=True, text=True, check=False)
    return done.stdout, done.stderr.strip().splitlines()[-1:]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_missing_is_missing_in_the_script_too(name):
    sources = [source for _, source in NAMES[name]]
    assert run("-c", convert(notebook(*NAMES[name])).text) == run("-c", CELLS_ALONE, json.dumps(sources))


RAISING = [
    ("step:a", "a = 1"),
    ("step:b raises-exception", "import nosuchmodule\na = 2"),
    ("step:c raises-exception", "def f(x):\n    return 1 / x\n\n\nb = f(1)\nprint(b)\nb = f(0)\nprint('never')"),
    ("step:d raises-exception", "a b c"),
    ("step:e raises-exception", "c = a + b\nf(2)"),
    ("step:f raises-exception", "f(0)"),
    ("step:g", "print(a, b, c)"),
]


def test_a_script_goes_on_behind_cells_that_are_said_to_raise(tmp_path):
    cells = [nbformat.v4.new_code_cell(source, metadata={"tags": tags.split()}) for tags, source in RAISING]
    live, errors = [], []
    for cell in execute_notebook(nbformat.v4.new_notebook(cells=cells), cwd=tmp_path).cells:
        for output in cell.outputs:
            if output.output_type == "error":
                errors.append(output.ename)
            else:
                live += (output.get("text") or output.data["text/plain"]).splitlines()
    text = convert(notebook(*RAISING)).text
    done = subprocess.run([sys.executable, "-I", "-c", text], capture_output=True, text=True, check=False)
    raised = [line.partition(":")[0] for line in done.stderr.splitlines() if "Error: " in line]
    assert (done.stdout.splitlines(), done.returncode) == (live, 0)
    assert raised == [name for name in errors if name != "SyntaxError"]
    assert "# left out of the script: line 1: invalid syntax" in text
