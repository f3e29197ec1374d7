"""Whether the outputs of a step may be kept, and how they are written and read back."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from trackbook.pipeline.worker import spooling
from trackbook.pipeline.worker.signature import UnsignedError, is_mutable, reachable, shared, signature


def signature_or_none(value: Any) -> str | None:
    try:
        return signature(value)
    except UnsignedError:
        return None


def sign(slots: tuple[str, ...], outputs: list[Any]) -> tuple[tuple[str | None, ...], list[str]]:
    signatures: list[str | None] = []
    reasons: list[str] = []
    for slot, value in zip(slots, outputs, strict=True):
        try:
            signatures.append(signature(value))
        except UnsignedError as error:
            signatures.append(None)
            reasons.append(f"its output {slot.partition('@')[0]} cannot be kept: {error}")
    return tuple(signatures), reasons


def unsafe(outputs: list[Any], arguments: list[Any], touched: list[Any], others: list[Any], altered: bool) -> list[str]:
    """Say why values taken from the cache would not be connected as the values of this run are."""
    if altered or (touched and shared(touched, others)):
        return ["changes in place what a later step still uses"]
    changed_ids = {id(value) for value in touched}
    kept = [value for value in [*arguments, *others] if id(value) not in changed_ids]
    whole = whole_arguments(arguments, touched).keys()
    if (reachable(outputs, whole) - whole) & (reachable(kept) - whole):
        return ["its outputs share parts with earlier values"]
    return []


def whole_arguments(arguments: list[Any], touched: list[Any]) -> dict[int, int]:
    """Return the places of the arguments that kept bytes may point to, by identity."""
    changed_ids = {id(value) for value in touched}
    return {
        id(value): place for place, value in enumerate(arguments) if is_mutable(value) and id(value) not in changed_ids
    }


def changeable(module: ModuleType) -> list[Any]:
    return [
        value
        for name, value in vars(module).items()
        if not name.startswith("__") and is_mutable(value) and not callable(value)
    ]


def spool(
    path: Path, outputs: list[Any], arguments: list[Any], touched: list[Any], *, may_fork: bool
) -> tuple[tuple[int, ...], int, list[str]]:
    """Write outputs to `path` as `spooling.write` does, with whole arguments that were not `touched` as references.

    Returns its answer, and why they cannot be written.
    """
    try:
        return *spooling.write(path, outputs, whole_arguments(arguments, touched), may_fork=may_fork), []
    except OSError as error:
        reason = f"its outputs cannot be written: {error.strerror}"
    except Exception as error:  # noqa: BLE001 - a value may refuse to be pickled with any exception
        reason = f"its outputs cannot be pickled together: {error}"
    path.unlink(missing_ok=True)
    return (), 0, [reason]
