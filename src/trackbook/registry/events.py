"""What can happen to a model, as typed payloads of audit events, and what each does to the tables.

`changes` is the only rule of what an event means: the service applies it when the event is written, and
`registry.projection` applies it again to all events to prove that the tables say the same.
"""

from __future__ import annotations

from typing import Any

import msgspec

from trackbook.errors import IntegrityError
from trackbook.registry.audit.chain import AuditEvent, canonical, number
from trackbook.registry.gates.judge import GateResult
from trackbook.settings import GateSettings
from trackbook.store.metrics import to_stored

CHAMPION = "champion"
PREFIX = "models:/"

Key = tuple[str, ...]
"""A table and the natural key of one of its rows, e.g. ``("model_version", "iris", "3")``."""

Row = dict[str, Any]


class ModelCreated(msgspec.Struct, frozen=True):
    description: str


class Origin(msgspec.Struct, frozen=True):
    """Where a version that came from another store was registered: the hash of that event, its number, who and when."""

    event: str
    version: int
    actor: str
    time: int


class VersionRegistered(msgspec.Struct, frozen=True, omit_defaults=True):
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
    origin: Origin | None = None


class Judgement(msgspec.Struct, frozen=True):
    """A GateResult as it stands in a payload, where a number that is not finite is text."""

    gate: GateSettings
    passed: bool
    reason: str
    value: float | str | None
    digest: str


class Promoted(msgspec.Struct, frozen=True):
    """`archived` are the versions that made place; `aliases` the aliases that moved, None for one that was removed."""

    version: int
    stage: str
    previous: str
    archived: list[int]
    aliases: dict[str, int | None]
    gates: list[Judgement]
    reason: str | None


class PromotionRefused(msgspec.Struct, frozen=True):
    version: int
    stage: str
    gates: list[Judgement]
    reason: str | None


class AliasSet(msgspec.Struct, frozen=True):
    alias: str
    version: int
    previous: int | None


class AliasDeleted(msgspec.Struct, frozen=True):
    alias: str
    version: int


Payload = ModelCreated | VersionRegistered | Promoted | PromotionRefused | AliasSet | AliasDeleted

ACTIONS: dict[str, type[Payload]] = {
    "model_created": ModelCreated,
    "version_registered": VersionRegistered,
    "version_promoted": Promoted,
    "promotion_refused": PromotionRefused,
    "alias_set": AliasSet,
    "alias_deleted": AliasDeleted,
}
_NAMES = {payload: action for action, payload in ACTIONS.items()}


class Change(msgspec.Struct, frozen=True):
    """One row put (`row` holds all its columns), updated (some of them) or removed (None)."""

    key: Key
    row: Row | None
    update: bool = False


def action_of(payload: Payload) -> str:
    """Return the name that the trail has for this kind of event."""
    return _NAMES[type(payload)]


def subject_of(model: str, version: int | None = None) -> str:
    """Return the subject of an event, e.g. ``models:/iris/3``."""
    return f"{PREFIX}{model}" if version is None else f"{PREFIX}{model}/{version}"


def model_of(event: AuditEvent) -> str:
    """Return the name of the model that `event` is about."""
    return event.subject.removeprefix(PREFIX).partition("/")[0]


def judgement(result: GateResult) -> Judgement:
    """Return `result` as it is written into a payload."""
    return Judgement(result.gate, result.passed, result.reason, result.value, result.judged_digest)


def payload_of(event: AuditEvent) -> Payload:
    """Return the typed payload of `event`; raises IntegrityError for an event that no Trackbook wrote."""
    kind = ACTIONS.get(event.action)
    if kind is None or not event.subject.startswith(PREFIX):
        raise IntegrityError(
            f"event {event.seq} ({event.action} on {event.subject}) is not one that this Trackbook knows; "
            "update with `pip install -U trackbook`, or run `trackbook audit verify`"
        )
    try:
        return msgspec.json.decode(event.payload, type=kind)
    except msgspec.DecodeError as error:
        raise IntegrityError(f"the payload of event {event.seq} ({event.action}) cannot be read: {error}") from error


def changes(event: AuditEvent) -> list[Change]:
    """Return what `event` does to the tables, in order."""
    payload = payload_of(event)
    model = model_of(event)
    match payload:
        case ModelCreated():
            return [Change(("model", model), {"description": payload.description, "created_time": event.time})]
        case VersionRegistered():
            return [Change(_version_key(model, payload.version), _version_row(payload, event))]
        case Promoted():
            return _promotion(model, payload, event)
        case PromotionRefused():
            return _judgements(model, payload, event)
        case AliasSet():
            return [Change(("model_alias", model, payload.alias), {"version": payload.version})]
        case AliasDeleted():
            return [Change(("model_alias", model, payload.alias), None)]


def _version_key(model: str, version: int) -> Key:
    return ("model_version", model, str(version))


def _version_row(payload: VersionRegistered, event: AuditEvent) -> Row:
    return {
        "digest": payload.digest,
        "format": payload.format,
        "size": payload.size,
        "stage": "none",
        "run_id": payload.run_id,
        "params": canonical(payload.params),
        "metrics": canonical(payload.metrics),
        "signature": None if payload.signature is None else canonical(payload.signature),
        "environment": payload.environment,
        "description": payload.description,
        "created_time": event.time,
        "created_by": event.actor,
    }


def _promotion(model: str, payload: Promoted, event: AuditEvent) -> list[Change]:
    stages = dict.fromkeys(payload.archived, "archived") | {payload.version: payload.stage}
    moved = [Change(_version_key(model, version), {"stage": stage}, update=True) for version, stage in stages.items()]
    aliases = [
        Change(("model_alias", model, alias), None if version is None else {"version": version})
        for alias, version in payload.aliases.items()
    ]
    return moved + aliases + _judgements(model, payload, event)


def _judgements(model: str, payload: Promoted | PromotionRefused, event: AuditEvent) -> list[Change]:
    # A judgement has no name of its own: the event and its place in it make one.
    return [
        Change(
            ("gate_result", model, str(payload.version), str(event.seq), str(place)),
            {
                "stage": payload.stage,
                "gate": canonical(msgspec.to_builtins(each.gate)),
                "passed": int(each.passed),
                "value": None if each.value is None else to_stored(number(each.value)),
                "reason": each.reason,
                "judged_digest": each.digest,
                "time": event.time,
            },
        )
        for place, each in enumerate(payload.gates)
    ]
