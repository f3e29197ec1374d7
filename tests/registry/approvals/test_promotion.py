"""Promotions that need people, on one store with several of them."""

from __future__ import annotations

import msgspec
import pytest

from trackbook.errors import GateError, RegistryError, UsageError
from trackbook.registry import Identity
from trackbook.settings import ApprovalSettings, MetricGate, ProtectedSettings, Settings

POLICY = Settings(
    gates=(MetricGate(metric="r2", min=0.3),),
    roles={"leads": ("carol", "dave")},
    approvals=(ApprovalSettings(approvers=("bob", "leads")),),
    protected=(ProtectedSettings(alias="live*"),),
)
STRICT = msgspec.structs.replace(POLICY, approvals=(ApprovalSettings(approvers=("bob", "leads"), authenticated=True),))


@pytest.fixture
def people(open_registry):
    """Open the one registry as any person, under any policy."""
    return lambda name, policy=POLICY: open_registry(policy, name)


@pytest.fixture
def registered(people, ridge):
    """Version 1 of `risk`, made by ada."""
    return people("ada").register(ridge, "risk", metrics={"r2": 0.5})


def last(registry):
    return registry.audit_events(1).events[0]


def test_two_people_bring_a_version_into_production(people, registered):
    """The author asks, is refused, cannot help herself; another approves, and the promotion says on what it relied."""
    ada, bob = people("ada"), people("bob")
    with pytest.raises(GateError, match=r"production asks for 1 approval of bob and leads; version 1 has nobody, and"):
        ada.promote("risk", 1, "production")
    assert last(ada).action == "promotion_refused"
    with pytest.raises(RegistryError, match="nobody approves their own work"):
        ada.approve("risk", 1)
    with pytest.raises(RegistryError, match=r"not among those that trackbook.toml names: bob, carol, dave"):
        people("eve").approve("risk", 1)
    standing = bob.approve("risk", 1, comment="looks right")
    assert (standing.is_ready, standing.advisory) == (True, True)
    approval = last(bob)
    assert (approval.action, approval.actor, approval.content["comment"]) == ("approval_given", "bob", "looks right")
    assert ada.promote("risk", 1, "production").stage == "production"
    assert last(ada).content["approvals"] == [approval.seq]
    assert ada.verify().ok


@pytest.mark.parametrize("spelling", ["Ada", "ada ", "\uff41da", "\u0430da", "a\u200bda"])
def test_an_author_has_no_second_name(people, registered, spelling):
    """No spelling of the author's name approves, not even where the policy names it."""
    named = Settings(approvals=(ApprovalSettings(approvers=("ada", "bob")),))
    with pytest.raises(RegistryError, match="nobody approves their own work"):
        people(spelling, named).approve("risk", 1)


def test_whoever_ran_it_is_an_author_too(people, ridge, tracker, registered):
    """Somebody else registers the model of a run, or the same bytes again: its maker still does not approve."""
    with tracker.start_run() as run:
        run.log_metric("r2", 0.5)
    policy = Settings(approvals=(ApprovalSettings(approvers=("ada", "bob")),))
    people("carol").register(ridge, "risk", run_id=run.run_id)
    with pytest.raises(RegistryError, match="nobody approves their own work"):
        people("ada", policy).approve("risk", 2)
    people("carol").register("models:/risk/1", "other")
    with pytest.raises(RegistryError, match="nobody approves their own work"):
        people("ada", policy).approve("other", 1)


def test_a_rejection_blocks_until_it_is_replaced(people, registered):
    """One named person's no outweighs another's yes; the same person's yes lifts it."""
    people("carol").reject("risk", 1, comment="too slow")
    standing = people("bob").approve("risk", 1)
    assert "carol (not authenticated) rejected version 1 for production" in standing.sentences[0]
    with pytest.raises(GateError, match="too slow"):
        people("ada").promote("risk", 1, "production")
    people("carol").approve("risk", 1)
    assert people("ada").promote("risk", 1, "production").stage == "production"


def test_an_approval_of_another_stage_or_version_is_no_approval(people, ridge, registered):
    """What was said of staging, or of version 1, says nothing of production and version 2."""
    both = msgspec.structs.replace(
        POLICY, approvals=(*POLICY.approvals, ApprovalSettings(approvers=("bob",), stage="staging"))
    )
    people("ada").register(ridge, "risk", metrics={"r2": 0.5})
    people("bob", both).approve("risk", 1, "staging")
    people("bob", both).approve("risk", 1)
    with pytest.raises(GateError, match="version 2 has nobody"):
        people("ada", both).promote("risk", 2, "production")
    people("bob", both).approve("risk", 2, "staging")
    with pytest.raises(GateError, match="version 2 has nobody"):
        people("ada", both).promote("risk", 2, "production")


