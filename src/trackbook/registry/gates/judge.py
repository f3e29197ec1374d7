"""Gates: conditions in `trackbook.toml` that a model version must meet before it enters a stage.

A gate judges bytes: its result carries the digest of the model that was judged, and says nothing about any other.
Whatever cannot be compared (a missing metric, NaN) fails.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase

import msgspec

from trackbook.errors import SettingsError, nearest
from trackbook.settings import GateSettings

QUALITY = "quality"


class GateResult(msgspec.Struct, frozen=True):
    """What one gate said about the model with the digest `judged_digest`; `time` in milliseconds since 1970."""

    gate: GateSettings
    stage: str
    passed: bool
    reason: str
    value: float | None
    judged_digest: str
    time: int


def applicable(gates: Iterable[GateSettings], model: str, stage: str) -> list[GateSettings]:
    """Return the gates that guard `stage` for the model of that name; `model` in a gate may hold ``*`` and ``?``."""
    return [gate for gate in gates if gate.stage == stage and fnmatchcase(model, gate.model)]


ABOUT = {
    "fairness": ("*fair*", "*parity*", "*disparate*", "*odds*", "*bias*"),
    "speed": ("*seconds*", "*latency*", "*_ms", "*memory*", "*size*", "*throughput*"),
}
"""Patterns of metric names that say what a gate is about; a gate on any other metric is about `quality`."""


def about(gate: GateSettings) -> str:
    """Return what a gate is about, by the name of its metric: `fairness`, `speed` or `quality`."""
    name = gate.metric.lower()
    found = (what for what, patterns in ABOUT.items() if any(fnmatchcase(name, each) for each in patterns))
    return next(found, QUALITY)


def judge(gate: GateSettings, metrics: Mapping[str, float], digest: str, time: int) -> GateResult:
    """Judge the model with `digest` by one gate; raises SettingsError for a type of gate that does not exist."""
    rule = _RULES.get(gate.type)
    if rule is None:
        raise SettingsError(
            f"trackbook.toml has a gate of the unknown type {gate.type!r}{nearest(gate.type, _RULES)}; "
            f"there is {', '.join(sorted(_RULES))}"
        )
    passed, reason, value = rule(gate, metrics)
    return GateResult(gate, gate.stage, passed, reason, value, digest, time)


def holds_for(result: GateResult, digest: str) -> bool:
    """Say whether `result` passed and was given for exactly the bytes with `digest`."""
    return result.passed and result.judged_digest == digest


def _metric(gate: GateSettings, metrics: Mapping[str, float]) -> tuple[bool, str, float | None]:
    name = gate.metric
    if name not in metrics:
        there = ", ".join(sorted(metrics)[:8]) or "no metrics at all"
        return False, f"{name} is missing{nearest(name, metrics)}; the version has {there}", None
    value = metrics[name]
    if not math.isfinite(value):
        return False, f"{name} is {value}, which no bound admits", value
    if gate.min is not None and value < gate.min:
        return False, f"{name} is {_shown(value, gate.min)}, below the minimum {gate.min:.6g}", value
    if gate.max is not None and value > gate.max:
        return False, f"{name} is {_shown(value, gate.max)}, above the maximum {gate.max:.6g}", value
    return True, f"{name} is {value:.6g}, within {_bounds(gate)}", value


def _shown(value: float, bound: float) -> str:
    short = f"{value:.6g}"
    return short if short != f"{bound:.6g}" else repr(value)


def _bounds(gate: GateSettings) -> str:
    low = "" if gate.min is None else f"at least {gate.min:.6g}"
    high = "" if gate.max is None else f"at most {gate.max:.6g}"
    return " and ".join(part for part in (low, high) if part)


_RULES: dict[str, Callable[[GateSettings, Mapping[str, float]], tuple[bool, str, float | None]]] = {"metric": _metric}
