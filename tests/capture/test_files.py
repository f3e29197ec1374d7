"""Which files Python code opened, and their fingerprints."""

import io
import os
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest
from blake3 import blake3

from trackbook.capture.files import FileWatcher, fingerprint_file, is_data_file, is_library

watcher = FileWatcher()  # one a process: its hook can never be taken out


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
