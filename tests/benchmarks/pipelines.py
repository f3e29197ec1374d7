"""What running pipelines costs, beside DVC, Kedro, ploomber and papermill in the same run.

    python tests/benchmarks/pipelines.py [--dvc-python PYTHON] [--kedro-python PYTHON] [--ploomber-python PYTHON]
        [--papermill-python PYTHON] [--steps N] [--megabytes N] [--repeats N] [--json]

The same three steps for every tool, run by its command as from a shell: 1,000 numbers into a file, doubled into
another, their sum into a third.  Kedro and papermill keep no results, so that they run all three again when nothing
has changed.  What only Trackbook does has no peer but the plain script.  Nothing here is a test: times depend on the
machine, ratios within one run much less.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from workers import Cases, compare, options, serve

BUDGETS = {
    "three steps, nothing changed, whole command (s)": 0.3,
    "three steps, the last one changed, whole command (s)": 1.5,
    "three steps, all anew, whole command (s)": 1.5,
    "many trivial steps, nothing changed, whole command (s)": 2.0,
    "one trivial step that runs, in process (ms)": 20.0,
    "one large frame: until the next step begins (s)": 2.0,
    "one large frame: peak memory, by the plain script's": 1.2,
}
NOTHING, LAST, ALL, MANY, STEP, NEXT, PEAK = BUDGETS
PEERS = {"dvc": "dvc", "kedro": "kedro", "ploomber": "ploomber", "papermill": "papermill, ipykernel"}
BIN = Path(sys.executable).parent

MAKE = "open('a.txt', 'w').write('\\n'.join(map(str, range(1000))))"
DOUBLE = "open('b.txt', 'w').write('\\n'.join(str(2 * int(x)) for x in open('a.txt')))"
TOTAL = "open('c.txt', 'w').write(str(sum(int(x) for x in open('b.txt'))))"
CODE = {"make": MAKE, "double": DOUBLE, "total": TOTAL}
ANSWER = "999000"


def seconds(command: Sequence[str | Path], **variables: str) -> float:
    """Return how long a command takes; it must succeed."""
    began = time.perf_counter()
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)
    taken = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stdout}{done.stderr}")
    return taken


def three(
    command: Sequence[str | Path], clean: Callable[[], None], change: Callable[[str], None] | None, **variables: str
) -> Cases:
    """The cases of three steps: `clean` makes all of them run again, `change` edits the last one."""
    number = itertools.count()

    def timed() -> float:
        taken = seconds(command, **variables)
        assert Path("c.txt").read_text() == ANSWER
        return taken

    def nothing() -> float:
        timed()
        return timed()

    def last() -> float:
        assert change is not None
        timed()
        change(f"  # {next(number)}")
        return timed()

    def anew() -> float:
        clean()
        return timed()

    return {NOTHING: nothing, ALL: anew} | ({LAST: last} if change else {})


def delete(*patterns: str) -> None:
    for pattern in patterns:
        for path in Path().glob(pattern):
            path.unlink()


# -- the tools


def dvc() -> Cases:
    """Three stages with their dependencies and outputs."""
    for command in ("git init -q", f"{BIN / 'dvc'} init -q", f"{BIN / 'dvc'} config core.analytics false"):
        seconds(command.split())
    lines = ["stages:"]
    for name, needs, makes in (("make", "", "a"), ("double", ", a.txt", "b"), ("total", ", b.txt", "c")):
        Path(f"{name}.py").write_text(CODE[name])
        lines += [f"  {name}:", f"    cmd: {sys.executable} {name}.py", f"    deps: [{name}.py{needs}]"]
        lines += [f"    outs: [{makes}.txt]"]
    Path("dvc.yaml").write_text("\n".join(lines))

    def clean() -> None:
        for name, code in CODE.items():
            Path(f"{name}.py").write_text(f"{code}  # {time.time_ns()}")

    def change(text: str) -> None:
        Path("total.py").write_text(TOTAL + text)

    return three([BIN / "dvc", "repro", "-q"], clean, change)


def ploomber() -> Cases:
    """Three functions as tasks."""
    head = "from pathlib import Path\n\n"
    tasks = {
        "make": "def make(product):\n    Path(product).write_text('\\n'.join(map(str, range(1000))))\n",
        "double": "def double(product, upstream):\n    lines = Path(upstream['make']).read_text().split()\n"
        "    Path(product).write_text('\\n'.join(str(2 * int(x)) for x in lines))\n",
        "total": "def total(product, upstream):\n    lines = Path(upstream['double']).read_text().split()\n"
        "    Path(product).write_text(str(sum(map(int, lines))))\n",
    }
    Path("tasks.py").write_text(head + "\n".join(tasks.values()))
    lines = [f"  - source: tasks.{name}\n    product: {file}.txt\n" for name, file in zip(tasks, "abc", strict=True)]
    Path("pipeline.yaml").write_text("tasks:\n" + "".join(lines))
    number = itertools.count()

    def change(text: str) -> None:  # it does not count comments
        body = tasks["total"] + f"    assert {next(number)} >= 0\n"
        Path("tasks.py").write_text(head + "\n".join([tasks["make"], tasks["double"], body]))

    return three(
        [BIN / "ploomber", "build"], lambda: delete("?.txt", "?.txt.metadata", ".?.txt*"), change, PYTHONPATH="."
    )


def kedro() -> Cases:
    """Three nodes over text files."""
    from importlib.metadata import version

    package = Path("src/demo")
    for folder in (package, Path("conf/base"), Path("conf/local")):
        folder.mkdir(parents=True)
    settings = {
        "package_name": "demo",
        "project_name": "demo",
        "kedro_init_version": version("kedro"),
        "source_dir": "src",
    }
    Path("pyproject.toml").write_text("[tool.kedro]\n" + "".join(f"{k} = {v!r}\n" for k, v in settings.items()))
    for name in ("__init__", "settings"):
        (package / f"{name}.py").write_text("")
    (package / "pipeline_registry.py").write_text(
        "from kedro.pipeline import node, pipeline\n\n"
        "def make():\n    return '\\n'.join(map(str, range(1000)))\n\n"
        "def double(a):\n    return '\\n'.join(str(2 * int(x)) for x in a.split())\n\n"
        "def total(b):\n    return str(sum(map(int, b.split())))\n\n"
        "def register_pipelines():\n    nodes = [node(make, None, 'a'), node(double, 'a', 'b'), node(total, 'b', 'c')]\n"
        "    return {'__default__': pipeline(nodes)}\n"
    )
    catalogue = "".join(f"{name}:\n  type: text.TextDataset\n  filepath: {name}.txt\n" for name in "abc")
    Path("conf/base/catalog.yml").write_text(catalogue)
    return three([BIN / "kedro", "run"], lambda: delete("?.txt"), None)


def papermill() -> Cases:
    """One notebook of three cells."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    cells = [
        {"cell_type": "code", "id": name, "metadata": {}, "outputs": [], "execution_count": None, "source": code}
        for name, code in CODE.items()
    ]
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": cells}
    Path("nb.ipynb").write_text(json.dumps(notebook))
    command = [BIN / "papermill", "nb.ipynb", "out.ipynb", "--no-progress-bar"]
    return three(command, lambda: delete("?.txt"), None)


