"""Versions, stages, aliases and gates, in a real store."""

import json
import math
import subprocess
import sys
import textwrap

import msgspec
import numpy as np
import pytest

from trackbook.errors import GateError, IntegrityError, NotFoundError, RegistryError, UsageError
from trackbook.registry import events
from trackbook.registry.audit import chain
from trackbook.settings.gates import SlicesGate

HOSTILE = [
    "",
    "../x",
    "a/b",
    "x'; DROP TABLE model; --",
    'a"b',
    "näme",
    "a b",
    "-rf",
    ".x",
    "x\n",
    "a\x00b",
    "n" * 10_240,
    "<b>",
]


def actions(registry):
    return [event.action for event in reversed(registry.audit_events().events)]


def test_a_registered_model_loads_and_predicts_the_same(registry, ridge, diabetes):
    version = registry.register(ridge, "risk", description="first")
    assert (version.uri, version.stage, version.created_by, version.format) == (
        "models:/risk/1",
        "none",
        "ada",
        "skops",
    )
    assert version.size > 0
    loaded = registry.load("models:/risk/1")
    assert np.array_equal(loaded.predict(diabetes[0]), ridge.predict(diabetes[0]))


def test_params_metrics_and_environment_come_from_the_run(registry, ridge, tracker):
    with tracker.start_run() as run:
        run.log_params({"alpha": 1.0})
        run.log_metrics({"r2": 0.5, "odd": math.nan})
        version = registry.register(ridge, "risk", run_id=run.run_id, metrics={"mae": 40})
    assert (version.run_id, version.params) == (run.run_id, {"alpha": "1.0"})
    assert (version.metrics["r2"], version.metrics["mae"]) == (0.5, 40.0)
    assert math.isnan(version.metrics["odd"])
    assert version.environment is not None
    assert registry.verify().ok


def test_an_unknown_run_registers_nothing(registry, ridge):
    with pytest.raises(NotFoundError):
        registry.register(ridge, "risk", run_id="0" * 32)
    assert registry.models() == ()


def test_a_models_environment_is_known_without_a_run(registry, ridge, store):
    version = registry.register(ridge, "risk")
    with store.read() as db:
        (content,) = db.execute("SELECT content FROM environment WHERE digest = ?", [version.environment]).fetchone()
    assert "scikit-learn" in json.loads(content)["distributions"]


def test_an_example_gives_the_signature_and_is_predicted_alike(registry, ridge, diabetes):
    version = registry.register(ridge, "risk", example=diabetes[0].head(3))
    assert version.signature["inputs"][0] == {"name": "age", "type": "float"}
    assert registry.register(ridge, "risk").signature["inputs"][1] == {"name": "sex", "type": None}
    with pytest.raises(RegistryError, match="cannot predict its own example"):
        registry.register(ridge, "risk", example=diabetes[0].head(3)[["age"]])


def test_a_model_logged_with_a_run_is_registered_and_loaded_by_its_path(registry, ridge, tracker, store):
    source = registry.register(ridge, "other")
    with tracker.start_run() as run:
        run.log_artifact(store.objects.get(source.digest), "model.skops")
        run.log_artifact(b"x", "notes.txt")
    uri = f"runs:/{run.run_id}/model.skops"
    assert registry.load(uri).coef_.tolist() == ridge.coef_.tolist()
    version = registry.register(uri, "risk")
    assert (version.run_id, version.digest) == (run.run_id, source.digest)
    with pytest.raises(NotFoundError, match=r"no artifact 'model\.skop'; did you mean 'model\.skops'"):
        registry.load(f"runs:/{run.run_id}/model.skop")
    with pytest.raises(RegistryError, match="no model that Trackbook loads"):
        registry.load(f"runs:/{run.run_id}/notes.txt")


def test_a_failing_gate_refuses_with_every_reason_and_leaves_its_trace(registry, ridge):
    registry.register(ridge, "risk", metrics={"r2": 0.1, "mae": 70.5})
    with pytest.raises(
        GateError, match=r"r2 is 0\.1, below the minimum 0\.3; mae is 70\.5, above the maximum 60"
    ) as caught:
        registry.promote("risk", 1, "production")
    assert "version 1 of model 'risk' was not promoted to production" in str(caught.value)
    version = registry.version("risk", 1)
    assert version.stage == "none"
    assert [(gate.passed, gate.value, gate.judged_digest) for gate in version.gates] == [
        (False, 0.1, version.digest),
        (False, 70.5, version.digest),
    ]
    assert actions(registry) == [
        "key_created",
        "model_created",
        "version_registered",
        "policy_noted",
        "gates_judged",
        "promotion_refused",
    ]
    assert registry.verify().ok


@pytest.mark.parametrize(
    ("metrics", "reason"),
    [
        ({}, "r2 is missing; the version has no metrics at all"),
        ({"r2_": 1.0}, "r2 is missing; did you mean 'r2_'"),
        ({"r2": math.nan}, "r2 is nan"),
        ({"r2": math.inf}, "r2 is inf"),
    ],
)
def test_what_cannot_be_compared_does_not_pass(registry, ridge, metrics, reason):
    registry.register(ridge, "m", metrics=metrics)
    with pytest.raises(GateError, match=reason):
        registry.promote("m", 1, "production")
    assert registry.verify().ok


