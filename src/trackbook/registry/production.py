"""Back to what was in production before: in one call, and no gate is asked again.

The version has passed them once, or was put there by an override, which stays marked on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.data.names import check_name, check_text
from trackbook.errors import RegistryError
from trackbook.registry import events, lookup, projection
from trackbook.registry.audit import chain
from trackbook.registry.loading import Loader
from trackbook.registry.trail import Trail
from trackbook.registry.values import Model, ModelVersion

if TYPE_CHECKING:
    from trackbook.store import Database, Store

PRODUCTION = "production"


class Rollback(msgspec.Struct, frozen=True):
    """The version that is in production again, the one that it replaced, and in sentences what changed with it."""

    version: ModelVersion
    previous: ModelVersion
    changes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the version as plain values, with the number of the one before and the changes."""
        return {**self.version.to_dict(), "previous": self.previous.version, "changes": list(self.changes)}


class Production:
    """Moves production back."""

    def __init__(self, store: Store, trail: Trail, loader: Loader) -> None:
        """Move back in `store`, with bytes that `loader` proves."""
        self._store = store
        self._trail = trail
        self._loader = loader

    def rollback(self, name: str, reason: str | None = None) -> Rollback:
        """Put the previous production version back; see `Registry.rollback`."""
        check_name(name, "model")
        check_text(reason or "", "reason")
        with self._store.read() as db:
            self._loader.check_bytes(_before(db, lookup.model_of(db, name))[0])
        with self._trail.change() as db:
            projection.prove(db, name)
            target, current = _before(db, lookup.model_of(db, name))
            payload = events.RolledBack(target.version, current.version, reason)
            self._trail.record(db, name, payload, target.version)
            now = lookup.version_of(db, name, target.version)
        return Rollback(now, current, tuple(changes(current, now)))


def held(trail: Iterable[chain.AuditEvent]) -> list[int]:
    """Return the versions that were in production, the last one at the end.

    A rollback takes those that it passed over away, so that a second one goes further back instead of forth again.
    """
    past: list[int] = []
    for event in trail:
        match events.payload_of(event):
            case events.Promoted(stage=stage, version=version) if stage == PRODUCTION:
                past.append(version)
            case events.RolledBack(version=version):
                while past and past[-1] != version:
                    past.pop()
    return past


def _before(db: Database, model: Model) -> tuple[ModelVersion, ModelVersion]:
    """Return the version to go back to, and the one that is in production."""
    current = model.in_stage(PRODUCTION)
    if current is None:
        raise RegistryError(
            f"no version of {model.name!r} is in production, so there is nothing to roll back; "
            f"`trackbook models promote {model.name} VERSION production` puts one there"
        )
    living = {each.version: each for each in model.versions if each.deprecated is None}
    past = [each for each in held(_moves(db, model.name)) if each != current.version and each in living]
    if not past:
        raise RegistryError(
            f"version {current.version} of {model.name!r} has no predecessor in production that is neither deprecated "
            f"nor deleted; promote another one, or archive it: `trackbook models promote {model.name} "
            f"{current.version} archived`"
        )
    return living[past[-1]], current


def _moves(db: Database, name: str) -> Iterator[chain.AuditEvent]:
    moves = ("version_promoted", "rolled_back")
    return (event for event in chain.about(db, events.subject_of(name)) if event.action in moves)


def changes(before: ModelVersion, after: ModelVersion) -> Iterator[str]:
    """Yield what is different with `after` in the place of `before`, in sentences."""
    yield f"production of {after.name} is version {after.version} again, instead of {before.version}"
    for alias in after.aliases:
        yield f"@{alias} names version {after.version}"
    if before.digest == after.digest:
        yield "both have the same bytes"
    for what, ours, theirs in (("metric", after.metrics, before.metrics), ("param", after.params, before.params)):
        for key in sorted({*ours, *theirs}):
            old, new = (_shown(each.get(key)) for each in (theirs, ours))
            if old != new:
                yield f"{what} {key} is {new} instead of {old}"
    if before.signature != after.signature:
        yield "the signature is another: look at `trackbook models compare` before anything calls it"
    if before.environment != after.environment:
        yield "it was made in another environment"


def _shown(value: Any) -> str:
    return "missing" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
