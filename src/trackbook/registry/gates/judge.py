"""Gates: conditions in `trackbook.toml` that a model version must meet before it enters a stage.

A gate judges bytes: its result carries the digests of all that was judged, and says nothing about anything else.
Whatever cannot be compared (a missing metric, NaN, an error inside the gate) is refused, with the reason.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from importlib import import_module
from typing import TYPE_CHECKING, Any

from trackbook.errors import TrackbookError, reason_of
from trackbook.registry.gates import metric
from trackbook.registry.gates.digests import digests_of
from trackbook.registry.gates.result import Finding, GateResult, holds_for, is_void
from trackbook.settings import FairnessGate, GateSettings, LatencyGate, MetricGate, SizeGate

if TYPE_CHECKING:
    from trackbook.registry.gates.context import GateContext

Rule = Callable[[Any, "GateContext"], Finding]

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


def judge(gate: GateSettings, context: GateContext) -> GateResult:
    """Judge the candidate by one gate; whatever goes wrong inside the gate is a refusal that says so."""
    digests = digests_of(gate, context)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = _rule(gate)(gate, context)
    except TrackbookError as error:
        found = Finding(False, f"{gate.title}: {error}")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - models and scorers are the user's code
        found = Finding(False, f"{gate.title}: it cannot be judged, as {reason_of(error)}")
    evidence = None if found.evidence is None else plain(found.evidence)
    digest = context.candidate.digest
    return GateResult(
        gate, gate.stage, found.passed, found.reason, found.value, digest, context.time, evidence, digests
    )


def _rule(gate: GateSettings) -> Rule:
    """Return the rule of a kind of gate; what it needs is imported for it alone."""
    if isinstance(gate, MetricGate):
        return lambda gate, context: metric.compare(gate, context.candidate.metrics)
    rule: Rule = import_module(f"trackbook.registry.gates.{gate.type}").judge
    return rule


def plain(value: Any) -> Any:
    """Return evidence as plain JSON; numbers that JSON does not know become text."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, str | bool | int) or value is None:
        return value
    number = float(value)  # of numpy's, too
    return number if math.isfinite(number) else str(number)


__all__ = ["GateResult", "about", "applicable", "holds_for", "is_void", "judge"]
