"""Runs as a pandas DataFrame."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from trackbook.tracking.values import RunSummary

LEADING = ("run_id", "experiment", "run_name", "status", "start_time", "end_time")


def runs_frame(runs: Sequence[RunSummary]) -> pd.DataFrame:
    """Return one row a run, in the order given; times are UTC timestamps, metrics floats, params and tags text."""
    rows = []
    for run in runs:
        row = {name: getattr(run, name) for name in LEADING}
        for group in ("params", "metrics", "tags"):
            row |= {f"{group}.{name}": value for name, value in getattr(run, group).items()}
        rows.append(row)
    names = {name for row in rows for name in row} - set(LEADING)
    columns = [
        *LEADING,
        *(name for group in ("params.", "metrics.", "tags.") for name in sorted(names) if name.startswith(group)),
    ]
    frame = pd.DataFrame(rows, columns=columns)
    for name in ("start_time", "end_time"):
        frame[name] = pd.to_datetime(frame[name], unit="ms", utc=True)
    return frame
