"""A script is the same as its notebook, or the difference is told with its name and step."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import msgspec
import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from trackbook.pipeline.verification.verify import Verification, verify

CELLS = [
    ("imports", "import numpy as np\nimport pandas as pd"),
    ("parameters", "rows = 20\nseed = 7"),
    (
        "step:load",
        "frame = pd.read_csv('data.csv').head(rows)\nframe['half'] = frame['x'] / 2\nprint('rows', len(frame))",
    ),
    ("skip", "exploring = frame.describe()\nprint('only here')\nnp.random.seed(99)"),
    ("step:sample", "np.random.seed(seed)\nnoise = np.random.normal(size=len(frame))\nframe['noise'] = noise"),
    ("step:sample", "picked = frame.sample(5, random_state=seed)\npicked"),
    (
        "step:report",
        "total = float(picked['x'].sum())\nprint(f'total {total:.3f}')\npicked.to_csv('picked.csv', index=False)\nopen('note.txt', 'w').write('done')",
    ),
]

SCRIPT = '''"""Made from book.ipynb."""
import dataclasses

import numpy as np
import pandas as pd


@dataclasses.dataclass(frozen=True)
class Params:
    rows: int = 20
    seed: int = 7


# %% [step:load] id=c2
def load(rows):
    frame = pd.read_csv("data.csv").head(rows)
    frame["half"] = frame["x"] / 2
    print("rows", len(frame))
    return frame


# %% [step:sample] id=c4,c5
def sample(frame, seed):
    np.random.seed(seed)
    noise = np.random.normal(size=len(frame))
    frame["noise"] = noise
    picked = frame.sample(5, random_state=seed)
    return frame, picked


# %% [step:report] id=c6
def report(picked):
    total = float(picked["x"].sum())
    print(f"total {total:.3f}")
    picked.to_csv("picked.csv", index=False)
    open("note.txt", "w").write("done")


def main(params: Params) -> None:
    frame = load(params.rows)
    frame, picked = sample(frame, params.seed)
    report(picked)


if __name__ == "__main__":
    main(Params())
'''


def prepare(folder: Path, script: str = SCRIPT, cells: list[tuple[str, str]] = CELLS) -> tuple[Path, Path]:
    """Write data, notebook and script; the notebook's cells have the ids c0, c1, …"""
    lines = "".join(f"{i * 1.5},{'ab'[i % 2]}\n" for i in range(50))
    (folder / "data.csv").write_text(f"x,group\n{lines}")
    code = [new_code_cell(text, id=f"c{place}", metadata={"tags": [tag]}) for place, (tag, text) in enumerate(cells)]
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Book", id="title"), *code]), folder / "book.ipynb")
    (folder / "book_pipeline.py").write_text(script)
    return folder / "book.ipynb", folder / "book_pipeline.py"


def told(found: Verification) -> set[tuple[str, str, str]]:
    return {(item.what, item.name, item.step) for item in found.differences}


