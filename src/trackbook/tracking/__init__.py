"""Experiments and runs: as they happen (`Tracker`, `CellTracker`) and as they are read back (`Runs`)."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trackbook.tracking.edits import RunEdits
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
        RunPage,
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
    "RunEdits",
    "RunPage",
    "RunSummary",
    "Runs",
    "Tracker",
]

_ELSEWHERE = {"RunEdits": "edits", "Runs": "runs", "ActiveRun": "tracker", "Tracker": "tracker"}


def __getattr__(name: str) -> Any:
    # On first use: the processes that run steps take only a few small modules from here.
    from importlib import import_module

    if name in __all__:
        return getattr(import_module(f"{__name__}.{_ELSEWHERE.get(name, 'values')}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
