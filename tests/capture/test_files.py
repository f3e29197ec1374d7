"""Which files Python code opened, and their fingerprints."""

import glob
import importlib
import importlib.metadata
import io
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from blake3 import blake3

from trackbook.capture.files import digests, stamps
from trackbook.capture.files import watcher as files
from trackbook.capture.files.watcher import FileWatcher, fingerprint_file, is_data_file, is_library

watcher = FileWatcher()


@pytest.fixture
def seen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def watch(action):
        watcher.start()
        try:
            action()
        finally:
            opened = watcher.stop()
        return {os.path.relpath(path, tmp_path): file.roles for path, file in opened.files.items()}

    return watch


def test_reads_and_writes_are_told_apart(seen):
    Path("in.csv").write_text("a\n1\n")

    def action():
        pd.read_csv("in.csv").to_csv("out.csv")
        with Path("log.txt").open("a") as file:
            file.write("x")
        os.close(os.open("low.bin", os.O_WRONLY | os.O_CREAT))
        Path("in.csv").read_bytes()

    assert seen(action) == {"in.csv": {"read"}, "out.csv": {"written"}, "log.txt": {"written"}, "low.bin": {"written"}}


def test_one_file_can_be_both_but_what_the_cell_made_itself_is_no_input(seen):
    assert seen(lambda: (Path("x.txt").write_text("1"), Path("x.txt").read_text())) == {"x.txt": {"written"}}
    assert seen(lambda: (Path("x.txt").read_text(), Path("x.txt").write_text("1"))) == {"x.txt": {"read", "written"}}


def test_nothing_is_collected_while_it_is_off(seen):
    opened = seen(lambda: None)
    Path("later.txt").write_text("x")
    assert opened == {}


def test_files_opened_by_threads_count(seen):
    def action():
        thread = threading.Thread(target=lambda: Path("thread.txt").write_text("x"))
        thread.start()
        thread.join()

    assert seen(action) == {"thread.txt": {"written"}}


def test_odd_arguments_are_no_trouble(seen):
    def action():
        with open(os.devnull), open(b"bytes.txt", "w"), io.BytesIO():  # noqa: PTH123 - bytes are no Path
            pass
        descriptor = os.open("by_descriptor.txt", os.O_CREAT | os.O_RDWR)
        with open(descriptor, "w"):  # noqa: PTH123 - a descriptor is no Path
            pass
        with pytest.raises(FileNotFoundError):
            Path("missing.txt").read_bytes()

    assert seen(action) == {"bytes.txt": {"written"}, "by_descriptor.txt": {"written"}, "missing.txt": {"read"}}


def test_code_libraries_and_our_own_store_are_no_data(tmp_path):
    for path in (
        pd.__file__,
        os.__file__,
        tmp_path / "a.py",
        tmp_path / ".trackbook/x.db",
        tmp_path / ".git/HEAD",
        "/proc/stat",
    ):
        assert not is_data_file(str(path)), path
    for path in (tmp_path / "a.csv", tmp_path / "b" / "c.parquet", Path.home() / "data.txt"):
        assert is_data_file(str(path)), path


def test_a_project_in_the_folder_of_its_environment_is_no_library():
    assert not is_library(f"{sys.prefix}/project/cell.py")
    assert is_library(pd.__file__)
    assert is_library(threading.__file__)


def test_the_fingerprint_of_a_file_is_that_of_its_bytes(tmp_path):
    for content in (b"", b"x", os.urandom(200_000)):
        path = tmp_path / "file"
        path.write_bytes(content)
        found = fingerprint_file(path)
        assert (found.digest, found.size, found.kind) == (blake3(content).hexdigest(), len(content), "file")


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir, os.mkfifo, lambda path: path.symlink_to("nowhere")])
def test_what_is_no_file_has_a_reason_instead(tmp_path, make):
    path = tmp_path / "thing"
    make(path)
    found = fingerprint_file(path)
    assert found.digest is None
    assert found.reason


def test_an_archive_of_modules_is_no_data(tmp_path, monkeypatch):
    archive = str(tmp_path / "modules.zip")
    assert is_data_file(archive)
    monkeypatch.syspath_prepend(archive)
    assert not is_data_file(archive)


@pytest.fixture
def used(tmp_path, monkeypatch):
    """What a cell used, as `(role, name): fingerprint`, its digests real."""
    monkeypatch.chdir(tmp_path)

    def watch(action):
        watcher.start()
        try:
            action()
        finally:
            opened = watcher.stop()
        assert opened.unseen == ()
        return {(file.role, os.path.relpath(file.name, tmp_path)): file.fingerprint for file in opened.used()}

    return watch


def digest(content):
    return blake3(content).hexdigest()


def test_what_a_cell_reads_and_then_overwrites_has_its_content_from_before(used):
    Path("x.txt").write_text("old")
    found = used(lambda: (Path("x.txt").read_text(), Path("x.txt").write_text("new")))
    assert found["read", "x.txt"].digest == digest(b"old")
    assert found["written", "x.txt"].digest == digest(b"new")


