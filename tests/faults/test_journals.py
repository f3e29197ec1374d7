"""Broken journals: cut at every byte, with every bit turned, deleted, half written, or newer than this version."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import struct
import subprocess
import sys
import textwrap

import google_crc32c
import msgspec
import pytest

from trackbook.errors import StoreError, StoreVersionError, UsageError
from trackbook.store import Store
from trackbook.store import events as event
from trackbook.store.curves import read_curve
from trackbook.store.fsck import fsck
from trackbook.store.journal import Batch, Damage, JournalWriter, read_batches
from trackbook.tracking import Runs

pytestmark = pytest.mark.faults


def journal_of(folder):
    (path,) = folder.glob("*.journal")
    return path


def frame_ends(content: bytes) -> list[int]:
    """Return the offsets behind the whole frames of a sound journal, by its own lengths."""
    ends = [0]
    while ends[-1] < len(content):
        ends.append(ends[-1] + 8 + struct.unpack_from("<I", content, ends[-1])[0])
    return ends[1:]


def damage_in(path) -> Damage | None:
    return next((item for item in read_batches(path) if isinstance(item, Damage)), None)


@pytest.fixture
def abandoned(tmp_path):
    """A journal with three metrics whose writer is gone, and the offsets where its frames end."""
    folder = tmp_path / "written"
    writer = JournalWriter(folder, tmp_path / "spool")
    writer.append(event.RunStarted("a" * 32, "e", "n", "python", 1, "u"))
    for step in range(3):
        writer.append(event.MetricLogged("a" * 32, "loss", step / 2, 5, step))
    writer.close()
    path = journal_of(folder)
    return path.read_bytes(), frame_ends(path.read_bytes())


def store_with(tmp_path, content: bytes, name: str = "0-1-aa.journal") -> Store:
    shutil.rmtree(tmp_path / ".trackbook", ignore_errors=True)
    store = Store.open(tmp_path / ".trackbook")
    (store.root / "journal" / name).write_bytes(content)
    return store


def steps(store: Store) -> list[int]:
    with store.read() as db:
        return read_curve(db, 1, 1).steps


def test_a_journal_cut_at_any_byte_of_its_last_frame_loses_that_frame_alone(tmp_path, abandoned):
    content, ends = abandoned
    for cut in range(ends[-2], ends[-1]):
        store = store_with(tmp_path, content[:cut])
        damage = damage_in(store.root / "journal" / "0-1-aa.journal")
        assert damage is None if cut == ends[-2] else damage.torn, cut
    # Through the database for a few of them: a drain costs more than a read.
    for cut in (ends[-2], ends[-2] + 1, ends[-2] + 8, ends[-1] - 1):
        store = store_with(tmp_path, content[:cut])
        assert steps(store) == [0, 1]
        assert list((store.root / "journal").iterdir()) == []
        assert fsck(store) == []


def test_any_bit_turned_in_the_middle_of_a_journal_is_damage_and_never_a_torn_end(tmp_path, abandoned):
    content, ends = abandoned
    path = tmp_path / "flipped.journal"
    for position in range(ends[1], ends[2]):
        for bit in range(8):
            flipped = bytearray(content)
            flipped[position] ^= 1 << bit
            path.write_bytes(flipped)
            items = list(read_batches(path))
            assert [(len(item.events), item.end) for item in items[:-1]] == [(2, ends[1])], (position, bit)
            assert isinstance(items[-1], Damage), (position, bit)
            assert not items[-1].torn, (position, bit)


@pytest.mark.parametrize("offset", [0, 2, 4, 10])
def test_a_damaged_journal_is_kept_aside_and_fsck_names_it(tmp_path, abandoned, sound, offset):
    content, ends = abandoned
    flipped = bytearray(content)
    flipped[ends[1] + offset] ^= 0x20
    store = store_with(tmp_path, bytes(flipped))
    assert [finding.id for finding in fsck(store)][:1] == ["journal-damaged"]
    assert steps(store) == []
    assert [run.run_id for run in Runs(store).search()] == ["a" * 32]
    assert (store.root / "journal" / "damaged" / "0-1-aa.journal").read_bytes() == bytes(flipped)
    assert [(finding.id, finding.severity) for finding in fsck(store)] == [("journal-set-aside", "warning")]
    sound(store)


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"garbage that never was a journal", os.urandom(5000)])
def test_a_file_that_never_was_a_journal_stops_nothing(tmp_path, content):
    store = store_with(tmp_path, content)
    assert Runs(store).search() == []


def test_damage_in_the_journal_of_a_living_writer_leaves_the_others_alone(store, runs, tracker):
    with tracker.start_run("living") as run:
        run.log_metric("m", 1.0)
        path = journal_of(store.root / "journal")
        with path.open("r+b") as file:
            file.seek(-3, os.SEEK_END)
            file.write(b"XXX")
        other = Store.open(store.root)
        other.append(event.RunStarted("b" * 32, "e", "other", "python", 1, "u"))
        assert {each.run_name for each in runs.search()} == {"living", "other"}
    store.close()
    other.close()
    assert [finding.id for finding in fsck(store)] == ["journal-set-aside"]


def test_a_frame_read_twice_is_stored_once(store, runs, tracker, monkeypatch):
    """A process killed between the transaction and the deletion of the journal leaves it to be read again."""
    import trackbook.store.drain as drain

    monkeypatch.setattr(drain, "_retire", lambda journal, damage, archive: None)
    with tracker.start_run("once") as run:
        run.log_metric("m", 1.0)
    store.close()
    monkeypatch.undo()
    (kept,) = (store.root / "journal").glob("*.journal")
    assert len(runs.metric_history(run.run_id, "m")) == 1
    assert not kept.exists()


def test_a_deleted_journal_is_an_error_that_says_so_and_the_next_run_works(store, runs, tracker):
    run = tracker.start_run("gone")
    run.log_metric("m", 1.0)
    for path in (store.root / "journal").glob("*.journal"):
        path.unlink()
    with pytest.raises(StoreError, match="was deleted while in use"):
        run.end()
    with tracker.start_run("next") as following:
        following.log_metric("m", 2.0)
    assert [(found.run_name, found.status) for found in runs.search()] == [("next", "FINISHED")]


def test_a_deleted_store_is_made_again(store, runs, tracker):
    with tracker.start_run("first"):
        pass
    shutil.rmtree(store.root)
    run = tracker.start_run("second")
    with pytest.raises(StoreError, match="deleted"):
        run.end()
    with tracker.start_run("third"):
        pass
    assert [found.run_name for found in runs.search()] == ["third"]


FULL = """
import resource, signal, sys, warnings
from pathlib import Path
from trackbook.store import Store
from trackbook.tracking import Runs, Tracker

