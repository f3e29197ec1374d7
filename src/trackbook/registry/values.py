"""Models and their versions as values, and how they are read from the tables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.data.names import clip
from trackbook.errors import IntegrityError, UsageError, shown
from trackbook.registry.audit.chain import number
from trackbook.registry.events import DataSource
from trackbook.registry.formats.contract import DANGEROUS
from trackbook.registry.gates.judge import GateResult
from trackbook.registry.identity import Identity
from trackbook.settings import GateSettings
from trackbook.store import iso
from trackbook.store.metrics import from_stored

if TYPE_CHECKING:
    from trackbook.store import Database

WARNING = "a pickle: loading it runs whatever code its author put into it"
"""What a face says of a version that is `dangerous`, in red."""

STAGES = ("none", "staging", "production", "archived")


class Approval(msgspec.Struct, frozen=True):
    """A person's decision: about the bytes `judged_digest`, with the gates' results and the policy of that moment.

    `gates` is the digest of those results, `event` the number of the decision's own; `time` in
    milliseconds since 1970, UTC.  An empty `authority` means that nobody vouched for the name.
    """

    event: int
    stage: str
    approver: str
    authority: str
    approved: bool
    comment: str
    judged_digest: str
    gates: str
    policy: str
    time: int


class ModelVersion(msgspec.Struct, frozen=True):
    """One version of a model; `size` in bytes, `created_time` in milliseconds since 1970, UTC.

    `environment` is the digest of the environment that made it, `gates` are all judgements so far, oldest first.
    `author` is the user of its run, `authority` who vouched for `created_by`.  `example`, `training` and `program` are
    digests of objects (see `events.VersionRegistered`).  `override` is the reason for which it is in its stage against
    its gates or approvals, `deprecated` the reason for which it should not be used any more.
    """

    name: str
    version: int
    stage: str
    digest: str
    format: str
    size: int
    run_id: str | None
    params: dict[str, str]
    metrics: dict[str, float]
    signature: dict[str, Any] | None
    environment: str | None
    description: str
    created_time: int
    created_by: str
    aliases: tuple[str, ...] = ()
    gates: tuple[GateResult, ...] = ()
    approvals: tuple[Approval, ...] = ()
    author: str = ""
    authority: str = ""
    owner: str = ""
    tags: dict[str, str] = {}
    example: str | None = None
    training: str | None = None
    program: str | None = None
    datasets: tuple[DataSource, ...] = ()
    libraries: dict[str, str] = {}
    override: str | None = None
    deprecated: str | None = None

    @property
    def uri(self) -> str:
        """The name that code uses for exactly this version, e.g. ``models:/iris/3``."""
        return f"models:/{self.name}/{self.version}"

    @property
    def dangerous(self) -> bool:
        """Whether loading the model runs code that is in it."""
        return self.format in DANGEROUS

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a face says of the version in red: overridden, deprecated, dangerous."""
        override = f"in {self.stage} against its gates or approvals: {self.override}"
        said = (
            (override, self.override is not None),
            (f"deprecated: {self.deprecated}", self.deprecated is not None),
            (WARNING, self.dangerous),
        )
        return tuple(text for text, holds in said if holds)

    @property
    def maker(self) -> str:
        """Who registered it, marked when nobody vouches for the name."""
        return Identity(self.created_by, self.authority).words

    def to_dict(self) -> dict[str, Any]:
        """Return the version as plain values, times in ISO 8601; metrics that are not finite become text."""
        plain = {**msgspec.structs.asdict(self), "uri": self.uri, "created_time": iso(self.created_time)}
        plain["dangerous"] = self.dangerous
        plain["datasets"] = [msgspec.to_builtins(source) for source in self.datasets]
        plain["approvals"] = [{**msgspec.to_builtins(each), "time": iso(each.time)} for each in self.approvals]
        plain["metrics"] = {key: _plain_number(value) for key, value in self.metrics.items()}
        plain["aliases"] = list(self.aliases)
        plain["gates"] = [_gate_to_dict(gate, self.digest) for gate in self.gates]
        return plain


