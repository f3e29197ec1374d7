"""The rules of approvals, as properties of frozen values."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackbook.registry.approvals.rules import expiry, tally, why_not
from trackbook.registry.approvals.standing import needs
from trackbook.registry.approvals.values import Decision, Rule, Subject
from trackbook.settings.people import key_of

PEOPLE = ("ann", "bob", "carol", "dave")
SUBJECT = Subject(1, "production", "bytes", "gates", "policy")
OTHERS = [
    msgspec.structs.replace(SUBJECT, version=2),
    msgspec.structs.replace(SUBJECT, stage="staging"),
    msgspec.structs.replace(SUBJECT, digest="other"),
    msgspec.structs.replace(SUBJECT, gates="other"),
    msgspec.structs.replace(SUBJECT, policy="other"),
]
NOW = 1000


def yes(person, subject=SUBJECT, **fields):
    return Decision(person, fields.pop("authority", ""), fields.pop("approved", True), "", subject, 0, **fields)


def no(person, subject=SUBJECT, **fields):
    return yes(person, subject, approved=False, **fields)


DECISIONS = st.lists(
    st.builds(
        yes,
        st.sampled_from([*PEOPLE, "Ann", "BOB ", "eve"]),
        st.sampled_from([SUBJECT, SUBJECT, *OTHERS]),
        approved=st.sampled_from([True, True, False]),
        authority=st.sampled_from(["", "jupyterhub"]),
        expires=st.sampled_from([None, NOW - 1, NOW + 1]),
    ),
    max_size=12,
)
RULES = st.builds(
    Rule,
    st.integers(1, 4),
    st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=4, unique=True).map(tuple),
    lifetime=st.sampled_from([None, 500, 5000]),
    authenticated=st.booleans(),
)
AUTHORS = st.lists(st.sampled_from([*PEOPLE, "ANN", "bob "]), max_size=2)


@given(RULES, DECISIONS, AUTHORS)
def test_what_counts_is_distinct_named_people_who_are_no_authors(rule, decisions, authors):
    """However the decisions came, a rule is met only by enough different people whom it names."""
    found = tally(rule, decisions, SUBJECT, authors, NOW)
    keys = [key_of(each.person) for each in found.approved]
    assert len(set(keys)) == len(keys)
    assert set(keys) <= {key_of(each) for each in rule.approvers} - {key_of(each) for each in authors}
    assert all(each.subject == SUBJECT and each.approved for each in found.approved)
    assert all(each.authority or not rule.authenticated for each in (*found.approved, *found.rejected))
    if found.is_met:
        assert len(keys) >= rule.count
        assert not found.rejected
    assert bool(list(needs(found, 1, "production"))) is not found.is_met


@given(RULES, DECISIONS, AUTHORS, st.integers(0, 11))
def test_an_approval_of_anything_else_counts_nowhere(rule, decisions, authors, place):
    """Approvals of other bytes, gates, stages, versions or policies can be added at will: nothing counts more."""
    before = tally(rule, decisions, SUBJECT, authors, NOW)
    for person in rule.approvers:
        for other in OTHERS:
            more = [*decisions[:place], yes(person, other, authority="jupyterhub"), *decisions[place:]]
            after = tally(rule, more, SUBJECT, authors, NOW)
            assert {key_of(each.person) for each in after.approved} <= {key_of(each.person) for each in before.approved}


@given(RULES, DECISIONS, AUTHORS)
def test_time_only_takes_away(rule, decisions, authors):
    """Approvals run out, and nothing else happens by waiting."""
    counts = [len(tally(rule, decisions, SUBJECT, authors, now).approved) for now in (0, 500, 999, NOW, 5000, 10**12)]
    assert counts == sorted(counts, reverse=True)


@given(RULES, DECISIONS)
def test_one_persons_later_decision_replaces_the_earlier(rule, decisions):
    """Whoever is named and vouched for can take back what they said."""
    person = rule.approvers[0]
    said = [*decisions, yes(person, authority="jupyterhub")]
    assert person in [each.person for each in tally(rule, said, SUBJECT, (), 0).approved]
    unsaid = tally(rule, [*said, no(person, authority="jupyterhub")], SUBJECT, (), 0)
    assert not unsaid.is_met
    assert person in [each.person for each in unsaid.rejected]


def test_a_name_without_proof_overrules_no_name_with_one():
    """Who calls themselves carol on a machine takes back nothing of what the hub's carol said."""
    rule = Rule(1, ("carol",))
    said = [no("carol", authority="jupyterhub"), yes("carol")]
    assert not tally(rule, said, SUBJECT, (), NOW).is_met
    assert tally(rule, [*said, yes("carol", authority="jupyter")], SUBJECT, (), NOW).is_met