store = Store.open(Path(sys.argv[1]))
tracker = Tracker(store, root=Path(sys.argv[1]).parent, experiment="default", user="u")
run = tracker.start_run("full")
run.log_metric("m", 0.0)
(journal,) = (store.root / "journal").glob("*.journal")
size = journal.stat().st_size
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (size + int(sys.argv[2]), limit[1]))
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    run.log_param("big", "x" * 100)
    run.log_param("small", "x")
    run.log_metric("m", 1.0)
    run.end()
assert journal.stat().st_size == size, "a piece of the frame stayed behind"
assert len(said) == 1 and "cannot write its store" in str(said[0].message), said
resource.setrlimit(resource.RLIMIT_FSIZE, limit)
(found,) = Runs(store).search()
assert found.status == "FINISHED" and found.metrics == {"m": 1.0}, found
assert found.params == {"big": "x" * 100, "small": "x"}
"""

NOWHERE = """
import os, sys, tempfile
from pathlib import Path
from trackbook.errors import StoreError
from trackbook.store import Store, events
from trackbook.store.spool import spool_folder

tempfile.tempdir = sys.argv[1]
store = Store.open(Path(sys.argv[1]) / "store")
store.root.joinpath("journal").rmdir()
store.root.joinpath("journal").touch()
spool_folder(store.root).touch()
try:
    store.append(events.TagsSet("a" * 32, {}))
except StoreError as error:
    assert "set TMPDIR" in str(error), error
else:
    raise SystemExit("nothing was raised")