class Model(msgspec.Struct, frozen=True):
    """A model: a name with versions, the newest first; a deleted version's number is not given again."""

    name: str
    description: str
    created_time: int
    aliases: dict[str, int]
    versions: tuple[ModelVersion, ...]
    owner: str = ""
    tags: dict[str, str] = {}
    intended_use: str = ""
    limits: str = ""
    next_version: int = 1

    def in_stage(self, stage: str) -> ModelVersion | None:
        """Return the newest version in `stage`, or None."""
        return next((version for version in self.versions if version.stage == stage), None)

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain values, times in ISO 8601."""
        return {
            "name": self.name,
            "description": self.description,
            "created_time": iso(self.created_time),
            "aliases": dict(self.aliases),
            "owner": self.owner,
            "tags": dict(self.tags),
            "intended_use": self.intended_use,
            "limits": self.limits,
            "versions": [version.to_dict() for version in self.versions],
        }


class Reference(msgspec.Struct, frozen=True):
    """A parsed URI: a model by version, alias or stage, or a path in a run (then `name` is the run)."""

    scheme: str
    name: str
    version: int | None = None
    alias: str | None = None
    stage: str | None = None
    path: str | None = None


_MODELS = re.compile(r"models:/+(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<rest>[^/@]+))")
_RUNS = re.compile(r"runs:/+(?P<run>[0-9a-f]{1,32})/(?P<path>[^/].*)")


def parse(uri: str) -> Reference:
    """Return what `uri` refers to; raises UsageError that shows the forms there are."""
    if not isinstance(uri, str):
        raise UsageError(f"a model is named by a text such as 'models:/NAME/1', not by {shown(uri)}")
    if match := _RUNS.fullmatch(uri):
        return Reference("runs", match["run"], path=match["path"])
    match = _MODELS.fullmatch(uri)
    if match is None:
        raise UsageError(
            f"{clip(uri)} does not name a model; write models:/NAME/VERSION, models:/NAME@ALIAS, models:/NAME/STAGE, "
            "models:/NAME/latest or runs:/RUN/PATH"
        )
    name, rest = match["name"], (match["rest"] or "").lower()
    if match["alias"] is not None:
        return Reference("models", name, alias=match["alias"])
    if re.fullmatch(r"[0-9]{1,9}", rest):
        return Reference("models", name, version=int(rest))
    if rest in (*STAGES, "latest"):
        return Reference("models", name, stage=rest)
    raise UsageError(
        f"{clip(uri)} ends in {clip(rest)}, which is no version number and no stage; the stages are "
        f"{', '.join(STAGES)} and latest"
    )


def read_models(db: Database, name: str | None = None) -> tuple[Model, ...]:
    """Return all models by name, or the one called `name`; nothing of a stored model is opened for it."""
    try:
        return _read_models(db, {"name": name})
    except ValueError as error:  # msgspec's errors are ValueErrors, too
        raise IntegrityError(
            f"a row of the registry cannot be read ({error}); it was changed by hand: run `trackbook audit verify`"
        ) from error


def _read_models(db: Database, bound: dict[str, str | None]) -> tuple[Model, ...]:
    aliases: dict[int, dict[str, int]] = {}
    for model_id, alias, version in db.execute(_ALIASES, bound):
        aliases.setdefault(model_id, {})[alias] = version
    gates: dict[int, list[GateResult]] = {}
    for version_id, *columns in db.execute(_GATES, bound):
        gates.setdefault(version_id, []).append(_gate(*columns))
    approvals: dict[int, list[Approval]] = {}
    for version_id, *columns in db.execute(_APPROVALS, bound):
        approvals.setdefault(version_id, []).append(_approval(*columns))
    versions: dict[int, list[ModelVersion]] = {}
    newest: dict[int, int] = {}
    for row in db.query(_VERSIONS, bound):
        key, names = row["id"], aliases.get(row["model_id"], {})
        newest.setdefault(row["model_id"], row["version"])
        if row["deleted_time"] is None:
            made = _version(row, names, gates.get(key, []), approvals.get(key, []))
            versions.setdefault(row["model_id"], []).append(made)
    return tuple(
        _model(row, aliases.get(row["id"], {}), versions.get(row["id"], []), newest.get(row["id"], 0))
        for row in db.query(_MODELS_SQL, bound)
    )


_MODELS_SQL = "SELECT * FROM model WHERE :name IS NULL OR name = :name ORDER BY name"
_ALIASES = """
    SELECT model_id, alias, version FROM model_alias JOIN model ON model.id = model_id
    WHERE :name IS NULL OR name = :name ORDER BY alias
