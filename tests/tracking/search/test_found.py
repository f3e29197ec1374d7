"""What a search finds: the same as a plain evaluation in Python, on whatever way it goes."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.filters import FILTERS, ORDERS, in_order
from support.made_runs import EXPERIMENTS, Made, made_run, store_of
from trackbook.tracking.runs import Runs
from trackbook.tracking.search.plan import Limits

SMALL = st.sampled_from([1, 2, 5, 20, 100])
LIMITS = st.builds(Limits, few=SMALL, tried=SMALL, counted=SMALL, counted_fully=SMALL)
"""Limits so low that a few runs meet all of them."""


class Runs120(list):
    """The runs; a failing example says only that it is these."""

    def __repr__(self) -> str:
        return "the runs of this module"


@pytest.fixture(scope="module")
def made() -> list[Made]:
    chance, runs = random.Random(3), Runs120()
    for row in range(1, 121):
        runs.append(made_run(row, chance, runs))
    return runs


@pytest.fixture(scope="module")
def store(made, tmp_path_factory):
    return store_of(tmp_path_factory.mktemp("searched") / ".trackbook", made)


def expected(made, test, order, experiment, deleted):
    kept = [run for run in made if run.deleted == deleted and experiment in (None, run.experiment) and test(run)]
    return [run.run_id for run in in_order(kept, order)]


@settings(max_examples=60, deadline=None)
@given(FILTERS, ORDERS, st.sampled_from([None, *EXPERIMENTS, "none"]), st.booleans(), LIMITS, st.data())
def test_a_search_finds_what_a_plain_evaluation_finds(made, store, wanted, order, experiment, deleted, limits, data):
    """The same runs in the same order, for any filter and order; pages fit together, and the count is theirs."""
    (text, test), runs = wanted, Runs(store, limits)
    clauses = [clause for clause, _ in order]
    all_ids = expected(made, test, order, experiment, deleted)
    at_once = runs.search(text, clauses, 1000, experiment=experiment, deleted=deleted)
    assert [run.run_id for run in at_once] == all_ids
    assert runs.count(text, experiment=experiment, deleted=deleted) == len(all_ids)
    size = data.draw(st.integers(1, 40))
    paged, cursor = [], None
    while cursor is not None or not paged:
        page = runs.page(text, clauses, size, cursor, experiment=experiment, deleted=deleted)
        paged += [run.run_id for run in page.runs]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert paged == all_ids
    skip = data.draw(st.integers(0, 130))
    skipped = runs.page(text, clauses, size, skip=skip, experiment=experiment, deleted=deleted)
    assert [run.run_id for run in skipped.runs] == all_ids[skip : skip + size]
    assert (skipped.next_cursor is not None) == (len(all_ids) > skip + size)


@pytest.mark.parametrize("experiment", [None, "one"])
@pytest.mark.parametrize("order", [(), ("params.depth DESC",), ("metrics.loss",), ("tags.team", "params.depth")])
@pytest.mark.parametrize(
    "filter",
    [
        "metrics.`unheard of` = 1",
        "params.`unheard of` IS NOT NULL",
        "NOT params.`unheard of` IS NULL",
        "metrics.`unheard of` > 1 or params.unheard = 1",
        "tags.team = 'a' and metrics.`unheard of` != 1",
    ],
)
def test_what_no_run_can_meet_finds_nothing_in_any_order(store, filter, order, experiment):
    """A key that no run has makes no statement that SQLite has no way for."""
    runs = Runs(store)
    assert runs.search(filter, order, experiment=experiment) == []
    assert runs.count(filter, experiment=experiment) == 0


def test_a_run_found_holds_all_that_was_logged(made, store):
    """A row of a list has the params, metrics and tags of its run."""
    by_id = {run.run_id: run for run in made}
    for found in Runs(store).search(max_results=1000):
        run = by_id[found.run_id]
        assert found.params == run.params
        assert repr(dict(sorted(found.metrics.items()))) == repr(dict(sorted(run.metrics.items())))
        assert found.tags == run.tags
        assert (found.experiment, found.status) == (run.experiment or "", run.status)
