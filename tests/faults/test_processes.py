"""Many processes on one store: at first use, writing while another drains, and after a fork."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from trackbook.errors import StoreError
from trackbook.store import Store
from trackbook.store import events as event
from trackbook.tracking import Runs

pytestmark = pytest.mark.faults

HEAD = """
import os, sys, time
from pathlib import Path
from trackbook.store import Store
from trackbook.tracking import Runs, Tracker

root = Path(sys.argv[1])
store = Store.open(root)
tracker = Tracker(store, root=root.parent, experiment="default", user="u")
"""


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", HEAD + textwrap.dedent(code), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(*processes: subprocess.Popen[str]) -> None:
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, "")


def test_sixteen_processes_may_use_a_new_store_at_once(tmp_path, sound, tried):
    """Forked from one process that has imported everything, and let go at the same moment: the race is a close one."""
    code = """
    import trackbook.store.database, trackbook.store.drain, sqlite_utils

    def use(number):
        sys.stdin.read()  # ends for all of them when the test closes it
        own = Store.open(root)
        runs, tracker = Runs(own), Tracker(own, root=root.parent, experiment="default", user="u")
        assert isinstance(runs.search(), list)
        with tracker.start_run(f"r{number}") as run:
            run.log_metric("m", number)
        with own.write() as db:
            db.execute("INSERT INTO dataset (name) VALUES (?)", [f"d{number}"])
        assert any(found.run_name == f"r{number}" for found in runs.search())
        sys.exit()

    children = []
    for number in range(16):
        child = os.fork()
        if child == 0:
            use(number)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 16
    """
    root = tmp_path / ".trackbook"
    head = HEAD[: HEAD.index("store =")]  # nobody has opened the store before
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", head + textwrap.dedent(code), str(root)],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, "")
    store = Store.open(root)
    assert {run.run_name: run.metrics["m"] for run in Runs(store).search()} == {f"r{n}": n for n in range(16)}
    with store.read() as db:
        assert {name for (name,) in db.execute("SELECT name FROM dataset")} == {f"d{n}" for n in range(16)}
    sound(store)
    tried("first uses of one store at once", 16)


def test_two_writers_and_a_reader_that_drains_agree_on_every_point(tmp_path, sound):
    root = tmp_path / ".trackbook"
    code = """
    with tracker.start_run(sys.argv[2]) as run:
        for step in range(3000):
            run.log_metric("m", step)
    """
    writers = [start(code, str(root), name) for name in ("left", "right")]
    store = Store.open(root)
    runs = Runs(store)
    seen: dict[str, float] = {}
    while any(writer.poll() is None for writer in writers):
        for run in runs.search():
            # What was visible once stays visible: a snapshot never goes back.
            assert run.metrics.get("m", -1) >= seen.get(run.run_name, -1)
            seen |= {run.run_name: run.metrics.get("m", -1)}
    finish(*writers)
    for run in runs.search():
        assert [point.step for point in runs.metric_history(run.run_id, "m")] == list(range(3000))
    assert {run.run_name for run in runs.search()} == {"left", "right"}
    sound(store)


def test_a_fork_gives_each_process_a_journal_of_its_own_and_takes_nothing_from_the_parent(tmp_path, sound):
    root = tmp_path / ".trackbook"
    code = """
    run = tracker.start_run("forked")
    run.log_metric("parent", 0)
    with store.read():
        pass
    child = os.fork()
    if child == 0:
        for step in range(500):
            run.log_metric("child", step)
        assert Runs(store).search()[0].metrics["child"] == 499
        sys.exit()  # with the exit handlers: they close the store, and leave the parent's run alone
    for step in range(1, 500):
        run.log_metric("parent", step)
        if step % 100 == 0:
            # A reader in between takes a journal whose writer seems gone; the parent's must not seem so.
            Runs(store).search()
    assert os.waitpid(child, 0)[1] == 0
    for step in range(500, 1000):
        run.log_metric("parent", step)
    assert Runs(store).search()[0].status == "RUNNING"
    run.end()
    """
    finish(start(code, str(root)))
    store = Store.open(root)
    (run,) = Runs(store).search()
    assert run.status == "FINISHED"
    assert [point.step for point in Runs(store).metric_history(run.run_id, "parent")] == list(range(1000))
    assert [point.step for point in Runs(store).metric_history(run.run_id, "child")] == list(range(500))
    sound(store)


def test_a_child_that_outlives_its_parent_does_not_keep_the_store_locked(tmp_path):
    root = tmp_path / ".trackbook"
    code = """
    run = tracker.start_run("outlived")
    run.log_metric("m", 1)
    if os.fork() == 0:
        os.close(1); os.close(2)
        time.sleep(30)
        os._exit(0)
    os._exit(0)
    """
    finish(start(code, str(root)))
    store = Store.open(root)
    (run,) = Runs(store).search()
    assert run.metrics == {"m": 1.0}
    assert list((root / "journal").glob("*.journal")) == []


def test_an_autostarted_run_is_ended_by_its_own_process_only(tmp_path):
    root = tmp_path / ".trackbook"
    code = """
    tracker.ensure_run().log_metric("m", 1)
    child = os.fork()
    if child == 0:
        sys.exit()
    os.waitpid(child, 0)
    assert Runs(store).search()[0].status == "RUNNING"
    """
    finish(start(code, str(root)))
    assert [run.status for run in Runs(Store.open(root)).search()] == ["FINISHED"]


def test_a_reader_does_not_wait_for_a_writer_that_works_long(store, runs):
    runs.search()
    entered, leave = threading.Event(), threading.Event()

    def hold():
        with Store.open(store.root).write() as db:
            db.execute("INSERT INTO dataset (name) VALUES ('half')")
            entered.set()
            leave.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert entered.wait(20)
        with store.read() as db:
            assert db.execute("SELECT count(*) FROM dataset").fetchone()[0] == 0
    finally:
        leave.set()
        thread.join()
    with store.read() as db:
        assert db.execute("SELECT count(*) FROM dataset").fetchone()[0] == 1


def test_a_second_write_within_a_write_is_an_error_and_not_a_deadlock(store):
    with store.write() as db:
        db.execute("INSERT INTO dataset (name) VALUES ('outer')")
        with pytest.raises(StoreError, match="one write at a time"), store.write():
            pass
    with store.read() as db:
        assert db.execute("SELECT count(*) FROM dataset").fetchone()[0] == 1


def test_a_write_that_raises_leaves_nothing_and_the_store_free(store):
    with pytest.raises(ZeroDivisionError), store.write() as db:
        db.execute("INSERT INTO dataset (name) VALUES ('gone')")
        _ = 1 / 0
    with store.write() as db:
        assert db.execute("SELECT count(*) FROM dataset").fetchone()[0] == 0


def test_a_statement_that_fails_is_a_store_error(store):
    with pytest.raises(StoreError, match="UNIQUE"), store.write() as db:
        db.execute("INSERT INTO dataset (name) VALUES ('one')")
        db.execute("INSERT INTO dataset (name) VALUES ('one')")


def test_a_reader_cannot_write(store):
    with pytest.raises(StoreError, match="readonly"), store.read() as db:
        db.execute("DELETE FROM run")


def test_threads_of_one_process_share_its_store(store, runs, tracker):
    run = tracker.start_run("threads")
    faults = []

    def work(number):
        try:
            for step in range(200):
                tracker.active.log_metric(f"m{number}", step)
                if step % 50 == 0:
                    runs.search()
        except Exception as fault:  # noqa: BLE001 - any fault of a thread is what the test looks for
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.end()
    assert faults == []
    (found,) = runs.search()
    assert found.metrics == {f"m{number}": 199.0 for number in range(6)}


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_a_clear_error(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StoreError, match=r"cannot be written.*TRACKBOOK_DIR"):
            Store.open(tmp_path / ".trackbook")
    finally:
        tmp_path.chmod(0o700)


def test_a_store_whose_parts_are_files_is_a_clear_error(tmp_path):
    root = tmp_path / ".trackbook"
    root.mkdir()
    (root / "journal").touch()
    with pytest.raises(StoreError, match=r"\.trackbook cannot be written"):
        Store.open(root)


def test_a_lock_that_is_a_folder_is_a_clear_error(store, runs):
    (store.root / "lock").mkdir()
    with pytest.raises(StoreError, match=r"the lock .* cannot be taken"):
        runs.search()


def test_what_is_logged_while_the_journal_folder_is_a_file_is_spooled_with_a_warning(store):
    (store.root / "journal").rmdir()
    (store.root / "journal").touch()
    with pytest.warns(UserWarning, match=r"cannot write its store.*no journal can be written"):
        store.append(event.TagsSet("a" * 32, {"t": "x"}))
    (store.root / "journal").unlink()
    with store.read() as db:
        assert db.execute("SELECT value FROM tag").fetchall() == [("x",)]
    store.close()


def test_a_process_that_only_appends_ends_without_a_word_and_without_sqlite(tmp_path):
    code = """
    import atexit
    atexit.register(lambda: print([name for name in ("sqlite3", "sqlite_utils") if name in sys.modules]))
    store = Store.open(root)  # its exit handler comes before the one above
    tracker = Tracker(store, root=root.parent, experiment="default", user="u")
    tracker.ensure_run().log_metric("m", 1)
    """
    process = start(code, str(tmp_path / ".trackbook"))
    assert process.communicate(timeout=60) == ("[]\n", "")
    (run,) = Runs(Store.open(tmp_path / ".trackbook")).search()
    assert (run.status, run.metrics) == ("FINISHED", {"m": 1.0})


def test_what_stays_behind_at_exit_is_said_and_not_raised(tmp_path):
    """The exit handler of a process whose store broke meanwhile ends in one warning, and status 0."""
    root = tmp_path / ".trackbook"
    code = """
    with store.read():
        tracker.start_run("r").end()
    store.database.write_bytes(b"no database" * 1000)
    """
    process = subprocess.run(
        [sys.executable, "-c", HEAD + textwrap.dedent(code), str(root)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 0
    assert process.stderr.count("next command to read: the database") == 1
    assert Path(root).exists()


def test_a_run_whose_process_was_killed_is_shown_as_killed_from_its_last_sign_of_life_on(tmp_path):
    root = tmp_path / ".trackbook"
    code = """
    with tracker.start_run("parent") as run:
        run.log_metric("m", 1)
        tracker.start_run("child", nested=True)
        print(int(time.time() * 1000), flush=True)
        time.sleep(60)
    """
    process = start(code, str(root))
    assert process.stdout is not None
    alive = int(process.stdout.readline())
    runs = Runs(Store.open(root))
    assert [run.status for run in runs.search()] == ["RUNNING", "RUNNING"]
    process.kill()
    process.communicate()
    for run in runs.search():
        assert run.status == "KILLED"
        assert run.end_time is not None
        assert abs(run.end_time - alive) < 1000
        error = runs.get(run.run_id).error
        assert error is not None
        assert error.type == "ProcessGone"


def test_a_run_that_another_process_writes_too_goes_on_without_the_one_that_died(tmp_path):
    root = tmp_path / ".trackbook"
    code = """
    run = tracker.start_run("shared")
    run.log_metric("mine", 1)
    if os.fork() == 0:
        run.log_metric("childs", 1)
        print("ready", flush=True)
        sys.stdin.readline()
        run.end()
        sys.stdout.flush()
        os._exit(0)
    time.sleep(60)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", HEAD + textwrap.dedent(code), str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.kill()
    process.wait()
    runs = Runs(Store.open(root))
    (run,) = runs.search()
    assert (run.status, run.metrics) == ("RUNNING", {"mine": 1.0, "childs": 1.0})
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.read() == ""
    process.stdin.close()
    process.stdout.close()
    assert [run.status for run in runs.search()] == ["FINISHED"]


def test_an_end_that_turns_up_later_takes_the_place_of_killed(store, runs):
    """The start lies in a journal whose writer is gone, the end in one that is drained afterwards."""
    store.append(event.RunStarted("a" * 32, "e", "n", "python", 5, "u"))
    store._journal.close()
    assert [run.status for run in runs.search()] == ["KILLED"]
    store.append(event.RunEnded("a" * 32, "FINISHED", 9), durable=True)
    (run,) = runs.search()
    assert (run.status, run.end_time) == ("FINISHED", 9)
    assert runs.get(run.run_id).error is None
