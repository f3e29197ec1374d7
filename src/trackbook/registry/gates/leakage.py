"""Whether held-out rows were in the training data, or are copies of each other: then they prove little."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from trackbook.capture.rows import RowSketch, below, decode_sketch, row_hashes
from trackbook.registry.gates.context import Contender, GateContext, HeldOut
from trackbook.settings import ChampionGate, FairnessGate, SlicesGate

MUCH_ALIKE, TOO_MUCH_ALIKE = 0.05, 0.5
"""Shares of rows that are alike by chance: from the first on the target is looked at too, from the second on nothing
can be told."""

MOST_TIMES = 10.0
"""So many times more training rows than held-out ones are taken into account at most."""


class Leakage(msgspec.Struct, frozen=True):
    """The `share` of held-out rows that were trained on, of those `compared`; None where it is not known.

    `copies` is the share of held-out rows that are like another one before them.

    `with_target` counts the rows that had the same target too.  `by_chance` is the share that rows of such data are
    alike by chance, told from the held-out rows themselves; where that is much, rows count as the same only with
    their target (`judged_by` says which).  Rows that were `declared` are those that the author named, not those that
    were seen at the fit.  `refusal` says why a gate refuses.
    """

    share: float | None
    compared: int = 0
    found: int = 0
    with_target: int | None = None
    training_rows: int | None = None
    by_chance: float | None = None
    judged_by: str = "features"
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
    chance, judged_by, counted, with_target = _by_chance(hashes, sketch.rows), "features", found, None
    if sketch.labelled is not None:
        with_target = int(np.isin(labelled[chosen], np.frombuffer(sketch.labelled, dtype="<u8")).sum())
        if chance > MUCH_ALIKE:
            chance, judged_by, counted = _by_chance(labelled, sketch.rows, 0.5), "features and target", with_target
    if chance > TOO_MUCH_ALIKE:
        return _unknown(gate, contender, f"rows of {gate.data} are so much alike that those of training cannot show")
    leakage = Leakage(
        share=counted / compared,
        compared=compared,
        found=found,
        with_target=with_target,
        training_rows=sketch.rows,
        by_chance=chance,
        judged_by=judged_by,
        declared=sketch.declared,
    )
    if counted > gate.max_leak * compared + _most_by_chance(compared, chance):
        return msgspec.structs.replace(leakage, refusal=_refusal(gate, contender, leakage, counted))
    note = f"; {counted} of {compared} held-out rows compared were trained on" if counted else ""
    note += f", {chance:.2%} would be alike by chance" if counted and chance else ""
    note += "; its training rows are those that its author declared" if sketch.declared else ""
    return msgspec.structs.replace(leakage, note=note)


def _by_chance(held_out: Any, training_rows: int, more: float = 0.0) -> float:
    """Return the share of held-out rows that so many rows of other data of the kind are like by chance.

    Told from the held-out rows alone, which nobody who trains can choose: the share of those that stand alone is about
    the chance that a row is new to as many others (Good 1953); more training rows meet more.  Of rows that are known
    to be alike in all but one value, `more` = 0.5 counts half a repeated one that was not seen (Jeffreys).
    """
    _, times = np.unique(held_out, return_counts=True)
    repeated = 1 - (float((times == 1).sum()) - more) / len(held_out)
    return min(1.0, repeated * min(max(1.0, training_rows / len(held_out)), MOST_TIMES))


def _most_by_chance(compared: int, chance: float) -> float:
    from scipy.stats import binom

    return float(binom.ppf(0.99, compared, chance)) if chance else 0.0


def _refusal(gate: Gate, contender: Contender, leakage: Leakage, counted: int) -> str:
    chance = f", and {leakage.by_chance:.2%} would be alike by chance" if leakage.by_chance else ""
    return (
        f"{contender.uri} was trained on {counted:,} of {leakage.compared:,} rows compared of {gate.data} "
        f"({leakage.share:.2%}, more than `max_leak` {gate.max_leak:.2%}{chance}). Hold data out that it has not seen, "
        "or allow what is alike with `max_leak`"
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
