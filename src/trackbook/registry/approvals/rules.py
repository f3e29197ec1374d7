"""Whether enough people approved: n of m, never the author, and nothing that was said about something else.

An approval counts for exactly the version, stage, bytes, gate results and policy that it was given for, until it
expires.  A rejection holds longer: for the version and the stage, whatever is checked again, until the same person
decides anew; else the author could be rid of it by another check.  The decision that counts is each person's last one,
where a name that nobody vouches for never overrules the same name with an authority behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trackbook.registry.approvals.values import Decision, Rule, Subject, Tally, Void, day
from trackbook.settings.people import key_of


def tally(rule: Rule, decisions: Iterable[Decision], subject: Subject, authors: Sequence[str], now: int) -> Tally:
    """Return how `rule` stands for `subject`; `decisions` in the order in which they were made, `now` in ms."""
    able = rule.without(authors)
    keys = {key_of(each) for each in able}
    last = [each for each in _last(rule, decisions, subject) if key_of(each.person) in keys]
    rejected = [each for each in last if not each.approved]
    judged = [(each, why_void(each, subject, rule, now)) for each in last if each.approved]
    approved = [each for each, reason in judged if reason is None]
    done = {key_of(each.person) for each in (*approved, *rejected)}
    return Tally(
        rule=rule,
        approved=tuple(approved),
        rejected=tuple(rejected),
        void=tuple(Void(each, reason) for each, reason in judged if reason is not None),
        open=tuple(each for each in able if key_of(each) not in done),
        can_be_met=len(keys) >= rule.count,
    )


def why_void(decision: Decision, subject: Subject, rule: Rule, now: int) -> str | None:
    """Return why an approval does not count for `subject`, None when it does."""
    given = decision.subject
    if (given.version, given.stage) != (subject.version, subject.stage):
        return f"it is about version {given.version} and {given.stage}"
    if given.digest != subject.digest:
        return "it was given for other bytes"
    if given.policy != subject.policy:
        return "trackbook.toml asks for something else now"
    if given.gates != subject.gates:
        return "the gates say something else now"
    ends = expiry(decision, rule)
    return None if ends is None or now < ends else f"it expired on {day(ends)}"


def expiry(decision: Decision, rule: Rule) -> int | None:
    """Return when an approval ends, by its own words and by the rule, whichever is first; None for never."""
    ends = [decision.expires, None if rule.lifetime is None else decision.time + rule.lifetime]
    return min((each for each in ends if each is not None), default=None)


def why_not(person: str, authority: str, rules: Sequence[Rule], authors: Iterable[str]) -> str | None:
    """Return why `person` has no say under any of `rules`, None when there is one."""
    if key_of(person) in {key_of(author) for author in authors}:
        return f"{person} made it, and nobody approves their own work"
    naming = [rule for rule in rules if rule.names(person)]
    if not naming:
        people = dict.fromkeys(each for rule in rules for each in rule.approvers)
        return f"{person} is not among those that trackbook.toml names: {', '.join(people)}"
    if not authority and all(rule.authenticated for rule in naming):
        return f"{person} is not authenticated, and trackbook.toml takes only who is (`authenticated = true`)"
    return None


def _last(rule: Rule, decisions: Iterable[Decision], subject: Subject) -> list[Decision]:
    """Return each person's last decision about the version and stage of `subject`, in the order of the decisions."""
    last: dict[str, Decision] = {}
    for each in decisions:
        about = (each.subject.version, each.subject.stage, each.subject.digest)
        if about != (subject.version, subject.stage, subject.digest) or (rule.authenticated and not each.authority):
            continue
        key = key_of(each.person)
        if key in last and last[key].authority and not each.authority:
            continue
        last.pop(key, None)
        last[key] = each
    return list(last.values())