def test_a_faithful_script_is_the_same_and_no_file_of_the_user_changes(tmp_path: Path) -> None:
    notebook, script = prepare(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    found = verify(notebook, script)
    assert (found.verdict, found.differences, found.reason) == ("same", (), "")
    assert found.compared >= 10
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert json.loads(msgspec.json.encode(found))["verdict"] == "same"


HALF = '    frame["half"] = frame["x"] / 2\n'
NOISE = '    frame["noise"] = noise\n'
TO_CSV = '    picked.to_csv("picked.csv", index=False)\n'


@pytest.mark.parametrize(
    "planted",
    [
        [
            (HALF, "", ("value", "frame", "load")),
            ('    print("rows", len(frame))\n', "", ("output", "stdout", "load")),
            ('picked["x"].sum())', 'picked["x"].sum()) + 1e-4', ("value", "total", "report")),
            (TO_CSV, "", ("file", "picked.csv", "report")),
        ],
        [
            ("    np.random.seed(seed)\n", "", ("value", "noise", "sample")),
            (NOISE, "", ("value", "frame", "sample")),
            ("{total:.3f}", "{total + 1:.3f}", ("output", "stdout", "report")),
            ('write("done")', 'write("gone")', ("file", "note.txt", "report")),
        ],
        [
            ("    seed: int = 7", "    seed: int = 8", ("value", "picked", "sample")),
            ("float(picked", "int(picked", ("value", "total", "report")),
        ],
        [('picked["x"].sum()', 'picked["y"].sum()', ("error", "KeyError", "report"))],
    ],
    ids=["dropped", "chance", "constants", "error"],
)
def test_planted_differences_are_told_with_name_and_step(
    tmp_path: Path, planted: list[tuple[str, str, tuple[str, str, str]]]
) -> None:
    script = SCRIPT
    for old, new, _ in planted:
        assert old in script
        script = script.replace(old, new)
    found = verify(*prepare(tmp_path, script))
    assert found.verdict == "differs"
    assert {expected for _, _, expected in planted} <= told(found)


def test_the_changed_column_and_both_values_are_shown(tmp_path: Path) -> None:
    found = verify(*prepare(tmp_path, SCRIPT.replace('frame["x"] / 2', 'frame["x"] / 3').replace("total {", "sum {")))
    frame = next(item for item in found.differences if (item.name, item.step) == ("frame", "load"))
    assert (frame.notebook, frame.script) == ("DataFrame with 20 x 3 (in ['half'])", "DataFrame with 20 x 3")
    line = next(item for item in found.differences if item.what == "output")
    assert line.notebook.startswith("total ")
    assert line.script.startswith("sum ")


def test_a_line_that_only_the_script_prints_has_its_step(tmp_path: Path) -> None:
    change = '    print(f"total', '    print("more")\n    print(f"total'
    found = verify(*prepare(tmp_path, SCRIPT.replace(*change)))
    assert told(found) == {("output", "stdout", "report")}


def test_the_last_digits_of_floats_do_not_count(tmp_path: Path) -> None:
    change = 'float(picked["x"].sum())', 'float(picked["x"].sum()) * (1 + 1e-13)'
    assert verify(*prepare(tmp_path, SCRIPT.replace(*change))).verdict == "same"


def test_what_the_notebook_does_not_repeat_itself_is_not_held_against_the_script(tmp_path: Path) -> None:
    cells = [("step:a", "import os\nchance = os.urandom(8).hex()\nfixed = 1\nprint(chance)")]
    script = (
        "import dataclasses, os\n\n@dataclasses.dataclass(frozen=True)\nclass Params:\n    pass\n\n"
        "# %% [step:a] id=c0\ndef a():\n    chance = os.urandom(8).hex()\n    fixed = 1\n    print(chance)\n"
        "    return chance, fixed\n\ndef main(params):\n    chance, fixed = a()\n\nmain(Params())\n"
    )
    found = verify(*prepare(tmp_path, script, cells))
    assert found.verdict == "same"
    token, line = found.unstable
    assert (token.what, token.name, token.step) == ("value", "chance", "a")
    assert (token.cause, token.cell, token.line) == ("chance that no seed reaches: os.urandom", 1, 2)
    assert (line.what, line.step, line.cause) == ("output", "a", token.cause)
    assert verify(*prepare(tmp_path, script.replace("fixed = 1", "fixed = 2"), cells)).verdict == "differs"


def test_values_that_cannot_be_compared_are_listed(tmp_path: Path) -> None:
    cells = [("step:a", "import threading\nlock = threading.Lock()\nbox = type('Box', (), {})()\nbox.size = 1")]
    script = (
        "import dataclasses, threading\n\n@dataclasses.dataclass(frozen=True)\nclass Params:\n    pass\n\n"
        "# %% [step:a] id=c0\ndef a():\n    lock = threading.Lock()\n    box = type('Box', (), {})()\n"
        "    box.size = 1\n    return lock, box\n\ndef main(params):\n    lock, box = a()\n\nmain(Params())\n"
    )
    found = verify(*prepare(tmp_path, script, cells))
    assert found.verdict == "same"
    assert set(found.not_compared) == {"lock after a", "lock after the end"}
    changed = verify(*prepare(tmp_path, script.replace("box.size = 1", "box.size = 2"), cells))
    assert ("value", "box", "a") in told(changed)


def converted(folder: Path, cells: list[tuple[str, str]]) -> Verification:
    """Convert a notebook of `cells` and verify the script."""
    from trackbook.pipeline.script.convert import convert
    from trackbook.pipeline.steps.notebook import read_notebook

    notebook, script = prepare(folder, "", cells)
    script.write_text(convert(read_notebook(notebook)).text)
    return verify(notebook, script)


def test_what_a_kernel_writes_in_another_way_is_no_difference(tmp_path: Path) -> None:
    cells = [
        ("imports", "import functools\nimport pandas as pd\nimport time"),
        ("parameters", "power = 2"),
        ("step:wide", "wide = pd.DataFrame({f'column {i}': [i / 7] for i in range(15)})\nwide"),
        ("step:long", "%%time\nnames = [f'name {i}' for i in range(60)]\nnames"),
        ("step:open", "print('one line', end=' ')"),
        ("step:shut", "print('goes on')"),
        ("step:sets", "{'pear', 'apple', 'fig'}"),
        (
            "step:made",
            "def raised(v):\n    return v**power\n\nclass T:\n    def __init__(self):\n        self.size = power\n",
        ),
        ("step:held", "t = T()\nbox = [raised, functools.partial(raised, 2)]\nprint(box[0])\nt"),
        ("step:last", "print(box[1]())\nnames = None"),
        ("step:slow", "clock = {'time': time.perf_counter(), 'call': raised}"),
    ]
    found = converted(tmp_path, cells)
    assert (found.verdict, found.differences) == ("same", ())
    unstable = {item.name: item.cause for item in found.unstable if item.what == "value"}
    assert unstable["clock"] == "the time: time.perf_counter"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[1, 2.5]", "[1, 2.6]"),
        ("[1, 2.5]", "(1, 2.5)"),
        ("f, 'one'", "f, 'two'"),
        ("f, 'one'", "g, 'one'"),
        ("9: 3", "9: 3.0"),
    ],
)
def test_a_difference_beside_functions_inside_a_value_is_found(tmp_path: Path, old: str, new: str) -> None:
    body = "    def f():\n        pass\n    def g():\n        pass\n    box = {'a': [1, 2.5], 'b': [f, 'one'], 9: 3}\n"
    cells = [("step:a", body.replace("\n    ", "\n").strip())]
    script = (
        "import dataclasses\n\n@dataclasses.dataclass(frozen=True)\nclass Params:\n    pass\n\n"
        f"# %% [step:a] id=c0\ndef a():\n{body}    return box\n\ndef main(params):\n    box = a()\n\nmain(Params())\n"
    )
    assert old in script
    assert verify(*prepare(tmp_path, script, cells)).verdict == "same"
    assert told(verify(*prepare(tmp_path, script.replace(old, new), cells))) >= {("value", "box", "a")}


