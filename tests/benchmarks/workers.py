"""Tools measured side by side: each in an interpreter of its own, since few can be installed together, in turns.

A benchmark names its cases a tool.  Run with `--worker TOOL` it answers on its standard output, one number a case
that it reads; without, it starts such workers and prints their medians and ratios.  A peer that is not installed is
said to be missing, and the rest runs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

Cases = Mapping[str, Callable[[], float]]
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "DVC_NO_ANALYTICS": "1",
}


class Worker:
    """A process that measures one tool's cases, in a folder of its own."""

    def __init__(self, tool: str, python: str, script: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix=f"bench-{tool}-")
        self._process = subprocess.Popen(
            [python, script, "--worker", tool],
            cwd=self._folder.name,
            env=os.environ | QUIET | {"TRACKBOOK_DIR": str(Path(self._folder.name) / ".trackbook")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def measure(self, case: str) -> float | None:
        """Return the number of one case, None where this tool has no such case."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps(case)}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            assert self._process.stderr is not None
            raise RuntimeError(self._process.stderr.read())
        return json.loads(answer)

    def close(self) -> None:
        """End the process and delete its folder."""
        self._process.communicate()
        self._folder.cleanup()


def serve(cases: Cases) -> None:
    """Answer for one tool until nobody asks any more; what the tool prints goes to the standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        case = cases.get(json.loads(line))
        print(json.dumps(None if case is None else case()), file=answers, flush=True)


def options(description: str | None, peers: Mapping[str, str], **sizes: int) -> argparse.Namespace:
    """Parse the arguments that all benchmarks take; `peers` maps a tool to the modules that it needs.

    `sizes` are further options with a number each, and their defaults.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="turns that every case has (default: 5)")
    parser.add_argument("--json", action="store_true", help="print the medians as JSON too")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    for name, default in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default: {default:,}")
    for tool in peers:
        parser.add_argument(
            f"--{tool}-python", default=sys.executable, metavar="PYTHON", help=f"the interpreter that has {tool}"
        )
    return parser.parse_args()


def compare(script: str, cases: Mapping[str, float], peers: Mapping[str, str], given: argparse.Namespace) -> None:
    """Measure `cases` (each with its budget) for Trackbook and its peers in turns; print medians and ratios.

    A case whose name ends in "/s)" is better when it is higher.
    """
    pythons = {"trackbook": sys.executable}
    for tool, module in peers.items():
        python = getattr(given, f"{tool}_python")
        found = subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False)
        if found.returncode == 0:
            pythons[tool] = python
        else:
            print(f"{tool} is missing: name an interpreter that has it with --{tool}-python", file=sys.stderr)
    workers = {tool: Worker(tool, python, script) for tool, python in pythons.items()}
    medians: dict[str, dict[str, float]] = {}
    for case in cases:
        taken: dict[str, list[float]] = {}
        for turn in range(given.repeats):
            for tool in list(workers)[turn % len(workers) :] + list(workers)[: turn % len(workers)]:
                value = workers[tool].measure(case)
                if value is not None:
                    taken.setdefault(tool, []).append(value)
        medians[case] = {tool: statistics.median(values) for tool, values in taken.items()}
        print(_line(case, medians[case], cases[case]), flush=True)
    for worker in workers.values():
        worker.close()
    if given.json:
        print(json.dumps(medians))


def _line(case: str, values: Mapping[str, float], budget: float) -> str:
    ours = values["trackbook"]
    higher = case.endswith("/s)")
    met = ours >= budget if higher else ours <= budget
    others = [
        f"{tool} {value:,.2f} ({(ours / value) if higher else (value / ours):,.1f}x)"
        for tool, value in values.items()
        if tool != "trackbook"
    ]
    return f"{case:52} {ours:>14,.2f}  budget {budget:>10,.1f} {'met' if met else 'MISSED':7} {'  '.join(others)}"
