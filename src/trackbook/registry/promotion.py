"""How a version moves: judged by the gates of the stage, under the policy on disk, and always as an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from trackbook.data.names import check_name, check_text
from trackbook.errors import GateError
from trackbook.registry import events, lookup, projection, values
from trackbook.registry.events import CHAMPION
from trackbook.registry.gates import judge
from trackbook.registry.gates.judge import GateResult
from trackbook.registry.loading import Loader
from trackbook.registry.policy import Policy, policy_for
from trackbook.registry.trail import Trail
from trackbook.registry.values import Model, ModelVersion
from trackbook.settings import Settings
from trackbook.store import now_ms

if TYPE_CHECKING:
    from trackbook.store import Database, Store
    from trackbook.tracking import Runs


class Judged(msgspec.Struct, frozen=True):
    """What the gates of a stage said; `event` is the number of the event that kept it, None before it is kept."""

    results: tuple[GateResult, ...]
    event: int | None = None

    @property
    def failed(self) -> list[str]:
        """The reasons of the gates that refuse."""
        return [result.reason for result in self.results if not result.passed]


class Promotions:
    """Judges versions and moves them through their stages."""

    def __init__(self, store: Store, settings: Settings, trail: Trail, loader: Loader, runs: Runs) -> None:
        """Move versions in `store` under the policy of `settings`."""
        self._store = store
        self._settings = settings
        self._trail = trail
        self._loader = loader
        self._runs = runs

    def check(
        self, name: str, model: int | str, stage: str, *, about: str | None = None, keep: bool = True
    ) -> tuple[GateResult, ...]:
        """Return what the gates of `stage` say about a model; see `Registry.check`."""
        check_name(name, "model")
        lookup.check_stage(stage)
        policy = policy_for(self._settings, name, stage)
        if not isinstance(model, int):
            resolved = self._loader.resolve(model)
            metrics = resolved.version.metrics if resolved.version else self._metrics_of(resolved.run_id)
            return self._judge(policy, metrics, resolved.digest, about)
        with self._store.read() as db:
            version = lookup.version_of(db, name, model)
        results = self._judge(policy, version.metrics, version.digest, about)
        if keep and about is None and policy.gates:
            with self._trail.change() as db:
                projection.prove(db, name)
                self._keep(db, version, policy, results)
        return results

    def promote(
        self, name: str, version: int, stage: str, reason: str | None = None, *, override: bool = False
    ) -> ModelVersion:
        """Move a version to `stage` when the policy lets it; see `Registry.promote`."""
        check_text(reason or "", "reason")
        lookup.check_stage(stage)
        policy = policy_for(self._settings, name, stage)
        with self._store.read() as db:
            found = lookup.version_of(db, name, version)
        self._loader.check_bytes(found)
        if found.stage == stage:
            return found
        judged = self._kept(found, policy) or Judged(self._judge(policy, found.metrics, found.digest))
        with self._trail.change() as db:
            projection.prove(db, name)
            current = lookup.version_of(db, name, version)
            if current.stage == stage:
                return current
            lacks = self._lacks(current, policy, judged)
            judged = self._keep(db, current, policy, judged.results) if judged.event is None else judged
            if lacks:
                refused = events.PromotionRefused(
                    version, stage, reason, policy=policy.digest, judged=judged.event, lacks=lacks
                )
                self._trail.record(db, name, refused, version)
            else:
                (model,) = values.read_models(db, name)
                self._trail.record(db, name, _promotion(model, current, policy, judged, reason), version)
            moved = lookup.version_of(db, name, version)
        if lacks:
            raise GateError(
                f"version {version} of model {name!r} was not promoted to {stage}: {'; '.join(lacks)}. "
                "Register a version that passes, or change the gates in trackbook.toml"
            )
        return moved

    def set_alias(self, name: str, alias: str, version: int) -> ModelVersion:
        """Let `alias` name a version; ``champion`` follows production and is not set by hand."""
        lookup.check_alias(alias)
        with self._trail.change() as db:
            projection.prove(db, name)
            current = lookup.version_of(db, name, version)
            (model,) = values.read_models(db, name)
            before = model.aliases.get(alias)
            if before == version:
                return current
            self._trail.record(db, name, events.AliasSet(alias, version, before), version)
            return lookup.version_of(db, name, version)

    def delete_alias(self, name: str, alias: str) -> None:
        """Remove `alias` from a model; raises NotFoundError when it has none of that name."""
        lookup.check_alias(alias)
        with self._trail.change() as db:
            projection.prove(db, name)
            version = lookup.aliased(lookup.model_of(db, name), alias)
            self._trail.record(db, name, events.AliasDeleted(alias, version), version)

    # -- inside

    def _judge(
        self, policy: Policy, metrics: dict[str, float], digest: str, about: str | None = None
    ) -> tuple[GateResult, ...]:
        time = now_ms()
        chosen = [gate for gate in policy.gates if about in (None, judge.about(gate))]
        return tuple(judge.judge(gate, metrics, digest, time) for gate in chosen)

    def _kept(self, version: ModelVersion, policy: Policy) -> Judged | None:
        """Return the newest results for a stage that were kept, when they still say something about `version`."""
        kept = newest(version, policy.stage)
        if kept is None or [result.gate for result in kept.results] != list(policy.gates):
            return None
        return kept if all(self._holds(result, version, policy) for result in kept.results) else None

    def _holds(self, result: GateResult, version: ModelVersion, policy: Policy) -> bool:
        return result.judged_digest == version.digest and result.policy == policy.digest

    def _keep(self, db: Database, version: ModelVersion, policy: Policy, results: tuple[GateResult, ...]) -> Judged:
        """Record results, and the policy when it is another than was noted last."""
        self._note(db, version.name, policy)
        if not results:
            return Judged(results)
        judgements = [events.judgement(result) for result in results]
        payload = events.GatesJudged(version.version, policy.stage, policy.digest, judgements)
        return Judged(results, self._trail.record(db, version.name, payload, version.version).seq)

    def _note(self, db: Database, name: str, policy: Policy) -> None:
        noted = values.noted_policy(db, name, policy.stage)
        nothing = not policy.gates and not policy.approvals
        if noted != policy.digest and not (noted is None and nothing):
            self._trail.record(db, name, events.PolicyNoted(policy.stage, policy.digest, policy.content))

    def _lacks(self, version: ModelVersion, policy: Policy, judged: Judged) -> list[str]:
        """Return in sentences what keeps `version` out of the stage."""
        kept = newest(version, policy.stage)
        if kept is not None and any(result.policy != policy.digest for result in kept.results):
            return [
                f"the policy of {policy.stage} was changed after version {version.version} was checked; look at the "
                f"change, then run `trackbook models check {version.name} {version.version}` again"
            ]
        return judged.failed

    def _metrics_of(self, run_id: str | None) -> dict[str, float]:
        return self._runs.get(run_id).summary.metrics if run_id else {}


def newest(version: ModelVersion, stage: str) -> Judged | None:
    """Return the results for `stage` that were kept last, or None."""
    kept = [result for result in version.gates if result.stage == stage and result.event is not None]
    if not kept:
        return None
    last = max(result.event or 0 for result in kept)
    return Judged(tuple(result for result in kept if result.event == last), last)


def _promotion(
    model: Model, version: ModelVersion, policy: Policy, judged: Judged, reason: str | None
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
    )
