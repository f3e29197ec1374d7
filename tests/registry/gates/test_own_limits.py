"""Limits of the candidate's own measure, beside those of the comparison."""

from __future__ import annotations

import numpy as np
import pytest

from trackbook.registry.gates import champion, slices
from trackbook.settings import ChampionGate, SlicesGate

HELD = {"data": "data:/held@1", "target": "y", "leakage": "unknown_ok"}


@pytest.mark.parametrize("metric", ["accuracy", "roc_auc", "f1"])
def test_a_first_version_has_the_same_limits_as_one_that_is_compared(world, metric):
    """Nobody to beat is no reason to say less of the candidate: its limits hold the value and are those of later."""
    gate = ChampionGate(metric=metric, **HELD)
    good, bad = world.contender(world.good), world.contender(world.bad)
    first = champion.judge(gate, world.context(good, None, world.good)).evidence
    later = champion.judge(gate, world.context(good, bad, world.good, world.bad)).evidence["comparison"]
    assert first["own_low"] < first["candidate"] < first["own_high"]
    assert first["candidate"] == pytest.approx(later["candidate"])
    limits = [(each["own_low"], each["own_high"]) for each in (first, later)]
    assert limits[0] == pytest.approx(limits[1], abs=2e-3 if metric == "f1" else 1e-9)


def test_limits_of_an_area_agree_with_draws(world):
    """DeLong's limits of the candidate's own area are those of a bootstrap, within its noise."""
    good = world.contender(world.good)
    found = [
        champion.judge(ChampionGate(metric="roc_auc", method=method, **HELD), world.context(good, None, world.good))
        for method in ("auto", "bootstrap")
    ]
    direct, drawn = (np.array([each.evidence["own_low"], each.evidence["own_high"]]) for each in found)
    assert direct == pytest.approx(drawn, abs=3e-3)


def test_slices_of_a_first_version_are_measured(world):
    """Each has its own value and limits; one that is too small says so."""
    gate = SlicesGate(by=("group",), min_size=500, **HELD)
    found = slices.judge(gate, world.context(world.contender(world.good), None, world.good))
    assert found.passed
    rows = {row["slice"]: row for row in found.evidence["slices"]}
    assert rows["group = x"]["own_low"] < rows["group = x"]["candidate"] < rows["group = x"]["own_high"]
    assert rows["group = y"]["verdict"] == "too small" and "candidate" not in rows["group = y"]
