"""The search grammar: against a plain evaluation in Python, with errors that point, and with attacks."""

import math
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackbook.errors import UsageError
from trackbook.store import Store
from trackbook.tracking import Runs, Tracker

METRICS = ["loss", "r2"]
PARAMS = ["depth", "name"]
TAGS = ["team"]
NUMBERS = [-1.0, 0.0, 0.5, 2.0, 10.0]
TEXTS = ["a", "A", "ab", "10", "2", "0.5", "x_y", "50%", "it's", 'q"q', "*", "[a]", "?"]
PATTERNS = ["a%", "A%", "%b", "_", "%", "x\\_y", "%'%", "*", "[a]", "1_", "%0%", "?"]

RUNS = st.fixed_dictionaries(
    {
        "metrics": st.dictionaries(st.sampled_from(METRICS), st.sampled_from([*NUMBERS, math.nan, math.inf])),
        "params": st.dictionaries(st.sampled_from(PARAMS), st.sampled_from(TEXTS)),
        "tags": st.dictionaries(st.sampled_from(TAGS), st.sampled_from(TEXTS)),
        "run_name": st.sampled_from(["one", "two"]),
    }
)

Test = Callable[[dict], bool]


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def like(pattern: str, flags: re.RegexFlag) -> Callable[[str], bool]:
    parts = ["." if c == "_" else ".*" if c == "%" else re.escape(c) for c in pattern]
    return lambda text: re.fullmatch("".join(parts), text, flags | re.DOTALL) is not None


OPERATORS: dict[str, Callable] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def number(run: dict, group: str, name: str) -> float | None:
    """Return what a numeric comparison sees: nothing for a NaN, or for a param that is no number."""
    value = run[group].get(name)
    if value is None:
        return None
    try:
        value = float(value)
    except ValueError:
        return None
    return None if math.isnan(value) else value


@st.composite
def comparisons(draw) -> tuple[str, Test]:
    group = draw(st.sampled_from(["metrics", "params", "tags", "run_name"]))
    name = draw(st.sampled_from({"metrics": METRICS, "params": PARAMS, "tags": TAGS, "run_name": ["run_name"]}[group]))
    key = "run_name" if group == "run_name" else f"{group}.{name}"

    def text(run):
        return run["run_name"] if group == "run_name" else run[group].get(name)

    forms = {"metrics": ["number", "in", "null"], "params": ["number", "text", "like", "in", "null"]}
    form = draw(st.sampled_from(forms.get(group, ["text", "like", "in", "null"])))
    if form == "null":
        absent = draw(st.booleans())
        value = (lambda run: number(run, group, name)) if group == "metrics" else text
        return f"{key} IS {'' if absent else 'NOT '}NULL", lambda run: (value(run) is None) == absent
    if form == "like":
        word, pattern = draw(st.sampled_from(["LIKE", "ILIKE"])), draw(st.sampled_from(PATTERNS))
        test = like(pattern, re.IGNORECASE if word == "ILIKE" else re.RegexFlag(0))
        return f"{key} {word} {quoted(pattern)}", lambda run: text(run) is not None and test(text(run))
    numeric = (
        form == "number"
        or (form == "in" and group == "metrics")
        or (form == "in" and group == "params" and draw(st.booleans()))
    )
    value = (lambda run: number(run, group, name)) if numeric else text
    choices = st.sampled_from(NUMBERS if numeric else TEXTS)
    spell = repr if numeric else quoted
    if form == "in":
        negated, wanted = draw(st.booleans()), draw(st.lists(choices, min_size=1, max_size=4))
        listed = ", ".join(map(spell, wanted))
        return (
            f"{key} {'NOT ' if negated else ''}IN ({listed})",
            lambda run: value(run) is not None and (value(run) in wanted) != negated,
        )
    sign, wanted = draw(st.sampled_from(sorted(OPERATORS))), draw(choices)
    return f"{key} {sign} {spell(wanted)}", lambda run: value(run) is not None and OPERATORS[sign](value(run), wanted)


def combine(inner):
    def both(word, pair):
        (left, test), (right, other) = pair
        decide = all if word == "AND" else any
        return f"({left}) {word} ({right})", lambda run: decide([test(run), other(run)])

    return (
        st.builds(both, st.sampled_from(["AND", "OR", "and", "or"]).map(str.upper), st.tuples(inner, inner))
        | inner.map(lambda part: (f"NOT ({part[0]})", lambda run: not part[1](run)))
        | inner.map(
            lambda part: (f"not {part[0]}", lambda run: not part[1](run)) if not part[0].startswith("(") else part
        )
    )


FILTERS = st.recursive(comparisons(), combine, max_leaves=6)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(RUNS, min_size=1, max_size=8), st.lists(FILTERS, min_size=15, max_size=15))
def test_a_filter_lets_through_what_a_plain_evaluation_lets_through(contents, filters):
    with TemporaryDirectory() as folder:
        store = Store.open(Path(folder))
        tracker = Tracker(store, root=Path(folder), experiment="default", user="u")
        names = {}
        for content in contents:
            with tracker.start_run(content["run_name"], tags=content["tags"]) as run:
                run.log_params(content["params"])
                run.log_metrics(content["metrics"], step=0)
            names[run.run_id] = content
        runs = Runs(store)
        for text, test in filters:
            found = {run.run_id for run in runs.search(text)}
            assert found == {run_id for run_id, content in names.items() if test(content)}, text
        store.close()


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
        ("start_time > 'x'", "'x'", "start_time is compared with a number"),
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
    assert names(bench, max_results=2, after=1) == ["middle", "low"]
    assert names(bench, experiment="x") == ["high"]
    with pytest.raises(UsageError, match="at least 1"):
        names(bench, max_results=0)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.sampled_from("ametrics.loss<>='\"`()NOTINANDOR 0123,%\n\\\0\ud800é"), max_size=40))
def test_any_text_is_a_filter_or_a_usage_error(bench, text):
    with suppress(UsageError):
        bench.runs.search(text, max_results=1)
