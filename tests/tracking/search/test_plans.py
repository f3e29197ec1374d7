"""The ways of a search: which indexes SQLite goes through, and which way is taken when."""

from __future__ import annotations

import random
import re

import pytest

from support.made_runs import made_run, store_of
from trackbook.tracking.search.order import sources_of
from trackbook.tracking.search.parse import parse_filter, parse_order
from trackbook.tracking.search.plan import Counted, Limits, fewest, is_shorter
from trackbook.tracking.search.query import place_of, prepare
from trackbook.tracking.search.ranges import Range, ranges
from trackbook.tracking.search.search import Searcher
from trackbook.tracking.search.sql import Sql


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    chance, runs = random.Random(5), []
    for row in range(1, 201):
        runs.append(made_run(row, chance, runs))
    return store_of(tmp_path_factory.mktemp("planned") / ".trackbook", runs)


def query_of(db, filter="", order=(), experiment=None):
    return prepare(db, parse_filter(filter).tree, parse_order(order), experiment, deleted=False)


def explained(db, sql: Sql) -> str:
    """Return SQLite's plan in one line a step."""
    rows = db.execute(f"EXPLAIN QUERY PLAN {sql.text}", sql.values).fetchall()
    return "\n".join(row[3] for row in rows)


@pytest.mark.parametrize(
    ("filter", "experiment", "index"),
    [
        ("params.name = 'a'", "one", "param_by_value (experiment_id=? AND key_id=? AND value=?)"),
        ("params.name = 'a'", None, "param_by_value (experiment_id=? AND key_id=? AND value=?)"),
        ("params.name LIKE 'a%'", "one", "param_by_value (experiment_id=? AND key_id=? AND value>? AND value<?)"),
        ("params.name IN ('a', 'b')", "one", "param_by_value (experiment_id=? AND key_id=? AND value=?)"),
        ("params.depth > 1", "one", "param_by_number (experiment_id=? AND key_id=? AND number>?)"),
        ("params.depth > 1 and params.depth <= 5", "one", "param_by_number (experiment_id=? AND key_id=? AND number>? AND number<?)"),
        ("params.depth IS NOT NULL", "one", "param_by_value (experiment_id=? AND key_id=?"),
        ("metrics.loss < 1", "one", "metric_by_experiment (experiment_id=? AND key_id=? AND last<?)"),
        ("metrics.loss > 0 and metrics.loss < 1", "one", "metric_by_experiment (experiment_id=? AND key_id=? AND last>? AND last<?)"),
        ("metrics.loss > 1", None, "metric_by_value (key_id=? AND last>? AND last<?)"),
        ("metrics.loss = 0.5", None, "metric_by_value (key_id=? AND last=?)"),
        ("tags.team = 'a'", None, "tag_by_value (key=? AND value=?)"),
        ("status = 'FAILED'", "one", "run_by_status (experiment_id=? AND status=?)"),
        ("start_time > 5 and start_time < 9", "one", "run_by_experiment (experiment_id=? AND start_time>? AND start_time<?)"),
        ("start_time > 5", None, "run_by_time (start_time>?)"),
        ("notebook = 'a.ipynb'", None, "run_by_notebook (notebook=?)"),
        ("parent_run_id = 'x'", None, "run_by_parent (parent_run_id=?)"),
        ("run_id = 'x'", None, "sqlite_autoindex_run_1 (run_id=?)"),
        ("datasets.digest = 'd1'", None, "run_data_by_fingerprint (fingerprint=?)"),
    ],
)  # fmt: skip
def test_a_condition_is_a_stretch_of_an_index(store, filter, experiment, index):
    """Counting its runs reads that stretch, sorts nothing and looks at no run."""
    with store.read() as db:
        query = query_of(db, filter, experiment=experiment)
        (found,) = ranges(query.tree, query.ids, query.scope)
        (count,) = found.counts(10)
        plan = explained(db, count)
    assert index in plan
    assert found.counted
    assert found.exact
    assert not re.search(r"SCAN (run|param|metric|tag|run_data)\b", plan)


