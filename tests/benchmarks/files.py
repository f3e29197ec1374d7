"""What watching files, native readers, state and randomness costs a cell, beside the same code without Trackbook.

python tests/benchmarks/files.py
"""

import os
import statistics
import tempfile
import time
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import sklearn
from blake3 import blake3

MANY = 1000
BIG = 1 << 29


def microseconds(action: Callable[[], Any], number: int = 1000, repeats: int = 9) -> float:
    """Return the median time of one call."""
    return statistics.median(timeit.repeat(action, number=number, repeat=repeats)) / number * 1e6


def say(what: str, plain: float | None, time: float) -> None:
    """Print one line of the table."""
    beside = "" if plain is None else f"{plain:10.1f} {time / plain:7.2f}x"
    print(f"{what:44} {time:10.1f} {beside}")


def main() -> None:
    """Measure in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("x.txt").write_text("x")
        pl.DataFrame({"a": [1]}).write_csv("a.csv")
        measure()
        os.chdir("/")


def measure() -> None:
    """Measure everything; what is without Trackbook comes before it is imported."""
    print(f"{'microseconds, medians':44} {'with':>10} {'without':>10}")
    read = Path("x.txt").read_bytes
    plain, plain_polars = microseconds(read), microseconds(lambda: pl.read_csv("a.csv"), 100)

    from trackbook.capture.files.watcher import FileWatcher
    from trackbook.capture.randomness import generator_states, unseeded
    from trackbook.capture.state import process_state

    watcher = FileWatcher()
    say("open a file, hook installed and off", plain, microseconds(read))
    say("polars.read_csv, wrapped and off", plain_polars, microseconds(lambda: pl.read_csv("a.csv"), 100))
    watcher.start()
    say("open a file, on", plain, microseconds(read))
    say("polars.read_csv, on", plain_polars, microseconds(lambda: pl.read_csv("a.csv"), 100))
    watcher.stop()
    say("start and stop of a cell", None, microseconds(lambda: (watcher.start(), watcher.stop())))
    say(f"process_state ({plt.__name__}, {pd.__name__}, {sklearn.__name__})", None, microseconds(process_state, 200))
    say(f"generator_states ({np.__name__})", None, microseconds(generator_states, 200))
    lines = ["x = np.random.rand(3) + frame.groupby('a').sum()"] * 20
    numbers = iter(range(10**9))
    say("unseeded, 20 lines", None, microseconds(lambda: unseeded("\n".join([*lines, f"y = {next(numbers)}"])), 20))
    measure_digests(watcher)


def measure_digests(watcher: Any) -> None:
    """Measure the fingerprints of many small files and of a large one."""
    from trackbook.capture.files import digests

    for number in range(MANY):
        Path(f"{number}.csv").write_text(str(number))
    watcher.start()
    began = time.perf_counter()
    for number in range(MANY):
        Path(f"{number}.csv").read_bytes()
    opened, reading = watcher.stop(), time.perf_counter() - began
    began = time.perf_counter()
    opened.used()
    print(
        f"{MANY} files read in {reading * 1e3:.1f} ms, fingerprints of 200 in {(time.perf_counter() - began) * 1e3:.1f} ms"
    )
    Path("big").write_bytes(os.urandom(1 << 20) * (BIG >> 20))
    os.utime("big", (1, 1))
    rates = []
    for hashed in (
        lambda: digests._read("big", BIG),
        lambda: blake3(max_threads=blake3.AUTO).update_mmap("big").hexdigest(),
    ):
        rates.append(BIG / 1e9 / min(timeit.repeat(hashed, number=1, repeat=3)))
    print(f"hashing a file: {rates[0]:.2f} GB/s, blake3's own memory map {rates[1]:.2f} GB/s")


if __name__ == "__main__":
    main()
