"""`champion`: the candidate is better than the version in production on the same held-out rows, by a paired test."""

from __future__ import annotations

from typing import Any

import msgspec

from trackbook.registry.gates.comparison import BETTER, INCONCLUSIVE, Comparison, alone, compare
from trackbook.registry.gates.context import GateContext
from trackbook.registry.gates.leakage import Leakage, leakage_of
from trackbook.registry.gates.measures import Measure
from trackbook.registry.gates.result import Finding
from trackbook.registry.gates.scorers import Scorer, resolve
from trackbook.settings import ChampionGate


def judge(gate: ChampionGate, context: GateContext) -> Finding:
    """Compare the candidate with the champion; the first version has nobody to beat and passes."""
    held_out = context.held_out(gate.data, gate.target, gate.features)
    leakage = leakage_of(gate, context, held_out)
    if leakage.refusal is not None:
        return Finding(False, leakage.refusal, leakage.share, {"leakage": leakage.to_dict()})
    scorer = resolve(gate.metric, context.sources.root)
    rivals = [context.candidate, *([context.champion] if context.champion is not None else [])]
    measure = Measure(scorer, held_out.truth, [held_out.replies(each) for each in rivals])
    if context.champion is None:
        value = float(measure.values[0])
        reason = (
            f"{context.model} has no version in production to compare with; its first has {gate.metric} {value:.6g} "
            f"on {gate.data}"
        )
        evidence = _evidence(None, scorer, leakage, len(held_out.truth), value)
        return Finding(True, reason, value, evidence | msgspec.to_builtins(alone(measure, held_out.truth, gate)))
    found = compare(measure, held_out.truth, gate, gate.margin)
    evidence = _evidence(found, scorer, leakage, found.rows, found.candidate)
    return Finding(found.verdict == BETTER, _reason(gate, found, leakage), found.difference, evidence)


def _reason(gate: ChampionGate, found: Comparison, leakage: Leakage) -> str:
    than = f"{found.candidate:.6g} against the champion's {found.champion:.6g}"
    by = f"by {found.difference:.4g} ({found.low:.4g} to {found.high:.4g}, limits at {100 * gate.confidence:.4g} %)"
    margin = "" if gate.margin == 0 else f" more than {gate.margin:.4g}"
    where = f"on {found.rows:,} rows of {gate.data}; {found.test}{leakage.note}"
    if found.verdict == BETTER:
        return f"{gate.metric} is {than}, better{margin} {by} {where}"
    if found.verdict == INCONCLUSIVE:
        needed = found.rows_needed
        more = "no number of rows would decide" if needed is None else _more(needed, found.rows)
        return f"{gate.metric} is {than}, which does not show whether it is better{margin}: {by} {where}. {more}"
    same = found.error == 0 and found.difference == 0
    return f"{gate.metric} is {than}, not better{margin}: {'both say the same' if same else by} {where}"


def _more(needed: int, rows: int) -> str:
    digits = max(len(str(max(needed - rows, 1))) - 2, 0)
    return f"About {round(max(needed - rows, 1), -digits):,} more rows would decide"


def _evidence(found: Comparison | None, scorer: Scorer, leakage: Leakage, rows: int, value: float) -> dict[str, Any]:
    evidence: dict[str, Any] = {"n": rows, "metric": scorer.name, "candidate": value, "leakage": leakage.to_dict()}
    if found is not None:
        evidence |= {"comparison": found.to_dict()}
    if scorer.digest is not None:
        evidence |= {"scorer": {"digest": scorer.digest, "source": scorer.source}}
    return evidence
