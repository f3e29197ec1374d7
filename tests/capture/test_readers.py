"""Files that native libraries open, told by the real libraries."""

import inspect
import os
import pickle
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import duckdb
import h5py
import httpx
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset
import pyarrow.feather
import pyarrow.fs
import pyarrow.json
import pyarrow.orc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackbook.capture.files import audit
from trackbook.capture.files.readers.sql import files_in_sql
from trackbook.capture.files.urls import clean_url
from trackbook.capture.files.watcher import FileWatcher

TABLE = pa.table({"a": [1, 2, 3]})
FRAME = pl.DataFrame({"a": [1, 2, 3]})


@pytest.fixture
def seen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pq.write_table(TABLE, "in.parquet")
    pq.write_table(TABLE, "in2.parquet")
    pa.csv.write_csv(TABLE, "in.csv")
    pa.feather.write_feather(TABLE, "in.feather")
    pa.orc.write_table(TABLE, "in.orc")
    Path("in.ndjson").write_text('{"a": 1}\n')
    Path("in.json").write_text('[{"a": 1}]')
    pq.write_to_dataset(TABLE, "folder", partition_cols=["a"], basename_template="{i}.parquet")
    watcher = FileWatcher()

    def watch(action):
        watcher.start()
        try:
            action()
        finally:
            opened = watcher.stop()
        assert opened.unseen == ()
        return {
            os.path.relpath(path, tmp_path): "".join(sorted(role[0] for role in file.roles))
            for path, file in opened.files.items()
        }

    return watch


def open_and_close(file):
    file.close()


