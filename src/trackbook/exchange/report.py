"""What a push or a pull did, or would do."""

from __future__ import annotations

from typing import Any

import msgspec

from trackbook.store.transfer import Moved


class Refused(msgspec.Struct, frozen=True):
    """Something that was not taken, and why; nothing of it is here."""

    name: str
    reason: str


class Report(msgspec.Struct, frozen=True):
    """How many of each were moved; `size` is in bytes as they travelled.

    `notes` are sentences for people, e.g. that a dataset version got another number here; `refused` names what was
    not fit to be taken.
    """

    url: str
    runs: int = 0
    data: int = 0
    models: int = 0
    objects: int = 0
    size: int = 0
    notes: tuple[str, ...] = ()
    refused: tuple[Refused, ...] = ()
    dry_run: bool = False

    @property
    def is_nothing(self) -> bool:
        """Whether there was nothing to move."""
        return not (self.runs or self.data or self.models or self.objects or self.refused)

    def __add__(self, other: Report) -> Report:
        return Report(
            self.url,
            self.runs + other.runs,
            self.data + other.data,
            self.models + other.models,
            self.objects + other.objects,
            self.size + other.size,
            self.notes + other.notes,
            self.refused + other.refused,
            self.dry_run,
        )

    def with_objects(self, moved: Moved) -> Report:
        """Return the report with these objects added."""
        return msgspec.structs.replace(self, objects=self.objects + moved.count, size=self.size + moved.size)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain
