"""The search grammar: by example, with errors that point at the token, and against attacks."""

import time
from contextlib import suppress
from datetime import datetime
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackbook.errors import UsageError
from trackbook.store import Store
from trackbook.tracking import Runs, Tracker
from trackbook.tracking.search.parse import parse_filter
from trackbook.tracking.search.tree import Comparison, Conjunction, Disjunction, Key


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """Three runs that the tests below search."""
    folder = tmp_path_factory.mktemp("searched")
    store = Store.open(folder / ".trackbook")
    tracker = Tracker(store, root=folder, experiment="default", user="ada")
    for name, depth, loss in (("low", 2, 0.1), ("middle", 10, 0.2), ("high", 3, 0.3)):
        with tracker.start_run(name, experiment="x" if name == "high" else None, tags={"mlflow.note": name}) as run:
            run.log_param("depth", depth)
            run.log_metrics({"loss": loss, "val loss": loss, "val/acc@5": 1 - loss}, step=1)
        time.sleep(0.003)  # so that no two start in the same millisecond
    return SimpleNamespace(runs=Runs(store), store=store)


def names(bench, *arguments, **keywords):
    return [run.run_name for run in bench.runs.search(*arguments, **keywords)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["high", "middle", "low"]),
        ("   ", ["high", "middle", "low"]),
        ("metrics.loss < 0.25", ["middle", "low"]),
        ("metric.loss<.25", ["middle", "low"]),
        ("metrics.`val loss` >= 2e-1", ["high", "middle"]),
        ('metrics."val/acc@5" > 0.85', ["low"]),
        ("params.depth > 2 and params.depth < 10", ["high"]),
        ("params.depth = '10'", ["middle"]),
        ("params.depth = 10.0", ["middle"]),
        ("tags.mlflow.note = 'low'", ["low"]),
        ('tags.`mlflow.note` = "low"', ["low"]),
        ("attributes.run_name = 'low' OR run_name = 'high'", ["high", "low"]),
        ("name IN ('low', 'high') AND NOT metrics.loss > 0.2", ["low"]),
        ("experiment = 'x'", ["high"]),
        ("experiment_name = 'x'", ["high"]),
        ("status = 'FINISHED' and user = 'ada' and kind = 'python'", ["high", "middle", "low"]),
        ("run_name = 'low' or run_name = 'high' and metrics.loss > 5", ["low"]),
        ("(run_name = 'low' or run_name = 'high') and metrics.loss > 0.2", ["high"]),
        ("end_time IS NOT NULL and start_time > 0", ["high", "middle", "low"]),
        ("start_time >= 'today' OR start_time >= 'yesterday'", ["high", "middle", "low"]),
        ("start_time > '2 hours ago' and end_time <= 'today'", ["high", "middle", "low"]),
        ("start_time < '1 week ago'", []),
        ("start_time IN ('2020-01-01', '2020-01-02')", []),
        ("start_time NOT IN ('2020-01-01')", ["high", "middle", "low"]),
        ("metrics.loss IN (0.1, 0.3,)", ["high", "low"]),
        ("`metric`.loss = 0.1 and `tags`.mlflow.note = 'low'", ["low"]),
        ("artifact_uri LIKE 'runs:/%' AND user_id = 'ada' and `Run name` = 'low'", ["low"]),
        ("duration >= 0 and attributes.duration < 60", ["high", "middle", "low"]),
        ("duration > 3600 or note IS NOT NULL", []),
        ("params.nothing IS NULL", ["high", "middle", "low"]),
        ("params.nothing != 'x'", []),
        ("run_name LIKE '%i%'", ["high", "middle"]),
        ("run_name ILIKE 'LOW'", ["low"]),
    ],
)
def test_the_grammar_by_example(bench, text, found):
    assert names(bench, text) == found


