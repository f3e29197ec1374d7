"""What a promotion still lacks, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from trackbook.registry.approvals.values import Tally, day
from trackbook.registry.gates.judge import GateResult
from trackbook.registry.identity import Identity
from trackbook.store import iso


class StandingResult(msgspec.Struct, frozen=True):
    """What a gate said last, and why that is void, if it is."""

    result: GateResult
    void: str | None = None


class Standing(msgspec.Struct, frozen=True):
    """What a version still lacks to enter a stage.

    `sentences` say what it lacks, none when nothing; `remarks` what else a reader must know.  With `advisory` nobody
    vouches for who acts, or for one of those who approved.
    """

    name: str
    version: int
    stage: str
    current_stage: str
    gates: tuple[StandingResult, ...]
    approvals: tuple[Tally, ...]
    authors: tuple[str, ...]
    advisory: bool
    sentences: tuple[str, ...]
    remarks: tuple[str, ...] = ()

    @property
    def is_ready(self) -> bool:
        """Whether nothing is lacking."""
        return not self.sentences

    def to_dict(self) -> dict[str, Any]:
        """Return the standing as plain values, times in ISO 8601."""
        gates = [
            {**msgspec.to_builtins(each.result), "time": iso(each.result.time), "void": each.void is not None,
             "void_reason": each.void}
            for each in self.gates
        ]  # fmt: skip
        plain: dict[str, Any] = msgspec.structs.asdict(self)
        return {
            **plain,
            "ready": self.is_ready,
            "gates": gates,
            "approvals": [each.to_dict() for each in self.approvals],
            **{name: list(plain[name]) for name in ("authors", "sentences", "remarks")},
        }


def advice(identity: Identity, tallies: Sequence[Tally]) -> tuple[str, ...]:
    """Return in which way gates and approvals are advisory: nobody vouches for who acts, or for who approved."""
    found = []
    if not identity.is_authenticated:
        why = f" ({identity.reason})" if identity.reason else ""
        found.append(
            f"{identity.name} is not authenticated{why}: the name is what this machine calls its user, and proves "
            "nobody. Gates and approvals are advisory here: they keep out nobody who can write the store"
        )
    bare = dict.fromkeys(each.person for one in tallies for each in one.approved if not each.is_authenticated)
    if bare:
        found.append(
            f"the approval of {_people(list(bare))} is advisory: who gave it was not authenticated; "
            "`authenticated = true` in trackbook.toml counts only who is"
        )
    return tuple(found)


def needs(tally: Tally, version: int, stage: str) -> Iterator[str]:
    """Yield a sentence for each thing that a rule of approvals has against moving `version` to `stage`."""
    rule = tally.rule
    for each in tally.rejected:
        said = f": {each.comment}" if each.comment else ""
        yield (
            f"{each.who} rejected version {version} for {stage} on {day(each.time)}{said}; "
            f"it stays out until {each.person} approves it"
        )
    if not tally.can_be_met:
        able = [*tally.open, *(each.person for each in (*tally.approved, *tally.rejected))]
        yield (
            f"the policy cannot be met: {stage} asks for {_count(rule.count, 'approval')} of {_named(tally)}, and "
            f"without the author of version {version} only {_people(able)} may give one; name more in trackbook.toml"
        )
    elif len(tally.approved) < rule.count:
        yield (
            f"{stage} asks for {_count(rule.count, 'approval')} of {_named(tally)}; version {version} has "
            f"{_people([each.who for each in tally.approved])}, and {_rest(tally)}"
        )
    for void in () if tally.is_met else tally.void:
        yield f"the approval of {void.decision.who} of {day(void.decision.time)} is void: {void.reason}"


def _rest(tally: Tally) -> str:
    lacking = tally.rule.count - len(tally.approved)
    kind = " authenticated" if tally.rule.authenticated else ""
    return f"needs {lacking} more from{kind} {_people(tally.open, ' or ')}" if tally.open else f"needs {lacking} more"


def _named(tally: Tally) -> str:
    return _people(tally.rule.named or tally.rule.approvers)


def _people(names: Sequence[str], last: str = " and ") -> str:
    if len(names) < 2:
        return "".join(names) or "nobody"
    return f"{', '.join(names[:-1])}{last}{names[-1]}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
