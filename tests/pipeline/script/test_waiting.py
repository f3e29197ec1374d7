"""Cells that await: their steps share one loop, as the cells of a kernel do."""

import subprocess
import sys

import nbformat
import pytest

from trackbook.errors import NotebookError
from trackbook.pipeline.execution import execute_notebook
from trackbook.pipeline.plan import parse_plan
from trackbook.pipeline.script.convert import convert
from trackbook.pipeline.steps.notebook import Cell, Notebook

CELLS = [
    ("imports", "import asyncio"),
    ("step:start", "async def work(n):\n    print('start', n)\n    await asyncio.sleep(0.01)\n    return n * 2\n\nasync def quiet(n):\n    await asyncio.sleep(0.01)\n    return n * 2\n\ndef spawn(n):\n    return asyncio.create_task(quiet(n))\n\ntask = spawn(1)\nprint('made')"),
    ("step:wait", "x = await task\nx"),
    ("step:generate", "async def numbers():\n    for i in range(3):\n        yield i\n\nfound = [i async for i in numbers()]\nasync for i in numbers():\n    found.append(i)\nboth = [await work(i) for i in found[:2]]\nlock = asyncio.Lock()"),
    ("step:lock", "async with lock:\n    print(found, both)\nawait work(x)"),
    ("step:timed", "r = await work(2)\nr"),
    ("step:plain", "print(r + 1)"),
    ("step:left", "later = asyncio.ensure_future(asyncio.sleep(10))\nlater.done()"),
    ("step:nested", "try:\n    asyncio.run(work(1))\nexcept RuntimeError as error:\n    print('no', error)"),
]  # fmt: skip


def notebook(*cells):
    made = (Cell(i, f"c{i}", source, tuple(tags.split())) for i, (tags, source) in enumerate(cells))
    return Notebook("trial.ipynb", tuple(made))


def test_tasks_of_one_step_go_on_in_the_next_and_all_is_printed_as_in_a_kernel(tmp_path):
    node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for _, source in CELLS])
    text = ""  # whole: a busy kernel may send a line in two pieces
    for cell in execute_notebook(node, cwd=tmp_path).cells:
        for output in cell.outputs:
            if output.get("name") == "stdout":
                text += output.text
            elif output.output_type == "execute_result":
                text += output.data["text/plain"] + "\n"
    live = [line for line in text.splitlines() if not line.startswith(("CPU times", "Wall time"))]
    (tmp_path / "script.py").write_text(convert(notebook(*CELLS)).text)
    command = [sys.executable, "-I", "-W", "ignore::RuntimeWarning", "script.py"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.stdout.splitlines(), ran.stderr) == (live, "")


def test_only_steps_that_use_the_loop_are_coroutines(tmp_path):
    text = convert(notebook(*CELLS)).text
    assert "\n@in_loop\nasync def wait(task):\n" in text
    assert "\ndef plain(r):\n" in text
    assert [step.name for step in parse_plan(text, tmp_path / "script.py").steps][:2] == ["start", "wait"]


def test_a_cell_of_functions_cannot_await():
    with pytest.raises(NotebookError, match=r"line 2: `await` outside a function belongs into a step"):
        convert(notebook(("functions", "import asyncio\nawait asyncio.sleep(0)")))
