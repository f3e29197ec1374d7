"""Pages of runs while runs come and go, cursors that are none, and the names that runs have."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackbook.errors import UsageError
from trackbook.store import events
from trackbook.tracking.search.keys import RunKeys


def add(store, number, loss, experiment="e", **params):
    run_id = f"{number:032x}"
    store.append(events.RunStarted(run_id, experiment, f"run {number}", "python", 1000 + number, "ada"))
    store.append(events.ParamsLogged(run_id, {name: str(value) for name, value in params.items()}))
    store.append(events.MetricsLogged(run_id, {"loss": loss}, 2000, 0))
    store.append(events.RunEnded(run_id, "FINISHED", 3000 + number))


ORDERS = [(), ("metrics.loss",), ("metrics.loss DESC",), ("params.depth", "metrics.loss DESC"), ("run_name DESC",)]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("filter", ["", "metrics.loss > 0.05"])
def test_runs_that_come_between_pages_repeat_and_hide_none(store, runs, order, filter):
    """All runs that were there at the start are on the pages once, whatever comes in between."""
    for number in range(40):
        add(store, number, (number * 7 % 10) / 10, depth=number % 4)
    before = [run.run_id for run in runs.search(filter, order, 1000)]
    seen, cursor, number = [], None, 40
    while cursor is not None or not seen:
        page = runs.page(filter, order, 7, cursor)
        seen += [run.run_id for run in page.runs]
        cursor = page.next_cursor
        for _ in range(3):
            add(store, number, (number * 3 % 10) / 10, depth=number % 4)
            number += 1
        if cursor is None:
            break
    assert [run_id for run_id in seen if run_id in before] == before
    assert len(seen) == len(set(seen))


def test_a_cursor_fits_its_own_search_only(store, runs):
    """Another filter, order or experiment, or a text that is no cursor, is a usage error."""
    for number in range(5):
        add(store, number, 0.5, depth=1)
    cursor = runs.page("metrics.loss > 0", ["metrics.loss"], 2).next_cursor
    assert len(runs.page("metrics.loss > 0", ["metrics.loss"], 2, cursor).runs) == 2
    others = [
        ("metrics.loss > 0.1", ["metrics.loss"], {}),
        ("metrics.loss > 0", ["metrics.loss DESC"], {}),
        ("metrics.loss > 0", [], {}),
        ("metrics.loss > 0", ["metrics.loss"], {"experiment": "e"}),
    ]
    for filter, order, keywords in others:
        with pytest.raises(UsageError, match="is no cursor of this list"):
            runs.page(filter, order, 2, cursor, **keywords)
    for wrong in ("", "rubbish", cursor[:-3], cursor + "AAAA", cursor[:8], "é"):
        with pytest.raises(UsageError, match="is no cursor of this list"):
            runs.page("metrics.loss > 0", ["metrics.loss"], 2, wrong)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_changed_cursor_is_a_usage_error_or_a_page(store, runs, data):
    """Whatever stands in a cursor, it is never anything worse."""
    if runs.count() == 0:
        for number in range(5):
            add(store, number, 0.5)
    cursor = runs.page(order_by=["metrics.loss"], limit=2).next_cursor
    place = data.draw(st.integers(0, len(cursor) - 1))
    letter = data.draw(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"))
    try:
        runs.page(order_by=["metrics.loss"], limit=2, cursor=cursor[:place] + letter + cursor[place + 1 :])
    except UsageError as error:
        assert "is no cursor" in str(error)


@pytest.mark.parametrize("limit", [0, -1, True, 1.5, "3", 2**40])
def test_limits_out_of_range_are_usage_errors(runs, limit):
    """A limit and a number to skip are whole numbers."""
    with pytest.raises(UsageError, match="whole number"):
        runs.page(limit=limit)
    if limit != 0:
        with pytest.raises(UsageError, match="whole number"):
            runs.page(skip=limit)


def test_keys_are_those_of_the_experiment(store, runs):
    """Names are sorted and stand once; an experiment has its own, and an unknown one none."""
    add(store, 1, 0.5, "one", depth=1, zeta=2)
    add(store, 2, 0.5, "one", depth=3)
    add(store, 3, 0.5, "two", alpha=1)
    store.append(events.TagsSet(f"{1:032x}", {"team": "a", "odd": "b"}))
    store.append(events.ParamsLogged("f" * 32, {"before its start": "1"}))
    assert runs.keys() == RunKeys(("alpha", "before its start", "depth", "zeta"), ("loss",), ("odd", "team"))
    assert runs.keys("one").params == ("depth", "zeta")
    assert runs.keys("three").params == ()


@pytest.mark.parametrize(
    ("filter", "order", "said"),
    [
        ("metrics.los < 1", (), ["no run has a metric 'los'; did you mean 'loss'?\n  metrics.los < 1\n  ^^^^^^^^^^^"]),
        ("metrics.loss < 1 and params.dpth = 1", (), ["no run has a param 'dpth'; did you mean 'depth'?"]),
        ("", ("metrics.depth DESC",), ["no run has a metric 'depth'; did you mean 'params.depth'?"]),
        ("NOT params.qqq IS NULL or metrics.loss > 1", (), ["no run has a param 'qqq'; there is depth, width"]),
        ("tags.anything = 'x'", (), []),
        ("metrics.loss > 0 and params.depth = 1 and status = 'FINISHED'", ("params.width",), []),
        ("metrics.x > 1 or metrics.x < 0", ("metrics.x",), ["no run has a metric 'x'"]),
    ],
)
def test_a_key_that_no_run_has_is_hinted_at_once(store, runs, filter, order, said):
    """The hint points at the key and offers the nearest; of a kind that no run has there is nothing to say."""
    add(store, 1, 0.5, depth=1, width=2)
    hints = runs.hints(filter, order)
    assert len(hints) == len(said)
    assert all(hint.startswith(text) for hint, text in zip(hints, said, strict=True))