FOLDER = {f"folder/a={number}/0.parquet": "r" for number in (1, 2, 3)}
CALLS = {
    "parquet.read_table": (lambda: pq.read_table("in.parquet"), {"in.parquet": "r"}),
    "parquet.read_table of a Path": (lambda: pq.read_table(Path("in.parquet")), {"in.parquet": "r"}),
    "parquet.read_table of a folder": (lambda: pq.read_table("folder"), FOLDER),
    "parquet.read_table of a list": (
        lambda: pq.read_table(["in.parquet", "in2.parquet"]),
        {"in.parquet": "r", "in2.parquet": "r"},
    ),
    "parquet.read_pandas": (lambda: pq.read_pandas("in.parquet"), {"in.parquet": "r"}),
    "parquet.ParquetFile": (lambda: pq.ParquetFile("in.parquet").close(), {"in.parquet": "r"}),
    "parquet.ParquetDataset": (lambda: pq.ParquetDataset("folder"), FOLDER),
    "parquet.read_metadata": (lambda: pq.read_metadata("in.parquet"), {"in.parquet": "r"}),
    "parquet.read_schema": (lambda: pq.read_schema("in.parquet"), {"in.parquet": "r"}),
    "parquet.write_table": (lambda: pq.write_table(TABLE, "out.parquet"), {"out.parquet": "w"}),
    "parquet.ParquetWriter": (lambda: pq.ParquetWriter("out.parquet", TABLE.schema).close(), {"out.parquet": "w"}),
    "dataset": (lambda: pa.dataset.dataset("folder"), FOLDER),
    "csv.read_csv": (lambda: pa.csv.read_csv("in.csv"), {"in.csv": "r"}),
    "csv.open_csv": (lambda: pa.csv.open_csv("in.csv").close(), {"in.csv": "r"}),
    "csv.write_csv": (lambda: pa.csv.write_csv(TABLE, "out.csv"), {"out.csv": "w"}),
    "json.read_json": (lambda: pa.json.read_json("in.ndjson"), {"in.ndjson": "r"}),
    "feather.read_table": (lambda: pa.feather.read_table("in.feather"), {"in.feather": "r"}),
    "feather.read_feather": (lambda: pa.feather.read_feather("in.feather"), {"in.feather": "r"}),
    "feather.write_feather": (lambda: pa.feather.write_feather(TABLE, "out.feather"), {"out.feather": "w"}),
    "orc.read_table": (lambda: pa.orc.read_table("in.orc"), {"in.orc": "r"}),
    "orc.ORCFile": (lambda: pa.orc.ORCFile("in.orc"), {"in.orc": "r"}),
    "orc.write_table": (lambda: pa.orc.write_table(TABLE, "out.orc"), {"out.orc": "w"}),
    "memory_map": (lambda: pa.memory_map("in.csv").close(), {"in.csv": "r"}),
    "OSFile": (lambda: pa.OSFile("in.csv").close(), {"in.csv": "r"}),
    "OSFile written": (lambda: pa.OSFile("out.bin", "wb").close(), {"out.bin": "w"}),
    "LocalFileSystem": (lambda: pa.fs.LocalFileSystem().open_input_file("in.csv").close(), {"in.csv": "r"}),
    "LocalFileSystem written": (
        lambda: pa.fs.LocalFileSystem().open_output_stream("out.bin").close(),
        {"out.bin": "w"},
    ),
    "polars.read_csv": (lambda: pl.read_csv("in.csv"), {"in.csv": "r"}),
    "polars.read_parquet of a glob": (lambda: pl.read_parquet("in*.parquet"), {"in.parquet": "r", "in2.parquet": "r"}),
    "polars.read_ipc": (lambda: pl.read_ipc("in.feather"), {"in.feather": "r"}),
    "polars.read_json": (lambda: pl.read_json("in.json"), {"in.json": "r"}),
    "polars.read_ndjson": (lambda: pl.read_ndjson("in.ndjson"), {"in.ndjson": "r"}),
    "polars.scan_parquet of a folder": (lambda: pl.scan_parquet("folder").collect(), FOLDER),
    "polars.write_csv": (lambda: FRAME.write_csv("out.csv"), {"out.csv": "w"}),
    "polars.write_parquet": (lambda: FRAME.write_parquet("out.parquet"), {"out.parquet": "w"}),
    "polars.write_ipc": (lambda: FRAME.write_ipc(file="out.ipc"), {"out.ipc": "w"}),
    "polars.write_json": (lambda: FRAME.write_json("out.json"), {"out.json": "w"}),
    "polars.write_ndjson": (lambda: FRAME.write_ndjson(Path("out.ndjson")), {"out.ndjson": "w"}),
    "polars.write_json to text": (lambda: FRAME.write_json(), {}),
    "polars.sink_csv": (lambda: pl.scan_csv("in.csv").sink_csv("out.csv"), {"in.csv": "r", "out.csv": "w"}),
    "duckdb.sql": (lambda: duckdb.sql("SELECT * FROM 'in.csv'").fetchall(), {"in.csv": "r"}),
    "duckdb.execute": (lambda: duckdb.execute("SELECT * FROM read_csv(?)", ["in.csv"]).fetchall(), {"in.csv": "r"}),
    "duckdb globs": (
        lambda: duckdb.sql("FROM read_parquet('in*.parquet')").fetchall(),
        {"in.parquet": "r", "in2.parquet": "r"},
    ),
    "duckdb lists": (
        lambda: duckdb.sql("FROM read_parquet(['in.parquet', 'in2.parquet'])").fetchall(),
        {"in.parquet": "r", "in2.parquet": "r"},
    ),
    "duckdb COPY": (lambda: duckdb.execute("COPY (SELECT 1 AS b) TO 'out.parquet'"), {"out.parquet": "w"}),
    "duckdb.read_parquet": (lambda: duckdb.read_parquet("in.parquet").fetchall(), {"in.parquet": "r"}),
    "duckdb.read_csv": (lambda: duckdb.read_csv("in.csv").fetchall(), {"in.csv": "r"}),
    "duckdb write_csv": (lambda: duckdb.sql("SELECT 1 AS b").write_csv("out.csv"), {"out.csv": "w"}),
    "duckdb.connect": (lambda: duckdb.connect("new.duckdb").close(), {"new.duckdb": "w"}),
    "pandas.read_parquet": (lambda: pd.read_parquet("in.parquet"), {"in.parquet": "r"}),
    "pandas.to_parquet": (lambda: pd.DataFrame({"a": [1]}).to_parquet("out.parquet"), {"out.parquet": "w"}),
    "pandas.read_feather": (lambda: pd.read_feather("in.feather"), {"in.feather": "r"}),
    "pandas.read_csv": (lambda: pd.read_csv("in.csv", engine="pyarrow"), {"in.csv": "r"}),
    "numpy.memmap": (lambda: np.memmap("in.csv", dtype="u1", mode="r"), {"in.csv": "r"}),
    "numpy.tofile": (lambda: np.arange(3).tofile("out.bin"), {"out.bin": "w"}),
    "h5py": (lambda: h5py.File("out.h5", "w").close(), {"out.h5": "w"}),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_native_code_opens_is_seen(seen, name):
    action, expected = CALLS[name]
    found = seen(action)
    assert {path: roles for path, roles in found.items() if path != "."} == expected


def test_a_dataset_that_is_written_names_its_folder_and_files(seen):
    found = seen(lambda: pq.write_to_dataset(TABLE, "new", basename_template="{i}.parquet"))
    assert found["new/0.parquet"] == "w"


def test_a_lazy_frame_reads_when_it_is_collected(seen):
    frame = pl.scan_parquet("in*.parquet").filter(pl.col("a") > 1)
    many = pl.scan_csv(["in.csv"] * 20)
    assert seen(lambda: frame.collect()) == {"in.parquet": "r", "in2.parquet": "r"}
    assert seen(lambda: pl.collect_all([frame.select("a"), many])).keys() == {"in.parquet", "in2.parquet", "in.csv"}


def test_a_query_on_an_open_database_may_change_its_file(seen):
    with duckdb.connect("data.duckdb") as connection:
        found = seen(lambda: connection.execute("CREATE TABLE t AS SELECT 1 AS a; CHECKPOINT"))
        assert found == {"data.duckdb": "rw"}
        assert seen(lambda: connection.sql("SELECT * FROM t").fetchall()) == {"data.duckdb": "r"}


def test_nothing_is_told_while_nobody_listens(seen, monkeypatch):
    assert not audit.listening()
    monkeypatch.setattr(sys, "audit", lambda *arguments: pytest.fail(f"told {arguments}"))
    pl.read_csv("in.csv"), pq.read_table("in.parquet"), duckdb.sql("FROM 'in.csv'").fetchall()


def test_a_failing_read_fails_as_before(seen):
    def fail():
        with pytest.raises(FileNotFoundError):
            pl.read_csv("missing.csv")
        with pytest.raises(FileNotFoundError):
            pq.read_table("missing.parquet")
        with pytest.raises(TypeError):
            pl.read_csv()
        with pytest.raises(duckdb.Error):
            duckdb.sql("SELECT * FROM 'missing.csv'")

    seen(fail)


def test_wrapped_functions_and_classes_stay_what_they_were(seen):
    seen(lambda: None)
    assert inspect.signature(pl.read_csv).parameters["source"]
    assert "CSV" in (pl.read_csv.__doc__ or "")
    for function in (
        pl.read_csv,
        pl.scan_parquet,
        pq.read_table,
        pa.csv.read_csv,
        pa.dataset.write_dataset,
        duckdb.sql,
    ):
        assert pickle.loads(pickle.dumps(function)) is function, function
    system = pa.fs.LocalFileSystem()
    assert pickle.loads(pickle.dumps(system)) == system
    assert isinstance(pickle.loads(pickle.dumps(system)), pa.fs.LocalFileSystem)
    assert isinstance(pa.fs.FileSystem.from_uri("file:///")[0], pa.fs.LocalFileSystem)
    assert isinstance(pa.OSFile("in.csv"), pa.NativeFile)
    assert pickle.loads(pickle.dumps(pa.fs.LocalFileSystem)) is pa.fs.LocalFileSystem
    assert pq.read_table("in.parquet", filesystem=system).num_rows == 3
    assert issubclass(type(pa.fs.FileSystem.from_uri("file:///")[0]), pa.fs.LocalFileSystem)

    class Own(pa.fs.LocalFileSystem):
        pass

    assert isinstance(Own(), pa.fs.LocalFileSystem)
    assert not isinstance(system, Own)
    assert pickle.loads(pickle.dumps(FRAME)).equals(FRAME)
    assert pa.dataset.dataset("in.parquet", filesystem=system).count_rows() == 3


IMPORTED_BEFORE = """
from polars import read_csv
from pyarrow.csv import read_csv as arrow_csv
from pyarrow.parquet import read_table
from duckdb import sql
import sys
assert "trackbook" not in sys.modules
from trackbook.capture.files.watcher import FileWatcher
watcher = FileWatcher()
for read in (lambda: read_csv("in.csv"), lambda: arrow_csv("in.csv"), lambda: read_table("in.parquet"), lambda: sql("FROM 'in.csv'")):
    watcher.start()
    read()
    assert len(watcher.stop().files) == 1, read
"""
IMPORTED_AFTER = """
import sys
from trackbook.capture.files.watcher import FileWatcher
watcher = FileWatcher()
watcher.start()
assert not {"polars", "pyarrow", "duckdb", "numpy", "pandas", "h5py", "httpx"} & set(sys.modules)
from polars import read_csv
from pyarrow.csv import read_csv as arrow_csv
read_csv("in.csv"), arrow_csv("in.csv")
import pyarrow.parquet
pyarrow.parquet.read_table("in.parquet")
opened = watcher.stop()
assert sorted(path.rpartition("/")[2] for path in opened.files) == ["in.csv", "in.parquet"], opened
assert opened.unseen == (), opened.unseen
"""


@pytest.mark.parametrize("code", [IMPORTED_BEFORE, IMPORTED_AFTER], ids=["before", "after"])
def test_it_does_not_matter_when_a_library_was_imported(seen, tmp_path, code):
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def address():
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"a\n1\n")

        def log_message(self, *arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_urls_are_seen_without_what_opens_doors(address, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    watcher = FileWatcher()
    watcher.start()
    pd.read_csv(f"http://{address}/a.csv?api_key=verysecretvalue&day=3")
    with httpx.Client(trust_env=False) as client:
        client.get(f"http://someone:hunter2hunter2@{address}/b.csv?token=verysecretvalue")
    used = watcher.stop().used()
    assert {(file.role, file.fingerprint.kind, file.name) for file in used} == {
        ("read", "url", f"http://{address}/a.csv?api_key=[redacted]&day=3"),
        ("read", "url", f"http://{address}/b.csv?token=[redacted]"),
    }
    assert all(file.fingerprint.digest is None and "remote" in file.fingerprint.reason for file in used)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1 -- 'in.csv'", []),
        ("SELECT /* 'in.csv' */ 'no file', \"a\" FROM t", []),
        ('SELECT * FROM "in.csv"', [("in.csv", "read")]),
        ("SELECT * FROM 'in.csv' WHERE a = 'it''s'", [("in.csv", "read")]),
        ("SELECT * FROM $$in.csv$$", [("in.csv", "read")]),
        ("FROM 's3://bucket/x.parquet'", [("s3://bucket/x.parquet", "read")]),
        ("COPY t TO 'new.csv' (DELIMITER ',')", [("new.csv", "written")]),
        ("COPY t FROM 'in.csv'", [("in.csv", "read")]),
        ("copy (select * from 'in.csv') to 'new.csv'", [("in.csv", "read"), ("new.csv", "written")]),
        ("ATTACH IF NOT EXISTS 'other.db' AS o; FROM 'in.csv'", [("other.db", "database"), ("in.csv", "read")]),
        ("EXPORT DATABASE 'there'", [("there", "written")]),
        ("SELECT '", []),
    ],
)
def test_files_are_found_in_sql(tmp_path, monkeypatch, sql, expected):
    monkeypatch.chdir(tmp_path)
    Path("in.csv").write_text("a\n1\n")
    assert list(files_in_sql(sql)) == expected


@given(st.text(max_size=200))
def test_any_text_can_be_looked_through(text):
    assert isinstance(list(files_in_sql(text)), list)
    assert list(files_in_sql("'" * 10_001 + text)) is not None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://host/a.csv?day=3#part", "https://host/a.csv?day=3"),
        ("https://user:hunter2@host:8443/a.csv", "https://host:8443/a.csv"),
        ("https://token123456@host/a", "https://host/a"),
        ("s3://bucket/key/a.parquet", "s3://bucket/key/a.parquet"),
        (
            "https://b.host/a?X-Amz-Date=1&X-Amz-Signature=abcdef&x-amz-security-token=zz",
            "https://b.host/a?X-Amz-Date=1&X-Amz-Signature=[redacted]&x-amz-security-token=[redacted]",
        ),
        ("https://b.host/a?sv=2020&sig=Ab%2Bc&monkey=1", "https://b.host/a?sv=2020&sig=[redacted]&monkey=1"),
        ("https://user:hunter2@[half/a?key=abcdef", "https://[half/a?key=[redacted]"),
        ("", ""),
    ],
)
def test_a_url_loses_what_opens_doors_and_nothing_else(url, expected):
    assert clean_url(url) == expected
