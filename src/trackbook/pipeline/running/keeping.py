"""Whether the outputs of a step may be kept, and how they are written and read back."""

from __future__ import annotations

import pickle
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from trackbook.pipeline.running.signature import UnsignedError, is_mutable, reachable, shared, signature


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


class OutputPickler(pickle.Pickler):
    """Pickles outputs, with a reference in place of a whole argument."""

    def __init__(self, file: IO[bytes], arguments: dict[int, int]) -> None:
        super().__init__(file, protocol=5)
        self._arguments = arguments
        self.used: set[int] = set()

    def persistent_id(self, obj: Any) -> int | None:
        place = self._arguments.get(id(obj))
        if place is not None:
            self.used.add(place)
        return place


class OutputUnpickler(pickle.Unpickler):
    """Reads what `OutputPickler` wrote; the caller has checked the digest of the bytes."""

    def __init__(self, file: IO[bytes], arguments: list[Any]) -> None:
        super().__init__(file)
        self._arguments = arguments

    def persistent_load(self, pid: Any) -> Any:
        return self._arguments[pid]


def spool(
    path: Path, outputs: list[Any], arguments: list[Any], touched: list[Any]
) -> tuple[tuple[int, ...], list[str]]:
    try:
        with path.open("wb") as file:
            writer = OutputPickler(file, whole_arguments(arguments, touched))
            writer.dump(outputs)
    except OSError as error:
        path.unlink(missing_ok=True)
        return (), [f"its outputs cannot be written: {error.strerror}"]
    except Exception as error:  # noqa: BLE001 - a value may refuse to be pickled with any exception
        path.unlink(missing_ok=True)
        return (), [f"its outputs cannot be pickled together: {error}"]
    return tuple(sorted(writer.used)), []
