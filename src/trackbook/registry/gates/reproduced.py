"""`reproduced`: the run that made the model was repeated, and the last verdict was that it came out the same."""

from __future__ import annotations

from trackbook.registry.gates.context import GateContext
from trackbook.registry.gates.result import Finding
from trackbook.settings import ReproducedGate
from trackbook.tracking.values import REPRODUCED


def judge(gate: ReproducedGate, context: GateContext) -> Finding:
    """Read the last verdict; nothing is repeated for it."""
    candidate = context.candidate
    if candidate.run_id is None:
        return Finding(
            False, f"{candidate.uri} has no source run that could be repeated; register it with its `run_id`"
        )
    short = candidate.run_id[:8]
    found = context.sources.reproduction(candidate.run_id)
    if found is None:
        return Finding(False, f"run {short} was not repeated yet; run `trackbook reproduce {short}`")
    evidence = {"reproduction": found.reproduction_id, "verdict": found.verdict, "compared": found.compared,
                "environment": found.environment, "time": found.end_time}  # fmt: skip
    if found.verdict != REPRODUCED:
        return Finding(
            False,
            f"run {short} {found.verdict.replace('_', ' ')} when it was last repeated: {found.reason}",
            None,
            evidence,
        )
    return Finding(True, f"run {short} was reproduced: {found.reason}", None, evidence)
