"""The program of a run in a real kernel: what ran before and matters, whatever the order it ran in."""

from __future__ import annotations

from typing import Any

import pytest

from trackbook.capture.redaction import MARK


@pytest.fixture
def program(kernel: Any, experiment: str) -> Any:
    """Run a cell under `%%track` and return the program of its run, as the texts of its cells."""

    def run(body: str, options: str = "") -> list[str]:
        kernel.run(f"%%track {experiment} {options}\n{body}")
        cells = [execution.source for execution in kernel.runs(experiment)[0].program]
        assert cells[-1].endswith(body)
        return cells[:-1]

    return run


def test_cells_that_ran_out_of_order_stand_in_the_order_in_which_they_ran(kernel: Any, program: Any) -> None:
    """A name that was bound again, a cell that was run again and one that does not matter."""
    for cell in ("a = 1", "b = a + 1", "noise = 5", "a = 10", "b = b + a", "noise"):
        kernel.run(cell)
    assert program("b") == ["a = 1", "b = a + 1", "a = 10", "b = b + a"]


def test_what_the_loading_cell_and_cells_before_it_bound_belongs_to_the_program(start_kernel: Any) -> None:
    """Loading the extension late, in a cell that does other things too, loses nothing."""
    kernel = start_kernel()
    kernel.run("before = 1")
    kernel.run("%load_ext trackbook\nwith_it = 2")
    kernel.run("%%track late\nbefore + with_it")
    cells = kernel.only_run("late").program
    assert [cell.source for cell in cells] == [
        "before = 1",
        "%load_ext trackbook\nwith_it = 2",
        "%%track late\nbefore + with_it",
    ]
    assert [cell.status for cell in cells] == ["unknown", "unknown", "ok"]


def test_a_cell_that_failed_is_in_as_far_as_it_came(kernel: Any, program: Any) -> None:
    """What a failed cell did before it raised is used later, and its line is kept."""
    kernel.run("c = 1")
    kernel.run("c = 2\n1 / 0\nc = 3")
    assert program("print(c)") == ["c = 2\n1 / 0\nc = 3"]
    kernel.run("d = 1")
    kernel.run("1 / 0\nd = 3")
    assert program("print(d)") == ["d = 1"]


def test_a_mutation_through_an_alias_a_view_and_a_function_is_in(kernel: Any, program: Any) -> None:
    """Each cell that changed the array is needed, under whatever name it did."""
    cells = [
        "import numpy as np",
        "array = np.zeros(4)",
        "view = array[:2]",
        "view[:] = 7",
        "def bump():\n    array[3] += 1",
        "bump()",
    ]
    for cell in cells:
        kernel.run(cell)
    assert program("array.sum()") == cells


def test_names_that_only_exec_binds_are_followed(kernel: Any, program: Any) -> None:
    """What no text tells is seen when it happens."""
    kernel.run("name = 'hid' + 'den'")
    kernel.run("exec(f'{name} = 41')")
    kernel.run("other = 3")
    cells = program("hidden + 1")
    assert {"name = 'hid' + 'den'", "exec(f'{name} = 41')"} <= set(cells)
    assert "other = 3" not in cells


def test_why_each_cell_is_in_the_program_is_kept(kernel: Any, program: Any, experiment: str) -> None:
    """With the names as they were seen, also those that a text run by `exec` used."""
    kernel.run("basket = [1]")
    kernel.run("line = 'basket' + '.append(2)'")
    kernel.run("exec(line)")
    program("basket")
    run = kernel.runs(experiment)[0]
    numbers = [str(execution.number) for execution in run.program]
    assert [cell.source for cell in run.program[:-1]] == [
        "basket = [1]",
        "line = 'basket' + '.append(2)'",
        "exec(line)",
    ]
    assert run.facts["program"] == {
        numbers[2]: {numbers[0]: ["basket"], numbers[1]: ["line"]},
        numbers[3]: {numbers[0]: ["basket"], numbers[2]: ["basket"]},
    }


def test_what_libraries_do_when_they_are_imported_is_no_change(kernel: Any, program: Any) -> None:
    """A tracked fit imports scikit-learn, and Trackbook what watches it: filters of warnings change, for no other cell."""
    kernel.run("%%track fits\nfrom sklearn.linear_model import Ridge\nmodel = Ridge().fit([[1.0], [2.0]], [1.0, 2.0])")
    kernel.run("import pandas as pd")
    assert program("pd.DataFrame({'a': [1]})") == ["import pandas as pd"]


