"""Files that two runs wrote are compared by what they hold."""

import gzip
import pickle
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pandas
import pytest
from PIL import Image

from trackbook.pipeline.verification.written import file_difference


def picture(path: Path, value: int) -> None:
    Image.new("RGB", (4, 3), (value, 20, 30)).save(path, compress_level=9 if value % 2 else 1)


def packed(path: Path, value: int) -> None:
    with gzip.GzipFile(path, "wb", mtime=value) as file:
        file.write(b"a,b\n1,2\n" + (b"9,9\n" if value > 50 else b""))


def archive(path: Path, value: int) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(zipfile.ZipInfo("t.csv", (2000 + value % 9, 1, 1, 0, 0, 0)), "x\n" + ("2" if value > 50 else "1"))


def database(path: Path, value: int) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE t (x)")
        db.execute("INSERT INTO t VALUES (?)", [value > 50])
        db.execute(f"PRAGMA user_version = {value}")
    db.close()


def document(path: Path, value: int) -> None:
    path.write_bytes(b"%%PDF-1.4\n/CreationDate (D:%d)\nshown %d" % (value, value > 50))


def pickled(path: Path, value: int) -> None:
    path.write_bytes(pickle.dumps({"a": [1.0 + value * 1e-14, 2.0 + (value > 50)]}, protocol=4))


def arrays(path: Path, value: int) -> None:
    numpy.savez(path, a=numpy.array([1.0 + value * 1e-14, 2.0 + (value > 50)]))


def table(path: Path, value: int) -> None:
    frame = pandas.DataFrame({"a": [1.0 + value * 1e-14, 2.0 + (value > 50)]})
    frame.to_parquet(path, compression="gzip" if value % 2 else "snappy")


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.png", picture),
        ("a.csv.gz", packed),
        ("a.zip", archive),
        ("a.db", database),
        ("a.pdf", document),
        ("a.pkl", pickled),
        ("a.npz", arrays),
        ("a.parquet", table),
        ("a.csv", lambda path, value: path.write_text(f"x\n{1 + value * 1e-9}\n{value > 50}\n")),
    ],
)
def test_other_bytes_with_the_same_content_are_the_same_and_other_content_is_not(
    tmp_path: Path, name: str, write: Callable[[Path, int], Any]
) -> None:
    paths = [tmp_path / side / name for side in ("one", "two", "three")]
    for path, value in zip(paths, (1, 2, 99), strict=True):
        path.parent.mkdir()
        write(path, value)
    assert paths[0].read_bytes() != paths[1].read_bytes()
    assert file_difference(paths[0], paths[1]) is None
    assert file_difference(paths[0], paths[2]) is not None


def test_a_pickle_that_only_its_run_can_read_is_told_with_the_reason(tmp_path: Path) -> None:
    for name in ("a.pkl", "b.pkl"):
        (tmp_path / name).write_bytes(f"c__main__\nMissing{name[0]}\n.".encode())
    with pytest.raises(ValueError, match=r"cannot be read outside of the run.*Missing"):
        file_difference(tmp_path / "a.pkl", tmp_path / "b.pkl")
