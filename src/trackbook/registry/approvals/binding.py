"""What approvals are bound to: the rules of a policy, decisions on a version, its authors, what its gates said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec
from blake3 import blake3

from trackbook.registry import events
from trackbook.registry.approvals.rules import tally
from trackbook.registry.approvals.values import DAY_MS, Decision, Rule, Subject, Tally
from trackbook.registry.audit import chain
from trackbook.registry.audit.chain import canonical
from trackbook.registry.gates.judge import GateResult
from trackbook.registry.policy import Policy
from trackbook.registry.values import ModelVersion
from trackbook.settings.people import key_of, written_out

if TYPE_CHECKING:
    from trackbook.store import Database


def gates_digest(results: Iterable[GateResult]) -> str:
    """Return the BLAKE3 hash, in hex, of what gates said: which passed, and the digests of all that they judged.

    Measured values are not in it, as no two measurements of a latency are the same; all that they are made of is.
    """
    said = [[msgspec.to_builtins(each.gate), each.passed, each.judged_digest, each.digests] for each in results]
    return blake3(canonical(said).encode()).hexdigest()


def rules_of(policy: Policy) -> tuple[Rule, ...]:
    """Return the rules of approval that a policy holds; each of them must be met."""
    return tuple(
        Rule(
            count=each.count,
            approvers=written_out(each.approvers, policy.roles),
            named=each.approvers,
            lifetime=round(each.expires_days * DAY_MS),
            authenticated=each.authenticated,
        )
        for each in policy.approvals
    )


def tallies(
    version: ModelVersion, policy: Policy, results: Iterable[GateResult], authors: Sequence[str], now: int
) -> tuple[Tally, ...]:
    """Return how each rule of `policy` stands for `version`, whose gates said `results`; `now` in ms."""
    subject = Subject(version.version, policy.stage, version.digest, gates_digest(results), policy.digest)
    said = decisions_of(version)
    return tuple(tally(rule, said, subject, authors, now) for rule in rules_of(policy))


def decisions_of(version: ModelVersion) -> list[Decision]:
    """Return all decisions on `version`, in the order in which they were made."""
    return [
        Decision(
            person=each.approver,
            authority=each.authority,
            approved=each.approved,
            comment=each.comment,
            subject=Subject(version.version, each.stage, each.judged_digest, each.gates, each.policy),
            time=each.time,
            event=each.event,
        )
        for each in sorted(version.approvals, key=lambda each: each.event)
    ]


def authors_of(db: Database, version: ModelVersion) -> tuple[str, ...]:
    """Return who made `version`: whoever registered its bytes, here or elsewhere, and whose runs they came from.

    The same bytes under another number have the same authors, so that nobody launders their own work through it.
    """
    names: dict[str, str] = {}
    for event in chain.select(db, _REGISTERED, digest=version.digest):
        payload = events.payload_of(event)
        if isinstance(payload, events.VersionRegistered) and payload.digest == version.digest:
            origin = payload.origin.actor if payload.origin else ""
            for name in (event.actor, payload.author, origin):
                names.setdefault(key_of(name), name)
    for (name,) in db.execute(_LOGGED, [version.digest]):
        names.setdefault(key_of(name or ""), name)
    names.pop("", None)
    return tuple(names.values())


_REGISTERED = "WHERE action = 'version_registered' AND instr(payload, :digest) ORDER BY seq"
_LOGGED = "SELECT DISTINCT user FROM run JOIN artifact ON artifact.run_id = run.id WHERE artifact.digest = ?"