def test_figures_that_were_shown_link_no_cells(kernel: Any, program: Any) -> None:
    """The backend that a first plot loads is no setting of the user's, and the figure is closed when it has been shown."""
    kernel.run("import matplotlib.pyplot as plt")
    kernel.run("plt.plot([1, 2])\nplt.show()")
    assert program("plt.plot([2, 1])") == ["import matplotlib.pyplot as plt"]
    assert program("1 + 1") == []


def test_a_file_that_a_cell_wrote_brings_that_cell_in(kernel: Any, program: Any) -> None:
    """Whoever reads a file depends on whoever wrote it, even under a path that no text spells."""
    kernel.run("where = 'da' + 'ta.txt'")
    kernel.run("open(where, 'w').write('1')")
    kernel.run("open('other.txt', 'w').write('2')")
    assert program("open('data.txt').read()") == ["where = 'da' + 'ta.txt'", "open(where, 'w').write('1')"]


def test_a_file_read_before_is_among_the_inputs_of_the_run_and_kept(kernel: Any, program: Any, experiment: str) -> None:
    """The file that an earlier, untracked cell of the program read is an input, and can be restored."""
    (kernel.root / "input.csv").write_text("a\n1\n")
    kernel.run("import pandas as pd\ntable = pd.read_csv('input.csv')")
    program("table['a'].sum()")
    run = kernel.runs(experiment)[0]
    (used,) = [used for used in run.data if used.kind == "file"]
    assert used.name == str(kernel.root / "input.csv")
    assert kernel.project().store.objects.get(used.fingerprint) == b"a\n1\n"


def test_the_state_of_the_generators_is_part_of_the_program(kernel: Any, program: Any) -> None:
    """A seed and every draw since then decide what is drawn next; a new seed makes them idle."""
    for cell in ("import random", "random.seed(1)", "random.random()", "x = 1"):
        kernel.run(cell)
    assert program("random.random()") == ["import random", "random.seed(1)", "random.random()"]
    kernel.run("random.seed(2)")
    assert program("random.random() + 0") == ["import random", "random.seed(2)"]


def test_what_was_used_at_random_is_noted(kernel: Any, program: Any, experiment: str) -> None:
    """The run says which generators it drew from, in which state they were, and what had no seed."""
    kernel.run("import numpy as np, numpy.random")  # NumPy loads it only when it is used
    program("np.random.rand()\nnp.random.default_rng().random()\nnp.random.default_rng(seed=5).random()")
    noted = kernel.runs(experiment)[0].facts["random"]
    assert noted["consumed"] == ["state:numpy.random"]
    assert set(noted["states"]) == {"state:random", "state:numpy.random"}
    assert {item["line"] for item in noted["unseeded"]} >= {2}
    assert [(seed["line"], seed["value"]) for seed in noted["seeds"]] == [(4, "5")]


def test_a_run_started_by_hand_holds_the_cells_that_it_spans(kernel: Any, experiment: str) -> None:
    """`start_run` in one cell and `end_run` in a later one: all that lies between belongs to it."""
    kernel.run("value = 3")
    kernel.run(f"tb.start_run(experiment={experiment!r})")
    kernel.run("tb.log_metric('m', value)")
    kernel.run("idle = 0")
    kernel.run("tb.end_run()")
    cells = [cell.source for cell in kernel.runs(experiment)[0].program]
    assert "value = 3" in cells
    assert "tb.log_metric('m', value)" in cells
    assert cells[-1] == "tb.end_run()"


def test_loading_the_extension_alone_leaves_no_store(start_kernel: Any) -> None:
    """Cells that are not tracked write nothing before the first run."""
    kernel = start_kernel()
    kernel.run("%load_ext trackbook")
    kernel.run("x = 1\nx")
    assert not (kernel.root / ".trackbook").exists()


def test_a_secret_in_an_earlier_cell_is_not_in_the_program(kernel: Any, program: Any) -> None:
    """The history is redacted as everything else."""
    kernel.run("password = 'correct-horse-battery'")
    (cell,) = program("len(password)")
    assert cell == f"password = '{MARK}'"


def test_cells_that_other_cells_run_belong_to_them(kernel: Any, program: Any) -> None:
    """`get_ipython().run_cell` inside a cell is no execution of its own."""
    kernel.run("get_ipython().run_cell('inner = 5')")
    assert program("inner") == ["get_ipython().run_cell('inner = 5')"]


def test_what_a_callback_bound_between_cells_is_not_lost(kernel: Any, program: Any) -> None:
    """A timer or a widget that binds a name while no cell runs is taken for the doing of the next cell."""
    kernel.run("import threading, time\nthreading.Timer(0.05, lambda: globals().update(late=8)).start()")
    kernel.run("time.sleep(0.3)")
    assert "time.sleep(0.3)" in program("late")
