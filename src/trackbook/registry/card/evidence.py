"""Metrics with intervals, by slice and by group, read out of what gates kept as their evidence.

Only what was measured of the bytes that the version has now is told; what the policy or an approval makes of it is
another matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from trackbook.registry.card.values import Fairness, Measure, MetricPair
from trackbook.registry.gates.result import GateResult
from trackbook.settings import ChampionGate, FairnessGate, LatencyGate, SlicesGate

Evidence = Mapping[str, Any]
Key = tuple[str, str | None, str | None]

LESS = "{} less the champion's"


def measures(results: Iterable[GateResult], digest: str) -> tuple[Measure, ...]:
    """Return what gates measured of the bytes `digest`, of all rows and by slice."""
    return tuple(measure for result in _about(results, digest) for measure in _measured(result, result.evidence or {}))


def differences(results: Iterable[GateResult], digest: str) -> tuple[Measure, ...]:
    """Return by how much the bytes `digest` were better than the champion of that time, with intervals."""
    return tuple(
        Measure(
            LESS.format(metric),
            _number(row.get("difference")),
            *_bounds(row),
            confidence=_both(gate.confidence),
            slice=name,
            rows=rows,
            data=gate.data,
            source=_source(result),
        )
        for result in _about(results, digest)
        for gate, metric, name, rows, row in _compared(result, result.evidence or {})
    )


def changes(results: Iterable[GateResult], digest: str, champion: str) -> dict[Key, MetricPair]:
    """Return what gates measured of the bytes `digest` beside the bytes `champion`, by metric, slice and data."""
    found: dict[Key, MetricPair] = {}
    for result in _about(results, digest):
        if result.digests.get("champion") != champion:
            continue
        for gate, metric, name, rows, row in _compared(result, result.evidence or {}):
            one, other = (
                Measure(metric, _number(row.get(side)), slice=name, rows=rows, data=gate.data, source=_source(result))
                for side in ("champion", "candidate")
            )
            low, high = _bounds(row)
            found[metric, name, gate.data] = MetricPair(
                metric, one, other, name, _number(row.get("difference")), low, high, _both(gate.confidence),
                _source(result), gate.data,
            )  # fmt: skip
    return found


def fairness(results: Iterable[GateResult], digest: str) -> tuple[Fairness, ...]:
    """Return what gates on fairness measured of the bytes `digest`, a table each."""
    return tuple(
        Fairness(gate.title, tuple(_grouped(gate, result.evidence or {})))
        for result in _about(results, digest)
        if isinstance(gate := result.gate, FairnessGate)
    )


def _about(results: Iterable[GateResult], digest: str) -> Iterator[GateResult]:
    return (result for result in results if result.judged_digest == digest and result.evidence)


def _measured(result: GateResult, evidence: Evidence) -> Iterator[Measure]:
    gate = result.gate
    if isinstance(gate, ChampionGate):
        compared = evidence.get("comparison")
        row = {**evidence, **compared} if isinstance(compared, dict) else evidence
        yield _own(gate, result, None, evidence.get("n"), row)
    elif isinstance(gate, SlicesGate):
        for row in _rows(evidence, "slices"):
            yield _own(gate, result, str(row.get("slice")), row.get("rows"), row)
    elif isinstance(gate, LatencyGate):
        spread = evidence.get("candidate_ms")
        median = _number(spread.get("median")) if isinstance(spread, dict) else None
        yield Measure(
            "milliseconds a prediction takes", median, rows=evidence.get("n"), data=gate.data, source=_source(result)
        )


def _own(gate: ChampionGate | SlicesGate, result: GateResult, name: str | None, rows: Any, row: Evidence) -> Measure:
    value, low, high = (_number(row.get(each)) for each in ("candidate", "own_low", "own_high"))
    sure = None if low is None else _both(gate.confidence)
    return Measure(gate.metric, value, low, high, sure, name, rows, gate.data, _source(result))


def _compared(
    result: GateResult, evidence: Evidence
) -> Iterator[tuple[ChampionGate | SlicesGate, str, str | None, int | None, Evidence]]:
    """Yield the comparisons with the champion: of all rows, and of each slice that was large enough."""
    gate = result.gate
    if isinstance(gate, ChampionGate) and isinstance(found := evidence.get("comparison"), dict):
        yield gate, gate.metric, None, found.get("rows"), found
    elif isinstance(gate, SlicesGate):
        for row in _rows(evidence, "slices"):
            if "difference" in row:
                yield gate, gate.metric, str(row.get("slice")), row.get("rows"), row


def _grouped(gate: FairnessGate, evidence: Evidence) -> Iterator[Measure]:
    source = f"gate {gate.type}"
    estimate = evidence.get("estimate")
    if isinstance(estimate, dict):
        what = gate.measure.replace("metric", gate.metric)
        yield Measure(
            what, _number(estimate.get("value")), *_bounds(estimate), confidence=_both(gate.confidence),
            slice=estimate.get("group"), rows=evidence.get("n"), data=gate.data, source=source,
        )  # fmt: skip
    for row in _rows(evidence, "groups"):
        for name, cell in row.items():
            if isinstance(cell, list) and len(cell) == 3:
                value, low, high = map(_number, cell)
                sure = _both(gate.confidence) if name == gate.metric else gate.confidence
                yield Measure(
                    name.replace("_", " "), value, low, high, sure, str(row.get("group")), row.get("rows"), gate.data,
                    source,
                )  # fmt: skip
    small = evidence.get("too_small")
    for group, rows in small.items() if isinstance(small, dict) else ():
        yield Measure("too few rows to measure", None, slice=str(group), rows=rows, data=gate.data, source=source)


def _source(result: GateResult) -> str:
    return f"gate {result.gate.type}"


def _rows(evidence: Evidence, name: str) -> list[Evidence]:
    rows = evidence.get(name)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _bounds(row: Evidence) -> tuple[float | None, float | None]:
    return _number(row.get("low")), _number(row.get("high"))


def _both(confidence: float) -> float:
    """Return the confidence of an interval whose two limits have that of the gate each."""
    return 2 * confidence - 1


def _number(value: Any) -> float | None:
    """Return a number of the evidence; what JSON has no number for is text there."""
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        return None
