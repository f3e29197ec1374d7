"""`latency`: how long a prediction takes, beside the champion's, on the same rows and at the same time."""

from __future__ import annotations

import statistics
import time
from typing import Any

from trackbook.registry.gates.context import Contender, GateContext
from trackbook.registry.gates.result import Finding
from trackbook.settings import LatencyGate


def judge(gate: LatencyGate, context: GateContext) -> Finding:
    """Let both models predict in turns and compare medians, in milliseconds."""
    rivals = [context.candidate, *([context.champion] if context.champion is not None else [])]
    held_out = context.held_out(gate.data, gate.target, gate.features)
    asked = [_prepared(each, context, held_out, gate.rows) for each in rivals]
    taken = _times(asked, gate.repeats)
    medians = [statistics.median(each) for each in taken]
    rows = min(gate.rows, len(held_out.frame))
    evidence: dict[str, Any] = {"n": rows, "repeats": gate.repeats, "candidate_ms": _spread(taken[0])}
    ratio = None
    if len(medians) == 2:
        ratio = medians[0] / max(medians[1], 1e-9)
        evidence |= {"champion_ms": _spread(taken[1]), "ratio": ratio}
    return _finding(gate, context, medians, ratio, rows, evidence)


def _prepared(contender: Contender, context: GateContext, held_out: Any, rows: int) -> tuple[Any, Any]:
    model = context.built(contender)
    inputs = held_out.inputs(contender, model)
    return model, inputs.iloc[:rows] if hasattr(inputs, "iloc") else inputs[:rows]


def _times(asked: list[tuple[Any, Any]], repeats: int) -> list[list[float]]:
    """Return the milliseconds of each prediction; the models take turns, so that a busy machine slows both."""
    taken: list[list[float]] = [[] for _ in asked]
    for repeat in range(-1, repeats):
        for times, (model, inputs) in zip(taken, asked, strict=True):
            start = time.perf_counter()
            model.predict(inputs)
            if repeat >= 0:  # the first warms up
                times.append(1000 * (time.perf_counter() - start))
    return taken


def _spread(times: list[float]) -> dict[str, float]:
    low, middle, high = statistics.quantiles(times, n=4)
    return {"median": middle, "low_quartile": low, "high_quartile": high}


def _finding(
    gate: LatencyGate,
    context: GateContext,
    medians: list[float],
    ratio: float | None,
    rows: int,
    evidence: dict[str, Any],
) -> Finding:
    what = f"predicting {rows:,} rows takes {medians[0]:.4g} ms"
    against = f", {ratio:.3g} times the champion's {medians[1]:.4g} ms" if ratio is not None else ""
    if gate.max_ms is not None and medians[0] > gate.max_ms:
        return Finding(False, f"{what}, more than {gate.max_ms:.4g} ms{against}", medians[0], evidence)
    if gate.max_ratio is not None and ratio is not None and ratio > gate.max_ratio:
        return Finding(False, f"{what}{against}, more than {gate.max_ratio:.4g} times", medians[0], evidence)
    first = f"; {context.model} has no version in production to compare with" if ratio is None else ""
    return Finding(True, f"{what}{against}{first}", medians[0], evidence)
