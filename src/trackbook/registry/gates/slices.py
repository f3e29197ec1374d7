"""`slices`: in no part of the rows the candidate is worse than the version in production by more than a margin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from trackbook.registry.gates.comparison import Comparison, Own, alone, compare
from trackbook.registry.gates.context import GateContext, HeldOut
from trackbook.registry.gates.leakage import leakage_of
from trackbook.registry.gates.measures import Measure
from trackbook.registry.gates.result import Finding
from trackbook.registry.gates.scorers import resolve
from trackbook.registry.gates.statistics.intervals import holm
from trackbook.registry.gates.statistics.measured import Ints
from trackbook.settings import SlicesGate

MAX_SLICES = 1000
MAX_NAMED = 5


class Slice(msgspec.Struct, frozen=True):
    """One slice: its name, and its comparison or why there is none; `p_value` that it is worse, by Holm."""

    name: str
    rows: int
    compared: Comparison | None = None
    fault: str | None = None
    p_value: float | None = None
    verdict: str = "too small"


def judge(gate: SlicesGate, context: GateContext) -> Finding:
    """Compare candidate and champion in every slice; the first version has nobody to be worse than and passes."""
    held_out = context.held_out(gate.data, gate.target, gate.features)
    leakage = leakage_of(gate, context, held_out)
    if leakage.refusal is not None:
        return Finding(False, leakage.refusal, leakage.share, {"leakage": leakage.to_dict()})
    scorer = resolve(gate.metric, context.sources.root)
    if context.champion is None:
        reason = f"{context.model} has no version in production that slices could be compared with"
        measure = Measure(scorer, held_out.truth, [held_out.replies(context.candidate)])
        rows = [_own(gate, measure, held_out, *each) for each in slices_of(gate, held_out)]
        return Finding(True, reason, None, {"n": len(held_out.truth), "metric": gate.metric, "slices": rows})
    measure = Measure(
        scorer, held_out.truth, [held_out.replies(each) for each in (context.candidate, context.champion)]
    )
    slices = _judged(gate, [_compared(gate, measure, held_out, *each) for each in slices_of(gate, held_out)])
    evidence: dict[str, Any] = {
        "n": len(held_out.truth),
        "metric": gate.metric,
        "min_size": gate.min_size,
        "slices": [_row(each) for each in slices],
        "leakage": leakage.to_dict(),
    }
    if scorer.digest is not None:
        evidence["scorer"] = {"digest": scorer.digest, "source": scorer.source}
    return _finding(gate, slices, evidence)


def slices_of(gate: SlicesGate, held_out: HeldOut) -> list[tuple[str, Ints]]:
    """Return the slices by name, with the places of their rows; raises ValueError where there are too many."""
    found = [each for name in gate.by for each in _by(gate, name, held_out.column(name))]
    if len(found) > MAX_SLICES:
        raise ValueError(f"{', '.join(gate.by)} make {len(found)} slices, more than {MAX_SLICES}; give `edges`")
    return found


def _by(gate: SlicesGate, name: str, values: Any) -> Iterator[tuple[str, Ints]]:
    import pandas as pd

    missing = values.isna().to_numpy()
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        numbers = values.to_numpy(dtype=float, na_value=np.nan)
        edges = gate.edges.get(name)
        if edges is not None or len(np.unique(numbers[~missing])) > gate.quantiles:
            yield from _cut(name, numbers, missing, list(edges or _quantiles(numbers[~missing], gate.quantiles)))
            return
    for level in sorted(values[~missing].unique(), key=str):
        yield f"{name} = {level}", np.flatnonzero((values == level).fillna(False).to_numpy(dtype=bool))
    yield from _lost(name, missing)


def _quantiles(numbers: Any, count: int) -> list[float]:
    return [float(edge) for edge in np.unique(np.quantile(numbers, np.arange(1, count) / count))]


def _cut(name: str, numbers: Any, missing: Any, edges: list[float]) -> Iterator[tuple[str, Ints]]:
    place = np.searchsorted(edges, numbers, side="right")
    for at in range(len(edges) + 1):
        low = f"{edges[at - 1]:.6g} <= " if at else ""
        high = f" < {edges[at]:.6g}" if at < len(edges) else ""
        yield f"{low}{name}{high}", np.flatnonzero((place == at) & ~missing)
    yield from _lost(name, missing)


def _lost(name: str, missing: Any) -> Iterator[tuple[str, Ints]]:
    if missing.any():
        yield f"{name} is missing", np.flatnonzero(missing)


def _compared(gate: SlicesGate, measure: Measure, held_out: HeldOut, name: str, places: Ints) -> Slice:
    if len(places) < gate.min_size:
        return Slice(name, len(places))
    try:
        found = compare(measure, held_out.truth, gate, -gate.margin, places)
    except Exception as error:  # noqa: BLE001 - as where a slice has one class only; the gate says so and refuses
        return Slice(name, len(places), fault=str(error)[:200], verdict="cannot be compared")
    return Slice(name, len(places), found)


def _own(gate: SlicesGate, measure: Measure, held_out: HeldOut, name: str, places: Ints) -> dict[str, Any]:
    """Return what the candidate reaches in a slice, where there is nobody to compare it with."""
    row: dict[str, Any] = {"slice": name, "rows": len(places)}
    if len(places) < gate.min_size:
        return {**row, "verdict": "too small"}
    try:
        found = alone(measure, held_out.truth, gate, places)
    except Exception as error:  # noqa: BLE001 - as where a slice has one class only; nothing hangs on it here
        return {**row, "verdict": "cannot be measured", "fault": str(error)[:200]}
    return {**row, "verdict": "not compared", "candidate": found.value, **_limits(found)}


def _limits(found: Own) -> dict[str, float]:
    return (
        {}
        if found.own_low is None or found.own_high is None
        else {"own_low": found.own_low, "own_high": found.own_high}
    )


def _judged(gate: SlicesGate, slices: list[Slice]) -> list[Slice]:
    """Return the slices with Holm's p-values that they are worse, and what follows."""
    tested = [each.compared for each in slices if each.compared is not None]
    adjusted = iter(holm([each.p_below for each in tested]))
    level = 1 - gate.confidence
    judged = []
    for each in slices:
        if each.compared is None:
            judged.append(each)
            continue
        p_value = next(adjusted)
        exact = each.compared.error == 0 and each.compared.difference >= -gate.margin
        shown = each.compared.p_above <= level or exact
        verdict = "worse" if p_value <= level else "not worse" if shown else "not shown"
        judged.append(msgspec.structs.replace(each, p_value=p_value, verdict=verdict))
    return judged


