"""`metric`: a number that the version was registered with lies within bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping

from trackbook.errors import nearest
from trackbook.registry.gates.result import Finding
from trackbook.settings import MetricGate


def compare(gate: MetricGate, metrics: Mapping[str, float]) -> Finding:
    """Hold a metric against the bounds of `gate`; one that is missing, or no finite number, fails."""
    name = gate.metric
    if name not in metrics:
        there = ", ".join(sorted(metrics)[:8]) or "no metrics at all"
        return Finding(False, f"{name} is missing{nearest(name, metrics)}; the version has {there}")
    value = metrics[name]
    if not math.isfinite(value):
        return Finding(False, f"{name} is {value}, which no bound admits", value)
    return within(name, value, gate.min, gate.max)


def within(name: str, value: float, low: float | None, high: float | None) -> Finding:
    """Say whether a number lies within bounds, in words that never show it as the bound that it misses."""
    if low is not None and value < low:
        return Finding(False, f"{name} is {_shown(value, low)}, below the minimum {low:.6g}", value)
    if high is not None and value > high:
        return Finding(False, f"{name} is {_shown(value, high)}, above the maximum {high:.6g}", value)
    return Finding(True, f"{name} is {value:.6g}, within {_bounds(low, high)}", value)


def _shown(value: float, bound: float) -> str:
    short = f"{value:.6g}"
    return short if short != f"{bound:.6g}" else repr(value)


def _bounds(low: float | None, high: float | None) -> str:
    least = "" if low is None else f"at least {low:.6g}"
    most = "" if high is None else f"at most {high:.6g}"
    return " and ".join(part for part in (least, most) if part)
