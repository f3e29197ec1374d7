"""`size`: how many bytes the stored model has, beside the champion's."""

from __future__ import annotations

from trackbook.registry.gates.context import GateContext
from trackbook.registry.gates.result import Finding
from trackbook.settings import SizeGate

MEGABYTE = 1_000_000


def judge(gate: SizeGate, context: GateContext) -> Finding:
    """Hold the size against its bounds; nothing is loaded for it."""
    size = context.candidate.size / MEGABYTE
    champion = context.champion.size / MEGABYTE if context.champion is not None else None
    ratio = size / champion if champion else None
    evidence = {"candidate_mb": size, "champion_mb": champion, "ratio": ratio}
    what = f"the stored model has {size:.4g} MB"
    against = f", {ratio:.3g} times the champion's {champion:.4g} MB" if ratio is not None else ""
    if gate.max_mb is not None and size > gate.max_mb:
        return Finding(False, f"{what}, more than {gate.max_mb:.4g} MB{against}", size, evidence)
    if gate.max_ratio is not None and ratio is not None and ratio > gate.max_ratio:
        return Finding(False, f"{what}{against}, more than {gate.max_ratio:.4g} times", size, evidence)
    first = f"; {context.model} has no version in production to compare with" if ratio is None else ""
    return Finding(True, f"{what}{against}{first}", size, evidence)
