"""MLflow as the oracle: what it accepts we accept, with the same meaning, and it finds the same runs.

Three things are ours on purpose: a quote that is doubled within quotes stands for one, conditions need an AND between
them, and `params.Created` is a param (MLflow looks for one named `start_time`).
"""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LifecycleStage,
    Metric,
    Param,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunTag,
)
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT
from mlflow.utils.search_utils import SearchUtils

from support.made_runs import Made, made_run, store_of
from trackbook.errors import UsageError
from trackbook.tracking.runs import Runs
from trackbook.tracking.search.parse import parse_filter, parse_order
from trackbook.tracking.search.tree import Absence, Comparison, Key, Membership, Node, conjuncts

OURS = {"parameter": "params", "metric": "metrics", "tag": "tags", "attribute": "attributes", "dataset": "datasets"}

# From MLflow's own tests: tests/utils/test_search_utils.py and tests/store/tracking/test_sqlalchemy_store.py.
MLFLOW_CASES = [
    "", "metric.acc >= 0.94", "metric.acc>=100", "params.m!='tf'", 'params."m"!="tf"', 'metric."legit name" >= 0.243',
    "metrics.XYZ = 3", 'params."cat dog" = "pets"', 'metrics."X-Y-Z" = 3', 'metrics."X//Y#$$@&Z" = 3',
    "params.model = 'LinearRegression'", "metrics.rmse < 1 and params.model_class = 'LR'", "`metric`.a >= 0.1",
    "tags.version = 'commit-hash'", "`tags`.source_name = 'a notebook'", 'metrics."accuracy.2.0" > 5',
    "metrics.`spacey name` > 5", 'params."p.a.r.a.m" != "a"', 'tags."t.a.g" = "a"', "attribute.artifact_uri = '1/23/4'",
    "attribute.start_time >= 1234", "run.status = 'RUNNING'", "dataset.name = 'my_dataset'", "tags.version IS NULL",
    "tags.version IS NOT NULL", "params.lr IS NULL", "params.lr IS NOT NULL", "tags.a IS NULL AND params.b = 'val'",
    "params.m = 'LR'", 'params.m = "LR"', 'params.m = "L\'Hosp"', "attributes.status = 'FAILED'", "metrics.key1 != 123",
    "params.my_param = 'A' AND attributes.status = 'FAILED'", "datasets.name IN ('name1', 'name2')",
    "datasets.digest IN ('digest1', 'digest2')", "datasets.name = 'name1' AND datasets.context = 'train'",
    "attribute.user_id = 'user-id2'", "attribute.end_time > 1", "attributes.created > 0", "attributes.Created <= 9",
    "attributes.`run name` = 'x'", "attributes.`Run Name` LIKE 'x%'", "attribute.run_id IN ('a', 'b')",
    "attributes.run_id NOT IN ('a')", "run_id IN ('a')", "params.generic_param LIKE '%_val'",
    "params.generic_param ILIKE '%_VaL'", "tags.p_b LIKE '%A%'", "attribute.status LIKE 'FINI%'",
    "metrics.common > -1.5e-3", "params.a LIKE 'x' and metrics.b >= 1. AND tags.c ilike '%'",
]  # fmt: skip
MLFLOW_REFUSES = [
    "metric.acc >= 0.94; metrics.rmse < 1", "m.acc >= 0.94", "acc >= 0.94", "p.model >= 'LR'", "attri.x != 1",
    "model >= 'LR'", "`metrics.A > 0.1", "param`.A > 0.1", "`dummy.A > 0.1", "dummy`.A > 0.1", "attribute.start != 1",
    "attribute.lifecycle_stage = 'ACTIVE'", "attribute.time != 1", "attribute._status != 'RUNNING'",
    "attribute.status = true", "dataset.status = 'true'", "dataset.profile = 'num_rows: 10'", "metric.model = 'LR'",
    "metric.model = '5'", "tags.acc = 5", "metrics.acc != metrics.acc", "1.0 > metrics.acc", "attribute.status = 1",
    "params.acc = LR", "tags.acc = LR", "params.acc = `LR`", "params.'acc = LR", "params.acc = 'LR", "params.acc = LR'",
    "params.acc = \"LR'", "tags.acc = = 'LR'", "attribute.status IS 'RUNNING'", "params.acc LR !=", "params.acc LR",
    "metric.acc !=", "acc != 1.0", "foo is null", "1=1", "1==2", "metrics.abc ~ 1", "attributes.start_time LIKE 1234",
    "metrics.A > 0.1 NAND params.B = 'LR'",
]  # fmt: skip

