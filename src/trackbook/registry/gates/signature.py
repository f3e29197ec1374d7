"""`signature`: whoever calls the champion can call the candidate."""

from __future__ import annotations

from typing import Any

from trackbook.registry.gates.context import Contender, GateContext
from trackbook.registry.gates.result import Finding
from trackbook.settings import SignatureGate

WIDENED = {("integer", "float"), ("boolean", "integer"), ("boolean", "float")}
"""From the champion's type to the candidate's: what every caller of the first gives, the second takes."""


def judge(gate: SignatureGate, context: GateContext) -> Finding:
    """Compare the inputs of both, which are read from the registry; nothing is loaded for it."""
    champion = context.champion
    if champion is None:
        return Finding(True, f"{context.model} has no version in production whose callers could be let down")
    ours, theirs = (_inputs(each) for each in (context.candidate, champion))
    for each, inputs in ((context.candidate, ours), (champion, theirs)):
        if not inputs:
            reason = f"the signature of {each.uri} is not known; register it with an `example` of its input"
            return Finding(False, reason)
    added = [name for name in ours if name not in theirs]
    changed = [
        f"{name} from {theirs[name]} to {ours[name]}"
        for name in ours
        if name in theirs and not _takes(theirs[name], ours[name])
    ]
    evidence = {"added": added, "retyped": changed, "dropped": [name for name in theirs if name not in ours]}
    faults = [f"it needs {', '.join(added)}, which the champion does not"] if added else []
    faults += [f"the type changes of {', '.join(changed)}"] if changed else []
    if faults:
        return Finding(
            False, f"callers of {champion.uri} cannot call {context.candidate.uri}: {'; '.join(faults)}", None, evidence
        )
    return Finding(
        True, f"callers of {champion.uri} can call {context.candidate.uri}: {len(ours)} inputs fit", None, evidence
    )


def _inputs(contender: Contender) -> dict[str, Any]:
    """Return types by name; of an array, its one input by its place and width."""
    found: dict[str, Any] = {}
    for at, each in enumerate((contender.signature or {}).get("inputs") or []):
        name = each.get("name")
        shape = each.get("shape")
        key = f"input {at}" if name is None else str(name)
        found[f"{key} of {shape[1:]}" if shape else key] = each.get("type")
    return found


def _takes(champion: Any, candidate: Any) -> bool:
    # A signature without types came from the names that a model was fitted on: names are all there is to compare.
    return champion is None or candidate is None or champion == candidate or (champion, candidate) in WIDENED