"""


def run_script(code: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="this system cannot limit the size of a file")
@pytest.mark.parametrize("room", [0, 1, 7, 8, 30])
def test_what_a_full_disk_does_not_take_is_spooled_with_one_warning_and_comes_back(tmp_path, room):
    """A write that is cut short leaves no piece behind, and nothing of the run is lost."""
    run_script(FULL, str(tmp_path / ".trackbook"), str(room))


def test_without_a_store_and_without_a_spool_logging_is_a_clear_error(tmp_path):
    run_script(NOWHERE, str(tmp_path))


def test_a_full_disk_when_the_database_is_written_is_said_and_nothing_is_lost(tmp_path):
    """Readers see what is there and are told; writers get a clear error."""
    code = """
import resource, signal, sys, warnings
from pathlib import Path
from trackbook.errors import StoreError
from trackbook.store import Store
from trackbook.tracking import Runs, Tracker

store = Store.open(Path(sys.argv[1]))
runs = Runs(store)
runs.search()
tracker = Tracker(store, root=Path(sys.argv[1]).parent, experiment="default", user="u")
with tracker.start_run("full") as run:
    run.log_params({f"p{number}": "x" * 2000 for number in range(100)})
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096 * 20, limit[1]))
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    assert runs.search() == []
assert len(said) == 1 and "what was logged last is not shown" in str(said[0].message), said
try:
    with store.write() as db:
        raise SystemExit("nothing was raised")
except StoreError as error:
    assert "trackbook.db cannot be used" in str(error), error
