"""Folders of runs that were killed do not pile up."""

import os
import time
from pathlib import Path

from filelock import FileLock

from trackbook.pipeline.running.scratch import scratch


def test_a_folder_that_a_killed_run_left_is_deleted_and_one_in_use_is_not(tmp_path: Path) -> None:
    left, used, new = (tmp_path / f"pipeline-{name}" for name in ("left", "used", "new"))
    for folder in (left, used, new):
        folder.mkdir()
        (folder / "outputs").write_bytes(b"large")
    lock = FileLock(used / "lock")
    with lock:
        for folder in (left, used):
            os.utime(folder, (time.time() - 100,) * 2)
        with scratch(tmp_path) as folder:
            (folder / "outputs").write_bytes(b"mine")
            assert {path.name for path in tmp_path.iterdir()} == {used.name, new.name, folder.name}
        assert not folder.exists()
