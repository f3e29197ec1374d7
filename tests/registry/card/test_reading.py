"""What a card is made of, as the store has it."""

from __future__ import annotations

import msgspec

from support.cards import version_of
from trackbook.registry.card.reading import read_program
from trackbook.tracking.values import Execution


def test_a_program_outlives_its_run(store):
    """Where the run is gone, the code is that which the version keeps; where that is gone too, there is none."""
    cells = [Execution("s", 0, "%%track\nfit()", 0, 0.1, "ok")]
    digest = store.objects.put(msgspec.json.encode(cells))
    assert read_program(store, version_of(program=digest), None) == "# %%\nfit()"
    assert read_program(store, version_of(program="0" * 64), None) == ""
    assert read_program(store, version_of(), None) == ""


def test_a_registered_version_has_a_card_with_its_story(registry, tracker, ridge):
    """From a run to a promotion: params, metrics, gates and events stand on the card that the registry gives."""
    with tracker.start_run("ridge") as run:
        run.log_metric("r2", 0.5)
    registry.register(ridge, "diabetes", run_id=run.run_id)
    registry.promote("diabetes", 1, "production", "first")
    card = registry.card("diabetes", 1)
    assert (card.stage, card.aliases, card.run.name) == ("production", ("champion",), "ridge")
    assert [each.verdict for each in card.gates] == ["passed"]
    assert [each.what for each in card.history] == [
        "registered", "gates of production judged: 1 passed, 0 failed", "promoted to production",
    ]  # fmt: skip
    assert card.environment.packages["scikit-learn"] and [each.name for each in card.inputs][:2] == ["age", "sex"]
    assert [node.kind for node in registry.lineage("diabetes", 1).nodes] == ["run", "model_version", "stage", "alias"]
    assert registry.compare("diabetes", 1, 1).params == {}