@pytest.mark.parametrize("mode", ["a", "r+", "ab+"])
def test_what_is_added_to_depends_on_what_was_there(used, mode):
    Path("x.txt").write_text("old")

    def action():
        with open("x.txt", mode) as file:  # noqa: PTH123 - the modes are what is tested
            file.write(b"new" if "b" in mode else "new")

    found = used(action)
    assert found["read", "x.txt"].digest == digest(b"old")
    assert found["written", "x.txt"].digest == digest(Path("x.txt").read_bytes())


def test_a_file_changed_by_others_after_its_reading_is_said(used):
    Path("x.txt").write_text("old")

    def action():
        Path("x.txt").read_text()
        subprocess.run(["sh", "-c", "echo other > x.txt; rm y.txt"], check=True)

    Path("y.txt").write_text("y")
    watcher.start()
    Path("y.txt").read_text()
    action()
    opened = watcher.stop()
    reasons = {
        Path(file.name).name: (file.role, file.fingerprint.digest, file.fingerprint.reason) for file in opened.used()
    }
    assert reasons == {
        "x.txt": ("read", None, "changed between its reading and the end of the cell"),
        "y.txt": ("read", None, "read by the cell, and gone by the end of it"),
    }
    assert opened.unseen == ("files that other processes opened, which the cell started",)


def test_files_made_and_removed_in_the_cell_are_nothing(used):
    def action():
        with tempfile.TemporaryDirectory(dir=".") as folder:
            Path(folder, "a.txt").write_text("x")
            Path(folder, "a.txt").read_text()
        Path("new.tmp").write_text("x")
        Path("new.tmp").replace("kept.txt")

    found = used(action)
    assert {key: seen.digest for key, seen in found.items()} == {("written", "kept.txt"): digest(b"x")}


def test_a_file_that_is_moved_or_removed_is_written(used):
    for name in ("a.txt", "b.txt"):
        Path(name).write_text(name)
    found = used(lambda: (Path("a.txt").rename("c.txt"), Path("b.txt").unlink()))
    assert found["read", "a.txt"].digest == digest(b"a.txt") == found["written", "c.txt"].digest
    assert "removed" in found["written", "a.txt"].reason
    assert "removed" in found["written", "b.txt"].reason
    assert ("read", "b.txt") not in found


def test_a_folder_that_is_listed_counts_by_its_names_before_the_cell_added_some(used):
    Path("data").mkdir()
    for name in ("b.csv", "a.csv"):
        Path("data", name).write_text("")
    for list_folder in (
        lambda: os.listdir("data"),  # noqa: PTH208
        lambda: list(Path("data").glob("*.csv")),
        lambda: glob.glob("data/*"),  # noqa: PTH207
    ):
        found = used(list_folder)
        assert found.keys() == {("read", "data")}
    before = found["read", "data"]
    assert (before.kind, before.digest, before.rows) == ("folder", digest(b"a.csv\0b.csv"), 2)
    after = used(lambda: (os.listdir("data"), Path("data", "c.csv").write_text(""), Path("data", "a.csv").unlink()))  # noqa: PTH208
    assert after["read", "data"].digest == before.digest


