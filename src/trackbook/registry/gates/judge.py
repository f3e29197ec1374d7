"""Gates: conditions in `trackbook.toml` that a model version must meet before it enters a stage.

A gate judges bytes: its result carries the digests of all that was judged, and says nothing about anything else.
Whatever cannot be compared (a missing metric, NaN, an error inside the gate) is refused, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from trackbook.registry.gates import metric
from trackbook.registry.gates.result import Finding, GateResult, holds_for, is_void
from trackbook.settings import FairnessGate, GateSettings, LatencyGate, MetricGate, SizeGate

QUALITY, FAIRNESS, SPEED = "quality", "fairness", "speed"


def applicable(gates: Iterable[GateSettings], model: str, stage: str) -> list[GateSettings]:
    """Return the gates that guard `stage` for the model of that name; `model` in a gate may hold ``*`` and ``?``."""
    return [gate for gate in gates if gate.stage == stage and fnmatchcase(model, gate.model)]


ABOUT = {
    FAIRNESS: ("*fair*", "*parity*", "*disparate*", "*odds*", "*bias*"),
    SPEED: ("*seconds*", "*latency*", "*_ms", "*memory*", "*size*", "*throughput*"),
}
"""Patterns of metric names that say what a gate is about; a gate on any other metric is about `quality`."""


def about(gate: GateSettings) -> str:
    """Return what a gate is about, by its type or the name of its metric: `fairness`, `speed` or `quality`."""
    match gate:
        case FairnessGate():
            return FAIRNESS
        case LatencyGate() | SizeGate():
            return SPEED
        case MetricGate():
            name = gate.metric.lower()
            found = (what for what, patterns in ABOUT.items() if any(fnmatchcase(name, each) for each in patterns))
            return next(found, QUALITY)
        case _:
            return QUALITY


def judge(gate: GateSettings, metrics: Mapping[str, float], digest: str, time: int) -> GateResult:
    """Judge the model with `digest` by one gate."""
    if isinstance(gate, MetricGate):
        found = metric.compare(gate, metrics)
    else:
        found = Finding(False, f"the gate of type {gate.type!r} cannot be judged by metrics alone")
    return GateResult(gate, gate.stage, found.passed, found.reason, found.value, digest, time)


__all__ = ["GateResult", "about", "applicable", "holds_for", "is_void", "judge"]
