"""Outputs as files: exact values back, large buffers copied nowhere, written while the steps go on."""

import os
import resource
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from blake3 import blake3

from support.pipelines import Bench
from trackbook.errors import IntegrityError
from trackbook.pipeline.worker import spooling
from trackbook.pipeline.worker.signature import signature
from trackbook.pipeline.worker.written import Outcome, drop, wait_for


def written(path: Path, outputs: list[Any], **options: Any) -> str:
    spooling.write(path, outputs, {}, may_fork=False)
    return blake3(path.read_bytes()).hexdigest()


def test_outputs_come_back_exact_and_as_writable_as_they_were(tmp_path: Path) -> None:
    array = np.arange(500_000.0)
    fixed = array * 2
    fixed.flags.writeable = False
    frame = pd.DataFrame({"x": array, "t": ["a", None] * 250_000, "d": pd.Timestamp("2026-01-01")})
    outputs = [array, fixed, frame, np.asfortranarray(array.reshape(1000, 500)), {"small": 1}, b"", array]
    path = tmp_path / "outputs"
    digest = written(path, outputs)
    back = spooling.read(path, digest, [])
    assert [signature(item) for item in back] == [signature(item) for item in outputs]
    assert back[0] is back[-1]
    assert back[0].flags.writeable
    assert not back[1].flags.writeable
    back[0][:] = 0
    assert blake3(path.read_bytes()).hexdigest() == digest, "the kept file stays as it is"


def test_a_changed_byte_anywhere_and_a_cut_file_are_seen_before_anything_is_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "outputs"
    digest = written(path, [np.arange(300_000), "text"])
    content = path.read_bytes()
    for place in (3, len(content) // 2, len(content) - 20, len(content) - 3):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(IntegrityError, match="was changed on disk"):
            spooling.read(path, digest, [])
    for size in (0, 5, 20, len(content) - 1):
        path.write_bytes(content[:size])
        with pytest.raises(IntegrityError, match="was changed on disk"):
            spooling.read(path, digest, [])


linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere results are written at once")


@linux
def test_a_child_writes_what_was_there_when_it_began(tmp_path: Path) -> None:
    array = np.zeros(8_000_000)
    path = tmp_path / "outputs"
    _, child = spooling.write(path, [array, "and more"], {}, may_fork=True)
    array[:] = 1
    assert child
    outcome = wait_for(path, child)
    os.waitpid(child, 0)
    assert outcome.fault is None
    assert outcome.size == path.stat().st_size
    back = spooling.read(path, outcome.digest, [])
    assert not back[0].any()
    assert array.all()


@linux
def test_memory_that_processes_share_is_written_at_once(tmp_path: Path) -> None:
    path = tmp_path / "outputs"
    mapped = np.memmap(tmp_path / "mapped", mode="w+", shape=6_000_000, dtype="float64")
    for values in (mapped, np.asarray(mapped)[10:]):
        assert spooling.write(path, [values], {}, may_fork=True)[1] == 0


@linux
def test_a_writer_that_is_killed_or_runs_out_of_room_is_told(tmp_path: Path) -> None:
    path = tmp_path / "outputs"
    _, child = spooling.write(path, [np.zeros(8_000_000)], {}, may_fork=True)
    drop(path, child)
    os.waitpid(child, 0)
    assert wait_for(path, child).fault
    assert not path.exists()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        _, child = spooling.write(path, [np.zeros(8_000_000)], {}, may_fork=True)
        assert wait_for(path, child) == Outcome(fault="File too large")
        os.waitpid(child, 0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


BIG = """
import numpy as np, time, os

def make():
    return np.ones(8_000_000)

def use(big):
    began = os.path.exists("never")
    big[:] = 2
    return float(big.sum())

# %% [step:show] cache=off
def show(big, total):
    print(total, big[0])
"""


def test_a_large_result_is_kept_while_the_next_step_changes_it_in_place(bench: Bench) -> None:
    bench.write(BIG, "big = make()\ntotal = use(big)\nshow(big, total)")
    first = bench.run()
    assert [step.status for step in first.steps] == ["executed"] * 3
    assert bench.printed() == "16000000.0 2.0\n"
    assert bench.statuses()[0] == "cached"
    assert bench.printed() == "16000000.0 2.0\n"
    bench.write(BIG.replace("big[:] = 2", "big[:] = 3"), "big = make()\ntotal = use(big)\nshow(big, total)")
    assert bench.statuses()[0] == "cached"
    assert bench.printed() == "24000000.0 3.0\n"
    assert not list(bench.store.root.glob("pipeline-*"))
