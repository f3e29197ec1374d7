"""Model versions between registries: known again by the audit event that first registered them, wherever that was.

What crosses over is the model and what was measured of it.  Stage, aliases and judgements stay behind: in another
store it begins in stage `none`, and passes the gates there or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.data.names import check_name, check_text
from trackbook.errors import RegistryError
from trackbook.registry import events
from trackbook.registry.audit import chain
from trackbook.store.objects import is_digest

if TYPE_CHECKING:
    from trackbook.store import Database


class SharedVersion(msgspec.Struct, frozen=True):
    """A model version as it was registered; `version`, `created_by` and `created_time` (ms) are those of that place.

    `event` is the hash of the audit event that registered it: no other version anywhere has it.
    """

    event: str
    name: str
    version: int
    digest: str
    format: str
    size: int
    run_id: str | None
    params: dict[str, str]
    metrics: dict[str, float | str]
    signature: dict[str, Any] | None
    environment: str | None
    description: str
    created_time: int
    created_by: str
    author: str = ""
    owner: str = ""
    tags: dict[str, str] = {}
    example: str | None = None
    training: str | None = None
    program: str | None = None
    datasets: tuple[events.DataSource, ...] = ()
    libraries: dict[str, str] = {}

    @property
    def objects(self) -> tuple[str, ...]:
        """The digests of all objects that belong to the version, its own bytes first."""
        return tuple(each for each in (self.digest, self.example, self.training, self.program) if each is not None)

    def payload(self, version: int) -> events.VersionRegistered:
        """Return what registers it as number `version` here."""
        fields = {name: getattr(self, name) for name in events.VersionRegistered.__struct_fields__ if name != "origin"}
        origin = events.Origin(self.event, self.version, self.created_by, self.created_time)
        return events.VersionRegistered(**{**fields, "version": version}, origin=origin)


def shared(db: Database, *, deleted: bool = False) -> Iterator[SharedVersion]:
    """Yield all versions of a registry, as they were first registered; those too that were deleted, if asked for."""
    gone = set() if deleted else {event.subject for event in chain.select(db, "WHERE action = 'version_deleted'")}
    for event in chain.select(db, "WHERE action = 'version_registered' ORDER BY seq"):
        payload = events.payload_of(event)
        if isinstance(payload, events.VersionRegistered) and event.subject not in gone:
            origin = payload.origin or events.Origin(event.hash, payload.version, event.actor, event.time)
            fields = {name: getattr(payload, name) for name in payload.__struct_fields__ if name != "origin"}
            yield SharedVersion(
                **{**fields, "version": origin.version},
                event=origin.event,
                name=events.model_of(event),
                created_time=origin.time,
                created_by=origin.actor,
            )


def check(version: SharedVersion) -> SharedVersion:
    """Return `version` when it is one that a Trackbook may have made; raises UsageError or RegistryError."""
    check_name(version.name, "model")
    for text, what in ((version.description, "description"), (version.created_by, "user"), (version.format, "format")):
        check_text(text, what)
    for text in (version.author, version.owner, *version.tags, *version.tags.values()):
        check_text(text, "text")
    if not (
        all(map(is_digest, version.objects)) and is_digest(version.event) and version.version > 0 and version.size >= 0
    ):
        raise RegistryError(f"version {version.version} of model {version.name!r} is none that Trackbook registers")
    for name, value in version.metrics.items():
        try:
            float(value)
        except ValueError as error:
            raise RegistryError(f"metric {name!r:.60} of model {version.name!r} is no number: {value!r:.60}") from error
    return version
