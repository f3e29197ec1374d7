"""Notebooks run in real kernels of the interpreter that runs the tests."""

import asyncio
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from trackbook.errors import ExecutionError, NotebookError
from trackbook.pipeline.execution import CellProgress, execute_notebook


def write(folder: Path, *sources: str) -> Path:
    path = folder / "book.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(source) for source in sources]), path)
    return path


def text(cell: nbformat.NotebookNode) -> str:
    return "".join(output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in cell.outputs)


def test_the_kernel_is_this_interpreter_in_the_notebooks_folder_and_knows_notebook_and_cell(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "import os, sys; print(sys.executable); print(os.getcwd()); print(os.environ['TRACKBOOK_NOTEBOOK'], os.environ['X'])",
        "seen = []; get_ipython().events.register('pre_run_cell', lambda info: seen.append(info.cell_id))",
        "print(seen, marked)",
    )
    before = path.read_bytes()
    node = execute_notebook(path, env={"X": "1"}, startup="marked = True")
    assert text(node.cells[0]).splitlines() == [sys.executable, str(tmp_path), f"{path} 1"]
    assert text(node.cells[2]).strip() == f"['{node.cells[2].id}'] True"
    assert path.read_bytes() == before


def test_each_cell_that_runs_is_announced_and_ended(tmp_path: Path) -> None:
    cells = [new_markdown_cell("# no code"), new_code_cell("1"), new_code_cell(" "), new_code_cell("2")]
    seen: list[CellProgress] = []
    execute_notebook(new_notebook(cells=cells), cwd=tmp_path, on_cell=seen.append)
    assert [(item.state, item.position, item.total, item.cell_index) for item in seen] == [
        ("started", 1, 2, 1),
        ("finished", 1, 2, 1),
        ("started", 2, 2, 3),
        ("finished", 2, 2, 3),
    ]
    assert seen[0].cell_id == cells[1].id


def test_a_cell_that_raises_is_named_and_its_kernel_is_gone(tmp_path: Path) -> None:
    path = write(tmp_path, "import os; open('pid', 'w').write(str(os.getpid()))", "{}['missing']", "open('after', 'w')")
    with pytest.raises(ExecutionError, match="cell 1 raised KeyError: 'missing'") as caught:
        execute_notebook(path)
    assert (caught.value.cell_index, caught.value.ename) == (1, "KeyError")
    assert caught.value.cell_id == nbformat.read(path, as_version=4).cells[1].id
    assert "{}['missing']" in caught.value.traceback
    assert "\x1b" not in caught.value.traceback
    assert not (tmp_path / "after").exists()
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_a_cell_that_takes_too_long_or_kills_the_kernel_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExecutionError, match="cell 0 ran longer than 1 s"):
        execute_notebook(write(tmp_path, "import time; time.sleep(60)"), timeout=1)
    with pytest.raises(ExecutionError, match="cell 1 ended the kernel"):
        execute_notebook(write(tmp_path, "1", "import os; os._exit(9)"))


def test_a_notebook_runs_from_inside_a_running_event_loop(tmp_path: Path) -> None:
    path = write(tmp_path, "print('inside')")

    async def face() -> nbformat.NotebookNode:
        return execute_notebook(path)

    # In a thread of its own: the browser tests leave a running loop in the main one.
    with ThreadPoolExecutor(1) as pool:
        node = pool.submit(lambda: asyncio.run(face())).result()
    assert text(node.cells[0]) == "inside\n"


def test_an_interrupt_ends_the_kernel_too(tmp_path: Path) -> None:
    path = write(tmp_path, "import os, time; open('pid', 'w').write(str(os.getpid())); print(1)", "time.sleep(60)")
    code = f"from pathlib import Path; from trackbook.pipeline.execution import execute_notebook; execute_notebook(Path({str(path)!r}))"
    process = psutil.Popen([sys.executable, "-c", code], env=os.environ, stderr=-3)
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(2)
    assert process.wait(30) != 0
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_a_missing_and_a_damaged_notebook_are_clear_errors(tmp_path: Path) -> None:
    with pytest.raises(NotebookError, match="there is no notebook"):
        execute_notebook(tmp_path / "none.ipynb")
    (tmp_path / "bad.ipynb").write_text("{")
    with pytest.raises(NotebookError, match="no notebook that can be read"):
        execute_notebook(tmp_path / "bad.ipynb")
