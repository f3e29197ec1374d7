"""What fingerprints cost, beside joblib, MLflow's dataset digest, pandas' hash and bare BLAKE3 in the same run.

    pip install '.[bench]' && python tests/benchmarks/fingerprints.py [--rows N] [--repeats N] [--json]

The frame has 20 columns: 8 of floats, 4 of integers, 3 of categories, 3 of strings, 2 of times.  Every way runs in turn,
`--repeats` times; GB/s are over the frame's Arrow bytes, and the ratio is that of the medians to ours.  Nothing here is
a test: times depend on the machine, ratios within one run much less.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
from blake3 import blake3
from sklearn.linear_model import LogisticRegression

from trackbook.capture.fingerprint import unchanged
from trackbook.capture.fingerprint.values import Fingerprinter, fingerprint

BUDGETS = {
    "Arrow strings (GB/s)": (2.5, "at least"),
    "object strings (GB/s)": (0.7, "at least"),
    "two unchanged frames (ms)": (3.0, "at most"),
    "an int (µs)": (10.0, "at most"),
    "a fitted LogisticRegression (ms)": (1.0, "at most"),
    "a frame of 100 x 5 (ms)": (1.0, "at most"),
}


def mixed_frame(rows: int, strings: str) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    words = np.array([f"word-{number:06d}" for number in range(100_000)], dtype=object)
    labels = [f"cat{number}" for number in range(20)]
    columns: dict[str, Any] = {f"f{place}": rng.normal(size=rows) for place in range(8)}
    columns |= {f"i{place}": rng.integers(0, 10**6, rows) for place in range(4)}
    columns |= {f"c{place}": pd.Categorical.from_codes(rng.integers(0, 20, rows), labels) for place in range(3)}
    for place in range(3):
        columns[f"s{place}"] = pd.Series(words[rng.integers(0, len(words), rows)], dtype=object).astype(strings)
    for place in range(2):
        columns[f"t{place}"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 10**8, rows), unit="s")
    return pd.DataFrame(columns)


def pandas_hash(frame: pd.DataFrame) -> str:
    return hashlib.sha256(pd.util.hash_pandas_object(frame, index=True).values.tobytes()).hexdigest()


def floor(frame: pd.DataFrame) -> Callable[[], str]:
    """Return BLAKE3 over as many bytes as the frame has, which are already in one place."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    raw = np.random.default_rng(0).integers(0, 255, table.nbytes, dtype=np.uint8).data
    return lambda: blake3(max_threads=blake3.AUTO).update(raw).hexdigest()


def ways(frame: pd.DataFrame) -> dict[str, Callable[[], Any]]:
    found: dict[str, Callable[[], Any]] = {
        "trackbook": lambda: fingerprint(frame),
        "joblib.hash": lambda: joblib.hash(frame),
        "pandas hash + sha256": lambda: pandas_hash(frame),
        "BLAKE3 floor": floor(frame),
    }
    try:
        import mlflow.data
    except ImportError:
        return found
    return found | {"MLflow digest (10,000 rows)": lambda: mlflow.data.from_pandas(frame).digest}


def seconds(action: Callable[[], Any]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def median_seconds(action: Callable[[], Any], repeats: int, inner: int = 1) -> float:
    return statistics.median(seconds(lambda: [action() for _ in range(inner)]) / inner for _ in range(repeats))


def compare(rows: int, repeats: int, strings: str) -> dict[str, dict[str, float]]:
    """Return the median seconds, GB/s and ratio to ours of every way, taken in turns."""
    frame = mixed_frame(rows, strings)
    size = pa.Table.from_pandas(frame, preserve_index=False).nbytes
    taken: dict[str, list[float]] = {}
    actions = ways(frame)
    for _ in range(repeats):
        for name, action in actions.items():
            taken.setdefault(name, []).append(seconds(action))
    medians = {name: statistics.median(times) for name, times in taken.items()}
    ours = medians["trackbook"]
    return {name: {"s": each, "GB/s": size / each / 1e9, "x": each / ours} for name, each in medians.items()}


def unchanged_frames(rows: int, repeats: int) -> dict[str, float]:
    """Return what two unchanged frames cost, and what watching costs whoever writes (a first write a page)."""
    if unchanged.unavailable() is not None:
        return {}
    one = mixed_frame(rows, "str")
    two = one.copy(deep=True)
    of = Fingerprinter().of
    first = seconds(lambda: (of(one), of(two)))
    array = np.ones(rows * 8)
    plain = median_seconds(lambda: np.add(array, 1.0, out=array), repeats)

    def write_watched() -> float:
        unchanged.memo().forget()  # type: ignore[union-attr]
        of(array)
        return seconds(lambda: np.add(array, 1.0, out=array))

    watched = statistics.median(write_watched() for _ in range(repeats))
    of(one), of(two)
    again = median_seconds(lambda: (of(one), of(two)), repeats * 5)
    pages = array.nbytes / 4096
    return {
        "two frames, first time (ms)": first * 1e3,
        "two unchanged frames (ms)": again * 1e3,
        "first write to a watched page, beyond a plain one (µs)": (watched - plain) / pages * 1e6,
    }


def small_values(repeats: int) -> dict[str, float]:
    x = np.random.default_rng(0).random((200, 5))
    model = LogisticRegression().fit(x, x[:, 0] > 0.5)
    frame = mixed_frame(100, "str").iloc[:, [0, 8, 12, 15, 18]]
    return {
        "an int (µs)": median_seconds(lambda: fingerprint(1), repeats, 1000) * 1e6,
        "a fitted LogisticRegression (ms)": median_seconds(lambda: fingerprint(model), repeats, 100) * 1e3,
        "a frame of 100 x 5 (ms)": median_seconds(lambda: fingerprint(frame), repeats, 100) * 1e3,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    tables = {
        "Arrow strings": compare(options.rows, options.repeats, "str"),
        "object strings": compare(options.rows, options.repeats, "object"),
    }
    single = small_values(options.repeats) | unchanged_frames(options.rows, options.repeats)
    single |= {f"{name} (GB/s)": table["trackbook"]["GB/s"] for name, table in tables.items()}
    if options.json:
        print(json.dumps({"tables": tables, "values": single}, indent=2))
        return
    for title, table in tables.items():
        print(f"\n{title}, {options.rows:,} x 20")
        for name, row in sorted(table.items(), key=lambda item: item[1]["s"]):
            print(f"  {name:<30}{row['s'] * 1e3:>10.1f} ms {row['GB/s']:>8.2f} GB/s {row['x']:>8.2f} x")
    print()
    for name, value in single.items():
        limit, side = BUDGETS.get(name, (None, ""))
        print(f"  {name:<58}{value:>10.3f}" + (f"   budget {side} {limit}" if limit is not None else ""))


if __name__ == "__main__":
    main()
