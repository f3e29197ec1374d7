"""Which run a cell has, and when it is stale."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from blake3 import blake3

from support.sessions import Session
from trackbook.store import Store
from trackbook.tracking.badges import SessionPrograms, plain
from trackbook.tracking.latest import Badges


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / ".trackbook")


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    return tmp_path / "n.ipynb"


def reasons(store: Store, notebook: Path, cell_id: str) -> list[str]:
    cells = {cell.cell_id: cell for cell in Badges(store).of_notebook(str(notebook)).cells}
    return [reason.text for reason in cells[cell_id].reasons]


def test_a_notebook_without_runs_has_no_badges(store, notebook):
    badges = Badges(store).of_notebook(str(notebook))
    assert (badges.session, badges.cells) == (None, ())


def test_a_cell_shows_its_latest_run(store, notebook):
    session = Session(store, notebook)
    session.track("a", "x = 1", name="old")
    latest = session.track("a", "x = 1", name="new", error="ValueError")
    (badge,) = Badges(store).of_notebook(str(notebook)).cells
    assert (badge.run_id, badge.run_name, badge.status) == (latest, "new", "FAILED")
    assert badge.error == "ValueError: boom"


def test_a_run_is_stale_when_a_cell_of_its_program_ran_again_with_other_code(store, notebook):
    session = Session(store, notebook)
    used = session.execute("a", "alpha = 1")
    unused = session.execute("b", "other = 1")
    session.track("c", "score = alpha * 2", [used])
    session.execute("b", "other = 2")
    assert reasons(store, notebook, "c") == []
    session.execute("a", "alpha = 2")
    assert reasons(store, notebook, "c") == ["cell [5] was run again with other code"]
    session.execute("a", "alpha = 1")
    assert reasons(store, notebook, "c") == []
    assert unused == 1


def test_first_lines_and_empty_lines_are_no_other_code(store, notebook):
    session = Session(store, notebook)
    used = session.execute("a", "alpha = 1")
    session.track("c", "score = alpha * 2", [used])
    session.execute("a", "%%track --name other\n\nalpha = 1\n")
    assert reasons(store, notebook, "c") == []


def test_a_chain_that_ran_again_in_its_order_makes_nothing_stale(store, notebook):
    session = Session(store, notebook)
    chain = [("a", "import pandas as pd\ndf = pd.read_csv('d.csv')"), ("b", "df['x'] = 1")]
    program = [session.execute(*cell) for cell in chain]
    session.track("c", "score = df['x'].sum()", program)
    for cell in chain:
        session.execute(*cell)
    assert reasons(store, notebook, "c") == []


def test_a_cell_that_changes_what_it_finds_makes_a_run_stale_when_it_runs_again(store, notebook):
    session = Session(store, notebook)
    program = [session.execute("a", "x = 0"), session.execute("b", "x += 1")]
    session.track("c", "y = x", program)
    session.execute("b", "x += 1")
    assert reasons(store, notebook, "c") == ["cell [4] was run again and changes what it finds"]


def test_the_same_code_on_other_inputs_makes_a_run_stale(store, notebook):
    """Both are told: the cell whose code is another, and the one that ran again upon it."""
    session = Session(store, notebook)
    program = [session.execute("a", "x = 0"), session.execute("b", "y = x + 1")]
    session.track("c", "z = y", program)
    session.execute("a", "x = 5")
    session.execute("b", "y = x + 1")
    assert reasons(store, notebook, "c") == [
        "cell [4] was run again with other code",
        "cell [5] was run again after what it depends on had changed",
    ]


def test_a_cell_that_failed_when_it_ran_again_makes_a_run_stale(store, notebook):
    session = Session(store, notebook)
    used = session.execute("a", "x = f()")
    session.track("c", "y = x", [used])
    session.execute("a", "x = f()", "error", 1)
    assert reasons(store, notebook, "c") == ["cell [3] failed when it was run again"]


def test_the_runs_own_cell_counts_when_it_ran_again_untracked(store, notebook):
    session = Session(store, notebook)
    session.track("c", "y = 1")
    session.execute("c", "y = 2")
    assert reasons(store, notebook, "c") == ["this cell was run again with other code"]


def test_a_new_session_alone_makes_nothing_stale_but_other_code_in_it_does(store, notebook):
    first = Session(store, notebook)
    used = first.execute("a", "x = 1")
    first.track("c", "y = x", [used])
    second = Session(store, notebook, "second", first.time + 10_000)
    second.execute("a", "x = 1")
    badges = Badges(store).of_notebook(str(notebook))
    assert badges.session == "second"
    assert [(cell.session, cell.reasons) for cell in badges.cells] == [("first", ())]
    second.execute("a", "x = 2")
    assert reasons(store, notebook, "c") == ["cell [2] was run again with other code"]


def test_a_file_with_other_bytes_is_named_and_one_that_was_only_touched_is_not(store, notebook, tmp_path):
    file = tmp_path / "data.csv"
    file.write_bytes(b"a\n1\n")
    before = time.time() - 7200
    os.utime(file, (before, before))
    session = Session(store, notebook)
    data = [("read", str(file), "file", blake3(b"a\n1\n").hexdigest(), 4)]
    loaded = session.execute("a", "x = 1")
    upstream = Session.track(session, "l", "df = load()", [loaded], data=data)
    session.track("c", "score = df.sum()", [loaded, 1])
    assert upstream
    assert reasons(store, notebook, "c") == []
    file.touch()
    assert reasons(store, notebook, "c") == []
    file.write_bytes(b"a\n2\n")
    assert reasons(store, notebook, "l") == ["data.csv changed"]
    assert reasons(store, notebook, "c") == ["data.csv changed"]
    file.unlink()
    assert reasons(store, notebook, "c") == ["data.csv is gone"]


def test_a_file_that_the_program_wrote_after_reading_it_should_hold_what_was_written(store, notebook, tmp_path):
    file = tmp_path / "log.txt"
    file.write_bytes(b"new")
    session = Session(store, notebook)
    old, new = (blake3(text).hexdigest() for text in (b"old", b"new"))
    data = [("read", str(file), "file", old, 3), ("written", str(file), "file", new, 3)]
    session.track("c", "append()", data=data)
    assert reasons(store, notebook, "c") == []


def test_what_is_run_after_the_badges_were_read_is_seen_the_next_time(store, notebook):
    badges, session = Badges(store), Session(store, notebook)
    program = [session.execute("a", "x = 0"), session.execute("b", "x += 1")]
    session.track("c", "y = x", program)
    session.execute("a", "x = 0")
    assert badges.of_notebook(str(notebook)).cells[0].reasons == ()
    session.execute("b", "x += 1")
    assert badges.of_notebook(str(notebook)).cells[0].reasons == ()
    session.execute("b", "x += 1")
    assert len(badges.of_notebook(str(notebook)).cells[0].reasons) == 1


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("%%track diabetes --name x\nx = 1\n", "x = 1"),
        ("\n%%step load\n%%track\n\nx = 1\n\n", "x = 1"),
        ("%%tracking\nx", "%%tracking\nx"),
        ("%%time\n%%track\nx", "%%time\n%%track\nx"),
        ("  x = 1", "  x = 1"),
        ("", ""),
    ],
)
def test_only_first_lines_and_empty_lines_are_taken_off(source, expected):
    assert plain(source) == expected


def test_programs_of_what_was_never_added_are_unknown():
    assert SessionPrograms().program(0) is None