COLLECTIONS = [
    "metric", "metrics", "param", "params", "parameter", "parameters", "tag", "tags", "attribute", "attributes", "attr",
    "run", "dataset", "datasets", "`metric`", "`params`", "`tags`",
]  # fmt: skip
NAMES = [
    "loss", "r2", "depth", "name", "team", "x.y", "loss.0", "0", "1a", "`val loss`", '"val/acc@5"', "`a.b`", "a-b", "é",
    "mlflow.note", "from", "order", "key", "value", "index", "user", "date", "min", "max", "count", "level", "end",
    "start", "timestamp", "in", "desc", "double", "if", "case", "limit", "language", "digest", "context",
]  # fmt: skip
ATTRIBUTES = [
    "run_id", "run_name", "status", "start_time", "end_time", "user_id", "artifact_uri", "created", "Created",
    "`run name`", "`Run Name`", '"run_name"', "attributes.status", "attr.Created", "run.user_id",
]  # fmt: skip
SIGNS = ["=", "!=", "<", "<=", ">", ">="]
WORDS = ["LIKE", "ILIKE", "like", "IN", "NOT IN", "not in"]
VALUES = [
    "1", "0", "-1", "0.5", "-.5", ".5", "2.", "1e5", "1e-5", "-2.5E+3", "1700000000000", "'x'", '"x"', "'a%'", "'%b'",
    "'_'", '"it\'s"', "'say \"x\"'", "('a')", "('a','b')", "(\"a\", 'FINISHED',)", "''", "'é'", "'10'", "'FINISHED'",
    "'one'", "'AND'", "'a;b'", "'--'", "x", "`x`", "true",
]  # fmt: skip
SPACE = st.sampled_from(["", " ", "  ", "\n"])


@st.composite
def clauses(draw) -> str:
    if draw(st.integers(0, 3)) == 0:
        key = draw(st.sampled_from(ATTRIBUTES))
    else:
        key = f"{draw(st.sampled_from(COLLECTIONS))}.{draw(st.sampled_from(NAMES))}"
    match draw(st.integers(0, 5)):
        case 0:
            return f"{key} {draw(st.sampled_from(['IS NULL', 'IS NOT NULL', 'is null', 'is not null']))}"
        case 1:
            return f"{key} {draw(st.sampled_from(WORDS))} {draw(st.sampled_from(VALUES))}"
        case _:
            return key + draw(SPACE) + draw(st.sampled_from(SIGNS)) + draw(SPACE) + draw(st.sampled_from(VALUES))


def theirs(text: str) -> list[tuple[str, str, str, Any]]:
    """Return what MLflow reads, its names turned into ours; raises MlflowException for what it refuses."""
    read = []
    for clause in SearchUtils.parse_search_filter(text):
        kind, key, operator = clause["type"], clause["key"], clause["comparator"].upper()
        if kind == "attribute":
            key = SearchUtils.translate_key_alias(key)
        checks = (SearchUtils.is_metric, SearchUtils.is_param, SearchUtils.is_tag, SearchUtils.is_dataset)
        assert any(check(kind, operator) for check in checks) or SearchUtils.is_attribute(kind, key, operator)
        value = clause["value"]
        if kind == "metric" or (kind == "attribute" and key in ("start_time", "end_time")):
            value = float(value)
        read.append((OURS[kind], "user" if (kind, key) == ("attribute", "user_id") else key, operator, value))
    return read


