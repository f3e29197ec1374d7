"""Versions through fsspec: pandas and others open them like files, and cannot write them."""

import os
import tomllib
from pathlib import Path

import fsspec
import pandas as pd
import pytest

from trackbook.data import Datasets
from trackbook.data.filesystem import DataFileSystem
from trackbook.errors import DataError, IntegrityError, UsageError
from trackbook.store import Store


@pytest.fixture
def data(tmp_path):
    return Datasets(Store.open(tmp_path / ".trackbook"), "ada")


@pytest.fixture
def files(data):
    return DataFileSystem(lambda: data)


@pytest.mark.parametrize("format", ["file", "chunks"])
def test_a_large_file_is_read_from_any_place(data, files, tmp_path, format):
    content = os.urandom(11 << 20)
    if format == "chunks":
        (tmp_path / "big.bin").write_bytes(content[: 9 << 20])
        data.snapshot(tmp_path / "big.bin", "big")
    (tmp_path / "big.bin").write_bytes(content)
    version = data.snapshot(tmp_path / "big.bin", "big")
    assert version.format == format
    with files.open(f"data://big@{version.version}") as file:
        file.seek(5_000_000)
        assert file.read(3_000_000) == content[5_000_000:8_000_000]
        assert file.seek(-10, os.SEEK_END) == len(content) - 10
        assert file.read() == content[-10:]
        file.seek(0)
        assert file.read() == content
    assert files.info("big")["size"] == len(content)


def test_a_damaged_large_file_is_refused_when_it_is_opened(data, files, tmp_path):
    (tmp_path / "big.bin").write_bytes(os.urandom(9 << 20))
    version = data.snapshot(tmp_path / "big.bin", "big")
    os.truncate(data.stored_objects.locate(version.digest).path, 100)
    with pytest.raises(IntegrityError, match=version.digest[:12]):
        files.open("data://big")


def test_a_frame_is_served_as_parquet(data, files):
    frame = pd.DataFrame({"a": [1.5, None], "b": pd.Categorical(["x", "y"])})
    data.snapshot(frame, "sales")
    with files.open("data:/sales") as file:
        pd.testing.assert_frame_equal(pd.read_parquet(file), frame)


def test_what_there_is_is_listed(data, files):
    for value in (1, 2):
        data.snapshot(pd.DataFrame({"a": [value]}), "sales")
    assert files.ls("sales", detail=False) == ["sales@2", "sales@1"]
    assert [each["name"] for each in files.ls("")] == ["sales@2", "sales@1"]
    assert not files.exists("data://sales@3")


def test_nothing_is_written_and_a_folder_is_no_file(data, files, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "x").write_text("x")
    data.snapshot(tmp_path / "folder", "folder")
    with pytest.raises(DataError, match="is a folder; restore it"):
        files.open("data://folder")
    with pytest.raises(UsageError, match="a version never changes"):
        files.open("data://folder", "wb")
    with pytest.raises(FileNotFoundError, match="no dataset 'other'"):
        files.open("data://other")


def test_content_written_out_in_a_url_is_still_read(files):
    with files.open("data:text/csv,a%2Cb") as file:
        assert file.read() == b"a,b"


def test_pandas_finds_the_versions_of_the_project(project, monkeypatch, tmp_path):
    """The entry point that an installed Trackbook registers, by hand here."""
    specs = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["entry-points"]
    target = specs["fsspec.specs"]["data"].replace(":", ".")
    fsspec.register_implementation("data", target, clobber=True)
    (tmp_path / "sales.csv").write_text("a,b\n1,2\n")
    project.data.snapshot(tmp_path / "sales.csv", "sales")
    project.data.snapshot(pd.DataFrame({"a": [7]}), "frame")
    monkeypatch.chdir(project.root)
    assert pd.read_csv("data://sales@1").to_dict("list") == {"a": [1], "b": [2]}
    assert pd.read_parquet("data://frame").to_dict("list") == {"a": [7]}
