"""Metrics with intervals, slices and groups, read out of what gates kept as their evidence."""

from __future__ import annotations

from collections.abc import Iterable

from trackbook.registry.card.values import Fairness, Measure, MetricPair
from trackbook.registry.gates.judge import GateResult


def measures(results: Iterable[GateResult]) -> tuple[Measure, ...]:
    """Return what gates measured of the version, of all rows and by slice."""
    return ()


def fairness(results: Iterable[GateResult]) -> tuple[Fairness, ...]:
    """Return what gates on fairness measured, a table each."""
    return ()


Key = tuple[str, str | None, str | None]


def changes(results: Iterable[GateResult], champion: str) -> dict[Key, MetricPair]:
    """Return what gates measured of a version beside the one with the digest `champion`, by metric, slice and data."""
    return {}
