"""Models and their versions as values, and how they are read from the tables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.data.names import clip
from trackbook.errors import IntegrityError, UsageError, shown
from trackbook.registry.audit.chain import number
from trackbook.registry.gates.judge import GateResult
from trackbook.settings import GateSettings
from trackbook.store import iso
from trackbook.store.metrics import from_stored

if TYPE_CHECKING:
    from trackbook.store import Database

STAGES = ("none", "staging", "production", "archived")


class ModelVersion(msgspec.Struct, frozen=True):
    """One version of a model; `size` in bytes, `created_time` in milliseconds since 1970, UTC.

    `environment` is the digest of the environment that made it, `gates` are all judgements so far, oldest first.
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

    @property
    def uri(self) -> str:
        """The name that code uses for exactly this version, e.g. ``models:/iris/3``."""
        return f"models:/{self.name}/{self.version}"

    def to_dict(self) -> dict[str, Any]:
        """Return the version as plain values, times in ISO 8601; metrics that are not finite become text."""
        plain = {**msgspec.structs.asdict(self), "uri": self.uri, "created_time": iso(self.created_time)}
        plain["metrics"] = {key: _plain_number(value) for key, value in self.metrics.items()}
        plain["aliases"] = list(self.aliases)
        plain["gates"] = [_gate_to_dict(gate, self.digest) for gate in self.gates]
        return plain


class Model(msgspec.Struct, frozen=True):
    """A model: a name with versions, the newest first."""

    name: str
    description: str
    created_time: int
    aliases: dict[str, int]
    versions: tuple[ModelVersion, ...]

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
    versions: dict[int, list[ModelVersion]] = {}
    for row in db.query(_VERSIONS, bound):
        names = aliases.get(row["model_id"], {})
        versions.setdefault(row["model_id"], []).append(_version(row, names, gates.get(row["id"], [])))
    return tuple(
        Model(model, description, time, aliases.get(key, {}), tuple(versions.get(key, ())))
        for key, model, description, time in db.execute(_MODELS_SQL, bound)
    )


_MODELS_SQL = """
    SELECT id, name, description, created_time FROM model WHERE :name IS NULL OR name = :name ORDER BY name
"""
_ALIASES = """
    SELECT model_id, alias, version FROM model_alias JOIN model ON model.id = model_id
    WHERE :name IS NULL OR name = :name ORDER BY alias
"""
_VERSIONS = """
    SELECT model_version.*, model.name FROM model_version JOIN model ON model.id = model_id
    WHERE :name IS NULL OR name = :name ORDER BY model_id, version DESC
"""
_GATES = """
    SELECT model_version_id, gate, gate_result.stage, passed, reason, value, judged_digest, time FROM gate_result
    JOIN model_version ON model_version.id = model_version_id JOIN model ON model.id = model_id
    WHERE :name IS NULL OR name = :name ORDER BY gate_result.id
"""


def _version(row: Mapping[str, Any], aliases: Mapping[str, int], gates: list[GateResult]) -> ModelVersion:
    metrics = msgspec.json.decode(row["metrics"], type=dict[str, float | str])
    return ModelVersion(
        name=row["name"],
        version=row["version"],
        stage=row["stage"],
        digest=row["digest"],
        format=row["format"],
        size=row["size"],
        run_id=row["run_id"],
        params=msgspec.json.decode(row["params"], type=dict[str, str]),
        metrics={key: number(value) for key, value in metrics.items()},
        signature=None if row["signature"] is None else msgspec.json.decode(row["signature"]),
        environment=row["environment"],
        description=row["description"],
        created_time=row["created_time"],
        created_by=row["created_by"],
        aliases=tuple(alias for alias, version in aliases.items() if version == row["version"]),
        gates=tuple(gates),
    )


def _gate(gate: str, stage: str, passed: int, reason: str, value: Any, digest: str, time: int) -> GateResult:
    settings = msgspec.json.decode(gate, type=GateSettings)
    found = None if value is None else from_stored(value)
    return GateResult(settings, stage, bool(passed), reason, found, digest, time)


def _gate_to_dict(result: GateResult, digest: str) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(result)
    value = None if result.value is None else _plain_number(result.value)
    return {**plain, "value": value, "time": iso(result.time), "void": result.judged_digest != digest}


def _plain_number(value: float) -> float | str:
    """Return `value`, or for what JSON has no number for its name: NaN, Infinity, -Infinity."""
    if value != value:
        return "NaN"
    return value if abs(value) != float("inf") else ("Infinity" if value > 0 else "-Infinity")
