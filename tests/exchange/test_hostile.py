"""A place that somebody has tampered with: what is not fit is named and not taken, and nothing of it is here."""

from __future__ import annotations

import msgspec
import pandas as pd
import pytest
import zstandard

from support.people import full_run, known_runs, model
from trackbook.exchange.kinds import DatasetRecord, ModelRecord
from trackbook.exchange.layout import name_of, pack, unpack
from trackbook.store.events import ArtifactLogged, RunStarted
from trackbook.store.fsck import fsck
from trackbook.store.records import FORMAT, RunRecord
from trackbook.store.records import pack as pack_run


@pytest.fixture
def shared(people, tmp_path):
    """A place that Ada has filled, for Bob to pull from."""
    ada, _ = people
    run_id = full_run(ada)
    ada.data.snapshot(pd.DataFrame({"x": range(3000), "y": [f"text {n}" for n in range(3000)]}), "sales")
    model(ada, run_id=run_id)
    ada.exchange.push()
    return tmp_path / "shared"


def only(folder, pattern):
    (found,) = folder.glob(pattern)
    return found


def put(shared, name, content):
    path = shared / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.mark.parametrize("what", ["runs/*/*", "data/*/*", "models/*/*"])
@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "large"])
def test_a_damaged_record_is_named_and_all_else_is_taken(people, shared, what, damage):
    _, bob = people
    path = only(shared, what)
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 1
    elif damage == "cut":
        del content[-3:]
    elif damage == "empty":
        content.clear()
    else:
        content[:] = zstandard.ZstdCompressor().compress(b"\0" * 100_000_000)
    path.write_bytes(content)
    report = bob.exchange.pull()
    assert [each.name for each in report.refused] == [str(path.relative_to(shared))]
    counts = {"runs": report.runs, "data": report.data, "models": report.models}
    assert counts == {"runs": 1, "data": 1, "models": 1} | {what.split("/")[0]: 0}
    assert fsck(bob.store) == []
    assert bob.registry.verify().ok


def test_a_changed_object_keeps_what_needs_it_out(people, shared):
    ada, bob = people
    (artifact,) = ada.runs.get(next(iter(known_runs(ada)))).artifacts
    path = shared / "objects" / artifact.digest[:2] / artifact.digest[2:]
    path.write_bytes(b"something else")
    report = bob.exchange.pull()
    (refused,) = report.refused
    assert refused.name.startswith("runs/")
    assert artifact.digest[:12] in refused.reason
    assert (known_runs(bob), report.data, report.models) == ({}, 1, 1)
    assert not bob.store.objects.exists(artifact.digest)
    ada.exchange.push()  # does not send it again: it is there, for all that a list can tell
    path.unlink()
    ada.store.objects.check(artifact.digest)
    assert bob.exchange.pull().refused[0].name == refused.name


def test_an_object_that_is_gone_keeps_what_needs_it_out(people, shared):
    ada, bob = people
    version = ada.data.get("sales")
    (shared / "objects" / version.digest[:2] / version.digest[2:]).unlink()
    report = bob.exchange.pull()
    (refused,) = report.refused
    assert refused.name.startswith("data/")
    assert version.digest[:12] in refused.reason
    assert bob.data.list() == ()


def test_names_that_are_none_are_not_looked_at(people, shared):
    _, bob = people
    for name in ("runs/XYZ/abc", "runs/aa", "data/aa/bb/cc", "objects/zz/1", "runs/bb/readme.txt", "runs/bb/x.tmp"):
        put(shared, name, b"x")
    assert bob.exchange.pull().refused == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "../../evil"},
        {"version": 0},
        {"version": 2**63},
        {"digest": "../../etc/passwd"},
        {"origin": 5},
        {"created_time": 2**63},
    ],
    ids=str,
)
def test_a_crafted_dataset_version_is_refused(people, shared, changes):
    _, bob = people
    path = only(shared, "data/*/*")
    record = unpack(path.read_bytes(), path.name, DatasetRecord, 1)
    from trackbook.exchange import kinds

    path.unlink()
    crafted = DatasetRecord(1, msgspec.structs.replace(record.version, **changes))
    digest, content = pack(crafted)
    put(shared, name_of("data", kinds._key(crafted.version), digest), content)
    (refused,) = bob.exchange.pull().refused
    assert refused.name.endswith(digest)
    assert bob.data.list() == ()
    assert fsck(bob.store) == []


