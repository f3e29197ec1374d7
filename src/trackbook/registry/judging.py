"""What the gates of a stage say about a version, kept with the digests and the policy that it is bound to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from trackbook.data.names import check_name
from trackbook.registry import events, lookup, projection, values
from trackbook.registry.approvals.binding import gates_digest
from trackbook.registry.contenders import Contenders, champion_of, contender_of
from trackbook.registry.gates import digests, judge
from trackbook.registry.gates.context import Contender
from trackbook.registry.gates.judge import GateResult
from trackbook.registry.loading import Loader
from trackbook.registry.policy import Policy, policy_for
from trackbook.registry.trail import Trail
from trackbook.registry.values import ModelVersion
from trackbook.settings import Settings

if TYPE_CHECKING:
    from trackbook.store import Database, Store


class Judged(msgspec.Struct, frozen=True):
    """What the gates of a stage said; `event` is the number of the event that kept it, None before it is kept."""

    results: tuple[GateResult, ...]
    event: int | None = None

    @property
    def failed(self) -> list[str]:
        """The reasons of the gates that refuse."""
        return [result.reason for result in self.results if not result.passed]


class Judging:
    """Asks gates, and keeps what they say."""

    def __init__(self, store: Store, settings: Settings, trail: Trail, loader: Loader, contenders: Contenders) -> None:
        """Judge versions in `store` under the policy of `settings`."""
        self._store = store
        self._settings = settings
        self._trail = trail
        self._loader = loader
        self._contenders = contenders

    def check(
        self, name: str, model: int | str, stage: str, *, about: str | None = None, keep: bool = True
    ) -> tuple[GateResult, ...]:
        """Return what the gates of `stage` say about a model; see `Registry.check`."""
        check_name(name, "model")
        lookup.check_stage(stage)
        policy = policy_for(self._settings, name, stage)
        if not isinstance(model, int):
            candidate = self._contenders.contender(self._loader.resolve(model))
            return self._judge(policy, name, candidate, about)
        with self._store.read() as db:
            version = lookup.version_of(db, name, model)
        results = self._judge(policy, name, contender_of(version), about)
        if keep and about is None:
            with self._trail.change() as db:
                projection.prove(db, name)
                self.keep(db, version, policy, Judged(results))
        return results

    def judge(self, version: ModelVersion, policy: Policy) -> Judged:
        """Ask all gates of `policy` about `version` anew."""
        return Judged(self._judge(policy, version.name, contender_of(version)))

    def keep(self, db: Database, version: ModelVersion, policy: Policy, judged: Judged) -> Judged:
        """Record what gates said, and the policy when it is another than was noted last.

        Where the same was kept last, that stays, and with it the approvals that are bound to it.
        """
        self._note(db, version.name, policy)
        if not judged.results:
            return judged
        last = newest(version, policy.stage)
        if last is not None and not self._voids(db, last, version, policy) and _is_same(last, judged):
            return last
        judgements = [events.judgement(result) for result in judged.results]
        payload = events.GatesJudged(version.version, policy.stage, policy.digest, judgements)
        return Judged(judged.results, self._trail.record(db, version.name, payload, version.version).seq)

    def why_void(self, db: Database, result: GateResult, version: ModelVersion, policy: Policy) -> str | None:
        """Return why a kept result says nothing about `version` under `policy` any more; None when it does."""
        if result.judged_digest != version.digest:
            return "other bytes were judged"
        if result.policy != policy.digest:
            return "trackbook.toml asked for something else then"
        if self.is_overtaken(db, result, version):
            return "another version was in production then"
        scorer = result.digests.get("scorer")
        if scorer is not None and digests.scorer_of(result.gate, self._contenders.root) != scorer:
            return "the project's scorer was changed since"
        return None

    def is_overtaken(self, db: Database, result: GateResult, version: ModelVersion) -> bool:
        """Say whether `result` compared `version` with another version than the one that is in production now."""
        champion = champion_of(db, version.name)
        if champion is not None and champion.uri == version.uri:
            return False  # it has won since
        now = digests.NONE if champion is None else champion.digest
        return result.digests.get("champion", now) != now

    def is_outdated(self, db: Database, version: ModelVersion, policy: Policy) -> bool:
        """Say whether the policy was changed since `version` was checked, or decided on, for its stage."""
        last = newest(version, policy.stage)
        if last is None and not any(each.stage == policy.stage for each in version.approvals):
            return False
        if last is not None and policy.gates:
            return any(result.policy != policy.digest for result in last.results)
        # Without a gate no result is kept: a check, or a decision, then notes the policy alone.
        return values.noted_policy(db, version.name, policy.stage) != policy.digest

    # -- inside

    def _judge(
        self, policy: Policy, name: str, candidate: Contender, about: str | None = None
    ) -> tuple[GateResult, ...]:
        chosen = [gate for gate in policy.gates if about in (None, judge.about(gate))]
        if not chosen:
            return ()
        context = self._contenders.context(name, candidate)
        return tuple(judge.judge(gate, context) for gate in chosen)

    def _voids(self, db: Database, judged: Judged, version: ModelVersion, policy: Policy) -> list[str]:
        reasons = [self.why_void(db, result, version, policy) for result in judged.results]
        return [reason for reason in reasons if reason is not None]

    def _note(self, db: Database, name: str, policy: Policy) -> None:
        noted = values.noted_policy(db, name, policy.stage)
        nothing = not policy.gates and not policy.approvals
        if noted != policy.digest and not (noted is None and nothing):
            self._trail.record(db, name, events.PolicyNoted(policy.stage, policy.digest, policy.content))


def newest(version: ModelVersion, stage: str) -> Judged | None:
    """Return the results for `stage` that were kept last, or None."""
    kept = [result for result in version.gates if result.stage == stage and result.event is not None]
    if not kept:
        return None
    last = max(result.event or 0 for result in kept)
    return Judged(tuple(result for result in kept if result.event == last), last)


def _is_same(last: Judged, judged: Judged) -> bool:
    def said(results: tuple[GateResult, ...]) -> list[tuple[float | None, str]]:
        return [(each.value, each.reason) for each in results]

    return gates_digest(last.results) == gates_digest(judged.results) and said(last.results) == said(judged.results)