def test_another_policy_voids_check_and_approvals(people, registered):
    """A policy that is loosened after the check needs a look by the same people again."""
    people("ada").check("risk", 1, "production")
    people("bob").approve("risk", 1)
    loose = msgspec.structs.replace(POLICY, gates=(MetricGate(metric="r2", min=0.1),))
    for _ in range(2):
        with pytest.raises(GateError, match="the policy of production was changed after version 1 was checked"):
            people("ada", loose).promote("risk", 1, "production")
    people("ada", loose).check("risk", 1, "production")
    assert "policy_noted" in {event.action for event in people("ada").audit_events().events[:2]}
    standing = people("ada", loose).standing("risk", 1)
    assert "is void: trackbook.toml asks for something else now" in standing.sentences[1]
    people("bob", loose).approve("risk", 1)
    assert people("ada", loose).promote("risk", 1, "production").stage == "production"


def test_a_policy_without_gates_is_looked_at_again_too(people, registered):
    """Taking the last gate away is a change of policy like any other."""
    people("ada").check("risk", 1, "production")
    bare = Settings()
    with pytest.raises(GateError, match="was changed after version 1 was checked"):
        people("ada", bare).promote("risk", 1, "production")
    people("ada", bare).check("risk", 1, "production")
    assert people("ada", bare).promote("risk", 1, "production").stage == "production"


def test_a_replayed_approval_counts_for_nothing(people, ridge, registered, tamper, store):
    """A row that is copied from one version to another is not explained by any event, and nothing moves."""
    from trackbook.errors import IntegrityError

    people("bob").approve("risk", 1)
    people("ada").register(ridge, "risk", metrics={"r2": 0.4})
    tamper(
        "INSERT INTO approval SELECT event + 1000, (SELECT id FROM model_version WHERE version = 2), stage, approver,"
        " authority, approved, comment, judged_digest, gates, policy, time FROM approval"
    )
    for call in (
        lambda: people("ada").promote("risk", 2, "production"),
        lambda: people("ada").promote("risk", 2, "production", "urgent", override=True),
        lambda: people("bob").approve("risk", 2),
        lambda: people("ada").set_alias("risk", "live", 2),
    ):
        with pytest.raises(IntegrityError, match="is not explained by any event"):
            call()


def test_only_an_authenticated_approval_counts_where_it_is_asked_for(people, registered):
    """A login name is not enough, and neither is it to take back what somebody proved to be has said."""
    with pytest.raises(RegistryError, match=r"is not authenticated, and trackbook.toml takes only who is"):
        people("bob", STRICT).approve("risk", 1)
    people("bob").approve("risk", 1)  # recorded under another policy
    with pytest.raises(GateError, match="changed after version 1 was checked"):
        people("ada", STRICT).promote("risk", 1, "production")
    people("ada", STRICT).check("risk", 1, "production")
    with pytest.raises(GateError, match="needs 1 more from authenticated bob, carol or dave"):
        people("ada", STRICT).promote("risk", 1, "production")
    people(Identity("bob", "jupyterhub"), STRICT).approve("risk", 1)
    moved = people(Identity("ada", "jupyterhub"), STRICT).promote("risk", 1, "production")
    assert moved.stage == "production"


def test_a_person_alone_is_told_that_all_this_is_advisory(people, registered):
    """Without an authority the name is marked, and gates and approvals are called advisory, in so many words."""
    (remark,) = people("ada").standing("risk", 1).remarks
    assert "ada is not authenticated" in remark
    assert "Gates and approvals are advisory here" in remark
    hub = people(Identity("ada", "jupyterhub"))
    assert (hub.standing("risk", 1).advisory, hub.standing("risk", 1).remarks) == (False, ())
    people("bob").approve("risk", 1)
    (remark,) = hub.standing("risk", 1).remarks
    assert "the approval of bob is advisory" in remark


def test_an_approval_expires(people, registered, monkeypatch):
    """After its days an approval is void, and says when it ended."""
    people("bob").approve("risk", 1)
    from trackbook.registry import promotion
    from trackbook.store import now_ms

    monkeypatch.setattr(promotion, "now_ms", lambda: now_ms() + 31 * 86_400_000)
    with pytest.raises(GateError, match="is void: it expired on 20"):
        people("ada").promote("risk", 1, "production")


