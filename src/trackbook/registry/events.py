"""What can happen to a model, as typed payloads of audit events, and what each does to the tables.

`changes` is the only rule of what an event means: the service applies it when the event is written, and
`registry.projection` applies it again to all events to prove that the tables say the same.
"""

from __future__ import annotations

from functools import lru_cache
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


class ModelCreated(msgspec.Struct, frozen=True, omit_defaults=True):
    description: str
    owner: str = ""


class ModelEdited(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is new of a model; None leaves a field as it is, `tags` are all tags that the model has then."""

    description: str | None = None
    owner: str | None = None
    tags: dict[str, str] | None = None
    intended_use: str | None = None
    limits: str | None = None


class Origin(msgspec.Struct, frozen=True):
    """Where a version that came from another store was registered: the hash of that event, its number, who and when."""

    event: str
    version: int
    actor: str
    time: int


class DataSource(msgspec.Struct, frozen=True):
    """Something that the run of a version read: `uri` for a dataset version, the path for a file."""

    name: str
    kind: str
    fingerprint: str | None
    uri: str | None = None


class VersionRegistered(msgspec.Struct, frozen=True, omit_defaults=True):
    """`author` is whose run it was; `example`, `training` and `program` are digests of objects.

    `example` holds a few rows of input, `training` a sketch of the rows that the model was fitted on, `program` the
    executions that made it; `libraries` are the packages with the versions that the format of the model depends on.
    """

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
    author: str = ""
    owner: str = ""
    tags: dict[str, str] = {}
    example: str | None = None
    training: str | None = None
    program: str | None = None
    datasets: tuple[DataSource, ...] = ()
    libraries: dict[str, str] = {}


class VersionEdited(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is new of a version; None leaves a field as it is, `tags` are all tags that the version has then."""

    version: int
    description: str | None = None
    owner: str | None = None
    tags: dict[str, str] | None = None


class Judgement(msgspec.Struct, frozen=True, omit_defaults=True):
    """A GateResult as it stands in a payload, where a number that is not finite is text."""

    gate: GateSettings
    passed: bool
    reason: str
    value: float | str | None
    digest: str
    evidence: dict[str, Any] | None = None
    digests: dict[str, str] = {}


class GatesJudged(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the gates of a stage said under the policy with that digest."""

    version: int
    stage: str
    policy: str
    gates: list[Judgement]


class PolicyNoted(msgspec.Struct, frozen=True):
    """The policy for a model and a stage, when it is another than was noted last; `content` is its canonical JSON."""

    stage: str
    policy: str
    content: str


class ApprovalGiven(msgspec.Struct, frozen=True):
    """A person's decision on the bytes `digest`; `gates` is the digest of what the gates said, under `policy`."""

    version: int
    stage: str
    approved: bool
    comment: str
    digest: str
    gates: str
    policy: str


class Promoted(msgspec.Struct, frozen=True, omit_defaults=True):
    """`archived` are the versions that made place; `aliases` the aliases that moved, None for one that was removed.

    `judged` is the number of the event with the gates' results, `approvals` those of the approvals that counted.
    With `override` it went against the sentences in `lacks`, for that `reason`.
    """

    version: int
    stage: str
    previous: str
    archived: list[int]
    aliases: dict[str, int | None]
    reason: str | None
    gates: list[Judgement] = []
    policy: str = ""
    judged: int | None = None
    approvals: list[int] = []
    override: bool = False
    lacks: list[str] = []


class PromotionRefused(msgspec.Struct, frozen=True, omit_defaults=True):
    """`lacks` says in sentences why."""

    version: int
    stage: str
    reason: str | None
    gates: list[Judgement] = []
    policy: str = ""
    judged: int | None = None
    lacks: list[str] = []


class RolledBack(msgspec.Struct, frozen=True):
    """Version `version` is in production again, in place of `previous`."""

    version: int
    previous: int
    reason: str | None


class VersionDeprecated(msgspec.Struct, frozen=True):
    """`reason` is None where the deprecation is taken back."""

    version: int
    reason: str | None


class VersionDeleted(msgspec.Struct, frozen=True):
    version: int
    reason: str | None


class AliasSet(msgspec.Struct, frozen=True, omit_defaults=True):
    alias: str
    version: int
    previous: int | None
    approvals: list[int] = []
    override: str | None = None


class AliasDeleted(msgspec.Struct, frozen=True):
    alias: str
    version: int


Payload = (
    ModelCreated
    | ModelEdited
    | VersionRegistered
    | VersionEdited
    | PolicyNoted
    | GatesJudged
    | ApprovalGiven
    | Promoted
    | PromotionRefused
    | RolledBack
    | VersionDeprecated
    | VersionDeleted
    | AliasSet
    | AliasDeleted
)

ACTIONS: dict[str, type[Payload]] = {
    "model_created": ModelCreated,
    "model_edited": ModelEdited,
    "version_registered": VersionRegistered,
    "version_edited": VersionEdited,
    "policy_noted": PolicyNoted,
    "gates_judged": GatesJudged,
    "approval_given": ApprovalGiven,
    "version_promoted": Promoted,
    "promotion_refused": PromotionRefused,
    "rolled_back": RolledBack,
    "version_deprecated": VersionDeprecated,
    "version_deleted": VersionDeleted,
    "alias_set": AliasSet,
    "alias_deleted": AliasDeleted,
}
_NAMES = {payload: action for action, payload in ACTIONS.items()}
_DECODERS: dict[type[Payload], msgspec.json.Decoder[Any]] = {kind: msgspec.json.Decoder(kind) for kind in _NAMES}


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
    return Judgement(
        gate=result.gate,
        passed=result.passed,
        reason=result.reason,
        value=result.value,
        digest=result.judged_digest,
        evidence=result.evidence,
        digests=result.digests,
    )


def payload_of(event: AuditEvent) -> Payload:
    """Return the typed payload of `event`; raises IntegrityError for an event that no Trackbook wrote."""
    kind = ACTIONS.get(event.action)
    if kind is None or not event.subject.startswith(PREFIX):
        raise IntegrityError(
            f"event {event.seq} ({event.action} on {event.subject}) is not one that this Trackbook knows; "
            "update with `pip install -U trackbook`, or run `trackbook audit verify`"
        )
    try:
        payload: Payload = _DECODERS[kind].decode(event.payload)
    except msgspec.DecodeError as error:
        raise IntegrityError(f"the payload of event {event.seq} ({event.action}) cannot be read: {error}") from error
    return payload


def changes(event: AuditEvent) -> list[Change]:
    """Return what `event` does to the tables, in order; nothing for one that is not about a model."""
    if not event.subject.startswith(PREFIX):
        return []
    payload, model = payload_of(event), model_of(event)
    match payload:
        case GatesJudged() | PromotionRefused():
            return _judgements(model, payload, event)
        case Promoted():
            return _moves(model, payload) + _judgements(model, payload, event)
        case RolledBack():
            return _moves(model, payload)
        case AliasSet() | AliasDeleted():
            row = {"version": payload.version} if isinstance(payload, AliasSet) else None
            return [Change(("model_alias", model, payload.alias), row)]
        case _:
            return [_change(model, payload, event)]


def _change(model: str, payload: Payload, event: AuditEvent) -> Change:
    match payload:
        case ModelCreated():
            return Change(("model", model), _model_row(payload, event))
        case ModelEdited():
            return Change(("model", model), _edited(payload), update=True)
        case VersionRegistered():
            return Change(_version_key(model, payload.version), _version_row(payload, event))
        case VersionEdited() | VersionDeprecated() | VersionDeleted():
            return Change(_version_key(model, payload.version), _version_update(payload, event), update=True)
        case PolicyNoted():
            return Change(("model_policy", model, payload.stage), _policy_row(payload))
        case ApprovalGiven():
            return Change(("approval", model, str(payload.version), str(event.seq)), _approval_row(payload, event))
        case _:
            raise IntegrityError(f"event {event.seq} ({event.action}) changes nothing that this Trackbook knows")


def _version_key(model: str, version: int) -> Key:
    return ("model_version", model, str(version))


def _model_row(payload: ModelCreated, event: AuditEvent) -> Row:
    return {
        "description": payload.description,
        "created_time": event.time,
        "owner": payload.owner,
        "tags": canonical({}),
        "intended_use": "",
        "limits": "",
    }


def _edited(payload: ModelEdited | VersionEdited) -> Row:
    fields = {name: getattr(payload, name) for name in payload.__struct_fields__ if name != "version"}
    return {name: canonical(value) if name == "tags" else value for name, value in fields.items() if value is not None}


class _Texts(msgspec.Struct, frozen=True):
    """The parts of a registration that its row holds as JSON, as the payload spells them, which is canonical."""

    params: msgspec.Raw
    metrics: msgspec.Raw
    signature: msgspec.Raw
    tags: msgspec.Raw = msgspec.Raw(b"{}")
    datasets: msgspec.Raw = msgspec.Raw(b"[]")
    libraries: msgspec.Raw = msgspec.Raw(b"{}")


_texts_of = msgspec.json.Decoder(_Texts).decode


def _version_row(payload: VersionRegistered, event: AuditEvent) -> Row:
    texts = _texts_of(event.payload)
    return {
        "digest": payload.digest,
        "format": payload.format,
        "size": payload.size,
        "stage": "none",
        "run_id": payload.run_id,
        "params": str(texts.params, "utf-8"),
        "metrics": str(texts.metrics, "utf-8"),
        "signature": None if payload.signature is None else str(texts.signature, "utf-8"),
        "environment": payload.environment,
        "description": payload.description,
        "created_time": event.time,
        "created_by": event.actor,
        "authority": event.authority,
        "author": payload.author,
        "owner": payload.owner,
        "tags": str(texts.tags, "utf-8"),
        "example": payload.example,
        "training": payload.training,
        "program": payload.program,
        "datasets": str(texts.datasets, "utf-8"),
        "libraries": str(texts.libraries, "utf-8"),
        "override": None,
        "deprecated": None,
        "deleted_time": None,
    }


def _version_update(payload: VersionEdited | VersionDeprecated | VersionDeleted, event: AuditEvent) -> Row:
    match payload:
        case VersionEdited():
            return _edited(payload)
        case VersionDeprecated():
            return {"deprecated": payload.reason}
        case VersionDeleted():
            return {"deleted_time": event.time}


def _policy_row(payload: PolicyNoted) -> Row:
    return {"policy": payload.policy, "content": payload.content}


def _approval_row(payload: ApprovalGiven, event: AuditEvent) -> Row:
    return {
        "stage": payload.stage,
        "approver": event.actor,
        "authority": event.authority,
        "approved": int(payload.approved),
        "comment": payload.comment,
        "judged_digest": payload.digest,
        "gates": payload.gates,
        "policy": payload.policy,
        "time": event.time,
    }


def _moves(model: str, payload: Promoted | RolledBack) -> list[Change]:
    if isinstance(payload, RolledBack):
        stages = {payload.previous: "archived", payload.version: "production"}
        aliases: dict[str, int | None] = {CHAMPION: payload.version}
    else:
        stages = dict.fromkeys(payload.archived, "archived") | {payload.version: payload.stage}
        aliases = payload.aliases
    override = payload.reason if isinstance(payload, Promoted) and payload.override else None
    rows: dict[int, Row] = {version: {"stage": stage} for version, stage in stages.items()}
    # What was put into production against its gates comes back as such, also from the archive.
    if isinstance(payload, Promoted) and (payload.stage != "archived" or override is not None):
        rows[payload.version]["override"] = override
    moved = [Change(_version_key(model, version), row, update=True) for version, row in rows.items()]
    named = [
        Change(("model_alias", model, alias), None if version is None else {"version": version})
        for alias, version in aliases.items()
    ]
    return moved + named


def _judgements(model: str, payload: GatesJudged | Promoted | PromotionRefused, event: AuditEvent) -> list[Change]:
    """Return the rows of results: those of `gates_judged`, or of a promotion when those still held them themselves."""
    # A judgement has no name of its own: the event and its place in it make one.
    own = isinstance(payload, GatesJudged)
    return [
        Change(
            ("gate_result", model, str(payload.version), str(event.seq), str(place)),
            _judgement_row(each, payload.stage, event) | _of_event(payload, event, own=own),
        )
        for place, each in enumerate(payload.gates)
    ]


def _of_event(payload: GatesJudged | Promoted | PromotionRefused, event: AuditEvent, *, own: bool) -> Row:
    return {"policy": payload.policy if own else None, "event": event.seq if own else None}


def _gate_text(gate: GateSettings) -> str:
    return _spelt(msgspec.json.encode(gate))  # as a gate that holds a dict has no hash


@lru_cache
def _spelt(gate: bytes) -> str:
    return canonical(msgspec.json.decode(gate))


def _judgement_row(judgement: Judgement, stage: str, event: AuditEvent) -> Row:
    return {
        "stage": stage,
        "gate": _gate_text(judgement.gate),
        "passed": int(judgement.passed),
        "value": None if judgement.value is None else to_stored(number(judgement.value)),
        "reason": judgement.reason,
        "judged_digest": judgement.digest,
        "time": event.time,
        "evidence": None if judgement.evidence is None else canonical(judgement.evidence),
        "digests": canonical(judgement.digests),
    }