@pytest.mark.parametrize(
    ("text", "token", "words"),
    [
        ("metrics.loss < 'a'", "'a'", "a metric is compared with a number"),
        ("metrics.loss IN ('a')", "'a'", "a metric is compared with a number"),
        ("metrics.loss LIKE 'a'", "'a'", "a metric is compared with a number"),
        ("tags.a = 1", "1", "a tag is compared with a text"),
        ("tags.a IN ('x', 1)", "1", "a tag is compared with a text"),
        ("params.a IN ('x', 1)", "1", "either numbers or texts"),
        ("params.a LIKE 1", "1", "LIKE needs a text"),
        ("status = 1", "1", "status is compared with a text"),
        ("duration > '1 hour'", "'1 hour'", "duration is compared with a number"),
        ("start_time > 'x'", "'x'", "'x' is no time"),
        ("start_time > 'yesterdya'", "'yesterdya'", "did you mean 'yesterday'"),
        ("start_time > '2026-02-30'", "'2026-02-30'", "is no time"),
        ("end_time < '3 fortnights ago'", "'3 fortnights ago'", "is no unit of time"),
        ("start_time LIKE '2026%'", "'2026%'", "LIKE needs a text"),
        ("datasets.nam = 'x'", "datasets", "did you mean 'name'"),
        ("datasets.name > 1", "1", "a dataset is compared with a text"),
        ("metrics.loss << 3", "<", "expected a number"),
        ("metrics.loss < ", "", "expected a value"),
        ("metrics.loss", "", "expected an operator"),
        ("metrics. < 3", "<", "expected"),
        ("metrics < 3", "metrics", "is no attribute"),
        ("statsu = 'x'", "statsu", "did you mean 'status'"),
        ("metrics.loss < 3 metrics.r2 > 1", "metrics", "expected AND, OR or the end"),
        ("metrics.loss < 3 and", "", "expected a key"),
        ("(metrics.loss < 3", "", "expected ')'"),
        ("metrics.loss < 3)", ")", "expected AND"),
        ("metrics.loss IN 3", "3", "expected '('"),
        ("metrics.loss IN ()", ")", "expected a number"),
        ("metrics.loss IS 3", "3", "expected NULL"),
        ("metrics.loss < 3x", "3x", "cannot read"),
        ("metrics.loss < #", "#", "cannot read"),
        ("run_name = 'open", "'open", "cannot read"),
        ("5 < metrics.loss", "5", "expected a key"),
        ("metrics.loss = = 3", "=", "expected a number"),
    ],
)
def test_an_error_points_at_the_token(bench, text, token, words):
    with pytest.raises(UsageError) as caught:
        names(bench, text)
    message, shown, pointer = str(caught.value).split("\n")
    assert words in message
    assert shown.strip() == text.strip()
    at = pointer.index("^") - 2
    assert text[at:].startswith(token)
    assert at == (
        len(text)
        if not token
        else text.rindex(token)
        if text.count(token) > 1 and at != text.index(token)
        else text.index(token)
    )


@pytest.mark.parametrize(
    "attack",
    [
        "run_name = 'x'; DROP TABLE run; --'",
        "run_name = 'x' UNION SELECT 1",
        "run_name = '' OR 1=1",
        "1=1",
        "metrics.loss < (SELECT 1)",
        "run_name) OR (1=1",
        "run_name = 'x' -- comment",
        "params.`a') OR 1=1 --` = 'x'",
        'params."a" OR "b" = \'x\'',
        "run_name = 'a' || 'b'",
        "attributes.`run.id` = '1'",
        "attributes.rowid = 1",
        "run.id = 1",
        "run_name GLOB '*'",
        "run_name = load_extension('x')",
        "run_name = ?1",
        "run_name = :x",
        "run_name = 'a\0b'",
        "run_name = '\udcff'",
        "run_name IN (SELECT run_id FROM run)",
    ],
)
def test_an_attack_is_an_error_or_finds_nothing_and_changes_nothing(bench, attack):
    try:
        assert names(bench, attack) == []
    except UsageError as error:
        assert "^" in str(error)
    assert len(names(bench)) == 3


@pytest.mark.parametrize(
    "text",
    [
        "(" * 3000 + "run_name = 'x'" + ")" * 3000,
        "NOT " * 2000 + "run_name = 'x'",
        "NOT (" * 60 + "run_name = 'x'" + ")" * 60,
        " OR ".join(["run_name = 'x'"] * 400),
        " AND ".join(["run_name = 'x'"] * 250),
        "run_name = '" + "x" * 20_000 + "'",
    ],
    ids=["parentheses", "nots", "nested nots", "ors", "ands", "long"],
)
def test_too_much_is_an_error_that_says_so(bench, text):
    with pytest.raises(UsageError):
        names(bench, text)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 20 + "run_name = 'low'" + ")" * 20,
        "NOT " * 20 + "run_name = 'low'",
        " OR ".join(["run_name = 'low'"] * 200),
        "NOT (" * 10 + " OR ".join(["run_name = 'low'"] * 200) + ")" * 10,
        "run_name IN (" + ", ".join(["'low'"] * 900) + ")",
    ],
    ids=["parentheses", "nots", "ors", "both", "in"],
)
def test_what_is_just_allowed_works(bench, text):
    assert names(bench, text) == ["low"]