@pytest.mark.parametrize(
    ("order", "experiment", "index"),
    [
        ((), None, "run_by_time (start_time>?)"),
        ((), "one", "run_by_experiment (experiment_id=? AND start_time>?)"),
        (("metrics.loss DESC",), None, "metric_by_value (key_id=? AND last<?)"),
        (("metrics.loss DESC",), "one", "metric_by_experiment (experiment_id=? AND key_id=? AND last<?)"),
        (("params.depth DESC",), "one", "param_by_number (experiment_id=? AND key_id=? AND number>?)"),
    ],
)
def test_the_first_runs_of_an_order_are_read_from_its_index_without_sorting(store, order, experiment, index):
    """The top runs cost as many entries as are wanted, however many runs there are; behind a cursor too."""
    with store.read() as db:
        query = query_of(db, "", order, experiment)
        source = sources_of(query.sorts, query.experiments)[0][0]
        first = query.along(source, None, 10)
        plan = explained(db, first)
        rows = db.execute(first.text, first.values).fetchall()
        behind = explained(db, query.along(source, place_of(rows[1]), 10))
    assert index in plan
    assert "TEMP B-TREE" not in plan
    assert "TEMP B-TREE" not in behind
    assert re.search(r"(last|number|start_time)<\?", behind)


def test_ascending_metrics_sort_equal_values_only(store):
    """The index gives the values in order; only runs with the same value are sorted, the latest first."""
    with store.read() as db:
        query = query_of(db, "", ["metrics.loss"], "one")
        plan = explained(db, query.along(sources_of(query.sorts, query.experiments)[0][0], None, 10))
    assert "TEMP B-TREE FOR LAST TERM OF ORDER BY" in plan or "RIGHT PART OF ORDER BY" in plan


@pytest.mark.parametrize(
    ("filter", "looks"),
    [
        ("", False),
        ("metrics.loss > 0", False),
        ("params.name = 'a' and metrics.loss > 0", False),
        ("params.name = 'a' and user = 'ada'", True),
    ],
)
def test_a_count_looks_at_no_run_unless_a_condition_is_about_one(store, filter, looks):
    """Params and metrics are counted in their own tables and indexes."""
    with store.read() as db:
        query = query_of(db, filter, experiment="one")
        plan = explained(db, query.number_through(next(iter(ranges(query.tree, query.ids, query.scope)), None)))
    assert bool(re.search(r"(SEARCH|SCAN) run USING (?!COVERING INDEX run_by_arrival)", plan)) == looks


class Traced:
    """A database that notes the statements run on it."""

    def __init__(self, db) -> None:
        self.db = db
        self.statements: list[str] = []

    def execute(self, sql, values=()):
        self.statements.append(sql)
        return self.db.execute(sql, values)


def way(store, limits, filter, order=(), wanted=3, experiment=None) -> str:
    """Return which way the last statement of a search went: `sorted` or `ordered`."""
    with store.read() as db:
        traced = Traced(db)
        Searcher(traced, query_of(db, filter, order, experiment), limits).places(None, wanted)
    return "sorted" if " AS found CROSS JOIN run" in traced.statements[-1] else "ordered"


def test_few_runs_are_sorted_and_many_are_read_in_order(store):
    """A condition with few runs drives; one with many is checked along the order's index; one in vain drives later."""
    some = "params.name = 'a'"
    assert way(store, Limits(few=100), some) == "sorted"
    assert way(store, Limits(few=1), "metrics.loss > -2", ["metrics.loss"], wanted=2) == "ordered"
    assert way(store, Limits(few=0, tried=4, counted_fully=1000), "params.name = 'a' and tags.team = 'a'") == "sorted"
    assert way(store, Limits(few=0), some, ["run_name"]) == "sorted"


def test_a_condition_that_no_run_meets_ends_the_search(store):
    """Nothing is read behind the count of 0."""
    with store.read() as db:
        traced = Traced(db)
        assert Searcher(traced, query_of(db, "metrics.loss > 99999 and metrics.loss < 100000")).places(None, 5) == []
    assert len(traced.statements) == 1


def counted(number, *, is_counted=True):
    return Counted(Range((), Sql(""), counted=is_counted), number)


def test_the_rules_of_choice():
    """The fewest known runs win; what could not be counted comes last; sorting is compared with reading on."""
    one, two, unknown = counted(1), counted(2), counted(None, is_counted=False)
    assert fewest([]) is None
    assert fewest([unknown, two, one]) is one
    assert fewest([unknown, counted(None)]).range.counted
    limits = Limits(tried=1000, counted_fully=10_000)
    assert is_shorter(counted(500), limits, found=0, wanted=100)
    assert is_shorter(counted(500), limits, found=10, wanted=100)
    assert not is_shorter(counted(500), limits, found=90, wanted=100)
    assert not is_shorter(counted(None), limits, found=10, wanted=100)