@pytest.mark.parametrize(
    "changes",
    [{"name": "../x"}, {"digest": "x"}, {"metrics": {"r2": "lots"}}, {"size": -1}, {"description": "x" * 30_000}],
    ids=str,
)
def test_a_crafted_model_version_is_refused(people, shared, changes):
    _, bob = people
    path = only(shared, "models/*/*")
    record = unpack(path.read_bytes(), path.name, ModelRecord, 1)
    digest, content = pack(ModelRecord(1, msgspec.structs.replace(record.version, **changes)))
    path.unlink()
    put(shared, name_of("models", record.version.event, digest), content)
    (refused,) = bob.exchange.pull().refused
    assert refused.name.endswith(digest)
    assert bob.registry.models() == ()
    assert bob.registry.audit_events().events == ()


def test_a_record_under_the_key_of_another_is_refused(people, shared):
    _, bob = people
    for folder in ("runs", "data", "models"):
        path = only(shared, f"{folder}/*/*")
        put(shared, f"{folder}/{'ab' * 16}/{path.name}", path.read_bytes())
    assert len(bob.exchange.pull().refused) == 3


@pytest.mark.parametrize(
    "events",
    [
        (RunStarted("RUN", "e", "", "python", 2**63, "u"),),
        (RunStarted("RUN", "e", "", "python", 1, "u"), ArtifactLogged("RUN", "a", "0" * 64, 2**63 + 5, "x")),
    ],
)
def test_what_no_table_can_hold_is_refused_and_the_rest_is_taken(people, shared, events):
    """Numbers beyond 64 bits: nothing of the record is here, and the store goes on working."""
    _, bob = people
    run_id = "c" * 32
    core = tuple(msgspec.structs.replace(event, run_id=run_id) for event in events)
    if len(core) > 1:
        core = (core[0], msgspec.structs.replace(core[1], digest=_some_object(shared)))
    record = RunRecord(FORMAT, run_id, core, "crafted")
    put(shared, name_of("runs", run_id, record.digest()), pack_run(record))
    report = bob.exchange.pull()
    assert [each.name for each in report.refused] == [name_of("runs", run_id, record.digest())]
    assert run_id not in known_runs(bob)
    assert len(known_runs(bob)) == 1
    full_run(bob)
    assert fsck(bob.store) == []


def _some_object(shared):
    path = next(iter(sorted((shared / "objects").glob("*/*"))))
    return path.parent.name + path.name


def test_a_pulled_history_never_changes_what_stands_here(people, tmp_path):
    """A record that names a cell execution of this store with another text leaves the text as it was."""
    from trackbook.store.events import CellExecuted, ProgramFound

    ada, bob = people
    bob.store.append(CellExecuted("session", 0, "print('mine')", 1, 0.1, "ok"))
    run_id = "d" * 32
    core = (
        RunStarted(run_id, "e", "", "python", 1, "u"),
        CellExecuted("session", 0, "print('theirs')", 1, 0.1, "ok"),
        ProgramFound(run_id, "session", (0,)),
    )
    record = RunRecord(FORMAT, run_id, core, "r")
    ada.exchange.push()
    put(tmp_path / "shared", name_of("runs", run_id, record.digest()), pack_run(record))
    bob.exchange.pull()
    with bob.store.read() as db:
        assert db.execute("SELECT source FROM cell_execution").fetchall() == [("print('mine')",)]


def test_the_second_time_the_place_is_only_listed(people, shared, monkeypatch):
    """A push without news reads and writes nothing but the lists and the marker."""
    from trackbook.store.remote import Remote

    ada, bob = people
    bob.exchange.pull()
    calls = []
    for name in ("read", "write", "send", "fetch", "exists", "names"):
        original = getattr(Remote, name)
        monkeypatch.setattr(
            Remote,
            name,
            lambda self, what, *rest, _o=original, _n=name: (calls.append((_n, what)), _o(self, what, *rest))[1],
        )
    for project in (ada, bob):
        assert project.exchange.push().is_nothing
        assert project.exchange.pull().is_nothing
    assert set(calls) == {
        ("read", "trackbook.json"), ("names", "runs"), ("names", "data"), ("names", "models"),
    }  # fmt: skip
