"""What is said of runs later: names, notes, tags, deletion and its undoing."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import trackbook as tb
from trackbook.capture.redaction import MARK
from trackbook.errors import NotFoundError, UsageError
from trackbook.store import Store, events, now_ms
from trackbook.tracking import RunEdits, Runs


@pytest.fixture
def edits(store):
    return RunEdits(store, "grace")


def make(tracker, name, **keywords):
    with tracker.start_run(name, **keywords) as run:
        run.log_metric("loss", 0.5)
    return run.run_id


def names(runs, **keywords):
    return [run.run_name for run in runs.search(**keywords)]


def test_an_ended_run_is_renamed_noted_and_tagged(tracker, runs, edits):
    """All is there at once, and a search finds it under the new words."""
    run_id = make(tracker, "first", tags={"team": "red", "old": "x"})
    assert (
        edits.edit(run_id[:6], name="best", note=" for the paper ", tags={"team": "blue", "n": 3}, untag=["old"])
        == run_id
    )
    (found,) = runs.search("run_name = 'best' and tags.team = 'blue'")
    assert (found.note, found.tags) == ("for the paper", {"team": "blue", "n": "3"})
    edits.edit(run_id, note="")
    assert runs.get(run_id).summary.note is None


def test_secrets_in_edits_are_redacted(tracker, runs, edits):
    """A name, a note and a tag lose a secret before they are written."""
    run_id = make(tracker, "first")
    edits.edit(run_id, note="password = 'hunter2secret'", tags={"api_key": "hunter2secret"})
    summary = runs.get(run_id).summary
    assert MARK in summary.note
    assert summary.tags == {"api_key": MARK}


@pytest.mark.parametrize(
    ("keywords", "error", "words"),
    [
        ({}, UsageError, "nothing to change"),
        ({"name": " "}, UsageError, "cannot name a run"),
        ({"note": 3}, UsageError, "a note is a text"),
        ({"note": "x" * 10_001}, UsageError, "at most 10,000"),
        ({"tags": {"": "x"}}, UsageError, "cannot name a tag"),
        ({"name": "new", "untag": ["taem"]}, NotFoundError, "did you mean 'team'"),
    ],
)
def test_a_wrong_edit_is_an_error_and_changes_nothing(tracker, runs, edits, keywords, error, words):
    """The error says what is wrong, and none of the edit is done."""
    run_id = make(tracker, "first", tags={"team": "red"})
    with pytest.raises(error, match=words):
        edits.edit(run_id, **keywords)
    assert (runs.get(run_id).summary.run_name, runs.get(run_id).summary.tags) == ("first", {"team": "red"})
    with pytest.raises(NotFoundError, match="no run 'ffff'"):
        edits.edit("ffff", name="x")


def test_the_latest_edit_counts_whatever_the_clock_says(tracker, runs, edits, monkeypatch):
    """After the clock has jumped back, an edit still replaces the one before it."""
    run_id = make(tracker, "first")
    edits.edit(run_id, name="second")
    monkeypatch.setattr("trackbook.tracking.edits.now_ms", lambda: 1000)
    edits.edit(run_id, name="third")
    assert runs.get(run_id).summary.run_name == "third"


def test_deleted_runs_are_hidden_until_they_are_brought_back(tracker, runs, edits):
    """They are in no list, count or page, but are found by `deleted` and by their id."""
    ids = [make(tracker, name) for name in ("one", "two", "three")]
    assert edits.delete([ids[1][:8]]) == (ids[1],)
    assert names(runs) == ["three", "one"]
    assert (runs.count(), runs.count(deleted=True)) == (2, 1)
    assert runs.count("metrics.loss = 0.5") == 2
    assert names(runs, deleted=True) == ["two"]
    assert runs.get(ids[1]).summary.deleted_time is not None
    assert edits.delete(ids[1]) == ()
    assert edits.undelete(ids[1]) == (ids[1],)
    assert names(runs) == ["three", "two", "one"]
    with pytest.raises(UsageError, match="is not deleted"):
        edits.undelete(ids[1])


def test_the_runs_within_a_run_go_and_come_back_with_it(tracker, runs, edits, monkeypatch):
    """A child that was deleted on its own before stays deleted when its parent comes back."""
    with tracker.start_run("parent") as parent:
        with tracker.start_run("child", nested=True), tracker.start_run("grandchild", nested=True):
            pass
        with tracker.start_run("alone", nested=True) as alone:
            pass
    edits.delete([alone.run_id])
    assert runs.get(parent.run_id).children == (runs.search("run_name = 'child'")[0].run_id,)
    later = now_ms() + 1000
    monkeypatch.setattr("trackbook.tracking.edits.now_ms", lambda: later)
    assert len(edits.delete([parent.run_id])) == 3
    assert names(runs) == []
    assert len(edits.undelete([parent.run_id])) == 3
    assert set(names(runs)) == {"parent", "child", "grandchild"}


def test_a_run_that_is_going_on_is_not_deleted(tracker, runs, edits):
    """Neither is any other run of the same call."""
    ended = make(tracker, "ended")
    with tracker.start_run("going") as going, pytest.raises(UsageError, match=r"going .* still going on"):
        edits.delete([ended, going.run_id])
    assert len(names(runs)) == 2


EDITS = st.lists(
    st.tuples(
        st.sampled_from(["run_name", "note", "deleted_time", "tags.a", "tags.b"]),
        st.sampled_from([None, "1", "2", "3"]),
        st.integers(1, 5),
    ),
    max_size=8,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(EDITS, st.randoms())
def test_edits_in_any_order_end_the_same(tmp_path_factory, made, chance):
    """Stores that meet the same edits of a run in different orders show the same run."""
    shown = []
    for _ in range(2):
        store = Store.open(tmp_path_factory.mktemp("edited") / ".trackbook")
        store.append(events.RunStarted("a" * 32, "e", "start", "python", 1, "ada"))
        store.append(events.RunEnded("a" * 32, "FINISHED", 2))
        for field, value, time in made:
            store.append(events.RunEdited("a" * 32, field, value, time, "ada"))
        summary = Runs(store).get("a").summary
        shown.append((summary.run_name, summary.note, summary.deleted_time, summary.tags))
        store.close()
        chance.shuffle(made)
    assert shown[0] == shown[1]


def test_the_python_face_edits_deletes_and_brings_back(tmp_path, monkeypatch):
    """`tb.edit_run`, `tb.delete_run`, `tb.undelete_run` and `tb.search_runs(deleted=True)` work on the project."""
    monkeypatch.setenv("TRACKBOOK_DIR", str(tmp_path / ".trackbook"))
    with tb.start_run("first") as run:
        tb.log_metric("accuracy", 0.5)
    tb.edit_run(run.run_id, name="best", note="n", tags={"team": "blue"})
    assert list(tb.search_runs("tags.team = 'blue'").run_name) == ["best"]
    tb.delete_run(run.run_id)
    assert len(tb.search_runs()) == 0
    assert list(tb.search_runs(deleted=True).run_name) == ["best"]
    tb.undelete_run(run.run_id)
    assert len(tb.search_runs()) == 1


def test_a_search_warns_of_a_key_that_no_run_has_but_not_before_the_first_run(tmp_path, monkeypatch):
    """A script may search before its first run; later a misspelt key is named with the nearest."""
    monkeypatch.setenv("TRACKBOOK_DIR", str(tmp_path / ".trackbook"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(tb.search_runs("metrics.acuracy > 0.5", ["metrics.acuracy DESC"])) == 0
    with tb.start_run():
        tb.log_metric("accuracy", 0.5)
    with pytest.warns(UserWarning, match="no run has a metric 'acuracy'; did you mean 'accuracy'"):
        assert len(tb.search_runs(order_by=["metrics.acuracy DESC"])) == 1
