"""Rollback, deprecation and deletion of versions, in a real store."""

from __future__ import annotations

import time

import pytest
from sklearn.linear_model import Ridge

from trackbook.errors import GateError, IntegrityError, ModelWarning, NotFoundError, RegistryError, UsageError
from trackbook.exchange import Exchange
from trackbook.settings import Settings
from trackbook.store.fsck import fsck
from trackbook.store.gc import DAY, collect


@pytest.fixture
def registry(open_registry, diabetes):
    """Three versions of `m`, with different bytes, that were in production one after the other."""
    opened = open_registry(Settings())
    for number in (1, 2, 3):
        opened.register(Ridge(alpha=number).fit(*diabetes), "m", metrics={"r2": number / 10})
        opened.promote("m", number, "production")
    return opened


def stages(registry):
    return {version.version: version.stage for version in registry.get("m").versions}


def last(registry):
    return registry.audit_events(1).events[0]


def test_a_rollback_puts_the_version_before_back_in_one_call(registry):
    """The version before is in production, the champion follows, and what changed is said and recorded."""
    done = registry.rollback("m", "too many complaints")
    assert (done.version.version, done.previous.version) == (2, 3)
    assert (stages(registry), registry.get("m").aliases) == (
        {1: "archived", 2: "production", 3: "archived"},
        {"champion": 2},
    )
    assert done.changes[:3] == (
        "production of m is version 2 again, instead of 3",
        "@champion names version 2",
        "metric r2 is 0.2 instead of 0.3",
    )
    assert (last(registry).action, last(registry).content) == (
        "rolled_back",
        {"version": 2, "previous": 3, "reason": "too many complaints"},
    )
    assert done.to_dict()["version"] == 2
    assert registry.verify().ok


def test_a_second_rollback_goes_further_back(registry):
    """It is no switch between two versions: the bad one does not come back by it."""
    assert [registry.rollback("m").version.version for _ in range(2)] == [2, 1]
    with pytest.raises(RegistryError, match="version 1 of 'm' has no predecessor in production"):
        registry.rollback("m")
    registry.promote("m", 3, "production")
    assert registry.rollback("m").version.version == 1


def test_a_rollback_passes_over_what_is_deprecated_or_deleted(registry):
    """What should not be used is not gone back to."""
    registry.deprecate("m", 2, "leaks the target")
    assert registry.rollback("m").version.version == 1


def test_a_rollback_needs_the_bytes_and_rows_that_were_registered(registry, store, tamper):
    """Nothing that was changed by hand comes into production."""
    path = store.objects.path(registry.version("m", 2).digest)
    content = path.read_bytes()
    path.write_bytes(content + b"x")
    with pytest.raises(IntegrityError):
        registry.rollback("m")
    path.write_bytes(content)
    tamper("UPDATE model_version SET metrics = '{}' WHERE version = 2")
    with pytest.raises(IntegrityError, match="changed by hand"):
        registry.rollback("m")
    assert stages(registry)[3] == "production"


def test_there_is_nothing_to_roll_back_where_nothing_is_in_production(registry):
    """The error says what to do."""
    registry.promote("m", 3, "archived")
    with pytest.raises(RegistryError, match="nothing to roll back; `trackbook models promote m VERSION production`"):
        registry.rollback("m")


def test_what_was_in_production_against_its_gates_comes_back_marked(registry):
    """An override is shown also after a rollback to it."""
    registry.deprecate("m", 3, "old")
    registry.promote("m", 1, "production")
    registry.promote("m", 3, "production", "no other choice", override=True)
    registry.deprecate("m", 3, None)
    registry.promote("m", 2, "production")
    assert registry.rollback("m").version.override == "no other choice"


def test_a_deprecated_version_says_so_and_moves_no_further(registry):
    """It keeps its place, enters no guarded stage, and the mark can be taken back."""
    assert registry.deprecate("m", 3, "leaks the target").deprecated == "leaks the target"
    assert stages(registry)[3] == "production"
    with pytest.warns(ModelWarning, match="models:/m/3 is deprecated: leaks the target"):
        assert registry.load("models:/m@champion").alpha == 3
    with pytest.raises(GateError, match="it is deprecated: leaks the target"):
        registry.promote("m", 3, "staging")
    assert registry.promote("m", 3, "archived").stage == "archived"
    with pytest.raises(UsageError, match="say why"):
        registry.deprecate("m", 3, " ")
    events = registry.verify().events
    registry.deprecate("m", 3, "leaks the target")
    assert registry.verify().events == events
    assert registry.deprecate("m", 3, None).deprecated is None
    assert registry.promote("m", 3, "staging").stage == "staging"
    assert registry.verify().ok


def test_what_an_alias_or_a_stage_holds_is_not_deleted(registry):
    """The refusal names all that holds the version."""
    registry.set_alias("m", "canary", 3)
    with pytest.raises(
        RegistryError, match="the stage production and the alias 'canary' and the alias 'champion' hold"
    ):
        registry.delete("m", 3)
    registry.set_alias("m", "canary", 1)
    with pytest.raises(RegistryError, match="the alias 'canary' holds it"):
        registry.delete("m", 1)
    assert set(stages(registry)) == {1, 2, 3}


def test_a_deleted_version_leaves_its_trail_and_its_number(registry, ridge, store):
    """Nobody sees it, nobody gets its number, its events stay, and gc takes the bytes that nobody else has."""
    mine = registry.version("m", 2).digest
    registry.register("models:/m/1", "other")
    shared = registry.version("m", 1).digest
    for version in (1, 2):
        registry.delete("m", version, "not needed")
    with pytest.raises(NotFoundError, match="version 2 of model 'm' was deleted"):
        registry.version("m", 2)
    with pytest.raises(NotFoundError):
        registry.load("models:/m/2")
    assert registry.register(ridge, "m").version == 4
    registry.delete("m", 4)
    assert registry.register(ridge, "m").version == 5
    assert registry.verify().ok
    assert "version_registered" in {
        event.action for event in registry.audit_events().events if event.subject[-1] == "2"
    }
    collect(store, grace=DAY, remove=True, now=time.time() + 30 * DAY)
    assert (store.objects.exists(mine), store.objects.exists(shared)) == (False, True)
    assert fsck(store) == []
    assert registry.verify_models() == ()
    assert registry.load("models:/m/3").alpha == 3


def test_a_collection_keeps_what_living_versions_need(registry, store, diabetes):
    """Examples, programs and all else that a version refers to are no garbage."""
    registry.register(Ridge().fit(*diabetes), "m", example=diabetes[0].head(3))
    collect(store, grace=DAY, remove=True, now=time.time() + 30 * DAY)
    assert registry.verify_models() == ()
    assert fsck(store) == []


def test_a_deleted_version_is_neither_pushed_nor_pulled_again(registry, store, tmp_path):
    """What was deleted here does not come back from others, and is not offered to them."""
    from trackbook.data import Datasets
    from trackbook.settings import RemoteSettings

    exchange = Exchange(store, Datasets(store, "ada"), registry, RemoteSettings(url=str(tmp_path / "remote")))
    exchange.push()
    registry.delete("m", 1)
    collect(store, grace=DAY, remove=True, now=time.time() + 30 * DAY)
    assert exchange.push().models == 0
    assert exchange.pull().models == 0
    assert set(stages(registry)) == {2, 3}
