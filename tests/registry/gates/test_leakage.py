"""Held-out rows that a model was trained on are found, wherever the model comes from."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from support.gates import FEATURES, make_frame
from trackbook.errors import RegistryError
from trackbook.registry.gates.judge import judge
from trackbook.settings import ChampionGate

GATE = ChampionGate(data="data:/held@1", target="y")


@pytest.fixture
def leaked(world):
    """A model of which half the training rows are held out."""
    rows = pd.concat([world.train, world.held.iloc[:600]])
    return LogisticRegression().fit(rows[FEATURES], rows["y"]), rows


def test_a_model_that_was_trained_on_held_out_rows_is_refused(world, leaked):
    """The reason counts the rows; a gate may allow a share of them."""
    model, rows = leaked
    context = world.context(world.contender(model, rows), world.contender(world.bad), model, world.bad)
    refused = judge(GATE, context)
    assert not refused.passed
    assert "was trained on 600 of 1,200 rows compared" in refused.reason
    assert refused.evidence["leakage"]["with_target"] == 600
    allowed = judge(ChampionGate(data="data:/held@1", target="y", max_leak=0.5), context)
    assert allowed.passed
    assert "600 of 1200 held-out rows compared were trained on" in allowed.reason


def test_relabelled_or_jittered_rows_are_found_too(world, leaked):
    """Another target, or noise below what a model notices, does not hide that a row was held out."""
    model, rows = leaked
    rows = rows.assign(y=1 - rows["y"], a=rows["a"] * (1 + 1e-11))
    result = judge(GATE, world.context(world.contender(model, rows), None, model))
    assert not result.passed
    assert result.evidence["leakage"]["found"] == 600
    assert result.evidence["leakage"]["with_target"] == 0


def test_unknown_training_rows_refuse_unless_the_gate_allows_them(world):
    context = world.context(world.contender(world.good), world.contender(world.bad), world.good, world.bad)
    refused = judge(GATE, context)
    assert not refused.passed
    assert "register_model(…, training=FRAME)" in refused.reason
    allowed = judge(ChampionGate(data="data:/held@1", target="y", leakage="unknown_ok"), context)
    assert allowed.passed
    assert "are not known, which the gate allows" in allowed.reason


def test_rows_that_are_all_alike_cannot_tell(world):
    """Where held-out rows are like each other, whether one was trained on does not show, which is a refusal."""
    train, held = (make_frame(400, seed).assign(a=0.0, b=0.0) for seed in (5, 6))
    world.snapshot(held, "coarse")
    model = LogisticRegression().fit(train[FEATURES], train["y"])
    result = judge(
        ChampionGate(data="data:/coarse@1", target="y", max_copies=1.0),
        world.context(world.contender(model, train), None, model),
    )
    assert not result.passed
    assert "so much alike that those of training cannot show" in result.reason


@pytest.mark.parametrize("leaked_rows", [0, 200])
def test_rows_with_few_distinct_features_are_told_apart_by_their_target(world, leaked_rows):
    """A model of one coarse number shares its features with held-out rows by chance; with the target they differ."""
    rng = np.random.default_rng(0)
    frames = [pd.DataFrame({"x": rng.integers(0, 40, rows).astype(float)}) for rows in (900, 300)]
    train, held = (frame.assign(y=frame["x"] + rng.normal(size=len(frame))) for frame in frames)
    world.snapshot(held, "numbers")
    train = pd.concat([train, held.iloc[:leaked_rows]])
    model = LinearRegression().fit(train[["x"]], train["y"])
    gate = ChampionGate(data="data:/numbers@1", target="y", metric="r2")
    sketched = world.contender(model, train)
    result = judge(gate, world.context(sketched, None, model))
    assert result.passed == (leaked_rows == 0), result.reason
    assert result.evidence["leakage"]["judged_by"] == "features and target"


def test_declared_rows_count_and_are_called_so(world):
    """A model that nobody saw being fitted may be registered with its training rows, which the gate says."""
    registry = world.registry(GATE)
    with pytest.raises(RegistryError, match="`training` is no table"):
        registry.register(world.good, "m", training=object())
    registry.register(world.good, "m", training=(world.train, world.train["y"]))
    (result,) = registry.check("m", 1, "production")
    assert result.passed, result.reason
    assert result.evidence["leakage"]["declared"]
    registry.register(world.good, "m", training=world.held)
    (result,) = registry.check("m", 2, "production")
    assert not result.passed
    assert "trained on 1,200 of 1,200" in result.reason


def test_a_tracked_fit_is_remembered_until_the_model_is_registered(world, watched):
    """What was seen at the fit is kept with the version; what the author declares is added and hides nothing."""
    with watched():
        model = LogisticRegression().fit(world.held[FEATURES], world.held["y"])
    registry = world.registry(GATE)
    registry.register(model, "m", training=world.train)
    (result,) = registry.check("m", 1, "production")
    assert not result.passed
    assert "trained on 1,200 of 1,200" in result.reason
    assert registry.register("models:/m/1", "copy").training == registry.version("m", 1).training
