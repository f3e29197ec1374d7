"""Whether held-out rows were in the training data, or are copies of each other: then they prove little."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from trackbook.capture.rows import RowSketch, below, decode_sketch, row_hashes
from trackbook.registry.gates.context import Contender, GateContext, HeldOut
from trackbook.settings import ChampionGate, FairnessGate, SlicesGate


class Leakage(msgspec.Struct, frozen=True):
    """The `share` of held-out rows that were trained on, of those `compared`; None where it is not known.

    `copies` is the share of held-out rows that are like another one before them.

    `with_target` counts the rows that had the same target too, `duplicates` is the share of the training rows that
    are like another of them: of such data some rows are alike by chance.  Rows that were `declared` are those that the
    author named, not those that were seen at the fit.  `refusal` says why a gate refuses.
    """

    share: float | None
    compared: int = 0
    found: int = 0
    with_target: int | None = None
    training_rows: int | None = None
    duplicates: float | None = None
    declared: bool = False
    copies: float = 0.0
    refusal: str | None = None
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


Gate = ChampionGate | SlicesGate | FairnessGate


def leakage_of(gate: Gate, context: GateContext, held_out: HeldOut) -> Leakage:
    """Say how many held-out rows the candidate was trained on or are copies, and whether `gate` refuses it for that."""
    columns = [held_out.frame.iloc[:, at] for at in range(held_out.frame.shape[1])]
    copies = 1 - len(np.unique(row_hashes(columns))) / max(len(held_out.frame), 1)
    if copies > gate.max_copies:
        reason = (
            f"{copies:.2%} of the rows of {gate.data} are copies of others, more than `max_copies` "
            f"{gate.max_copies:.2%}, so that they say less than their number; hold out rows that differ, or allow it"
        )
        return Leakage(None, copies=copies, refusal=reason)
    return msgspec.structs.replace(_leaked(gate, context, held_out), copies=copies)


def _leaked(gate: Gate, context: GateContext, held_out: HeldOut) -> Leakage:
    contender = context.candidate
    if contender.training is None:
        return _unknown(gate, contender, "the rows that it was trained on are not known")
    sketch = decode_sketch(context.sources.content(contender.training))
    names = sketch.names or held_out.names(contender, context.built(contender))
    if len(names) != sketch.width:
        why = f"its training rows have {sketch.width} columns, where it is asked about {len(names)}"
        return _unknown(gate, contender, why)
    try:
        columns = [held_out.column(name) for name in names]
    except Exception as error:  # noqa: BLE001 - the training data had columns that the held-out data lacks
        return _unknown(gate, contender, f"the rows that it was trained on cannot be compared ({error})")
    hashes = row_hashes(columns)
    return _judged(gate, contender, sketch, hashes, row_hashes([held_out.column(gate.target)], hashes))


def _judged(gate: Gate, contender: Contender, sketch: RowSketch, hashes: Any, labelled: Any) -> Leakage:
    chosen = below(hashes, sketch.level)
    compared = int(chosen.sum())
    if not compared:
        return _unknown(gate, contender, f"none of the {len(hashes)} held-out rows is in the sample of training rows")
    found = int(np.isin(hashes[chosen], sketch.distinct).sum())
    with_target = None
    if sketch.labelled is not None:
        with_target = int(np.isin(labelled[chosen], np.frombuffer(sketch.labelled, dtype="<u8")).sum())
    share = found / compared
    leakage = Leakage(
        share=share,
        compared=compared,
        found=found,
        with_target=with_target,
        training_rows=sketch.rows,
        duplicates=1 - len(sketch.distinct) / max(sketch.sampled, 1),
        declared=sketch.declared,
    )
    if share <= gate.max_leak:
        note = f"; {found} of {compared} held-out rows compared were trained on" if found else ""
        note += "; its training rows are those that its author declared" if sketch.declared else ""
        return msgspec.structs.replace(leakage, note=note)
    return msgspec.structs.replace(leakage, refusal=_refusal(gate, contender, leakage))


def _refusal(gate: Gate, contender: Contender, leakage: Leakage) -> str:
    alike = leakage.duplicates or 0
    chance = f"; {alike:.2%} of the training rows are like another one, so some may be alike by chance" if alike else ""
    return (
        f"{contender.uri} was trained on {leakage.found:,} of {leakage.compared:,} rows compared of {gate.data} "
        f"({leakage.share:.2%}, more than `max_leak` {gate.max_leak:.2%}){chance}. Hold data out that it has not seen, "
        "or allow what is alike by chance with `max_leak`"
    )


def _unknown(gate: Gate, contender: Contender, why: str) -> Leakage:
    if gate.leakage == "unknown_ok":
        return Leakage(None, note=f"; {why}, which the gate allows")
    return Leakage(
        None,
        refusal=(
            f"{contender.uri}: {why}, so rows of {gate.data} may be among them. Fit the model in a tracked cell or "
            "under `tb.autolog()` and register it from there, or give `register_model(…, training=FRAME)`; "
            '`leakage = "unknown_ok"` in the gate allows it'
        ),
    )
