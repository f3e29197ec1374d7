"""Notebooks whose cells ran in another order than they stand in, or used what no cell makes any more."""

import json

import pytest

from trackbook.cli.main import main
from trackbook.pipeline.steps.notebook import Cell, Notebook
from trackbook.pipeline.steps.recorded import DELETED, EDITED, REPEATED, in_recorded_order
from trackbook.store.events import CellExecuted
from trackbook.tracking.values import Execution

LOAD, USE, SHOW = "x = [1]", "x.append(2)", "print(x)"


def recorded(cells, ran):
    """Return the cells (id: text) in the order of a session of (id, text) pairs."""
    made = tuple(Cell(i, name, text) for i, (name, text) in enumerate(cells.items()))
    executions = [
        Execution(
            "s", number, text, number, 0.0, "error" if text.startswith("1 / 0") else "ok", "n.ipynb", name, number + 1
        )
        for number, (name, text) in enumerate(ran)
    ]
    return in_recorded_order(Notebook("n.ipynb", made), executions)


def run_of(cells, *names):
    return recorded(cells, [(name, cells[name]) for name in names])


CELLS = {"a": LOAD, "b": USE, "c": SHOW}


def test_the_order_of_the_document_stays_where_cells_ran_in_it():
    found = run_of(CELLS, "a", "b", "c")
    assert (found.order, found.is_moved, found.hidden, found.never) == (("a", "b", "c"), False, (), ())


def test_cells_that_ran_in_another_order_stand_in_that():
    found = run_of({"c": SHOW, "a": LOAD, "b": USE}, "a", "b", "c")
    assert (found.order, found.is_moved, found.hidden) == (("a", "b", "c"), True, ())
    assert [cell.index for cell in found.notebook.cells] == [0, 1, 2]


def test_a_change_that_ran_after_its_reader_comes_after_it():
    assert run_of(CELLS, "a", "c", "b").order == ("a", "c", "b")


def test_running_cells_again_without_effect_moves_nothing():
    assert run_of(CELLS, "a", "b", "c", "a", "b", "c", "c").hidden == ()
    assert not run_of({"a": "x = 1", "b": "y = x"}, "a", "b", "a").is_moved


def test_cells_that_never_ran_stay_behind_the_cell_in_front_of_them():
    found = run_of({"c": SHOW, "n": "n = 1", "a": LOAD}, "a", "c")
    assert (found.order, found.never) == (("a", "c", "n"), ("n",))


def test_what_a_deleted_an_edited_and_a_repeated_cell_left_is_hidden_state():
    (gone,) = recorded({"c": SHOW}, [("a", LOAD), ("c", SHOW)]).hidden
    assert (gone.reason, gone.names, gone.source, gone.cell) == (DELETED, ("x",), LOAD, "c")
    assert str(gone) == "code cell 1 (`print(x)`) used x of a cell that is gone (`x = [1]`)"
    (edited,) = recorded({"a": "x = 5", "c": SHOW}, [("a", LOAD), ("c", SHOW)]).hidden
    assert (edited.reason, edited.source) == (EDITED, LOAD)
    (again,) = run_of({"a": "x = 1", "b": "x += 1"}, "a", "b", "b").hidden
    assert (again.reason, again.cell) == (REPEATED, "b")


def test_executions_that_failed_do_not_count():
    found = recorded({"a": LOAD, "c": SHOW}, [("a", LOAD), ("c", SHOW), ("a", "1 / 0")])
    assert (found.is_moved, found.hidden) == (False, ())


def test_the_command_writes_the_recorded_order_and_lists_what_is_hidden(project, tmp_path, capsys):
    path = project.root / "n.ipynb"
    cells = [
        {"cell_type": "code", "id": name, "metadata": {"tags": [f"step:{name}"]}, "source": text, "outputs": []}
        for name, text in {"c": "print(x, z)", "a": LOAD}.items()
    ]
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    ran = [("z", "z = 1"), ("a", LOAD), ("c", "print(x, z)")]
    for number, (name, text) in enumerate(ran):
        project.store.append(
            CellExecuted(
                session="s",
                number=number,
                source=text,
                start_time=number,
                seconds=0.0,
                status="ok",
                notebook=str(path),
                cell_id=name,
            )
        )
    project.store.close()
    main(["convert", str(path), "-o", str(tmp_path / "n.py"), "--from-history"], standalone_mode=False)
    out = capsys.readouterr().out
    assert "order: a, c\n" in out
    assert "hidden state: code cell 1 (`print(x, z)`) used z of a cell that is gone (`z = 1`)" in out
    text = (tmp_path / "n.py").read_text()
    assert text.index("# %% [step:a]") < text.index("# %% [step:c]")


def test_without_a_recorded_execution_the_command_says_how_to_get_one(project, capsys):
    (project.root / "n.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}')
    with pytest.raises(SystemExit) as status:
        main(["convert", "n.ipynb", "--from-history"])
    assert status.value.code == 2
    assert "run its cells again with `%track on`" in capsys.readouterr().err
