"""Experiments and runs: as they happen (`Tracker`, `CellTracker`) and as they are read back (`Runs`)."""

from trackbook.tracking.runs import Runs
from trackbook.tracking.tracker import ActiveRun, Tracker
from trackbook.tracking.values import (
    Artifact,
    Difference,
    Execution,
    MetricPoint,
    Progress,
    Reproduction,
    Run,
    RunData,
    RunSummary,
)

__all__ = [
    "ActiveRun",
    "Artifact",
    "Difference",
    "Execution",
    "MetricPoint",
    "Progress",
    "Reproduction",
    "Run",
    "RunData",
    "RunSummary",
    "Runs",
    "Tracker",
]
