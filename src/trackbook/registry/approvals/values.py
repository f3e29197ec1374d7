"""What was decided, by whom, about what; and what a policy asks for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from trackbook.settings.people import key_of
from trackbook.store import iso

DAY_MS = 86_400_000


class Subject(msgspec.Struct, frozen=True):
    """What a decision is about: a version on its way to a stage, its bytes, what its gates say, and the policy.

    `digest`, `gates` and `policy` are digests; a decision that was made for others is void.
    """

    version: int
    stage: str
    digest: str
    gates: str
    policy: str


class Decision(msgspec.Struct, frozen=True):
    """One yes or no of one person.

    `authority` says who vouches for the person: "" for nobody.  `time` and `expires` in milliseconds since 1970, and
    `event` is the number of the audit event that holds it.
    """

    person: str
    authority: str
    approved: bool
    comment: str
    subject: Subject
    time: int
    expires: int | None = None
    event: int = 0

    @property
    def is_authenticated(self) -> bool:
        """Whether somebody but the person says who it is."""
        return bool(self.authority)

    @property
    def who(self) -> str:
        """The person's name, marked when nobody vouches for it."""
        return self.person if self.is_authenticated else f"{self.person} (not authenticated)"

    def to_dict(self) -> dict[str, Any]:
        """Return the decision as plain values, times in ISO 8601."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        expires = None if self.expires is None else iso(self.expires)
        return {**plain, "time": iso(self.time), "expires": expires, "authenticated": self.is_authenticated}


class Rule(msgspec.Struct, frozen=True):
    """`count` of the people in `approvers` must approve; an approval holds for `lifetime` milliseconds, or for good.

    `named` are the people and roles as the policy names them.  With `authenticated` only those count whom an authority
    vouches for.
    """

    count: int
    approvers: tuple[str, ...]
    named: tuple[str, ...] = ()
    lifetime: int | None = None
    authenticated: bool = False

    def names(self, person: str) -> bool:
        """Say whether `person` is one of the approvers."""
        return key_of(person) in {key_of(each) for each in self.approvers}

    def without(self, authors: Iterable[str]) -> tuple[str, ...]:
        """Return the approvers who are none of `authors`: those who can approve at all."""
        out = {key_of(author) for author in authors}
        return tuple(each for each in self.approvers if key_of(each) not in out)


class Void(msgspec.Struct, frozen=True):
    """An approval that no longer counts, and why."""

    decision: Decision
    reason: str


class Tally(msgspec.Struct, frozen=True):
    """How one rule stands: who approved, who rejected, whose approval is void, and who else can approve."""

    rule: Rule
    approved: tuple[Decision, ...]
    rejected: tuple[Decision, ...]
    void: tuple[Void, ...]
    open: tuple[str, ...]
    can_be_met: bool

    @property
    def is_met(self) -> bool:
        """Whether enough people approved, and nobody who was asked said no."""
        return len(self.approved) >= self.rule.count and not self.rejected and self.can_be_met

    def to_dict(self) -> dict[str, Any]:
        """Return the tally as plain values, times in ISO 8601."""
        return {
            "count": self.rule.count,
            "approvers": list(self.rule.approvers),
            "named": list(self.rule.named),
            "authenticated_only": self.rule.authenticated,
            "met": self.is_met,
            "can_be_met": self.can_be_met,
            "approved": [each.to_dict() for each in self.approved],
            "rejected": [each.to_dict() for each in self.rejected],
            "void": [{**each.decision.to_dict(), "reason": each.reason} for each in self.void],
            "open": list(self.open),
        }


def day(time: int) -> str:
    """Return the day of `time` (ms since 1970, UTC) as in 2026-11-29."""
    return str(iso(time))[:10]