resource.setrlimit(resource.RLIMIT_FSIZE, limit)
(found,) = runs.search()
assert (found.status, len(found.params)) == ("FINISHED", 100)
"""
    run_script(code, str(tmp_path / ".trackbook"))


def test_a_journal_of_a_newer_version_is_refused_and_kept(tmp_path):
    newer = event.JournalOpened(event.FORMAT + 1, 1, "h", 1)
    payload = msgspec.msgpack.encode(newer)
    store = store_with(tmp_path, struct.pack("<II", len(payload), google_crc32c.value(payload)) + payload)
    with pytest.raises(StoreVersionError, match=r"newer Trackbook.*pip install -U trackbook"):
        Runs(store).search()
    assert journal_of(store.root / "journal").exists()


def test_a_database_of_a_newer_version_is_refused_for_reading_and_writing(store, runs):
    runs.search()
    with sqlite3.connect(store.database) as db:
        db.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('trackbook', 'm999_future', 'x')"
        )
    db.close()
    for use in (runs.search, lambda: store.write().__enter__()):
        with pytest.raises(StoreVersionError, match=r"newer Trackbook.*m999_future.*pip install -U trackbook"):
            use()
    assert [finding.id for finding in fsck(store)] == ["database-unusable"]


@pytest.mark.parametrize(
    "content", [b"this is no database at all, whatever its name says" * 100, b"SQLite format 3\0" + b"\xff" * 4096]
)
def test_a_file_that_is_no_database_is_a_clear_error(store, runs, content):
    store.database.write_bytes(content)
    with pytest.raises(StoreError, match=r"trackbook\.db cannot be used.*trackbook fsck"):
        runs.search()
    assert [finding.severity for finding in fsck(store)] == ["error"]


def test_a_database_damaged_in_its_middle_is_a_clear_error_and_a_finding(store, runs, tracker):
    for number in range(30):
        with tracker.start_run(f"r{number}") as run:
            run.log_params({f"p{key}": "x" * 200 for key in range(20)})
    runs.search()
    with store.database.open("r+b") as file:
        file.seek(4096 * 2)
        file.write(b"\xa5" * (store.database.stat().st_size - 4096 * 2))
    with pytest.raises(StoreError, match="cannot be used"):
        runs.search("params.p1 = 'x'", max_results=1000)
    assert "error" in {finding.severity for finding in fsck(store)}


def test_an_empty_database_file_is_made_whole(store, runs):
    store.database.touch()
    assert runs.search() == []


@pytest.mark.parametrize("step", [1.5, "1", 2**63, -(2**63) - 1, object()])
def test_a_step_that_could_not_be_read_back_is_refused_before_it_is_written(runs, tracker, step):
    with tracker.start_run("steps") as run:
        with pytest.raises(UsageError, match="step of metric 'm' is a"):
            run.log_metric("m", 1.0, step=step)
        with pytest.raises(UsageError, match="step of metric"):
            run.log_metrics({"m": 1.0}, step=step)
        run.log_metric("m", 2.0, step=2**63 - 1)
    (found,) = runs.search()
    assert found.metrics == {"m": 2.0}


def test_a_text_that_is_no_unicode_is_spelt_out(runs, tracker):
    with tracker.start_run("surrogates", tags={"t": "a\udcffb\0c"}) as run:
        run.log_param("p", "\ud800")
        run.log_data(event.DataUsed(run.run_id, "read", "/data/\udce4.csv", "file", None, columns={"\udce4": "x"}))
    found = runs.get(run.run_id)
    assert found.summary.params == {"p": "\\ud800"}
    assert found.summary.tags == {"t": "a\\udcffb\0c"}
    assert (found.data[0].name, found.data[0].columns) == ("/data/\\udce4.csv", {"\\udce4": "x"})


def test_an_event_that_is_too_large_is_refused_and_the_run_goes_on(runs, tracker, monkeypatch):
    monkeypatch.setattr("trackbook.store.journal.MAX_FRAME", 10_000)
    with tracker.start_run("large") as run:
        with pytest.raises(StoreError, match=r"ParamsLogged of 2.* bytes is more than"):
            run.log_param("p", "x" * 20_000)
        run.log_param("p", "x")
    assert runs.search()[0].params == {"p": "x"}


def test_frames_of_this_version_can_be_read_by_it(tmp_path, abandoned):
    content, ends = abandoned
    path = tmp_path / "whole.journal"
    path.write_bytes(content)
    (batch,) = read_batches(path)
    assert isinstance(batch, Batch)
    assert [type(each).__name__ for each in batch.events] == ["JournalOpened", "RunStarted", *["MetricLogged"] * 3]
    assert list(read_batches(path, ends[-1])) == []


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_a_journal_reads_the_same_in_pieces_of_any_size(tmp_path, abandoned, monkeypatch, size):
    """Where a piece ends does not count, not even in the midst of a header."""
    content, ends = abandoned
    path = tmp_path / "whole.journal"
    path.write_bytes(content)
    monkeypatch.setattr("trackbook.store.journal.BATCH", size)
    batches = list(read_batches(path))
    assert [type(each).__name__ for batch in batches for each in batch.events][-1] == "MetricLogged"
    assert sum(len(batch.events) for batch in batches) == 5
    assert batches[-1].end == ends[-1]


def test_an_interrupt_at_any_moment_leaves_a_readable_journal(tmp_path):
    """KeyboardInterrupt raised inside appends, then short writes: every acknowledged metric is there."""
    code = textwrap.dedent("""
        import itertools, signal, sys
        from pathlib import Path
        from trackbook.store import Store
        from trackbook.tracking import Runs, Tracker

        store = Store.open(Path(sys.argv[1]))
        tracker = Tracker(store, root=Path(sys.argv[1]).parent, experiment="default", user="u")
        run = tracker.start_run("interrupted")
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        said, interrupts, step = [], 0, 0
        while interrupts < 200:
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.0002 + interrupts * 0.000003)
                while True:
                    step += 1
                    run.log_metric("m", float(step), step=step)
                    said.append(step)
            except KeyboardInterrupt:
                interrupts += 1
        run.end()
        points = [point.step for point in Runs(store).metric_history(run.run_id, "m")]
        assert set(said) <= set(points) and len(points) == len(set(points)), (len(said), len(points))
    """)
    run_script(code, str(tmp_path / ".trackbook"))


def test_the_lock_of_a_process_killed_before_it_had_a_journal_is_removed_and_a_living_ones_stays(store, runs):
    from trackbook.store.journal import liveness_lock

    stray = store.root / "journal" / "0-1-aa.lock"
    stray.touch()
    living = liveness_lock(store.root / "journal" / "0-2-bb.journal")
    with living:
        runs.search()
        assert [path.name for path in (store.root / "journal").iterdir()] == ["0-2-bb.lock"]
