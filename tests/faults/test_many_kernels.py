"""Many real kernels and a Jupyter server on one store at once.

A short version of what TRACKBOOK_FAULTS=all runs in full: 32 kernels for two minutes.
"""

from __future__ import annotations

import os
import threading
import time

import pytest
from jupyter_core.utils import ensure_event_loop

from support.failpoints.records import check_sound
from support.jupyter import JupyterServer
from trackbook.project import Project

pytestmark = pytest.mark.faults

IS_LONG = os.environ.get("TRACKBOOK_FAULTS") == "all"
KERNELS, SECONDS = (32, 120.0) if IS_LONG else (4, 6.0)

CELL = """%%track kernel{kernel} --name {number}
import trackbook as tb
for step in range(50):
    tb.log_metric("m", step + {number})
tb.log_artifact(b"{kernel} {number}" * 10, "a.txt")
{number} * {number}"""


def track_cells(kernel, own: int, deadline: float, counts: list[int], faults: list[str]) -> None:
    """Run tracked cells until the time is over; a cell shows its own value and nothing else."""
    number = 0
    while (time.monotonic() < deadline or number < 3) and not faults:
        outcome = kernel.run(CELL.format(kernel=own, number=number))
        if (outcome.status, outcome.results, outcome.stderr) != ("ok", [str(number * number)], ""):
            faults.append(f"kernel {own}, cell {number}: {outcome}")
        number += 1
        counts[own] = number
    ensure_event_loop().close()  # which the kernel's client has made for this thread


def poll(server: JupyterServer, counts: list[int], done: threading.Event, seen: list[int], faults: list[str]) -> None:
    """Ask the server for the newest runs: what was answered before the question is in the answer."""
    while not done.is_set():
        for own in range(len(counts)):
            known = counts[own]
            answer = server.get("runs", experiment=f"kernel{own}", limit=5)
            seen[0] += 1
            if answer.status != 200:
                faults.append(f"the server answered {answer}")
                return
            names = [int(run["run_name"]) for run in answer.body["runs"]]
            if known and (not names or max(names) < known - 1):
                faults.append(f"the server has {names} of kernel {own}, which has answered {known} cells")
                return


def test_kernels_and_a_server_share_one_store(start_kernel, tmp_path, tried):
    """No cell shows anything but its own, no run is lost, and the server sees each run as soon as its cell is done."""
    first = start_kernel()
    kernels = [first, *(start_kernel(first.root) for _ in range(KERNELS - 1))]
    for kernel in kernels:
        assert kernel.run("%load_ext trackbook").errors == []
    server = JupyterServer(first.root, tmp_path).wait()
    server.patience = 10 * SECONDS  # all these processes may share two cores
    counts, seen, faults = [0] * KERNELS, [0], []
    done = threading.Event()
    deadline = time.monotonic() + SECONDS
    polling = threading.Thread(target=poll, args=(server, counts, done, seen, faults))
    threads = [
        threading.Thread(target=track_cells, args=(kernel, own, deadline, counts, faults))
        for own, kernel in enumerate(kernels)
    ]
    for thread in (polling, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    polling.join()
    server.stop()
    assert faults == []
    tried(f"cells of {KERNELS} kernels at once", sum(counts))
    tried("answers of a server meanwhile", seen[0])
    check_kept(first.project(), counts)


def check_kept(project: Project, counts: list[int]) -> None:
    for own, count in enumerate(counts):
        found = {run.run_name: run for run in project.runs.search(experiment=f"kernel{own}", max_results=100_000)}
        assert found.keys() == {str(number) for number in range(count)}
        for number in range(count):
            run = found[str(number)]
            assert (run.status, run.metrics) == ("FINISHED", {"m": 49.0 + number})
            history = project.runs.metric_history(run.run_id, "m")
            assert [point.value for point in history] == [float(step + number) for step in range(50)]
    check_sound(project.store)
