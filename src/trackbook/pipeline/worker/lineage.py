"""What data went into a step and came out of it, noted with its run, so that it is known again wherever it goes.

The process of the steps looks at the values, as only it has them; it keeps frames that are small enough as dataset
versions, block by block in the objects, and says what it kept.  The process that records notes all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.store import events as event

if TYPE_CHECKING:
    from trackbook.tracking.versioning import InputVersions

READ, WRITTEN = "read", "written"


class Used(msgspec.Struct, frozen=True, array_like=True):
    """Data that a step was handed or returned; the fields are those of `DataUsed`."""

    role: str
    name: str
    kind: str
    fingerprint: str | None = None
    rows: int | None = None
    columns: dict[str, str] | None = None
    reason: str | None = None
    size: int | None = None

    def noted(self, run_id: str) -> event.DataUsed:
        """Return it as a fact about a run."""
        return event.DataUsed(run_id=run_id, **msgspec.structs.asdict(self))


class Looked(msgspec.Struct, frozen=True):
    """The data among some values, and the dataset versions that were kept of it."""

    used: tuple[Used, ...] = ()
    kept: tuple[event.DatasetKept, ...] = ()

    def __add__(self, other: Looked) -> Looked:
        return Looked(self.used + other.used, self.kept + other.kept)


class Versions(msgspec.Struct, frozen=True):
    """Where small frames are kept as dataset versions: the folder of the objects, the limit, and whose they are.

    `pipeline` names the datasets: the script, or the notebook that it was made from.
    """

    objects: str
    max_bytes: int
    user: str
    pipeline: str


class DataWatch:
    """Looks at what steps are handed and return, in the process that runs them."""

    def __init__(self, versions: Versions | None) -> None:
        from trackbook.capture.fingerprint.values import Fingerprinter

        self._fingerprints = Fingerprinter()
        self._pipeline = versions.pipeline if versions is not None else ""
        self._kept: list[event.DatasetKept] = []
        self._inputs = self._keeper(versions) if versions is not None else None

    def look(self, role: str, values: Mapping[str, Any], run_id: str) -> Looked:
        """Return what the data among `values` is, and the dataset versions that were kept of it for a run."""
        from trackbook.capture.fingerprint.values import DATA_KINDS, kind_of

        data = {name: value for name, value in values.items() if kind_of(value) in {*DATA_KINDS, "estimator"}}
        found = {name: self._fingerprints.of(value) for name, value in data.items()}
        if self._inputs is not None:
            self._inputs.keep_frames(run_id, self._pipeline, found, data)
        used = [
            Used(role, name, seen.kind, seen.digest, seen.rows, seen.columns, seen.reason, seen.size)
            for name, seen in found.items()
        ]
        kept, self._kept[:] = tuple(self._kept), ()
        return Looked(tuple(used), kept)

    def _keeper(self, versions: Versions) -> InputVersions:
        from trackbook.store.objects import Objects
        from trackbook.tracking.versioning import InputVersions

        return InputVersions(self._append, Objects(Path(versions.objects)), versions.max_bytes, versions.user)

    def _append(self, kept: event.Event) -> None:
        assert isinstance(kept, event.DatasetKept)
        self._kept.append(kept)