HEAD = """import dataclasses

@dataclasses.dataclass(frozen=True)
class Params:
    size: int = {size}

"""


def trackbook() -> Cases:
    """The same three steps as functions of a script; and scripts of many steps, and of a large frame."""
    steps = {name: f"def {name}():\n    {code}\n\n" for name, code in CODE.items()}
    script = Path("three.py")

    def write(text: str = "") -> None:
        calls = "def main(params: Params) -> None:\n" + "".join(f"    {name}()\n" for name in steps)
        script.write_text(HEAD.format(size=1) + "".join(steps.values()).rstrip() + text + "\n\n" + calls)

    write()
    number = itertools.count()
    cases = three(
        trackbook_run(script),
        lambda: (
            script.write_text(
                HEAD.format(size=1)
                + "".join(  # other code in each step
                    f"def {name}():\n    assert {next(number)} >= 0\n    {code}\n\n" for name, code in CODE.items()
                )
                + "def main(params: Params) -> None:\n    make()\n    double()\n    total()\n"
            )
            and None
        ),
        lambda text: write(f"\n    assert {next(number)} >= 0"),
    )
    return {**cases, MANY: many, STEP: step, NEXT: gap, PEAK: peak}


def trackbook_run(script: Path | str, *more: str) -> list[str]:
    return [sys.executable, "-c", "from trackbook.cli.main import main; main()", "pipeline", "run", str(script), *more]


def trivial(count: int, salt: int = 0) -> str:
    """Return a script in which each step adds a number to what the one before returned."""
    functions = [f"def s{i}(x):\n    return x + {i} + {salt}\n\n" for i in range(count)]
    calls = [f"    v{i} = s{i}({f'v{i - 1}' if i else 'params.size'})\n" for i in range(count)]
    return HEAD.format(size=1) + "".join(functions) + "def main(params: Params) -> None:\n" + "".join(calls)


def many() -> float:
    script = Path("many.py")
    if not script.exists():
        script.write_text(trivial(int(os.environ["BENCH_STEPS"])))
        seconds(trackbook_run(script))
    return seconds(trackbook_run(script))


def step() -> float:
    """Run 10 and 60 steps anew; the difference is what 50 take, without the start of a process."""
    taken = []
    for count in (10, 60):
        script = Path(f"steps{count}.py")
        script.write_text(trivial(count, time.time_ns()))
        taken.append(seconds(trackbook_run(script)))
    return (taken[1] - taken[0]) / 50 * 1e3


LARGE = """import numpy as np
import pandas as pd
import time

def make(size):
    frame = pd.DataFrame({{f"c{{i}}": np.full(size, i + {salt}, dtype="float64") for i in range(10)}}, copy=False)
    with open("made", "w") as file:
        file.write(str(time.time()))
    return frame

def use(frame):
    with open("used", "w") as file:
        file.write(str(time.time()))
    return float(frame["c3"].sum())

def main(params: Params) -> None:
    frame = make(params.size)
    total = use(frame)

if __name__ == "__main__":
    main(Params())
"""


def large() -> Path:
    """Write a script in which a frame of the size asked for goes from one step to another."""
    script = Path("large.py")
    rows = int(os.environ["BENCH_MEGABYTES"]) * 1_000_000 // 80
    script.write_text(HEAD.format(size=rows) + LARGE.format(salt=time.time_ns() % 1000))
    return script


def gap() -> float:
    seconds(trackbook_run(large()))
    return float(Path("used").read_text()) - float(Path("made").read_text())


def peak() -> float:
    script = large()
    plain = peak_of([sys.executable, str(script)])
    return peak_of(trackbook_run(script)) / plain


def peak_of(command: list[str]) -> float:
    """Return the most memory, in MB, that a command and all it starts have at a time; what they share counts once."""
    import psutil

    process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    most = 0.0
    while process.poll() is None:
        most = max(most, sum(share(each.pid) for each in [process, *process.children(recursive=True)]))
        time.sleep(0.02)
    if process.returncode:
        raise RuntimeError(f"{command} ended with status {process.returncode}")
    return most


def share(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1e3 for line in lines if line.startswith("Pss:")), 0.0)


TOOLS = {"trackbook": trackbook, "dvc": dvc, "kedro": kedro, "ploomber": ploomber, "papermill": papermill}

if __name__ == "__main__":
    given = options(__doc__, PEERS, steps=1000, megabytes=2000)
    if given.worker:
        serve(TOOLS[given.worker]())
    else:
        os.environ |= {"BENCH_STEPS": str(given.steps), "BENCH_MEGABYTES": str(given.megabytes)}
        compare(__file__, BUDGETS, PEERS, given)
