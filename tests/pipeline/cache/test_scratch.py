"""Folders of runs that were killed do not pile up."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

from support.pipelines import Bench
from trackbook.pipeline.cache.scratch import scratch
from trackbook.store import Store


def test_a_folder_that_a_killed_run_left_is_deleted_and_one_in_use_is_not(tmp_path: Path) -> None:
    store = Store.open(tmp_path / ".trackbook")
    left, used, new = (store.root / f"pipeline-{name}" for name in ("left", "used", "new"))
    for folder in (left, used, new):
        folder.mkdir()
        (folder / "outputs").write_bytes(b"large")
    lock = FileLock(used / "lock")
    with lock:
        for folder in (left, used):
            os.utime(folder, (time.time() - 100,) * 2)
        with scratch(store) as folder:
            (folder / "outputs").write_bytes(b"mine")
            assert {path.name for path in store.root.glob("pipeline-*")} == {used.name, new.name, folder.name}
        assert not folder.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere results are written at once")
def test_a_result_that_was_being_written_when_the_run_was_killed_is_kept_by_the_next_run(bench: Bench) -> None:
    body = """
import numpy as np, os, time

def make():
    open("made", "w").close()
    return np.ones(12_000_000)

def use(big):
    while not os.path.exists("go"):
        time.sleep(0.02)
    return float(big.sum())
"""
    bench.write(body, "big = make()\ntotal = use(big)")
    code = "from trackbook.cli.main import main; main(['pipeline', 'run', 'p.py'])"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=bench.folder, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while "make: executed" not in process.stdout.readline():
        continue
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    (bench.folder / "go").touch()
    time.sleep(1)
    done = subprocess.run([sys.executable, "-c", code], cwd=bench.folder, capture_output=True, text=True, check=True)
    assert "make: cached" in done.stdout
    assert "use: executed" in done.stdout
    assert not list(bench.store.root.glob("pipeline-*"))