@pytest.mark.parametrize(
    ("clauses", "found"),
    [
        (["metrics.loss"], ["low", "middle", "high"]),
        (["metrics.loss DESC"], ["high", "middle", "low"]),
        (["run_name ASC"], ["high", "low", "middle"]),
        (["experiment desc", "metrics.loss"], ["high", "low", "middle"]),
        (["metrics.nothing"], ["high", "middle", "low"]),
        (["start_time"], ["low", "middle", "high"]),
        (["tags.mlflow.note"], ["high", "low", "middle"]),
    ],
)
def test_order_by(bench, clauses, found):
    assert names(bench, "", clauses) == found


@pytest.mark.parametrize("clause", ["", "metrics.loss DOWN", "metrics.loss; DROP TABLE run", "1", "los"])
def test_an_order_that_cannot_be_read_is_an_error_that_points(bench, clause):
    with pytest.raises(UsageError, match=r"\^"):
        names(bench, "", [clause])


def test_pages_of_results_fit_together(bench):
    assert names(bench, max_results=1) == ["high"]
    assert [run.run_name for run in bench.runs.page(limit=2, skip=1).runs] == ["middle", "low"]
    assert names(bench, experiment="x") == ["high"]
    with pytest.raises(UsageError, match="at least 1"):
        names(bench, max_results=0)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.sampled_from("ametrics.loss<>='\"`()NOTINANDOR 0123,%\n\\\0\ud800é"), max_size=40))
def test_any_text_is_a_filter_or_a_usage_error(bench, text):
    with suppress(UsageError):
        bench.runs.search(text, max_results=1)


START = Key("attributes", "start_time")


def milliseconds(text):
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("2026-11-01", "2026-11-01T00:00", "2026-11-02T00:00"),
        ("2026-11-01T10:30", "2026-11-01T10:30", "2026-11-01T10:31"),
        ("2026-11-01 10:30:05", "2026-11-01T10:30:05", "2026-11-01T10:30:06"),
        ("2026-11-01T10:30:05.250Z", "2026-11-01T10:30:05.250+00:00", "2026-11-01T10:30:05.251+00:00"),
        ("2026-11-01T10:30+02:00", "2026-11-01T08:30+00:00", "2026-11-01T08:31+00:00"),
        ("today", "2026-11-29T00:00", "2026-11-30T00:00"),
        ("Yesterday", "2026-11-28T00:00", "2026-11-29T00:00"),
        ("90 minutes ago", "2026-11-29T11:00", "2026-11-29T11:00:00.001"),
    ],
)
def test_a_time_in_words_is_the_stretch_that_it_names(text, begin, end):
    """`=` means within it, `<` before it and `>` after it."""
    now = milliseconds("2026-11-29T12:30")
    low, high = milliseconds(begin), milliseconds(end)
    comparisons = {
        "<": Comparison(START, "<", low),
        "<=": Comparison(START, "<", high),
        ">": Comparison(START, ">=", high),
        ">=": Comparison(START, ">=", low),
        "=": Conjunction((Comparison(START, ">=", low), Comparison(START, "<", high))),
        "!=": Disjunction((Comparison(START, "<", low), Comparison(START, ">=", high))),
    }
    for operator, tree in comparisons.items():
        assert parse_filter(f"start_time {operator} '{text}'", now=now).tree == tree


def test_an_error_in_a_filter_of_several_lines_shows_the_line():
    """The pointer stands under the token, in the line that holds it."""
    with pytest.raises(UsageError) as caught:
        parse_filter("metrics.loss < 3\n  and statsu = 'x'")
    _, shown, pointer = str(caught.value).split("\n")
    assert shown == "    and statsu = 'x'"
    assert pointer.index("^") == shown.index("statsu")


def test_the_name_of_a_metric_without_its_collection_is_hinted_at(bench):
    """What a run has under the word, or nearly, is offered."""
    with pytest.raises(UsageError, match=r"did you mean 'metrics\.loss'"):
        names(bench, "loss < 1")
    with pytest.raises(UsageError, match=r"did you mean 'params\.depth'"):
        names(bench, "", ["dept"])
