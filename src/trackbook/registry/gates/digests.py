"""What a gate judges besides the candidate, as digests: a result is void when one of them is another now.

All of it is read from the registry and the datasets; no model is built and no frame read for it.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from trackbook.errors import TrackbookError
from trackbook.registry.gates.context import GateContext
from trackbook.settings import (
    ChampionGate,
    DataGate,
    FairnessGate,
    GateSettings,
    LatencyGate,
    MetricGate,
    ReproducedGate,
    SignatureGate,
    SizeGate,
    SlicesGate,
)

NONE, MISSING = "none", "missing"


def digests_of(gate: GateSettings, context: GateContext) -> dict[str, str]:
    """Return the digests of what `gate` judges now, by what they are of."""
    candidate, found = context.candidate, {}
    if isinstance(gate, ChampionGate | SlicesGate | LatencyGate | SizeGate | SignatureGate):
        found["champion"] = context.champion.digest if context.champion is not None else NONE
    if isinstance(gate, ChampionGate | SlicesGate | FairnessGate | LatencyGate):
        found[gate.data] = _fingerprint(gate.data, context)
    if isinstance(gate, ChampionGate | SlicesGate | FairnessGate):
        found["training"] = candidate.training or NONE
        scorer = scorer_of(gate, context.sources.root)
        found |= {"scorer": scorer} if scorer is not None else {}
    if isinstance(gate, MetricGate):
        found["metric"] = repr(candidate.metrics.get(gate.metric))
    if isinstance(gate, DataGate):
        found |= {
            uri: _fingerprint(uri, context) for uri in (*candidate.datasets, *([gate.schema] if gate.schema else []))
        }
    if isinstance(gate, ReproducedGate):
        verdict = context.sources.reproduction(candidate.run_id) if candidate.run_id else None
        found["reproduction"] = verdict.reproduction_id if verdict is not None else NONE
    return found


def _fingerprint(uri: str, context: GateContext) -> str:
    try:
        return context.sources.version(uri).fingerprint
    except TrackbookError:
        return MISSING


def scorer_of(gate: GateSettings, root: Path | None) -> str | None:
    """Return the digest of the source of the scorer that `gate` names in the project; None for scikit-learn's."""
    metric = getattr(gate, "metric", "")
    if ":" not in metric:
        return None
    from trackbook.registry.gates.scorers import digest_of

    with suppress(OSError, TrackbookError):
        return digest_of(metric, root) or MISSING
    return MISSING
