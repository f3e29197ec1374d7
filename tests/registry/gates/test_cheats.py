"""Ways to bring a model past the gates that it should not pass; every one of them fails, and says why."""

import sqlite3

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from support.gates import FEATURES, make_frame
from trackbook.errors import GateError, IntegrityError, RegistryError
from trackbook.registry import Registry
from trackbook.registry.gates.judge import holds_for, judge
from trackbook.settings import ApprovalSettings, ChampionGate, MetricGate, Settings
from trackbook.tracking import Runs

HELD = {"data": "data:/held@1", "target": "y"}
BETTER = ChampionGate(**HELD)


@pytest.fixture
def registry(world):
    """A registry with the bad model in production, under the gate that asks for a better one."""
    registry = world.registry()
    registry.register(world.bad, "m", training=world.train)
    registry.promote("m", 1, "production")
    return world.registry(BETTER)


@pytest.fixture
def tamper(world):
    """Change the database by hand, triggers and all, as somebody with the file would."""

    def change(*statements: str) -> None:
        db = sqlite3.connect(world.store.database)
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f'DROP TRIGGER "{name}"')
        with db:
            for statement in statements:
                assert db.execute(statement).rowcount != 0, statement
        db.close()

    return change


def refused(registry, version=2, match=None):
    with pytest.raises(GateError, match=match):
        registry.promote("m", version, "production")
    assert registry.get("m").in_stage("production").version == 1


def test_an_honest_better_model_passes(registry, world):
    """What the cheats below try to get is there for who earns it."""
    registry.register(world.good, "m", training=world.train)
    assert registry.promote("m", 2, "production").stage == "production"


def test_training_on_the_held_out_rows(registry, world, watched):
    with watched():
        model = LogisticRegression().fit(world.held[FEATURES], world.held["y"])
    registry.register(model, "m")
    refused(registry, match="trained on 1,200 of 1,200 rows compared")


def test_training_on_held_out_rows_with_noise_and_other_labels(registry, world, watched):
    """Copies of the rows that a fingerprint of whole values would not know are still the rows."""
    rows = pd.concat([world.train, world.held.assign(a=world.held["a"] * (1 + 1e-10), y=1 - world.held["y"])])
    with watched():
        model = LogisticRegression().fit(rows[FEATURES], rows["y"])
    registry.register(model, "m")
    refused(registry, match="trained on 1,200 of 1,200 rows compared")


def test_declaring_other_training_rows_than_were_seen(registry, world, watched):
    with watched():
        model = LogisticRegression().fit(world.held[FEATURES], world.held["y"])
    registry.register(model, "m", training=world.train)
    refused(registry, match="trained on 1,200 of 1,200 rows compared")


def test_fitting_again_where_nobody_looks(registry, world, watched):
    """The sketch of a tracked fit is not of the model that was fitted on held-out rows afterwards."""
    with watched():
        model = LogisticRegression().fit(world.train[FEATURES], world.train["y"])
    registry.register(model.fit(world.held[FEATURES], world.held["y"]), "m")
    refused(registry, match="the rows that it was trained on are not known")


def test_a_smaller_held_out_set(registry, world):
    """A new version of the data is not what the gate pins; to pin it is another policy, which is checked anew."""
    coin = LogisticRegression().fit(world.train[["age"]], world.train["y"])
    registry.register(coin, "m", training=world.train)
    easy = world.held[coin.predict(world.held[["age"]]) == world.held["y"]]
    uri = world.snapshot(easy, "held")
    assert not registry.check("m", 2, "production")[0].passed
    refused(registry)
    refused(world.registry(ChampionGate(data=uri, target="y")), match="policy of production was changed")


def test_a_held_out_set_that_is_blown_up_with_copies(world):
    """Forty copies of a lucky handful of rows are no evidence."""
    few = world.held.iloc[:40]
    uri = world.snapshot(pd.concat([few] * 40, ignore_index=True), "blown")
    world.registry().register(world.bad, "m", training=world.train)
    world.registry().promote("m", 1, "production")
    registry = world.registry(ChampionGate(data=uri, target="y"))
    registry.register(world.good, "m", training=world.train)
    refused(registry, match="97.50% of the rows of data:/blown@1 are copies of others")


def test_held_out_rows_that_are_relabelled(registry, world, tamper):
    """The rows of a pinned version cannot be put in the place of others: their fingerprint is not theirs."""
    other = world.snapshot(world.held.assign(y=world.good.predict(world.held[FEATURES])), "other")
    assert other == "data:/other@1"
    tamper(
        "UPDATE dataset_version SET digest = (SELECT digest FROM dataset_version JOIN dataset ON dataset.id = dataset_id"
        " WHERE name = 'other') WHERE dataset_id = (SELECT id FROM dataset WHERE name = 'held')"
    )
    registry.register(world.good, "m", training=world.train)
    refused(registry, match="was stored with the fingerprint")


def test_an_edited_metric(world, tamper):
    registry = world.registry(MetricGate("accuracy", min=0.9))
    registry.register(world.bad, "m", metrics={"accuracy": 0.6})
    tamper("""UPDATE model_version SET metrics = '{"accuracy":0.95}'""")
    with pytest.raises(IntegrityError, match="changed by hand"):
        registry.promote("m", 1, "production")


def test_a_swapped_object(registry, world):
    """Other bytes at the place of the model that was judged are not that model."""
    version = registry.register(world.good, "m", training=world.train)
    other = registry.register(world.bad, "other", training=world.train)
    assert registry.check("m", 2, "production")[0].passed
    world.store.objects.path(version.digest).write_bytes(world.store.objects.path(other.digest).read_bytes())
    with pytest.raises(IntegrityError):
        registry.promote("m", 2, "production")


