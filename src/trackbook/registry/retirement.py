"""Versions that should not be used any more: deprecated, which can be taken back, and deleted, which cannot."""

from __future__ import annotations

from trackbook.data.names import check_name, check_text
from trackbook.errors import GateError, UsageError
from trackbook.registry import events, lookup, projection
from trackbook.registry.trail import Trail
from trackbook.registry.values import ModelVersion

HOLDING = ("staging", "production")


class Retirement:
    """Deprecates and deletes versions."""

    def __init__(self, trail: Trail) -> None:
        """Record in `trail` what is retired."""
        self._trail = trail

    def deprecate(self, name: str, version: int, reason: str | None) -> ModelVersion:
        """Mark a version, or take the mark away with the reason None; see `Registry.deprecate`."""
        check_name(name, "model")
        check_text(reason or "", "reason")
        if reason is not None and not reason.strip():
            raise UsageError("say why the version is deprecated: those who load it are told so")
        with self._trail.change() as db:
            projection.prove(db, name)
            current = lookup.version_of(db, name, version)
            if current.deprecated == reason:
                return current
            self._trail.record(db, name, events.VersionDeprecated(version, reason), version)
            return lookup.version_of(db, name, version)

    def delete(self, name: str, version: int, reason: str | None = None) -> None:
        """Delete a version that nothing holds; see `Registry.delete`."""
        check_name(name, "model")
        check_text(reason or "", "reason")
        with self._trail.change() as db:
            projection.prove(db, name)
            current = lookup.version_of(db, name, version)
            holders = [f"the alias {alias!r}" for alias in current.aliases]
            if current.stage in HOLDING:
                holders.insert(0, f"the stage {current.stage}")
            if holders:
                raise GateError(
                    f"version {version} of model {name!r} is not deleted: {' and '.join(holders)} "
                    f"{'holds' if len(holders) == 1 else 'hold'} it. Promote another version, or archive this one, and "
                    "move its aliases first"
                )
            self._trail.record(db, name, events.VersionDeleted(version, reason), version)
