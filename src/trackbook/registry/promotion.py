"""How a version moves: judged anew by the gates of the stage, with the approvals it needs, and always as an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from trackbook.data.names import check_text
from trackbook.errors import GateError, UsageError
from trackbook.registry import events, lookup, projection
from trackbook.registry.approvals import binding
from trackbook.registry.approvals.standing import needs
from trackbook.registry.approvals.values import Tally
from trackbook.registry.events import CHAMPION
from trackbook.registry.gates.judge import GateResult
from trackbook.registry.judging import Judged, Judging
from trackbook.registry.loading import Loader
from trackbook.registry.policy import Policy, policy_for, protection
from trackbook.registry.trail import Trail
from trackbook.registry.values import Model, ModelVersion
from trackbook.settings import Settings
from trackbook.store import now_ms

if TYPE_CHECKING:
    from trackbook.store import Database, Store

GUARDED = ("staging", "production")
"""The stages that a deprecated version does not enter."""


class Weighed(msgspec.Struct, frozen=True):
    """What speaks against a move, in sentences, and how the rules of approval stand."""

    lacks: tuple[str, ...]
    tallies: tuple[Tally, ...] = ()
    is_outdated: bool = False
    is_overtaken: bool = False

    @property
    def approvals(self) -> list[int]:
        """The numbers of the events of the approvals that count."""
        return sorted({each.event for tally in self.tallies for each in tally.approved})


class Promotions:
    """Moves versions through their stages, and aliases from version to version."""

    def __init__(self, store: Store, settings: Settings, trail: Trail, loader: Loader, judging: Judging) -> None:
        """Move versions in `store` under the policy of `settings`."""
        self._store = store
        self._settings = settings
        self._trail = trail
        self._loader = loader
        self._judging = judging

    def promote(
        self, name: str, version: int, stage: str, reason: str | None = None, *, override: bool = False
    ) -> ModelVersion:
        """Move a version to `stage` when the policy lets it; see `Registry.promote`."""
        _check_reason(reason, override)
        lookup.check_stage(stage)
        policy = policy_for(self._settings, name, stage)
        found = self._found(name, version)
        if found.stage == stage:
            return found
        judged = self._judging.judge(found, policy)
        with self._trail.change() as db:
            projection.prove(db, name)
            model = lookup.model_of(db, name)
            current = lookup.numbered(model, version)
            if current.stage == stage:
                return current
            weighed = self.weigh(db, current, policy, judged.results)
            if override or not weighed.is_outdated:  # else the refusal would pass for the check that it asks for
                judged = self._judging.keep(db, current, policy, judged)
            if weighed.lacks and not override:
                refused = events.PromotionRefused(
                    version, stage, reason, policy=policy.digest, judged=judged.event, lacks=list(weighed.lacks)
                )
                self._trail.record(db, name, refused, version)
            else:
                self._trail.record(db, name, _promotion(model, current, policy, judged, weighed, reason), version)
            moved = lookup.version_of(db, name, version)
        if weighed.lacks and not override:
            raise _refusal(f"version {version} of model {name!r} was not promoted to {stage}", judged, weighed)
        return moved

    def set_alias(
        self, name: str, alias: str, version: int, reason: str | None = None, *, override: bool = False
    ) -> ModelVersion:
        """Let `alias` name a version, a protected one only when the policy lets it; see `Registry.set_alias`."""
        lookup.check_alias(alias)
        _check_reason(reason, override)
        guard = protection(self._settings, name, alias)
        policy = None if guard is None else policy_for(self._settings, name, guard.stage)
        found = self._found(name, version)
        judged = Judged(()) if policy is None or _is_in(found, policy) else self._judging.judge(found, policy)
        with self._trail.change() as db:
            projection.prove(db, name)
            model = lookup.model_of(db, name)
            current = lookup.numbered(model, version)
            before = model.aliases.get(alias)
            if before == version:
                return current
            weighed = Weighed(())
            if policy is not None and not _is_in(current, policy):
                weighed = self.weigh(db, current, policy, judged.results)
                if weighed.lacks and not override:
                    what = f"the alias {alias!r} is protected and was not moved to version {version} of model {name!r}"
                    raise _refusal(what, judged, weighed)
            why = reason if weighed.lacks else None
            self._trail.record(db, name, events.AliasSet(alias, version, before, weighed.approvals, why), version)
            return lookup.version_of(db, name, version)

    def delete_alias(self, name: str, alias: str) -> None:
        """Remove `alias` from a model; raises NotFoundError when it has none of that name."""
        lookup.check_alias(alias)
        with self._trail.change() as db:
            projection.prove(db, name)
            version = lookup.aliased(lookup.model_of(db, name), alias)
            self._trail.record(db, name, events.AliasDeleted(alias, version), version)

    def weigh(self, db: Database, version: ModelVersion, policy: Policy, results: tuple[GateResult, ...]) -> Weighed:
        """Return what keeps `version`, whose gates said `results`, out of the stage of `policy`."""
        authors = binding.authors_of(db, version) if policy.approvals else ()
        tallies = binding.tallies(version, policy, results, authors, now_ms())
        if self._judging.is_outdated(db, version, policy):
            changed = (
                f"the policy of {policy.stage} was changed after version {version.version} was checked; look at the "
                f"change, then run `trackbook models check {version.name} {version.version}` again"
            )
            return Weighed((changed,), tallies, is_outdated=True)
        lacks = [f"it is deprecated: {version.deprecated}"] if _is_shut_out(version, policy.stage) else []
        if len(results) < len(policy.gates):
            lacks.append(
                f"its gates were not asked yet; `trackbook models check {version.name} {version.version} "
                f"--stage {policy.stage}` does so"
            )
        lacks += [result.reason for result in results if not result.passed]
        is_overtaken = any(self._judging.is_overtaken(db, result, version) for result in results)
        if is_overtaken:
            lacks.append("another version is in production than its gates compared it with; check it again")
        lacks += [sentence for tally in tallies for sentence in needs(tally, version.version, policy.stage)]
        return Weighed(tuple(lacks), tallies, is_overtaken=is_overtaken)

    def _found(self, name: str, version: int) -> ModelVersion:
        with self._store.read() as db:
            found = lookup.version_of(db, name, version)
        self._loader.check_bytes(found)
        return found


def _check_reason(reason: str | None, override: bool) -> None:
    check_text(reason or "", "reason")
    if override and not (reason or "").strip():
        raise UsageError("an override needs a reason: it is kept, and shown wherever the version is")


def _is_in(version: ModelVersion, policy: Policy) -> bool:
    """Say whether `version` is in the stage of `policy`, and not by an override."""
    return version.stage == policy.stage and version.override is None


def _is_shut_out(version: ModelVersion, stage: str) -> bool:
    return version.deprecated is not None and stage in GUARDED


def _refusal(what: str, judged: Judged, weighed: Weighed) -> GateError:
    remedy = (
        "Register a version that passes, or change the gates in trackbook.toml"
        if judged.failed
        else "Those who are named may approve it: `trackbook models approve`"
    )
    after = "" if weighed.is_outdated else f". {remedy}"
    return GateError(f"{what}: {'; '.join(weighed.lacks)}{after}")


def _promotion(
    model: Model, version: ModelVersion, policy: Policy, judged: Judged, weighed: Weighed, reason: str | None
) -> events.Promoted:
    """Return what follows from moving `version`: who makes place in production, and whom the champion alias names."""
    archived: list[int] = []
    aliases: dict[str, int | None] = {}
    if policy.stage == "production":
        archived = [each.version for each in model.versions if each.stage == "production"]
        aliases = {CHAMPION: version.version}
    elif model.aliases.get(CHAMPION) == version.version:
        aliases = {CHAMPION: None}
    return events.Promoted(
        version=version.version,
        stage=policy.stage,
        previous=version.stage,
        archived=archived,
        aliases=aliases,
        reason=reason,
        policy=policy.digest,
        judged=judged.event,
        approvals=weighed.approvals,
        override=bool(weighed.lacks),
        lacks=list(weighed.lacks),
    )