FAILING = [
    ("step:a", "rows = {'x': 1}\nprint('begin')"),
    ("step:b", "def look(key):\n    return rows[key]\nfirst = look('x')\nsecond = look('y')"),
    ("step:c", "print('never')"),
]
FAILING_SCRIPT = """import dataclasses

@dataclasses.dataclass(frozen=True)
class Params:
    pass

# %% [step:a] id=c0
def a():
    rows = {'x': 1}
    print('begin')
    return rows

# %% [step:b] id=c1
def b(rows):
    def look(key):
        return rows[key]
    first = look('x')
    second = look('y')

def main(params):
    rows = a()
    b(rows)

main(Params())
"""


def test_a_notebook_that_fails_is_the_same_as_a_script_that_fails_at_the_same_statement(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("same", "elsewhere", "other")]
    for folder in folders:
        folder.mkdir()
    found = verify(*prepare(folders[0], FAILING_SCRIPT, FAILING))
    assert (found.verdict, found.differences, found.raises) == ("same", (), "KeyError: 'y'")
    elsewhere = FAILING_SCRIPT.replace("    first = look('x')\n", "    first = look('x')\n    rows['y']\n")
    (difference,) = verify(*prepare(folders[1], elsewhere, FAILING)).differences
    assert (difference.what, difference.name, difference.step) == ("error", "KeyError", "b")
    assert difference.notebook == "KeyError: 'y' at `return rows[key]`"
    assert difference.script == "KeyError: 'y' at `rows['y']`"
    other = FAILING_SCRIPT.replace("second = look('y')", "second = look(2)")
    assert told(verify(*prepare(folders[2], other, FAILING))) == {("error", "KeyError", "b")}