def test_the_result_of_other_bytes(registry, world, tamper):
    """A result that another version earned says nothing of this one, in memory and in the table."""
    registry.register(world.good, "m", training=world.train)
    (result,) = registry.check("m", 2, "production")
    worse = registry.register(LogisticRegression(C=1e-6).fit(world.train[["b"]], world.train["y"]), "m")
    assert not holds_for(result, worse.digest)
    tamper("UPDATE gate_result SET model_version_id = (SELECT id FROM model_version WHERE version = 3)")
    with pytest.raises(IntegrityError, match="changed by hand"):
        registry.promote("m", 3, "production")


def test_a_policy_that_is_loosened_between_check_and_promotion(registry, world):
    """The check was made under other words; somebody has to look at them, and check again."""
    registry.register(world.bad, "m", training=world.train)
    assert not registry.check("m", 2, "production")[0].passed
    loose = world.registry(ChampionGate(**HELD, margin=-0.9))
    refused(loose, match="policy of production was changed after version 2 was checked")
    assert [event.action for event in loose.audit_events().events].count("version_promoted") == 1


def test_another_champion_between_check_and_promotion(registry, world):
    """A candidate that has beaten the old champion is compared with the one that came meanwhile."""
    middling = LogisticRegression().fit(world.train[["a"]], world.train["y"])
    registry.register(middling, "m", training=world.train)
    registry.register(world.good, "m", training=world.train)
    assert registry.check("m", 2, "production")[0].passed
    assert registry.promote("m", 3, "production").stage == "production"
    (kept,) = registry.standing("m", 2, "production").gates
    assert kept.void == "another version was in production then"
    with pytest.raises(GateError, match=r"not better|does not show"):
        registry.promote("m", 2, "production")


def test_a_replayed_approval(world, tamper):
    """The approval of one version is not that of another, whatever the table says."""
    settings = Settings(approvals=(ApprovalSettings(approvers=("carol",)),))

    def acting(user):
        return Registry(world.store, settings, user, Runs(world.store), world.root)

    acting("ada").register(world.good, "m")
    acting("carol").approve("m", 1)
    acting("ada").register(world.bad, "m")
    with pytest.raises(GateError, match="carol"):
        acting("ada").promote("m", 2, "production")
    with pytest.raises(RegistryError):
        acting("ada").approve("m", 2)
    tamper("UPDATE approval SET model_version_id = (SELECT id FROM model_version WHERE version = 2)")
    with pytest.raises(IntegrityError, match="changed by hand"):
        acting("ada").promote("m", 2, "production")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_metric_that_is_no_number(world, value):
    registry = world.registry(MetricGate("loss", max=1.0))
    registry.register(world.good, "m", metrics={"loss": value})
    with pytest.raises(GateError, match="which no bound admits"):
        registry.promote("m", 1, "production")


class Model:
    """A model that answers with whatever it is given."""

    feature_names_in_ = np.array(FEATURES, dtype=object)
    classes_ = np.array([0, 1])

    def __init__(self, answer):
        self._answer = answer

    def predict(self, rows):
        return self._answer(rows)


def leave(rows):
    raise SystemExit(0)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda rows: 1 / 0, "ZeroDivisionError"),
        (leave, "SystemExit"),
        (lambda rows: np.full(len(rows), np.nan), "no finite numbers"),
        (lambda rows: [1], "1 answers to 1200 rows"),
        (lambda rows: rows["y"], "KeyError"),
        (lambda rows: None, "cannot be judged"),
    ],
)
def test_a_model_that_breaks_its_judge(world, answer, words):
    """A model that raises, ends the process, answers NaN, too little, or looks for the target, is refused."""
    model = Model(answer)
    candidate = world.contender(model, world.train)
    result = judge(BETTER, world.context(candidate, world.contender(world.bad), model, world.bad))
    assert not result.passed
    assert words in result.reason, result.reason


def test_a_scorer_of_the_project_that_lies(registry, world):
    """What scored is in the evidence, with its source; when the source is another, the result is void."""
    path = world.root / "scoring.py"
    path.write_text("def lucky(y_true, y_pred):\n    return (y_pred == y_true) | True\n")
    gate = ChampionGate(**HELD, metric="scoring:lucky", margin=-0.1)
    registry = world.registry(gate)
    registry.register(world.bad, "m", training=world.train)
    (result,) = registry.check("m", 2, "production")
    assert result.passed
    assert "| True" in result.evidence["scorer"]["source"]
    assert result.digests["scorer"] == result.evidence["scorer"]["digest"]
    path.write_text("def lucky(y_true, y_pred):\n    return (y_pred == y_true) * 1.0\n")
    (kept,) = registry.standing("m", 2, "production").gates
    assert kept.void == "the project's scorer was changed since"
    path.write_text("raise SystemExit(0)\n")
    assert not registry.check("m", 2, "production")[0].passed


def test_a_champion_that_was_made_unreadable(registry, world):
    """Who has nobody to compare with because the champion's bytes are gone does not pass."""
    world.store.objects.path(registry.version("m", 1).digest).unlink()
    registry.register(world.good, "m", training=world.train)
    refused(registry)


def test_declaring_rows_of_another_kind(registry, world):
    """Declared rows without the columns that the model takes tell nothing, so the gate refuses."""
    registry.register(world.good, "m", training=make_frame(50, 9)[FEATURES].to_numpy()[:, :1])
    refused(registry, match="its training rows have 1 columns, where it is asked about 3")