def plain(node: Node) -> tuple[str, str, str, Any]:
    match node:
        case Comparison(Key(collection, name), operator, value):
            return collection, name, operator, value
        case Membership(Key(collection, name), values, negated):
            return collection, name, "NOT IN" if negated else "IN", values
        case Absence(Key(collection, name), negated):
            return collection, name, "IS NOT NULL" if negated else "IS NULL", None
    raise AssertionError(node)


def ours(text: str) -> list[tuple[str, str, str, Any]]:
    return [plain(node) for node in conjuncts(parse_filter(text).tree)]


def accepted(text: str) -> list[tuple[str, str, str, Any]] | None:
    """Return what MLflow reads; None for what it refuses, or reads as no sensible comparison."""
    try:
        read = theirs(text)
    except (MlflowException, ValueError):
        return None
    sensible = all(isinstance(value, tuple) == operator.endswith("IN") for _, _, operator, value in read)
    return read if sensible else None


@pytest.mark.parametrize("text", MLFLOW_CASES)
def test_a_filter_of_mlflows_tests_means_the_same(text):
    """Every filter that MLflow's own tests accept is read as the same comparisons."""
    assert accepted(text) is not None
    assert ours(text) == theirs(text)


@pytest.mark.parametrize("text", MLFLOW_REFUSES)
def test_a_filter_that_mlflows_tests_refuse_is_an_error(text):
    """What MLflow's own tests refuse, and is none of our additions, we refuse."""
    with pytest.raises((MlflowException, ValueError)):
        theirs(text)
    with pytest.raises(UsageError, match=r"\^"):
        parse_filter(text)


@settings(max_examples=40, deadline=None)
@given(st.lists(clauses(), min_size=40, max_size=40), st.sampled_from([" AND ", " and ", "\nAND\t"]))
def test_what_mlflow_accepts_is_accepted_with_the_same_meaning(drawn, between):
    """Whatever MLflow's parser accepts is read as the same comparisons, alone and with others."""
    good = [clause for clause in drawn if accepted(clause) is not None]
    assume(good)
    for clause in good:
        assert ours(clause) == theirs(clause)
    together = between.join(good[:4])
    assert ours(together) == theirs(together)


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(COLLECTIONS),
    st.sampled_from([*NAMES, *ATTRIBUTES]),
    st.sampled_from(["", " ASC", " DESC", " asc", "  dEsC"]),
)
def test_an_order_that_mlflow_accepts_means_the_same(collection, name, direction):
    """Whatever order MLflow's parser accepts is read as the same key and direction."""
    text = f"{collection}.{name}{direction}"
    try:
        kind, key, ascending = SearchUtils.parse_order_by_for_search_runs(text)
    except MlflowException:
        kind = "dataset"
    assume(kind != "dataset")
    if kind == "attribute":
        key = {"user_id": "user"}.get(key, SearchUtils.translate_key_alias(key))
    (term,) = parse_order([text])
    assert (term.key.collection, term.key.name, not term.descending) == (OURS[kind], key, ascending)


@pytest.fixture(scope="module")
def made() -> list[Made]:
    """Runs that have started, in the order of their times: MLflow knows no others."""
    chance, runs = random.Random(11), []
    for row in range(1, 81):
        run = made_run(row, chance, [])
        while run.start_time is None:
            run = made_run(row, chance, [])
        run.deleted, run.start_time = False, 1_700_000_000_000 + row * 1000
        run.end_time = run.end_time and run.start_time + 500
        runs.append(run)
    return runs


@pytest.fixture(scope="module")
def found_by(made, tmp_path_factory):
    """The runs in our store, and as MLflow's entities."""
    store = store_of(tmp_path_factory.mktemp("mlflow") / ".trackbook", made)
    return Runs(store), [entity(run) for run in made]