def test_a_notebook_that_cannot_run_is_no_verdict_on_the_script(tmp_path: Path) -> None:
    cells = [("step:a", "import os\nos._exit(3)")]
    found = verify(*prepare(tmp_path, FAILING_SCRIPT, cells))
    assert found.verdict == "cannot_run"
    assert "ended the kernel" in found.reason


def test_tracked_metrics_are_compared(tmp_path: Path) -> None:
    code = "import trackbook\nwith trackbook.start_run():\n    trackbook.log_metric('loss', 0.5)\ndone = True"
    body = code.replace("\n", "\n    ")
    script = f"""import dataclasses

@dataclasses.dataclass(frozen=True)
class Params:
    pass

# %% [step:a] id=c0
def a():
    {body}

def main(params):
    a()

main(Params())
"""
    found = verify(*prepare(tmp_path, script.replace("0.5", "0.6"), [("step:a", code)]))
    assert found.counts["metric"] == 1
    assert [msgspec.structs.astuple(item) for item in found.differences] == [
        ("metric", "loss of run 1", "", "0.5", "0.6")
    ]


def test_a_script_that_takes_too_long_is_a_difference(tmp_path: Path) -> None:
    script = SCRIPT.replace("    noise = ", "    __import__('time').sleep(600)\n    noise = ")
    found = verify(*prepare(tmp_path, script), timeout=12)
    assert ("error", "TimeoutError", "sample") in told(found)


def test_an_interrupt_leaves_no_process_behind(tmp_path: Path) -> None:
    mark = "import os, time\nopen(f'{os.environ[\"PIDS\"]}/{os.getpid()}', 'w').close()\ntime.sleep(600)"
    body = mark.replace("\n", "\n    ")
    script = f"import dataclasses\n\n@dataclasses.dataclass(frozen=True)\nclass Params:\n    pass\n\n# %% [step:a] id=c0\ndef a():\n    {body}\n\ndef main(params):\n    a()\n\nmain(Params())\n"
    notebook, path = prepare(tmp_path, script, [("step:a", mark)])
    pids = tmp_path.parent / f"{tmp_path.name}-pids"
    pids.mkdir()
    code = f"from pathlib import Path; from trackbook.pipeline.verification.verify import verify; verify(Path({str(notebook)!r}), Path({str(path)!r}))"
    process = psutil.Popen([sys.executable, "-c", code], env=os.environ | {"PIDS": str(pids)}, stderr=-3)
    while len(list(pids.iterdir())) < 3 and process.is_running():
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) != 0
    assert not [path for path in pids.iterdir() if psutil.pid_exists(int(path.name))]


def test_cells_without_ids_and_data_elsewhere_in_the_project_work(tmp_path: Path) -> None:
    folder = tmp_path / "notebooks"
    folder.mkdir()
    (tmp_path / ".git").mkdir()
    notebook, script = prepare(folder, SCRIPT.replace("data.csv", "../data.csv"))
    (folder / "data.csv").rename(tmp_path / "data.csv")
    content = json.loads(notebook.read_text().replace("data.csv", "../data.csv"))
    content["nbformat_minor"] = 4
    for cell in content["cells"]:
        del cell["id"]
    notebook.write_text(json.dumps(content))
    found = verify(notebook, script, root=tmp_path)
    assert (found.verdict, found.reason, found.differences) == ("same", "", ())
