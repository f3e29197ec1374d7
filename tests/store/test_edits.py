"""What is said of a run later: the latest word on each field counts, in whatever order the words arrive."""

from itertools import permutations

import pytest

from trackbook.store import Store
from trackbook.store import events as event

RUN = "a" * 32
START = event.RunStarted(RUN, "e", "given", "python", 5, "ada")
OTHER = event.RunStarted("b" * 32, "e", "other", "python", 6, "ada")


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path / ".trackbook")
    yield store
    store.close()


def row(store: Store) -> tuple:
    with store.read() as db:
        run = db.execute("SELECT run_name, note, deleted_time FROM run WHERE run_id = ?", [RUN]).fetchone()
        tags = dict(db.execute("SELECT key, value FROM tag JOIN run ON run.id = tag.run_id").fetchall())
    return (*run, tags)


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=str)
def test_the_order_in_which_edits_and_the_start_arrive_does_not_count(store, order):
    events = [
        START,
        event.RunEdited(RUN, "run_name", "late", 20, "ada"),
        event.RunEdited(RUN, "run_name", "early", 10, "bob"),
        event.RunEdited(RUN, "tags.reviewed", "yes", 10, "bob"),
    ]
    for at in order:
        store.append(events[at])
        store.drain()
    assert row(store) == ("late", None, None, {"reviewed": "yes"})


def test_none_takes_away_and_a_later_word_brings_back(store):
    store.append(START)
    for time, deleted in ((10, "10"), (20, None), (15, "15")):
        store.append(event.RunEdited(RUN, "deleted_time", deleted, time, "ada"))
    store.append(event.RunEdited(RUN, "note", "good", 10, "ada"))
    store.append(event.TagsSet(RUN, {"t": "x"}))
    store.append(event.RunEdited(RUN, "tags.t", None, 10, "ada"))
    assert row(store) == ("given", "good", None, {})


def test_every_change_of_a_run_gives_it_a_higher_number_than_all_before(store):
    def changed() -> dict[str, int]:
        with store.read() as db:
            return dict(db.execute("SELECT run_id, changed FROM run").fetchall())

    for each in (START, OTHER):
        store.append(each)
    first = changed()
    store.append(event.RunEdited(RUN, "note", "good", 10, "ada"))
    second = changed()
    assert second[RUN] > max(first.values())
    assert second[OTHER.run_id] == first[OTHER.run_id]


def test_params_and_metrics_that_came_before_the_start_belong_to_its_experiment(store):
    store.append(event.ParamsLogged(RUN, {"depth": "3"}))
    store.append(event.MetricLogged(RUN, "loss", 0.5, 7, 0))
    store.drain()
    store.append(START)
    with store.read() as db:
        (experiment,) = db.execute("SELECT id FROM experiment").fetchone()
        for table in ("param", "metric"):
            assert db.execute(f"SELECT experiment_id FROM {table}").fetchall() == [(experiment,)]
