"""Approve, reject, and what a promotion still lacks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from trackbook.data.names import check_name, check_text
from trackbook.errors import GateError, RegistryError
from trackbook.registry import events, lookup, projection
from trackbook.registry.approvals import binding, rules
from trackbook.registry.approvals.standing import Standing, StandingResult, advice
from trackbook.registry.gates.result import GateResult
from trackbook.registry.judging import Judging, newest
from trackbook.registry.policy import Policy, policy_for
from trackbook.registry.promotion import Promotions
from trackbook.registry.trail import Trail
from trackbook.registry.values import ModelVersion
from trackbook.settings import Settings

if TYPE_CHECKING:
    from trackbook.store import Database, Store


class Approvals:
    """Takes decisions of people on versions, and says how these stand."""

    def __init__(
        self, store: Store, settings: Settings, trail: Trail, judging: Judging, promotions: Promotions
    ) -> None:
        """Decide in `store`, under the policy of `settings`, as whom `trail` records."""
        self._store = store
        self._settings = settings
        self._trail = trail
        self._judging = judging
        self._promotions = promotions

    def decide(self, name: str, version: int, stage: str, comment: str, *, approved: bool) -> Standing:
        """Record a yes or no of whoever acts; see `Registry.approve`."""
        check_name(name, "model")
        check_text(comment, "comment")
        lookup.check_stage(stage)
        policy = policy_for(self._settings, name, stage)
        with self._store.read() as db:
            found = lookup.version_of(db, name, version)
            self._check_say(db, found, policy, approved=approved)
        judged = self._judging.judge(found, policy)
        with self._trail.change() as db:
            projection.prove(db, name)
            current = lookup.version_of(db, name, version)
            self._check_say(db, current, policy, approved=approved)
            kept = self._judging.keep(db, current, policy, judged)
            gates = binding.gates_digest(kept.results)
            payload = events.ApprovalGiven(version, stage, approved, comment, current.digest, gates, policy.digest)
            self._trail.record(db, name, payload, version)
            return self._standing(db, lookup.version_of(db, name, version), policy)

    def standing(self, name: str, version: int, stage: str) -> Standing:
        """Return what `version` still lacks to enter `stage`, by what is kept; nothing is judged or changed."""
        check_name(name, "model")
        lookup.check_stage(stage)
        policy = policy_for(self._settings, name, stage)
        with self._store.read() as db:
            projection.prove(db, name)
            return self._standing(db, lookup.version_of(db, name, version), policy)

    def judged(self, version: ModelVersion) -> tuple[StandingResult, ...]:
        """Return the newest results of the gates of every stage, and why some are void; rows are not proved for it."""
        found: list[StandingResult] = []
        with self._store.read() as db:
            for stage in dict.fromkeys(result.stage for result in version.gates):
                kept = newest(version, stage)
                policy = policy_for(self._settings, version.name, stage)
                found += self._shown(db, version, policy, () if kept is None else kept.results)
        return tuple(found)

    def _shown(
        self, db: Database, version: ModelVersion, policy: Policy, results: Iterable[GateResult]
    ) -> tuple[StandingResult, ...]:
        return tuple(StandingResult(each, self._judging.why_void(db, each, version, policy)) for each in results)

    def _check_say(self, db: Database, version: ModelVersion, policy: Policy, *, approved: bool) -> None:
        stage, identity = policy.stage, self._trail.identity
        asked = binding.rules_of(policy)
        if not asked:
            raise RegistryError(
                f"nobody is asked to approve versions of {version.name!r} for {stage}; name people in trackbook.toml, "
                'under [[approvals]] with approvers = ["…"]'
            )
        reason = rules.why_not(identity.name, identity.authority, asked, binding.authors_of(db, version))
        if reason is not None:
            verb = "approve" if approved else "reject"
            raise GateError(
                f"{identity.words} cannot {verb} version {version.version} of {version.name!r} for {stage}: {reason}"
            )

    def _standing(self, db: Database, version: ModelVersion, policy: Policy) -> Standing:
        kept = newest(version, policy.stage)
        results = () if kept is None else kept.results
        shown = self._shown(db, version, policy, results)
        weighed = self._promotions.weigh(db, version, policy, results)
        lacks = () if version.stage == policy.stage else weighed.lacks
        void = next((each.void for each in shown if each.void), None)
        if lacks == weighed.lacks and void is not None and not (weighed.is_outdated or weighed.is_overtaken):
            lacks = (f"what its gates said is void, {void}; check it again", *lacks)
        remarks = advice(self._trail.identity, weighed.tallies)
        return Standing(
            name=version.name,
            version=version.version,
            stage=policy.stage,
            current_stage=version.stage,
            gates=shown,
            approvals=weighed.tallies,
            authors=binding.authors_of(db, version),
            advisory=bool(remarks),
            sentences=lacks,
            remarks=remarks,
        )
