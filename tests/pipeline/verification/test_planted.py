"""Verification finds a planted bug of every kind, and names it.

The notebook runs twice and its faithful script once for all; each planted script is compared with these runs.
The steps share no values, so that one script can carry several bugs, each of which must be told on its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from trackbook.pipeline.plan import read_plan
from trackbook.pipeline.verification.compare import Outcome
from trackbook.pipeline.verification.reruns import Reruns
from trackbook.pipeline.verification.verify import judge

IMPORTS = """import importlib, os, random
import helper
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge
"""

STEPS = {
    "table": "table = pd.read_csv('data.csv')\ntable['twice'] = table['x'] * 2\nlast = table['x'].iloc[3:9].sum()",
    "order": "items = [3, 1]\nitems.append(2)\nitems.sort()\nitems.append(0)",
    "chance": "np.random.seed(5)\nrandom.seed(5)\ndrawn = float(np.random.normal())\npicked = random.random()",
    "files": "with open('out.txt', 'w') as f:\n    f.write('done 1')\nnp.save('a.npy', np.arange(3) / 7)",
    "default": "def power(v, k=2):\n    return v ** k\nsquare = power(7)",
    "reload": "open('helper.py', 'w').write('SCALE = 20')\nimportlib.reload(helper)\nscale = helper.SCALE",
    "counter": "count = [0]\ndef more():\n    count[0] += 1\n    return count[0]\nmore()\ncounted = more()",
    "types": "small = np.arange(4, dtype='int32')\nlabels = pd.Series(['a', 'b', 'a'], dtype='category')",
    "columns": "wide = pd.DataFrame({'a': [1, 2], 'b': [3, 4], 'c': [5, 6]})\nwide = wide.drop(columns='c')",
    "index": "ids = pd.DataFrame({'id': ['p', 'q'], 'v': [1, 2]})\nids = ids.set_index('id')",
    "literal": "rate = 0.25\ntext = 'north'",
    "view": "whole = np.zeros(6)\npart = whole[:3]\npart += 1",
    "copy": "base = np.zeros(6)\nhalf = base[:3].copy()\nhalf += 1",
    "print": "print('begin')\nprint('values', [1, 2, 3])",
    "figure": "plt.plot([1, 2, 3])\nplt.title('growth')\nplt.savefig('plot.png')\nplt.close('all')",
    "learn": "model = Ridge(alpha=1.0).fit(np.arange(12.0).reshape(6, 2), np.arange(6.0) ** 2)",
    "errors": (
        "good = []\nfor word in ['1', 'x', '3']:\n    try:\n        good.append(int(word))\n"
        "    except ValueError:\n        break"
    ),
    "place": "os.makedirs('sub', exist_ok=True)\nos.chdir('sub')\nopen('here.txt', 'w').write('1')\nos.chdir('..')",
    "environment": "os.environ['MODE'] = 'fast'\nmode = os.environ.get('MODE', 'slow')",
    "option": "pd.set_option('display.precision', 2)\nprint(pd.Series([1 / 3, 2 / 3]))",
    "waiting": "import asyncio\nasync def later():\n    return 5\nwaited = AWAIT",
    "unsteady": "token = os.urandom(4).hex()\nsize = len(token)\nprint('token', token)",
}

DROPPED = ""
PLANTED = [
    # kind, step, old, new, what is told: (what, name)
    ("dropped mutation", "table", "    table['twice'] = table['x'] * 2\n", DROPPED, ("value", "table")),
    (
        "swapped order",
        "order",
        "    items.append(2)\n    items.sort()\n",
        "    items.sort()\n    items.append(2)\n",
        None,
    ),
    ("lost seed", "chance", "    np.random.seed(5)\n", DROPPED, ("value", "drawn")),
    ("missing file", "files", "    np.save('a.npy', np.arange(3) / 7)\n", DROPPED, ("file", "a.npy")),
    ("wrong default", "default", "k=2", "k=3", ("value", "square")),
    ("stale import", "reload", "    importlib.reload(helper)\n", DROPPED, ("value", "scale")),
    ("lost shared state", "counter", "        count[0] += 1\n        return count[0]", "        return 1", None),
    ("wrong dtype", "types", "dtype='int32'", "dtype='int64'", ("value", "small")),
    ("dropped column", "columns", "columns='c'", "columns=['b', 'c']", ("value", "wide")),
    ("lost index", "index", "    ids = ids.set_index('id')\n", DROPPED, ("value", "ids")),
    ("changed literal", "literal", "rate = 0.25", "rate = 0.26", ("value", "rate")),
    ("copy instead of view", "view", "whole[:3]", "whole[:3].copy()", ("value", "whole")),
    ("view instead of copy", "copy", "base[:3].copy()", "base[:3]", ("value", "base")),
    ("missing print", "print", "    print('begin')\n", DROPPED, ("output", "stdout")),
    ("changed figure", "figure", "'growth'", "'decline'", ("figure", "figure 1")),
    ("changed picture", "figure", "plt.savefig('plot.png')", "plt.savefig('plot.png', dpi=40)", ("file", "plot.png")),
    ("changed hyperparameter", "learn", "alpha=1.0", "alpha=1.5", ("estimator", "model")),
    ("swallowed exception", "errors", "            break", "            pass", ("value", "good")),
    ("lost working folder", "place", "    os.chdir('sub')\n", DROPPED, ("file", "sub/here.txt")),
    ("lost environment", "environment", "    os.environ['MODE'] = 'fast'\n", DROPPED, ("value", "mode")),
    ("lost option", "option", "    pd.set_option('display.precision', 2)\n", DROPPED, ("output", "stdout")),
    ("lost await", "waiting", "asyncio.run(later())", "later()", ("value", "waited")),
    ("off-by-one slice", "table", "iloc[3:9]", "iloc[3:10]", ("value", "last")),
    ("extra print", "print", "    print('values'", "    print('more')\n    print('values'", ("output", "stdout")),
    ("lost seed of random", "chance", "    random.seed(5)\n", DROPPED, ("value", "picked")),
    ("changed file", "files", "'done 1'", "'done 2'", ("file", "out.txt")),
    ("wrong category", "types", ", dtype='category'", DROPPED, ("value", "labels")),
    ("changed text", "literal", "'north'", "'south'", ("value", "text")),
    ("changed unsteady type", "unsteady", "os.urandom(4).hex()", "os.urandom(4)", ("value", "token")),
    ("missing figure", "figure", "    plt.plot([1, 2, 3])\n", DROPPED, ("figure", "figure 1")),
    ("missing unsteady print", "unsteady", "    print('token', token)\n", DROPPED, ("output", "stdout")),
    ("off-by-one length", "unsteady", "size = len(token)", "size = len(token) - 1", ("value", "size")),
]


@dataclass
class Made:
    """The runs that every planted script is compared with."""

    runs: Reruns
    first: Outcome
    again: Outcome
    script: str
    folder: Path

    def told(self, script: str, name: str) -> set[tuple[str, str, str]]:
        path = self.folder / "book_pipeline.py"
        path.write_text(script)
        verdict = judge(self.first, [self.again], self.runs.script(path, name), self.runs.steps, self.runs.program())
        return {(item.what, item.name, item.step) for item in verdict["differences"]}


def script_text() -> str:
    """Return the faithful script, as a person would write it."""
    parts = [IMPORTS, "import asyncio, dataclasses\n\n\n@dataclasses.dataclass(frozen=True)\nclass Params:\n    pass\n"]
    calls = []
    for name, code in STEPS.items():
        body = code.replace("AWAIT", "asyncio.run(later())").replace("\n", "\n    ")
        parts.append(f"# %% [step:{name}] id={name}\ndef {name}_step():\n    {body}\n")
        calls.append(f"    {name}_step()\n")
    parts.append("def main(params):\n" + "".join(calls))
    parts.append("main(Params())\n")
    return "\n\n".join(parts)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    folder = tmp_path_factory.mktemp("planted")
    (folder / "data.csv").write_text("x\n" + "".join(f"{i}\n" for i in range(12)))
    (folder / "helper.py").write_text("SCALE = 1")
    cells = [new_code_cell(IMPORTS, id="imports", metadata={"tags": ["imports"]})]
    for name, code in STEPS.items():
        code = code.replace("AWAIT", "await later()")
        cells.append(new_code_cell(code, id=name, metadata={"tags": [f"step:{name}"]}))
    notebook, script = folder / "book.ipynb", folder / "book_pipeline.py"
    node = new_notebook(cells=cells)
    nbformat.write(node, notebook)
    script.write_text(script_text())
    place = tmp_path_factory.mktemp("runs")
    runs = Reruns(notebook, node, read_plan(script), None, place, 60)
    first, again, _ = runs.all(script, None, None)
    yield Made(runs, first, again, script_text(), folder)


def groups() -> list[list[tuple[str, str, str, str, tuple[str, str] | None]]]:
    """Return the planted bugs in groups for one script each, of which every step has at most one."""
    found: list[list[tuple[str, str, str, str, tuple[str, str] | None]]] = []
    for bug in PLANTED:
        free = (group for group in found if len(group) < len(STEPS) and bug[1] not in {other[1] for other in group})
        group = next(free, None)
        if group is None:
            found.append([bug])
        else:
            group.append(bug)
    return found


def test_the_faithful_script_has_no_difference(made: Made) -> None:
    assert made.told(made.script, "faithful") == set()


@pytest.mark.parametrize("place", range(len(groups())))
def test_a_planted_bug_of_every_kind_is_told_with_its_step(made: Made, place: int) -> None:
    script = made.script
    for kind, _, old, new, _ in groups()[place]:
        assert script.count(old) == 1, kind
        script = script.replace(old, new)
    told = made.told(script, f"planted-{place}")
    for kind, step, _, _, expected in groups()[place]:
        here = {(what, name) for what, name, where in told if where == step}
        assert here, kind
        assert expected is None or expected in here, kind
    assert {step for _, _, step in told} - {"the end"} == {step for _, step, *_ in groups()[place]}
