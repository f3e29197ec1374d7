"""`fairness`: a measure over the groups of a column lies within bounds, with its uncertainty."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from trackbook.registry.gates.context import GateContext, HeldOut
from trackbook.registry.gates.leakage import Leakage, leakage_of
from trackbook.registry.gates.measures import Measure
from trackbook.registry.gates.metric import within
from trackbook.registry.gates.result import Finding
from trackbook.registry.gates.scorers import Scorer, resolve
from trackbook.registry.gates.statistics import groups as statistics
from trackbook.registry.gates.statistics.bootstrap import corrected
from trackbook.registry.gates.statistics.intervals import wilson
from trackbook.registry.gates.statistics.measured import Floats, Ints
from trackbook.settings import FairnessGate

MAX_GROUPS = 200

Groups = dict[str, Ints]
"""The places of the rows of each group."""


class Estimate(msgspec.Struct, frozen=True):
    """A number with its limits, each with the confidence of the gate; `group` is the one that it is of, if it is."""

    value: float
    low: float
    high: float
    group: str | None = None


def judge(gate: FairnessGate, context: GateContext) -> Finding:
    """Hold the measure over the groups that are large enough against the bounds."""
    held_out = context.held_out(gate.data, gate.target, gate.features)
    leakage = leakage_of(gate, context, held_out)
    if leakage.refusal is not None:
        return Finding(False, leakage.refusal, leakage.share, {"leakage": leakage.to_dict()})
    everyone = groups_of(held_out, gate.by)
    groups = {name: places for name, places in everyone.items() if len(places) >= gate.min_size}
    small = {name: len(places) for name, places in everyone.items() if name not in groups}
    evidence: dict[str, Any] = {
        "n": len(held_out.truth),
        "measure": gate.measure,
        "on": gate.on,
        "min_size": gate.min_size,
        "too_small": small,
        "leakage": leakage.to_dict(),
    }
    named = ", ".join(f"{name} ({rows})" for name, rows in list(small.items())[:5])
    if small and gate.small == "refuse":
        reason = (
            f'groups of {gate.by} have fewer than {gate.min_size} rows: {named}; `small = "ignore"` leaves them out'
        )
        return Finding(False, reason, None, evidence)
    if len(groups) < 2:
        return Finding(
            False, f"{gate.by} has {len(groups)} group of {gate.min_size} rows or more, not two", None, evidence
        )
    scorer = resolve(gate.metric, context.sources.root) if gate.measure.startswith("metric") else None
    estimates, table = _estimates(gate, held_out, groups, context, scorer)
    evidence |= {"groups": table, "estimate": msgspec.to_builtins(_worst(gate, estimates))}
    if scorer is not None and scorer.digest is not None:
        evidence["scorer"] = {"digest": scorer.digest, "source": scorer.source}
    return _finding(gate, estimates, named if small else "", leakage, evidence)


def groups_of(held_out: HeldOut, by: str) -> Groups:
    """Return the groups of a column; rows that lack it are a group of their own."""
    values = held_out.column(by)
    names = np.array([str(value) for value in values.astype(object).where(values.notna(), "(missing)")], dtype=object)
    found = {str(name): np.flatnonzero(names == name) for name in sorted(set(names))}
    if len(found) > MAX_GROUPS:
        raise ValueError(f"{by!r} has {len(found)} values, which are no groups")
    return found


def _estimates(
    gate: FairnessGate, held_out: HeldOut, groups: Groups, context: GateContext, scorer: Scorer | None
) -> tuple[list[Estimate], list[dict[str, Any]]]:
    """Return the numbers that the bounds are held against, and the table of the groups."""
    replies = held_out.replies(context.candidate)
    if scorer is not None:
        return _by_metric(gate, Measure(scorer, held_out.truth, [replies]), groups)
    positive = _positive(gate, held_out.truth, replies.labels)
    selected, true = replies.labels == positive, held_out.truth == positive
    counts = np.stack([statistics.counts_of(selected[places], true[places]) for places in groups.values()])
    table = [_rates(name, counts[at], gate.confidence) for at, name in enumerate(groups)]
    needed = statistics.NEEDED[gate.measure if gate.measure == "selection_rate" else gate.measure.rpartition("_")[0]]
    for rate in needed:
        _check_defined(rate, counts, list(groups))
    if gate.measure == "selection_rate":
        hits, rows = statistics.hits_and_rows(statistics.SELECTION, counts)
        level = 2 * gate.confidence - 1  # each limit with the confidence
        return [
            Estimate(float(hits[at] / rows[at]), *wilson(float(hits[at]), float(rows[at]), level), name)
            for at, name in enumerate(groups)
        ], table
    value = float(statistics.measure_of(gate.measure, counts))
    drawn = statistics.measure_of(gate.measure, _drawn(counts, gate))
    return [_estimate(value, drawn, gate)], table


def _positive(gate: FairnessGate, truth: Any, labels: Any) -> Any:
    known = np.unique(np.concatenate([truth, labels]))
    if len(known) > 2:
        raise ValueError(
            f'{gate.measure} is of two labels; there are {len(known)}: use `measure = "metric_difference"`'
        )
    if gate.positive is None:
        return known[-1]
    if gate.positive not in known.tolist():
        raise ValueError(f"`positive` is {gate.positive!r}, which is no label of {gate.target!r}: {known.tolist()}")
    return gate.positive


def _check_defined(rate: str, counts: Floats, names: list[str]) -> None:
    rows = statistics.hits_and_rows(rate, counts)[1]
    lacking = [name for name, count in zip(names, rows, strict=True) if count == 0]
    if lacking:
        raise ValueError(f"the {rate.replace('_', ' ')} of {', '.join(lacking)} is of no row, so it cannot be compared")


def _drawn(counts: Floats, gate: FairnessGate) -> Floats:
    """Return bootstrap draws of the counts, each group of its own rows: (draws, groups, 4)."""
    rng = np.random.default_rng(gate.seed)
    each = [rng.multinomial(int(row.sum()), row / row.sum(), size=gate.resamples) for row in counts]
    return np.stack(each, axis=1).astype(np.float64)


def _by_metric(gate: FairnessGate, measure: Measure, groups: Groups) -> tuple[list[Estimate], list[dict[str, Any]]]:
    """Return the estimates of any metric; each group draws its own rows."""
    measured = [measure.on(places) for places in groups.values()]
    values = np.array([float(each.whole()[0]) for each in measured])
    draws = [
        each.drawn(np.random.default_rng([gate.seed, at]), gate.resamples)[:, 0] for at, each in enumerate(measured)
    ]
    estimates = [_estimate(values[at], draws[at], gate, name) for at, name in enumerate(groups)]
    table = [
        {"group": name, "rows": len(places), gate.metric: [row.value, row.low, row.high]}
        for (name, places), row in zip(groups.items(), estimates, strict=True)
    ]
    if gate.measure == "metric":
        return estimates, table
    if gate.measure == "metric_ratio" and values.min() <= 0:
        raise ValueError(f"{gate.metric} is {values.min():.4g} in a group; a ratio is of numbers above 0")
    one = statistics.spread if gate.measure == "metric_difference" else statistics.ratio
    return [_estimate(float(one(values)), one(np.stack(draws, axis=-1)), gate)], table


def _estimate(value: float, draws: Floats, gate: FairnessGate, group: str | None = None) -> Estimate:
    """Return a number with its bias-corrected limits; a rate that a draw has no row for takes the worst place."""
    if not np.isfinite(value):
        raise ValueError(f"{gate.measure} is {value}, which cannot be compared")
    if gate.measure.startswith("metric") and not np.isfinite(draws).all():
        raise ValueError(f"{gate.metric} has no finite value on some bootstrap draws of a group")
    worst = 0.0 if gate.measure.endswith("ratio") else 1.0
    found = corrected(float(value), np.where(np.isfinite(draws), draws, worst))
    return Estimate(found.estimate, found.limit(1 - gate.confidence), found.limit(gate.confidence), group)


def _rates(name: str, counts: Floats, confidence: float) -> dict[str, Any]:
    row: dict[str, Any] = {"group": name, "rows": int(counts.sum()), "positive": int(counts[0] + counts[2])}
    for rate in (statistics.SELECTION, statistics.TRUE_POSITIVE, statistics.FALSE_POSITIVE):
        hits, rows = statistics.hits_and_rows(rate, counts)
        row[rate] = [float(hits / rows) if rows else None, *wilson(float(hits), float(rows), confidence)]
    return row


def _held(gate: FairnessGate, estimate: Estimate) -> tuple[float, float]:
    """Return the numbers that the minimum and the maximum are held against."""
    return (estimate.low, estimate.high) if gate.on == "bound" else (estimate.value, estimate.value)


def _passes(gate: FairnessGate, estimate: Estimate) -> bool:
    low, high = _held(gate, estimate)
    return (gate.min is None or low >= gate.min) and (gate.max is None or high <= gate.max)


def _worst(gate: FairnessGate, estimates: list[Estimate]) -> Estimate:
    refused = [each for each in estimates if not _passes(gate, each)]
    return (refused or sorted(estimates, key=lambda each: each.value, reverse=gate.max is not None))[0]


def _finding(
    gate: FairnessGate, estimates: list[Estimate], small: str, leakage: Leakage, evidence: dict[str, Any]
) -> Finding:
    worst = _worst(gate, estimates)
    low, high = _held(gate, worst)
    held = low if gate.min is not None and low < gate.min else high if gate.max is not None else low
    of = f" of {gate.by} = {worst.group}" if worst.group is not None else f" by {gate.by}"
    what = "" if gate.on == "estimate" else "the far end of the interval of "
    found = within(f"{what}{gate.measure.replace('metric', gate.metric)}{of}", held, gate.min, gate.max)
    interval = f"; {worst.value:.4g} ({worst.low:.4g} to {worst.high:.4g}, limits at {100 * gate.confidence:.4g} %)"
    left = f"; left out as too small: {small}" if small else ""
    passed = all(_passes(gate, each) for each in estimates)
    return Finding(passed, f"{found.reason}{interval} on {gate.data}{left}{leakage.note}", worst.value, evidence)