def test_an_override_needs_a_reason_and_is_marked(people, registered):
    """Against approvals and gates it moves, and version and event say against what, and why."""
    ada = people("ada")
    with pytest.raises(UsageError, match="an override needs a reason"):
        ada.promote("risk", 1, "production", "  ", override=True)
    moved = ada.promote("risk", 1, "production", "the old one is down", override=True)
    assert (moved.stage, moved.override) == ("production", "the old one is down")
    event = last(ada)
    assert (event.content["override"], event.content["reason"]) == (True, "the old one is down")
    assert "asks for 1 approval" in event.content["lacks"][0]
    assert ada.verify().ok


def test_an_override_that_was_not_needed_is_none(people, registered):
    """Where nothing lacks, nothing is overridden."""
    people("bob").approve("risk", 1)
    moved = people("ada").promote("risk", 1, "production", "to be sure", override=True)
    assert moved.override is None
    assert "override" not in last(people("ada")).content


def test_a_protected_alias_goes_through_the_policy_of_its_stage(people, registered):
    """`live` moves to what is in production or could go there, `champion` is production's, others are free."""
    ada = people("ada")
    assert ada.set_alias("risk", "canary", 1).aliases == ("canary",)
    with pytest.raises(GateError, match=r"alias 'live-eu' is protected .*asks for 1 approval"):
        ada.set_alias("risk", "live-eu", 1)
    with pytest.raises(RegistryError, match="follows production"):
        ada.set_alias("risk", "champion", 1)
    ada.set_alias("risk", "live-eu", 1, "demo", override=True)
    assert last(ada).content["override"] == "demo"
    ada.delete_alias("risk", "live-eu")
    approval = people("bob").approve("risk", 1)
    assert approval.is_ready
    ada.set_alias("risk", "live-eu", 1)
    assert len(last(ada).content["approvals"]) == 1
    ada.promote("risk", 1, "production")
    assert ada.set_alias("risk", "live", 1).aliases == ("canary", "champion", "live", "live-eu")
    assert ada.verify().ok


def test_an_overridden_version_does_not_take_a_protected_alias_along(people, ridge, registered):
    """Being in the stage by an override is no pass for an alias that is protected by it."""
    gated = msgspec.structs.replace(POLICY, approvals=())
    ada = people("ada", gated)
    ada.register(ridge, "risk", metrics={"r2": 0.1})
    ada.promote("risk", 2, "production", "urgent", override=True)
    with pytest.raises(GateError, match=r"is protected .* below the minimum"):
        ada.set_alias("risk", "live", 2)


def test_a_policy_of_approvals_that_is_taken_away_is_looked_at_again(people, registered):
    """Who strikes the people out of the policy after one said no does not get past that without a check."""
    asked, bare = Settings(approvals=POLICY.approvals, roles=POLICY.roles), Settings()
    people("carol", asked).reject("risk", 1)
    for _ in range(2):
        with pytest.raises(GateError, match="the policy of production was changed"):
            people("ada", bare).promote("risk", 1, "production")
    people("ada", bare).check("risk", 1, "production")
    assert last(people("ada")).action == "policy_noted"
    assert people("ada", bare).promote("risk", 1, "production").stage == "production"


def test_nobody_approves_where_nobody_is_asked(people, registered):
    """Without a rule of approvals there is nothing to approve, and the error says how to make one."""
    with pytest.raises(RegistryError, match=r"under \[\[approvals\]\] with approvers"):
        people("bob").approve("risk", 1, "staging")


def test_the_standing_changes_nothing_and_says_all(people, registered):
    """What lacks is said without an event, also before a check, and nothing once the version is there."""
    ada = people("ada")
    before = ada.verify().head
    standing = ada.standing("risk", 1)
    assert [sentence.partition(";")[0] for sentence in standing.sentences] == [
        "its gates were not asked yet",
        "production asks for 1 approval of bob and leads",
    ]
    assert ada.verify().head == before
    people("bob").approve("risk", 1)
    plain = ada.standing("risk", 1).to_dict()
    assert (plain["ready"], plain["gates"][0]["void"], plain["approvals"][0]["met"]) == (True, False, True)
    msgspec.json.encode(plain)
    ada.promote("risk", 1, "production")
    assert ada.standing("risk", 1).sentences == ()