"""
_VERSIONS = """
    SELECT model_version.*, model.name FROM model_version JOIN model ON model.id = model_id
    WHERE :name IS NULL OR name = :name ORDER BY model_id, version DESC
"""
_GATES = """
    SELECT model_version_id, gate, gate_result.stage, passed, reason, value, judged_digest, time, evidence, digests,
    policy, event FROM gate_result
    JOIN model_version ON model_version.id = model_version_id JOIN model ON model.id = model_id
    WHERE :name IS NULL OR name = :name ORDER BY gate_result.id
"""
_APPROVALS = """
    SELECT model_version_id, event, approval.stage, approver, approval.authority, approved, comment, judged_digest,
    gates, policy, time FROM approval
    JOIN model_version ON model_version.id = model_version_id JOIN model ON model.id = model_id
    WHERE :name IS NULL OR name = :name ORDER BY event
"""


def _model(row: Mapping[str, Any], aliases: dict[str, int], versions: list[ModelVersion], newest: int) -> Model:
    return Model(
        name=row["name"],
        description=row["description"],
        created_time=row["created_time"],
        aliases=aliases,
        versions=tuple(versions),
        owner=row["owner"],
        tags=_texts(row["tags"]),
        intended_use=row["intended_use"],
        limits=row["limits"],
        next_version=newest + 1,
    )


def _version(
    row: Mapping[str, Any], aliases: Mapping[str, int], gates: list[GateResult], approvals: list[Approval]
) -> ModelVersion:
    metrics = msgspec.json.decode(row["metrics"], type=dict[str, float | str])
    plain = {name: row[name] for name in _PLAIN}
    return ModelVersion(
        **plain,
        params=_texts(row["params"]),
        metrics={key: number(value) for key, value in metrics.items()},
        signature=None if row["signature"] is None else msgspec.json.decode(row["signature"]),
        aliases=tuple(alias for alias, version in aliases.items() if version == row["version"]),
        gates=tuple(gates),
        approvals=tuple(approvals),
        tags=_texts(row["tags"]),
        datasets=msgspec.json.decode(row["datasets"], type=tuple[DataSource, ...]),
        libraries=_texts(row["libraries"]),
    )


_PLAIN = (
    *("name", "version", "stage", "digest", "format", "size", "run_id", "environment", "description"),
    *("created_time", "created_by", "author", "authority", "owner", "example", "training", "program"),
    *("override", "deprecated"),
)
"""The columns of a version that are what they are."""


def _texts(column: str) -> dict[str, str]:
    return msgspec.json.decode(column, type=dict[str, str])


def _gate(
    gate: str, stage: str, passed: int, reason: str, value: Any, digest: str, time: int,
    evidence: str | None, digests: str, policy: str | None, event: int | None,
) -> GateResult:  # fmt: skip
    return GateResult(
        gate=msgspec.json.decode(gate, type=GateSettings),
        stage=stage,
        passed=bool(passed),
        reason=reason,
        value=None if value is None else from_stored(value),
        judged_digest=digest,
        time=time,
        evidence=None if evidence is None else msgspec.json.decode(evidence),
        digests=_texts(digests),
        policy=policy,
        event=event,
    )


def _approval(event: int, stage: str, approver: str, authority: str, approved: int, *rest: Any) -> Approval:
    return Approval(event, stage, approver, authority, bool(approved), *rest)


def _gate_to_dict(result: GateResult, digest: str) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(result)
    value = None if result.value is None else _plain_number(result.value)
    return {**plain, "value": value, "time": iso(result.time), "void": result.judged_digest != digest}


def _plain_number(value: float) -> float | str:
    """Return `value`, or for what JSON has no number for its name: NaN, Infinity, -Infinity."""
    if value != value:
        return "NaN"
    return value if abs(value) != float("inf") else ("Infinity" if value > 0 else "-Infinity")


def noted_policy(db: Database, name: str, stage: str) -> str | None:
    """Return the digest of the policy that was noted last for a model and a stage, or None."""
    sql = "SELECT policy FROM model_policy JOIN model ON model.id = model_id WHERE name = ? AND stage = ?"
    row = db.execute(sql, [name, stage]).fetchone()
    return None if row is None else row[0]