def entity(run: Made) -> Run:
    info = RunInfo(
        run_id=run.run_id,
        experiment_id="0",
        user_id=run.user,
        status=run.status,
        start_time=run.start_time,
        end_time=run.end_time,
        lifecycle_stage=LifecycleStage.ACTIVE,
        artifact_uri=f"runs:/{run.run_id}",
        run_name=run.run_name,
    )
    data = RunData(
        metrics=[Metric(key, value, 0, 0) for key, value in run.metrics.items()],
        params=[Param(key, value) for key, value in run.params.items()],
        tags=[RunTag(key, value) for key, value in run.tags.items()],
    )
    inputs = [
        DatasetInput(Dataset(name, digest, "local", "here"), [InputTag(MLFLOW_DATASET_CONTEXT, role)])
        for role, name, digest in run.data
    ]
    return Run(info, data, RunInputs(inputs))


KEYS = {
    "metrics.loss": [*map(str, (-1, 0, 0.5, 2, 10))],
    "metrics.r2": ["0.5", "1e3"],
    "params.depth": ["'10'", "'2'", "'a'", "'%0%'", "'A%'", '"it\'s"'],
    "params.name": ["'ab'", "'_'"],
    "tags.team": ["'a'", "'a%'", "'é'"],
    'tags."mlflow.note"': ["'x_y'"],
    "attributes.status": ["'FINISHED'", "'FAILED'", "'finished'", "'F%'"],
    "run_name": ["'one'", "'three'", "'T%'"],
    "attributes.`Run Name`": ["'two'"],
    "attr.user_id": ["'ada'"],
    "attributes.Created": [str(1_700_000_000_000 + second * 1000) for second in (5, 40)],
    "end_time": [str(1_700_000_000_500 + second * 1000) for second in (5, 40)],
    "dataset.name": ["'x'", "('x', 'y')", "('y')"],
    "datasets.digest": ["'d1'"],
    "dataset.context": ["'read'", "'train'"],
}


@st.composite
def evaluated(draw) -> str:
    key = draw(st.sampled_from(sorted(KEYS)))
    operator = draw(st.sampled_from([*SIGNS, *WORDS, "IS NULL", "IS NOT NULL"]))
    return f"{key} {operator}" if "NULL" in operator else f"{key} {operator} {draw(st.sampled_from(KEYS[key]))}"


@settings(max_examples=60, deadline=None)
@given(st.lists(evaluated(), min_size=12, max_size=12), st.integers(1, 3))
@example(["metrics.loss != 0.5"], 1)
@example(["metrics.loss > 2"], 1)
def test_the_same_runs_are_found_as_by_mlflow(found_by, drawn, length):
    """A filter lets through the runs that MLflow's evaluation of it lets through, a NaN among them."""
    runs, entities = found_by
    text = " and ".join([clause for clause in drawn if accepted(clause) is not None][:length])
    wanted = {run.info.run_id for run in SearchUtils.filter(entities, text)}
    assert {run.run_id for run in runs.search(text, max_results=1000)} == wanted


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["metrics.loss", "metrics.r2", "tags.team", "status", "end_time", "Created", "run_name"]),
            st.sampled_from(["", " DESC", " ASC"]),
        ).map("".join),
        max_size=3,
        unique_by=lambda clause: clause.split()[0],
    )
)
def test_runs_stand_in_the_order_of_mlflow(found_by, order):
    """Numbers, then NaN, then nothing, in both directions; equal runs newest first."""
    runs, entities = found_by
    wanted = [run.info.run_id for run in SearchUtils.sort(entities, order)]
    assert [run.run_id for run in runs.search("", order, 1000)] == wanted


def test_what_is_ours_on_purpose():
    """A doubled quote stands for one, conditions need an AND, and an alias of an attribute is none of a param."""
    assert ours("params.m = 'it''s'") == [("params", "m", "=", "it's")]
    with pytest.raises(UsageError, match="expected AND"):
        parse_filter("metrics.a > 1 metrics.b > 2")
    assert ours("params.Created = 'x'") == [("params", "Created", "=", "x")]
    assert not math.isnan(ours("metrics.a > 1e999")[0][3])
