"""What watching cells costs, beside ipyflow in the same run.

    python tests/benchmarks/cells.py [--repeats N] [--ipyflow PYTHON] [--json]

Every repeat runs the cells in a fresh interpreter for each shell in turn: plain IPython, Trackbook loaded but not
tracking, `%track on`, and ipyflow by the interpreter that has it.  The table shows medians and ratios.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

TRIVIAL = ["a0 = 0", *(f"a{number} = a{number - 1} + 1" for number in range(1, 100))]
PANDAS = ["import pandas as pd, numpy as np\nrng = np.random.default_rng(0)"]
PANDAS += ["df = pd.DataFrame({'k': rng.integers(0, 100, 200_000), 'x': rng.normal(size=200_000)})"]
for number in range(9):
    PANDAS += [f"df['y{number}'] = df['x'] * {number} + df['k']"]
    PANDAS += [f"g{number} = df.groupby('k')['y{number}'].agg(['mean', 'std', 'max'])"]
MIXED = """
import numpy as np, pandas as pd
def mixed(seed, rows=1_000_000):
    rng = np.random.default_rng(seed)
    columns = {f'f{i}': rng.normal(size=rows) for i in range(8)}
    columns |= {f'i{i}': rng.integers(0, 1000, rows) for i in range(6)}
    columns |= {f'b{i}': rng.random(rows) < 0.5 for i in range(2)}
    columns |= {f't{i}': pd.Timestamp('2024-01-01') + pd.to_timedelta(rng.integers(0, 10**6, rows), 's') for i in range(2)}
    columns |= {f's{i}': pd.Series(rng.choice(['red', 'green', 'blue'], rows)) for i in range(2)}
    return pd.DataFrame(columns)
one, two = mixed(1), mixed(2)
"""
IN_SCOPE = [MIXED, *(f"n{number} = {number}" for number in range(18)), "n0 = len(one) + len(two)"]
IN_SCOPE += [f"n{number % 18} = len(one) + len(two) + {number}" for number in range(40)]
LONG = ["def work(n):\n    total = 0\n    for i in range(n):\n        total += i * i % 7\n    return total"]
LONG += ["r = work(26_000_000)"] * 3

CASES = {
    "trivial cell (ms)": (TRIVIAL, 1),
    "pandas cell, 200k rows (ms)": (PANDAS, 2),
    "cell that reads two unchanged frames of 1M x 20, 20 names (ms)": (IN_SCOPE, 21),
    "cell of a second (ms)": (LONG, 1),
}
"""Cells, and how many of the first are preparation."""

BUDGETS = {
    "trivial cell (ms)": "under 3 ms more than plain",
    "cell that reads two unchanged frames of 1M x 20, 20 names (ms)": "under 10 ms more than plain",
    "cell of a second (ms)": "under 5 % more than plain",
}

CHILD = r"""
import json, sys, time
mode, cells = sys.argv[1], json.load(open(sys.argv[2]))
if mode == "ipyflow":
    from ipyflow.shell.interactiveshell import IPyflowInteractiveShell as Shell
else:
    from IPython.core.interactiveshell import InteractiveShell as Shell
shell = Shell.instance()
for line in {"loaded": ["%load_ext trackbook"], "tracked": ["%load_ext trackbook", "%track on"]}.get(mode, []):
    assert shell.run_cell(line, store_history=True).success
seconds = []
for cell in cells:
    began = time.perf_counter()
    result = shell.run_cell(cell, store_history=True)
    seconds.append(time.perf_counter() - began)
    assert result.success, cell
json.dump(seconds, open(sys.argv[3], "w"))
"""


def run_cells(python: str, mode: str, cells: list[str]) -> list[float]:
    """Run `cells` in a fresh interpreter and folder; returns the seconds of each."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "cells.json").write_text(json.dumps(cells))
        (place / "child.py").write_text(CHILD)
        environment = {"IPYTHONDIR": folder, "HOME": folder, "PATH": "/usr/bin:/bin"}
        command = [python, "child.py", mode, "cells.json", "seconds.json"]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{mode} failed:\n{done.stdout[-500:]}{done.stderr[-2000:]}")
        seconds: list[float] = json.loads((place / "seconds.json").read_text())
    return seconds


def measure(shells: dict[str, str], repeats: int) -> dict[str, dict[str, float]]:
    """Return the median milliseconds of a cell, for each case and shell; `shells` maps modes to interpreters."""
    found: dict[str, dict[str, list[float]]] = {case: {mode: [] for mode in shells} for case in CASES}
    for _ in range(repeats):
        for case, (cells, prepared) in CASES.items():
            for mode, python in shells.items():
                found[case][mode] += run_cells(python, mode, cells)[prepared:]
    return {
        case: {mode: 1e3 * statistics.median(seconds) for mode, seconds in modes.items()}
        for case, modes in found.items()
    }


def main() -> None:
    """Run every case and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--ipyflow", metavar="PYTHON", help="an interpreter that has ipyflow")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    shells = dict.fromkeys(("plain", "loaded", "tracked"), sys.executable)
    if options.ipyflow:
        shells["ipyflow"] = options.ipyflow
    table = measure(shells, options.repeats)
    if options.json:
        print(json.dumps(table, indent=2))
        return
    for case, modes in table.items():
        print(case, "" if case not in BUDGETS else f"- budget: {BUDGETS[case]}")
        for mode, value in modes.items():
            more = value - modes["plain"]
            print(f"  {mode:8} {value:10.3f}   {more:+9.3f} ms   {value / modes['plain']:7.2f}x plain")


if __name__ == "__main__":
    main()
