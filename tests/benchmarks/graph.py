"""What the graph of a realistic notebook of 100 cells costs, without running it.

    python tests/benchmarks/graph.py [--repeats N] [--cells N] [--json]

Every repeat is a fresh interpreter that imports Trackbook, reads the notebook from a file and then builds its graph for
the first time; the figure is the time from the text of the file to the graph as JSON, start-up left out.  On a machine
that others use, read the processor time beside it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

BUDGET = "under 300 ms for 100 cells"

OPENING = [
    "import numpy as np\nimport pandas as pd\nimport matplotlib.pyplot as plt\nimport seaborn as sns",
    "from pathlib import Path\nfrom sklearn.ensemble import RandomForestClassifier\n"
    "from sklearn.metrics import accuracy_score, f1_score\nfrom sklearn.model_selection import train_test_split",
    "SEED = 7\nDATA = Path('data')\nnp.random.seed(SEED)\nplt.rcParams['figure.figsize'] = (8, 4)",
    "def load(name):\n    frame = pd.read_csv(DATA / f'{name}.csv')\n"
    "    frame.columns = [c.lower() for c in frame.columns]\n    return frame",
    "def clean(frame, limits, *, inplace=False):\n    out = frame if inplace else frame.copy()\n"
    "    for column, (low, high) in limits.items():\n        out[column] = out[column].clip(low, high)\n"
    "    out.dropna(inplace=True)\n    return out",
    "class Scores:\n    def __init__(self):\n        self.rows = []\n    def add(self, name, value):\n"
    "        self.rows.append({'name': name, 'value': value})\n    def best(self):\n"
    "        return max(self.rows, key=lambda row: row['value'])",
    "df = load('customers')\norders = load('orders')\nscores = Scores()",
    "df.head()",
    "df.info()",
    "df = clean(df, {'age': (0, 110), 'income': (0, 1e6)})",
]
BLOCK = [
    "df['f{n}'] = df['age'] * {n} + df['income'].fillna(0).rolling({n} + 2).mean()",
    "mask = (df['f{n}'] > df['f{n}'].median()) & (df['age'] > 30)\ndf.loc[mask, 'f{n}'] = df['f{n}'].mean()",
    "fig, ax = plt.subplots()\nfor value, part in df.groupby('segment'):\n"
    "    ax.hist(part['f{n}'], bins=30, alpha=.5, label=str(value))\nax.legend()\nax.set_title('f{n} by segment')\nplt.show()",
    "summary{n} = orders.merge(df[['id', 'f{n}']], on='id').groupby('month').agg({{'f{n}': ['mean', 'std']}})\nsummary{n}",
    "features{n} = [c for c in df.columns if c.startswith('f')]\nX = df[features{n}].to_numpy()\n"
    "y = (df['income'] > df['income'].median()).astype(int)",
    "X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=SEED)",
    "model{n} = RandomForestClassifier(n_estimators=50 + {n}, random_state=SEED)\nmodel{n}.fit(X_train, y_train)\n"
    "predicted{n} = model{n}.predict(X_test)",
    "try:\n    scores.add('forest{n}', f1_score(y_test, predicted{n}))\nexcept ValueError as error:\n    print(error)\n"
    "finally:\n    print(len(scores.rows))",
    "importances = pd.Series(model{n}.feature_importances_, index=features{n}).sort_values()\n"
    "importances.to_csv(f'importances_{n}.csv')\nimportances.plot.barh()",
]


def cells_of(count: int) -> list[str]:
    """Return the cells of the notebook."""
    cells, number = list(OPENING), 0
    while len(cells) < count - 1:
        cells += [cell.format(n=number) for cell in BLOCK]
        number += 1
    return [*cells[: count - 1], "print(scores.best())\ndf.to_parquet('features.parquet')"]


CHILD = """
import json, sys, time
from pathlib import Path
from trackbook.pipeline.steps.notebook import read_notebook
from trackbook.pipeline.steps.grouping import notebook_graph
from trackbook.cells import build_graph
build_graph(["%time x = 1"])  # IPython's own import is start-up
read_notebook(Path(sys.argv[2]))  # and so is nbformat's
began, worked = time.perf_counter(), time.process_time()
graph = notebook_graph(read_notebook(Path(sys.argv[1])))
text = json.dumps(graph.to_json())
seconds = time.perf_counter() - began, time.process_time() - worked
print(json.dumps([1000 * seconds[0], 1000 * seconds[1], len(graph.drawn)]))
"""


def measure(cells: list[str], repeats: int) -> tuple[list[float], list[float], int]:
    """Return the milliseconds of each repeat, those of the processor, and the number of edges drawn."""
    import nbformat

    found: list[float] = []
    worked: list[float] = []
    edges = 0
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / "large.ipynb", Path(folder) / "small.ipynb"]
        for path, sources in zip(paths, (cells, ["x = 1"]), strict=True):
            nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in sources]), path)
        for _ in range(repeats):
            done = subprocess.run(
                [sys.executable, "-c", CHILD, *map(str, paths)], capture_output=True, text=True, check=True
            )
            milliseconds, busy, edges = json.loads(done.stdout)
            found.append(milliseconds)
            worked.append(busy)
    return found, worked, edges


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--cells", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    times, worked, edges = measure(cells_of(options.cells), options.repeats)
    result = {
        "cells": options.cells,
        "median_ms": statistics.median(times),
        "least_ms": min(times),
        "processor_ms": statistics.median(worked),
        "edges": edges,
    }
    if options.json:
        print(json.dumps(result))
        return
    print(f"graph of {options.cells} cells, {edges} edges drawn - budget: {BUDGET}")
    print(f"  median {result['median_ms']:.0f} ms, least {result['least_ms']:.0f} ms of {options.repeats}")
    print(f"  median of processor time {result['processor_ms']:.0f} ms")


if __name__ == "__main__":
    main()