def test_production_archives_its_predecessor_and_moves_the_champion(registry, ridge):
    for _ in range(2):
        registry.register(ridge, "m", metrics={"r2": 0.4})
    assert registry.promote("m", 1, "staging").stage == "staging"
    assert registry.promote("m", 1, "production").aliases == ("champion",)
    promoted = registry.promote("m", 2, "production", reason="better")
    assert (promoted.stage, promoted.aliases, promoted.gates[0].reason) == (
        "production",
        ("champion",),
        "r2 is 0.4, within at least 0.3",
    )
    assert registry.version("m", 1).stage == "archived"
    assert registry.resolve("models:/m@champion").version == promoted
    newest = registry.audit_events(limit=1).events[0]
    assert (newest.subject, newest.actor, newest.content["reason"], newest.content["archived"]) == (
        "models:/m/2",
        "ada",
        "better",
        [1],
    )
    assert registry.verify().ok


def test_a_champion_that_leaves_production_is_one_no_longer(registry, ridge):
    registry.register(ridge, "m", metrics={"r2": 0.4})
    registry.promote("m", 1, "production")
    assert registry.promote("m", 1, "archived").aliases == ()
    with pytest.raises(NotFoundError, match="no version in production"):
        registry.load("models:/m/production")


def test_promoting_to_the_stage_a_version_is_in_changes_nothing(registry, ridge):
    registry.register(ridge, "m", metrics={"r2": 0.4})
    registry.promote("m", 1, "production")
    before = actions(registry)
    assert registry.promote("m", 1, "production").stage == "production"
    assert actions(registry) == before


def test_the_champion_is_not_set_by_hand(registry, ridge):
    registry.register(ridge, "m")
    with pytest.raises(RegistryError, match="follows production"):
        registry.set_alias("m", "champion", 1)
    with pytest.raises(RegistryError, match="follows production"):
        registry.delete_alias("m", "champion")


def test_aliases_are_set_moved_and_removed_as_events(registry, ridge):
    for _ in range(2):
        registry.register(ridge, "m")
    registry.set_alias("m", "candidate", 1)
    assert registry.set_alias("m", "candidate", 2).aliases == ("candidate",)
    registry.set_alias("m", "candidate", 2)
    assert registry.resolve("models:/m@candidate").version.version == 2
    registry.delete_alias("m", "candidate")
    with pytest.raises(NotFoundError, match="no alias 'candidate'"):
        registry.delete_alias("m", "candidate")
    assert actions(registry)[-3:] == ["alias_set", "alias_set", "alias_deleted"]
    assert registry.verify().ok
    for reserved in ("latest", "production", "3"):
        with pytest.raises(UsageError, match="taken for a stage or a version"):
            registry.set_alias("m", reserved, 1)


def test_every_form_of_uri_names_its_version(registry, ridge):
    for _ in range(2):
        registry.register(ridge, "m.x-1", metrics={"r2": 0.4})
    registry.promote("m.x-1", 1, "production")
    found = {
        uri: registry.resolve(f"models:/m.x-1{uri}").version.version
        for uri in ("/1", "/2", "/latest", "/Production", "@champion")
    }
    assert found == {"/1": 1, "/2": 2, "/latest": 2, "/Production": 1, "@champion": 1}


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "m",
        "models:/m",
        "models:/m/",
        "models:/m/x",
        "models:/m/1/2",
        "runs:/",
        "runs:/zz/a",
        "file:///etc/passwd",
        "models:/../1",
        "models:/m@a@b",
        "models:/" + "x" * 10_000 + "/1",
    ],
)
def test_what_is_no_uri_is_refused_with_the_forms_there_are(registry, uri):
    with pytest.raises((UsageError, NotFoundError)) as caught:
        registry.load(uri)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_refused_everywhere_and_leave_nothing(registry, ridge, name):
    registry.register(ridge, "good")
    for call in (
        lambda: registry.register(ridge, name),
        lambda: registry.promote(name, 1, "staging"),
        lambda: registry.set_alias("good", name, 1),
        lambda: registry.set_alias(name, "a", 1),
        lambda: registry.delete_alias("good", name),
        lambda: registry.get(name),
        lambda: registry.promote("good", 1, name),
    ):
        with pytest.raises((UsageError, NotFoundError)) as caught:
            call()
        assert len(str(caught.value)) < 500
    assert [model.name for model in registry.models()] == ["good"]
    assert registry.verify().events == 3


def test_hostile_text_is_kept_as_text(registry, ridge):
    text = "<script>alert(1)</script> \u202e '; DROP TABLE model; -- \x00 é"
    assert registry.register(ridge, "m", description=text, metrics={text: 1.0}).description == text
    registry.promote("m", 1, "staging", reason=text)
    assert registry.verify().ok
    for broken in ("\ud800", "x" * 30_000):
        with pytest.raises(UsageError):
            registry.register(ridge, "m", description=broken)