def _finding(gate: SlicesGate, slices: list[Slice], evidence: dict[str, Any]) -> Finding:
    refusing = {"worse", "cannot be compared"} | ({"not shown"} if gate.require == "shown" else set())
    bad = [each for each in slices if each.verdict in refusing or (each.compared is None and gate.small == "refuse")]
    small = [each for each in slices if each.verdict == "too small"]
    tested = [each.compared for each in slices if each.compared is not None]
    worst = min((each.difference for each in tested), default=None)
    note = f"; {len(small)} with fewer than {gate.min_size} rows were not judged: {_names(small)}" if small else ""
    if not tested:
        return Finding(
            False, f"no slice by {', '.join(gate.by)} has {gate.min_size} rows, so none was judged", None, evidence
        )
    if bad:
        what = "; ".join(_words(each) for each in bad[:MAX_NAMED])
        more = f", and {len(bad) - MAX_NAMED} more" if len(bad) > MAX_NAMED else ""
        return Finding(
            False, f"{len(bad)} of {len(slices)} slices refuse by {gate.metric}: {what}{more}{note}", worst, evidence
        )
    reason = (
        f"none of {len(tested)} slices is worse than the champion by {gate.metric}, by more than {gate.margin:.4g}, "
        f"after Holm's correction; the largest loss is {max(-(worst or 0.0), 0.0):.4g}{note}"
    )
    return Finding(True, reason, worst, evidence)


def _words(each: Slice) -> str:
    found = each.compared
    if found is None:
        return f"{each.name} ({each.rows} rows) {each.fault or 'is too small'}"
    return (
        f"{each.name} ({each.rows} rows) is {each.verdict}: {found.candidate:.4g} against {found.champion:.4g}, "
        f"{found.difference:+.4g} ({found.low:+.4g} to {found.high:+.4g}), p {each.p_value:.3g}"
    )


def _names(slices: list[Slice]) -> str:
    named = ", ".join(f"{each.name} ({each.rows})" for each in slices[:MAX_NAMED])
    return f"{named}, …" if len(slices) > MAX_NAMED else named


def _row(each: Slice) -> dict[str, Any]:
    found = each.compared.to_dict() if each.compared is not None else {}
    kept = ("test", "candidate", "champion", "difference", "low", "high", "error", "rows_needed", "own_low", "own_high")
    return {
        "slice": each.name,
        "rows": each.rows,
        "verdict": each.verdict,
        "p_value": each.p_value,
        **{name: found[name] for name in kept if name in found},
        **({"fault": each.fault} if each.fault else {}),
    }
