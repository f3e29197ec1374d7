"""What one person pushes another one pulls: whole, and once."""

import msgspec
import pandas as pd
import pytest

from support.people import edit, full_run, known, known_runs, model, person, until_quiet
from trackbook.errors import NotFoundError, UsageError
from trackbook.store.fsck import fsck


def plain(run):
    return msgspec.json.decode(msgspec.json.encode(run))


def test_what_is_pushed_can_be_pulled_whole(people):
    ada, bob = people
    run_id = full_run(ada)
    ada.data.snapshot(pd.DataFrame({"x": [1, 2]}), "sales", run_id=run_id)
    model(ada, run_id=run_id)
    pushed = ada.exchange.push()
    assert (pushed.runs, pushed.data, pushed.models) == (1, 1, 1)
    pulled = bob.exchange.pull()
    assert (pulled.runs, pulled.data, pulled.models, pulled.notes, pulled.refused) == (1, 1, 1, (), ())
    theirs, mine = ada.runs.get(run_id), bob.runs.get(run_id)
    assert plain(mine) == plain(theirs)
    assert mine.environment is not None
    assert [point.value for point in bob.runs.metric_history(run_id, "loss")] == [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5]
    assert bob.runs.artifact(run_id, "deep/report.txt") == b"report of full"
    assert bob.data.load("data:/sales@1")["x"].tolist() == [1, 2]
    assert bob.registry.load("models:/churn/1").predict([[3.0]])[0] == pytest.approx(6)
    assert known(ada) == known(bob)
    assert fsck(bob.store) == []
    assert bob.registry.verify().ok


def test_a_second_push_and_a_second_pull_move_nothing(people):
    ada, bob = people
    full_run(ada)
    model(ada)
    ada.data.snapshot(pd.DataFrame({"x": [1]}), "sales")
    ada.exchange.push()
    bob.exchange.pull()
    for report in (ada.exchange.push(), bob.exchange.pull(), bob.exchange.push(), ada.exchange.pull()):
        assert report.is_nothing
        assert report.size == 0


def test_a_dry_run_says_what_would_be_moved_and_moves_nothing(people, tmp_path):
    ada, bob = people
    full_run(ada)
    model(ada)
    report = ada.exchange.push(dry_run=True)
    assert (report.runs, report.models, report.dry_run, report.size) == (1, 1, True, 0)
    assert report.objects >= 2
    assert not (tmp_path / "shared").exists()
    ada.exchange.push()
    assert (bob.exchange.pull(dry_run=True).runs, bob.runs.search(), bob.registry.models()) == (1, [], ())


def test_both_directions_end_with_the_same_in_both_stores(people):
    ada, bob = people
    full_run(ada, "hers"), full_run(bob, "his")
    ada.data.snapshot(pd.DataFrame({"x": [1]}), "sales")
    bob.data.snapshot(pd.DataFrame({"x": [2]}), "sales")
    model(ada, slope=2.0), model(bob, slope=3.0)
    until_quiet(ada, bob)
    assert known(ada) == known(bob)
    assert len(known_runs(ada)) == 2


def test_a_number_that_is_taken_is_told(people):
    ada, bob = people
    ada.data.snapshot(pd.DataFrame({"x": [1]}), "sales")
    mine = bob.data.snapshot(pd.DataFrame({"x": [2]}), "sales")
    ada.exchange.push()
    report = bob.exchange.pull()
    theirs = ada.data.get("sales")
    assert report.notes == (
        f"their sales@1 is data:/sales@2 here; data:/sales@{theirs.digest[:12]} names it everywhere",
    )
    for project in people:
        assert project.data.load(f"data:/sales@{theirs.digest[:12]}")["x"].tolist() == [1]
    assert bob.data.get("sales", 1) == mine