def test_unknown_names_are_told_the_nearest(registry, ridge):
    registry.register(ridge, "diabetes")
    with pytest.raises(NotFoundError, match="no model 'diabets'; did you mean 'diabetes'"):
        registry.get("diabets")
    with pytest.raises(NotFoundError, match="no version 7; the newest is 1"):
        registry.promote("diabetes", 7, "staging")
    with pytest.raises(UsageError, match=r"'prodution' is no stage; use one of .*; did you mean 'production'"):
        registry.promote("diabetes", 1, "prodution")


def test_damaged_or_missing_bytes_are_neither_loaded_nor_promoted(registry, ridge, store):
    path = store.objects.path(registry.register(ridge, "m", metrics={"r2": 0.4}).digest)
    path.write_bytes(path.read_bytes() + b"x")
    for call in (lambda: registry.load("models:/m/1"), lambda: registry.promote("m", 1, "staging")):
        with pytest.raises(IntegrityError):
            call()
    path.unlink()
    with pytest.raises(IntegrityError, match="gone"):
        registry.promote("m", 1, "staging")


def test_a_version_that_points_to_other_bytes_is_not_used(registry, ridge, tamper):
    registry.register(ridge, "m", metrics={"r2": 0.4})
    other = registry.register(ridge, "m")
    tamper(f"UPDATE model_version SET digest = '{other.digest}' WHERE version = 1")
    for call in (lambda: registry.load("models:/m/1"), lambda: registry.promote("m", 1, "production")):
        with pytest.raises(IntegrityError, match=r"version 1 of model 'm' has digest .* changed by hand"):
            call()


def test_an_edited_metric_passes_no_gate(registry, ridge, tamper):
    registry.register(ridge, "m", metrics={"r2": 0.1})
    tamper("""UPDATE model_version SET metrics = '{"r2":0.9}'""")
    with pytest.raises(IntegrityError, match="metrics"):
        registry.promote("m", 1, "production")


def test_values_become_json_with_times_and_names_for_odd_numbers(registry, ridge):
    registry.register(ridge, "m", metrics={"r2": math.nan, "x": -math.inf})
    with pytest.raises(GateError):
        registry.promote("m", 1, "production")
    (model,) = [json.loads(json.dumps(model.to_dict(), allow_nan=False)) for model in registry.models()]
    assert model["versions"][0]["metrics"] == {"r2": "NaN", "x": "-Infinity"}
    assert model["versions"][0]["gates"][0]["void"] is False
    assert model["created_time"].endswith("Z")


def test_what_is_no_model_is_refused_by_type(registry):
    for thing in ([1], {"a": 1}, 3.0, dict):
        with pytest.raises(RegistryError, match="cannot be kept as a model"):
            registry.register(thing, "m")
    with pytest.raises(UsageError, match="does not name a model"):
        registry.register("models/x.pkl", "m")


def test_listing_builds_and_imports_nothing(registry, ridge, store):
    registry.register(ridge, "m")
    code = """
        import sys
        from pathlib import Path
        from trackbook.registry import Registry
        from trackbook.settings import Settings
        from trackbook.store import Store
        registry = Registry(Store(Path(sys.argv[1])), Settings(), "eve", None)
        print(registry.models()[0].versions[0].uri, registry.verify().ok)
        print(sorted({"skops", "sklearn", "joblib"} & set(sys.modules)))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), store.root], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["models:/m/1 True", "[]"]


def test_processes_that_register_at_once_get_consecutive_versions_and_one_chain(registry, store):
    code = """
        import sys
        from pathlib import Path
        from sklearn.linear_model import Ridge
        from trackbook.registry import Registry
        from trackbook.settings import Settings
        from trackbook.store import Store
        from trackbook.tracking import Runs
        store = Store.open(Path(sys.argv[1]))
        registry = Registry(store, Settings(), sys.argv[2], Runs(store))
        model = Ridge().fit([[0.0], [1.0]], [0.0, 1.0])
        sys.stdin.readline()
        for _ in range(6):
            print(registry.register(model, "m").version)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(store.root)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    workers = [subprocess.Popen([*command, f"user{number}"], **pipes) for number in range(4)]
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    outputs = [worker.communicate(timeout=240) for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * 4, outputs
    assert sorted(int(line) for output, _ in outputs for line in output.split()) == list(range(1, 25))
    verdict = registry.verify()
    assert (verdict.ok, verdict.events, verdict.anchored) == (True, 26, True)


def test_a_gate_with_a_table_in_its_settings_is_kept_as_it_is_spelt():
    """The text of a gate is remembered, and settings that hold a dict have no hash."""
    gate = SlicesGate(data="data:/people@1", target="churned", by=("age",), edges={"age": (30.0, 50.0)})
    judgement = events.Judgement(gate, True, "none is worse", 0.0, "ab" * 32)
    payload = events.GatesJudged(1, "production", "cd" * 32, [judgement])
    text = chain.canonical(msgspec.to_builtins(payload))
    event = chain.AuditEvent(1, 0, "ann", "gates_judged", "models:/m/1", text, "", "")
    (row,) = (change.row for change in events.changes(event) if change.row and "gate" in change.row)
    assert row["gate"] == chain.canonical(msgspec.to_builtins(gate))
