"""What a promotion still lacks, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trackbook.registry.approvals.values import Tally, day

ADVISORY = (
    "is not authenticated: the name is that of a login on this machine, and proves nobody. So gates and approvals are "
    "advisory here: they say what the policy asks for, and keep out nobody who can write this store"
)


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
