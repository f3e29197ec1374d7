"""How the overhead of a step, and the memory of the scheduler, grow with the number of steps on a Dask cluster.

Trivial steps that wait for nothing, on a scheduler and two workers of one thread each, which are processes of their own.
In one run::

    python tests/benchmarks/dask_scale.py 10 100 1000 10000

Printed for each number: seconds in all and for each step, split in what the text of the script takes (reading it and
finding its groups) and the rest; megabytes that the scheduler of Dask and this process have, and the same steps here
with one job in one process.  A number whose run would take longer than `--limit` seconds, by the last two, is left out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.clusters import Cluster
from support.pipelines import Bench
from trackbook.pipeline.plan import read_plan
from trackbook.pipeline.running.groups import groups_of
from trackbook.pipeline.running.options import RunOptions

MEGABYTE = 1_000_000


def write(bench: Bench, count: int) -> None:
    body = "\n\n".join(f"def step_{number}(size):\n    return size + {number}" for number in range(count))
    main = "\n".join(f"x{number} = step_{number}(params.size)" for number in range(count))
    bench.write(body, main)


def text_seconds(bench: Bench) -> float:
    began = time.perf_counter()
    groups_of(read_plan(bench.script))
    return time.perf_counter() - began


def run_seconds(bench: Bench, options: RunOptions) -> float:
    began = time.perf_counter()
    result = bench.run(options)
    assert {step.status for step in result.steps} == {"executed"}, result.steps[:3]
    return time.perf_counter() - began


def measure(cluster: Cluster, folder: Path, count: int) -> float:
    folder.mkdir()
    bench = Bench(folder)
    write(bench, count)
    text = text_seconds(bench)
    seconds = run_seconds(bench, RunOptions(engine="dask", scheduler=cluster.address, use_cache=False))
    here = run_seconds(bench, RunOptions(use_cache=False))
    scheduler, own = cluster.scheduler.memory() / MEGABYTE, psutil.Process().memory_info().rss / MEGABYTE
    rest = (seconds - text) / count
    print(
        f"{count:>7,} {seconds:>9.1f} {text:>9.2f} {rest * 1000:>12.1f} {here / count * 1000:>12.1f} "
        f"{scheduler:>11.0f} {own:>11.0f}",
        flush=True,
    )
    return seconds


def predicted(known: list[tuple[int, float]], count: int) -> float:
    """Return the seconds that `count` steps take by the line through the last two numbers."""
    if len(known) < 2:
        return 0.0
    (fewer, short), (more, long) = known[-2:]
    return long + (count - more) * (long - short) / (more - fewer)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", nargs="*", type=int, default=[10, 100, 1000])
    parser.add_argument("--limit", type=float, default=600.0, help="Seconds that one run may take.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        cluster = Cluster(Path(name) / "cluster")
        try:
            cluster.add_worker()
            cluster.add_worker()
            print(f"scheduler with two idle workers: {cluster.scheduler.memory() / MEGABYTE:.0f} MB")
            print("  steps   seconds      text  ms a step  here, ms  scheduler MB  own MB")
            known: list[tuple[int, float]] = []
            for count in given.counts:
                expected = predicted(known, count)
                if expected > given.limit:
                    print(f"{count:>7,} left out: by the last two numbers it would take about {expected:,.0f} s")
                    continue
                known.append((count, measure(cluster, Path(name) / str(count), count)))
        finally:
            cluster.close()


if __name__ == "__main__":
    main()
