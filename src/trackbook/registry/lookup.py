"""Models and versions by their names, or an error that says what there is instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackbook.data.names import check_name, clip
from trackbook.errors import NotFoundError, RegistryError, UsageError, nearest, shown
from trackbook.registry import values
from trackbook.registry.events import CHAMPION
from trackbook.registry.values import STAGES, Model, ModelVersion, Reference

if TYPE_CHECKING:
    from trackbook.store import Database


def model_of(db: Database, name: str) -> Model:
    """Return the model `name`; raises NotFoundError with the nearest name."""
    found = values.read_models(db, name)
    if not found:
        known = [row[0] for row in db.execute("SELECT name FROM model ORDER BY name").fetchall()]
        raise NotFoundError(f"there is no model {clip(name)}{nearest(name, known)}; `trackbook models list` shows all")
    return found[0]


def version_of(db: Database, name: str, version: int) -> ModelVersion:
    """Return a version of the model `name`; raises NotFoundError that says what there is."""
    return numbered(model_of(db, name), version)


def numbered(model: Model, version: int) -> ModelVersion:
    """Return a version of `model` by its number; raises NotFoundError, or UsageError for what is no number."""
    if not isinstance(version, int) or isinstance(version, bool):
        raise UsageError(f"a version of model {model.name!r} is a whole number, not {shown(version)}")
    for each in model.versions:
        if each.version == version:
            return each
    if 0 < version < model.next_version:
        raise NotFoundError(f"version {version} of model {model.name!r} was deleted; `trackbook audit log` says when")
    raise NotFoundError(
        f"model {model.name!r} has no version {clip(version)}; the newest is "
        f"{model.versions[0].version if model.versions else 'none'}"
    )


def aliased(model: Model, alias: str) -> int:
    """Return the number that `alias` names; raises NotFoundError with the aliases there are."""
    if alias not in model.aliases:
        raise NotFoundError(
            f"model {model.name!r} has no alias {clip(alias)}{nearest(alias, model.aliases)}; "
            f"it has {', '.join(model.aliases) or 'none'}"
        )
    return model.aliases[alias]


def pick(model: Model, reference: Reference) -> ModelVersion:
    """Return the version that a parsed URI names; raises NotFoundError."""
    if reference.alias is not None:
        return numbered(model, aliased(model, reference.alias))
    if reference.version is not None:
        return numbered(model, reference.version)
    stage = reference.stage or "latest"
    found = model.versions[0] if stage == "latest" and model.versions else model.in_stage(stage)
    if found is None:
        raise NotFoundError(
            f"model {model.name!r} has no version in {stage}; `trackbook models show {model.name}` lists its versions"
        )
    return found


def check_stage(stage: str) -> None:
    """Raise UsageError with the nearest stage unless `stage` is one."""
    if stage not in STAGES:
        raise UsageError(f"{clip(stage)} is no stage; use one of {', '.join(STAGES)}{nearest(str(stage), STAGES)}")


def check_alias(alias: str) -> None:
    """Raise unless `alias` is a name that a person may set."""
    check_name(alias, "alias")
    if alias == CHAMPION:
        raise RegistryError(
            f"the alias {CHAMPION!r} follows production, so that no model gets there without its gates; "
            "promote a version to production instead"
        )
    if alias.lower() in (*STAGES, "latest") or alias.isdigit():
        raise UsageError(f"{alias!r} would be taken for a stage or a version; choose another name for the alias")