def test_large_files_and_folders_arrive_to_the_byte(people):
    import random

    ada, bob = people
    large = ada.root / "large.bin"
    large.write_bytes(random.Random(1).randbytes(9_000_000))
    folder = ada.root / "folder"
    for name in ("a.txt", "deep/b.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name * 100)
    ada.data.snapshot(large, "large")
    ada.data.snapshot(folder, "folder")
    before = large.read_bytes()
    large.write_bytes(before + b"more")
    assert ada.data.snapshot(large, "large").format == "chunks"
    until_quiet(ada, bob)
    assert bob.data.load("data:/large@1") == before
    assert bob.data.load("data:/large@2") == before + b"more"
    target = bob.root / "restored"
    bob.data.restore("data:/folder", target)
    assert {path.relative_to(target).as_posix(): path.read_text() for path in target.rglob("*.txt")} == {
        name: name * 100 for name in ("a.txt", "deep/b.txt")
    }


def test_the_same_data_kept_by_both_under_one_number_is_one_version(people):
    ada, bob = people
    for project in people:
        project.data.snapshot(pd.DataFrame({"x": [1]}), "sales")
    until_quiet(ada, bob)
    assert [len(project.data.list()) for project in people] == [1, 1]


def test_edits_meet_and_the_later_word_counts(people):
    ada, bob = people
    run_id = full_run(ada)
    until_quiet(ada, bob)
    edit(ada, run_id, "run_name", "hers", time=1)
    edit(bob, run_id, "run_name", "his", time=2)
    edit(bob, run_id, "tags.reviewed", "yes", time=3)
    edit(ada, run_id, "tags.team", None, time=4)
    until_quiet(ada, bob)
    assert known(ada) == known(bob)
    for project in people:
        summary = project.runs.get(run_id).summary
        assert (summary.run_name, summary.tags) == ("his", {"reviewed": "yes"})


def test_a_pulled_model_has_passed_no_gate_here(people):
    ada, bob = people
    model(ada, metrics={"r2": 0.99})
    ada.registry.promote("churn", 1, "production")
    (bob.root / "trackbook.toml").write_text(
        (bob.root / "trackbook.toml").read_text() + '\n[[gates]]\nstage = "production"\nmetric = "r2"\nmin = 0.995\n'
    )
    ada.exchange.push()
    bob.exchange.pull()
    (version,) = bob.registry.get("churn").versions
    assert (version.stage, version.aliases, version.created_by) == ("none", (), "bob")
    event = bob.registry.audit_events().events[0].content
    assert (event["origin"]["actor"], event["origin"]["version"]) == ("ada", 1)
    with pytest.raises(Exception, match="not promoted"):
        bob.registry.promote("churn", 1, "production")


def test_a_run_that_goes_on_here_is_not_taken_from_elsewhere(people):
    ada, bob = people
    with ada.tracker.start_run("going") as run:
        run.log_metric("m", 1.0)
        until_quiet(ada, bob)
        assert bob.runs.get(run.run_id).summary.status == "RUNNING"
        run.log_metric("m", 2.0)
        ada.exchange.pull()
        assert ada.runs.get(run.run_id).summary.metrics == {"m": 2.0}
    until_quiet(ada, bob)
    assert bob.runs.get(run.run_id).summary.status == "FINISHED"
    assert known(ada) == known(bob)


def test_an_object_that_is_missing_here_is_read_through_the_remote_and_kept(people):
    ada, bob = people
    run_id = full_run(ada)
    until_quiet(ada, bob)
    (artifact,) = bob.runs.get(run_id).artifacts
    bob.store.objects.path(artifact.digest).unlink()
    assert bob.runs.artifact(run_id, "deep/report.txt") == b"report of full"
    assert bob.store.objects.exists(artifact.digest)
    with pytest.raises(NotFoundError):
        bob.store.objects.get("0" * 64)


def test_a_place_is_needed_and_an_empty_one_has_nothing(people, tmp_path):
    ada, bob = people
    with pytest.raises(UsageError, match="somebody must `trackbook push` there first"):
        bob.exchange.pull()
    (ada.root / "trackbook.toml").write_text("")
    with pytest.raises(UsageError, match=r"trackbook push s3://.*\[remote\]"):
        ada.exchange.push()
    ada.exchange.push(str(tmp_path / "other"))
    assert bob.exchange.pull(str(tmp_path / "other")).is_nothing


def test_a_bucket_carries_what_a_folder_does(bucket, tmp_path):
    options = f'{{ endpoint_url = "{bucket.options["endpoint_url"]}" }}'
    ada, bob = (person(tmp_path / name, bucket.url, options) for name in ("ada", "bob"))
    run_id = full_run(ada)
    full_run(bob)
    ada.data.snapshot(pd.DataFrame({"x": range(1000)}), "sales")
    model(bob)
    until_quiet(ada, bob)
    assert known(ada) == known(bob)
    assert bob.runs.artifact(run_id, "deep/report.txt") == b"report of full"