def test_imports_list_no_folders(used, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    Path("some_module_of_mine.py").write_text("x = 1\n")

    def action():
        importlib.invalidate_caches()
        importlib.import_module("some_module_of_mine")
        list(importlib.metadata.distributions())

    assert used(action) == {}


def test_code_that_a_cell_wrote_is_data_of_the_cell_that_imports_it(used, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert used(lambda: Path("written_by_a_cell.py").write_text("x = 1\n")).keys() == {
        ("written", "written_by_a_cell.py")
    }
    importlib.invalidate_caches()
    found = used(lambda: importlib.import_module("written_by_a_cell"))
    assert found.keys() == {("read", "written_by_a_cell.py")}


def test_threads_from_before_the_cell_do_not_count_and_those_of_earlier_cells_do(used):
    wanted, done = threading.Event(), threading.Event()

    def work(name):
        wanted.wait()
        Path(name).write_text("x")
        done.set()

    stranger = threading.Thread(target=work, args=("stranger.txt",))
    stranger.start()
    own = threading.Thread(target=work, args=("own.txt",))
    assert used(own.start) == {}
    assert used(lambda: (wanted.set(), stranger.join(), own.join())).keys() == {("written", "own.txt")}


def test_the_thread_that_saves_the_history_is_the_kernels_even_when_a_cell_starts_it(used, tmp_path):
    class Saving(threading.Thread):
        def run(self):
            sqlite3.connect("history.sqlite").close()

    Saving.__module__ = "IPython.core.history"

    def action():
        thread = Saving()
        thread.start()
        thread.join()

    assert used(action) == {}


def test_a_database_is_read_or_written_by_what_became_of_it(used):
    def query(text):
        with closing(sqlite3.connect("x.db")) as database, database:
            database.execute(text).fetchall()

    assert used(lambda: query("create table t (a)")).keys() == {("written", "x.db")}
    assert used(lambda: query("select * from t")).keys() == {("read", "x.db")}
    assert used(lambda: query("insert into t values (1)")).keys() == {("read", "x.db"), ("written", "x.db")}
    assert used(lambda: sqlite3.connect(":memory:").close()) == {}


def test_names_that_are_no_text_and_links_are_said_as_they_are(used, tmp_path):
    Path("target.csv").write_text("x")
    Path("link.csv").symlink_to("target.csv")
    watcher.start()
    Path("link.csv").read_text()
    with open(b"caf\xe9.txt", "w"):  # noqa: PTH123 - bytes are no Path
        pass
    with pytest.raises(ValueError, match="null"):
        open("a\0b")  # noqa: PTH123, SIM115
    opened = watcher.stop()
    link, odd = opened.used()
    assert (link.name, link.target) == (str(tmp_path / "link.csv"), os.path.realpath("target.csv"))
    assert opened.read == {str(tmp_path / "link.csv"), os.path.realpath("target.csv")}
    assert odd.name.encode().endswith(b"caf\\xe9.txt")


def test_a_name_is_resolved_where_the_cell_was_when_it_opened_it(used, tmp_path, monkeypatch):
    Path("sub").mkdir()

    def action():
        Path("a.txt").write_text("1")
        os.chdir("sub")
        Path("a.txt").write_text("2")
        shutil.rmtree("../old", ignore_errors=True)

    assert used(action).keys() == {("written", "a.txt"), ("written", "sub/a.txt")}


def test_pipes_and_what_may_not_be_read_have_reasons(used):
    os.mkfifo("pipe")
    folder = os.open(".", os.O_RDONLY)

    def action():
        os.close(os.open("pipe", os.O_RDONLY | os.O_NONBLOCK))
        os.close(os.open(".", os.O_RDONLY))
        os.close(os.open("pipe", os.O_RDONLY | os.O_NONBLOCK, dir_fd=folder))
        with pytest.raises(FileNotFoundError):
            Path("missing").read_bytes()

    found = used(action)
    os.close(folder)
    assert "regular" in found["read", "pipe"].reason
    assert "none when" in found["read", "missing"].reason


def test_hostile_arguments_fail_as_before(used):
    class Hostile:
        def __fspath__(self):
            raise RuntimeError("no path")

    def action():
        for wrong in (Hostile(), object(), 1.5, None, -1):
            with pytest.raises((RuntimeError, TypeError, ValueError, OSError)):
                open(wrong)  # noqa: PTH123, SIM115
            if wrong not in (None, -1):  # which are the current folder
                with pytest.raises((RuntimeError, TypeError, ValueError, OSError)):
                    os.listdir(wrong)  # noqa: PTH208

    assert used(action) == {}


def test_a_digest_is_kept_only_while_the_file_certainly_stays_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "x.bin"
    path.write_bytes(b"a" * 100)
    reads = []
    monkeypatch.setattr(digests, "_read", lambda *arguments, read=digests._read: reads.append(1) or read(*arguments))
    fingerprint_file(path), fingerprint_file(path)
    assert len(reads) == 2  # changed a moment ago: it may change again within one tick of the clock
    monkeypatch.setattr(stamps, "RACY_NS", -10_000_000_000)
    fingerprint_file(path), fingerprint_file(path)
    assert len(reads) == 3
    path.write_bytes(b"b" * 100)
    assert fingerprint_file(path).digest == digest(b"b" * 100)
    watcher.start()
    mapped = np.memmap(path, dtype="u1", mode="r+")
    watcher.stop()
    fingerprint_file(path)
    mapped[0] = 0
    assert fingerprint_file(path).digest == digest(bytes(mapped))


def test_more_files_than_are_named_are_counted(used, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_NAMED", 3)
    watcher.start()
    for number in range(5):
        (tmp_path / f"{number}.txt").write_text("x")
    opened = watcher.stop()
    assert len(opened.files) == 3
    assert opened.unseen == ("2 more files than the 3 that are named",)


def test_removing_a_tree_from_before_tells_no_names_from_elsewhere(used):
    Path("old/deep").mkdir(parents=True)
    Path("old/deep/a.txt").write_text("x")
    found = used(lambda: shutil.rmtree("old"))
    assert {key for key in found if key[0] == "read"} == set()
    assert {name for _, name in found} <= {"old", "old/deep", "old/deep/a.txt"}
    assert all(seen.reason == "the cell removed it" for seen in found.values())


def test_a_host_that_no_url_tells_of_is_named(used):
    found = used(lambda: socket.getaddrinfo("localhost", 5432))
    assert {(role, Path(name).name, seen.kind) for (role, name), seen in found.items()} == {
        ("read", "localhost:5432", "url")
    }