@pytest.mark.parametrize("other", OTHERS[3:], ids=["gates", "policy"])
def test_a_rejection_outlives_another_check(other):
    """An author is not rid of a rejection by a new check or a new policy, while an approval is void then."""
    rule = Rule(1, ("carol", "dave"))
    found = tally(rule, [no("carol"), yes("dave")], other, (), NOW)
    assert [each.person for each in found.rejected] == ["carol"]
    assert [void.decision.person for void in found.void] == ["dave"]


def test_whoever_is_named_no_longer_blocks_nothing():
    """A rejection is one of those who are asked now."""
    assert tally(Rule(1, ("dave",)), [no("carol"), yes("dave")], SUBJECT, (), NOW).is_met


def test_a_rule_that_the_author_makes_impossible_says_so():
    """Fewer possible approvers than are asked for is a fault of the policy, not of the approvers."""
    found = tally(Rule(2, ("ann", "bob"), ("leads",)), [yes("bob"), yes("ANN ")], SUBJECT, ("ann",), NOW)
    assert not found.is_met
    (sentence,) = needs(found, 3, "production")
    assert sentence == (
        "the policy cannot be met: production asks for 2 approvals of leads, and without the author of version 3 only "
        "bob may give one; name more in trackbook.toml"
    )


def test_what_lacks_is_said_in_sentences():
    """Counts, names, comments, and why an approval is void."""
    rejection = msgspec.structs.replace(no("carol"), comment="too slow")
    found = tally(Rule(2, ("bob", "carol", "dave")), [yes("bob"), rejection, yes("dave", OTHERS[3])], SUBJECT, (), NOW)
    assert list(needs(found, 1, "production")) == [
        "carol (not authenticated) rejected version 1 for production on 1970-01-01: too slow; it stays out until carol "
        "approves it",
        "production asks for 2 approvals of bob, carol and dave; version 1 has bob (not authenticated), and needs 1 "
        "more from dave",
        "the approval of dave (not authenticated) of 1970-01-01 is void: the gates say something else now",
    ]


def test_an_approval_ends_by_its_own_words_or_the_rules():
    """The nearer end is the one that counts."""
    assert expiry(yes("bob", expires=7), Rule(1, ("bob",), lifetime=5)) == 5
    assert expiry(yes("bob", expires=3), Rule(1, ("bob",), lifetime=5)) == 3
    assert expiry(yes("bob"), Rule(1, ("bob",))) is None


def test_who_has_no_say_is_told_why():
    """Authors, strangers and, where it is asked for, names without proof."""
    rules = [Rule(1, ("ann", "bob"), authenticated=True)]
    assert why_not("bob", "jupyterhub", rules, ["ann"]) is None
    assert "nobody approves their own work" in str(why_not("\u0410NN", "jupyterhub", rules, ["ann"]))
    assert "not among those that trackbook.toml names: ann, bob" in str(why_not("eve", "jupyterhub", rules, ["ann"]))
    assert "not authenticated" in str(why_not("bob", "", rules, ["ann"]))
