"""The list of models: short, and the same as what the models say in full."""

from __future__ import annotations

import pytest

from trackbook.registry.listing import VersionMark


@pytest.fixture
def registry(registry, ridge):
    for name, count in (("b", 3), ("a", 1), ("c", 1)):
        for _ in range(count):
            registry.register(ridge, name, metrics={"r2": 0.5})
    return registry


def test_the_list_says_of_each_model_what_matters(registry):
    """Versions are counted without the deleted, stages and aliases named, overrides and deprecations marked."""
    registry.promote("b", 1, "production")
    registry.promote("b", 2, "staging")
    registry.delete("b", 3)
    registry.deprecate("b", 2, "old")
    registry.set_alias("b", "canary", 2)
    registry.register("models:/a/1", "a", metrics={"r2": 0.1})
    registry.promote("a", 2, "production", "urgent", override=True)
    a, b, c = registry.summaries()
    assert (b.name, b.count, b.aliases) == ("b", 2, {"canary": 2, "champion": 1})
    assert (b.latest, b.production, b.staging) == (
        VersionMark(2, override=False, deprecated=True),
        VersionMark(1, override=False, deprecated=False),
        VersionMark(2, override=False, deprecated=True),
    )
    assert a.production == VersionMark(2, override=True, deprecated=False)
    assert (c.production, c.staging, c.latest.version) == (None, None, 1)
    assert b.changed_time == registry.version("b", 2).created_time
    full = {model.name: [(each.version, each.stage) for each in model.versions] for model in registry.models()}
    lines = {
        model["name"]: [(each["version"], each["stage"]) for each in model["versions"]] for model in registry.listed()
    }
    assert lines == full


def test_the_list_comes_in_pages_by_name(registry):
    """A page goes on behind the last name of the one before."""
    assert [model.name for model in registry.summaries(2)] == ["a", "b"]
    assert [model.name for model in registry.summaries(2, "b")] == ["c"]
    assert registry.summaries(2, "c") == ()


def test_a_model_without_living_versions_is_still_listed(registry):
    """Its name and trail are there, so it is."""
    registry.delete("c", 1)
    (found,) = registry.summaries(1, "b")
    assert (found.name, found.count, found.latest, found.changed_time) == ("c", 0, None, found.created_time)


def test_the_list_reads_no_params_metrics_or_gates(registry, tamper):
    """What cannot be read in a version does not keep it from being listed."""
    tamper("UPDATE model_version SET params = 'x', metrics = 'x', signature = 'x'")
    assert [model.count for model in registry.summaries()] == [1, 3, 1]
