"""Two versions beside each other."""

from __future__ import annotations

import json
import math

from support.cards import read, run_of, version_of
from trackbook.registry.card.making import data_read
from trackbook.registry.compare import Side, compare
from trackbook.registry.gates.result import GateResult
from trackbook.settings import MetricGate
from trackbook.tracking.differences import code_of


def side(run=None, **changes):
    version = version_of(**changes)
    return Side(version, run, "" if run is None else code_of(run), data_read(version, run, ()))


def test_only_what_differs_is_told_and_the_rest_is_counted():
    """Params, columns and data that are the same on both sides are a number."""
    columns = [{"name": "age", "type": "integer"}, {"name": "sex", "type": "category"}]
    one = side(
        run_of([read("train"), read("test", fingerprint="1" * 64)], ["fit()"]),
        params={"depth": "4", "seed": "0"},
        signature={"inputs": columns},
    )
    other = side(
        run_of([read("train"), read("test", fingerprint="2" * 64, rows=5)], ["fit(2)"]),
        version=4,
        params={"depth": "6", "seed": "0", "trees": "9"},
        signature={"inputs": [columns[0] | {"type": "float"}, {"name": "new", "type": None}]},
        deprecated="wrong",
    )
    found = compare(one, other)
    assert found.versions == (3, 4)
    assert found.params == {"depth": ("4", "6"), "trees": (None, "9")}
    assert found.signature == {
        "input age": ("integer", "float"),
        "input sex": ("category", None),
        "input new": (None, "type not known"),
    }
    assert found.data == {"test": ("111111111111 (10 rows)", "222222222222 (5 rows)")}
    assert found.same == {"params": 1, "signature": 0, "data": 1, "environment": 0}
    assert found.facts["deprecated"] == (None, "wrong") and "override" not in found.facts
    assert [str(line) for line in found.code.lines][1:] == [" # %%", "-fit()", "+fit(2)"]


def test_metrics_are_told_with_their_change():
    """A metric that one side lacks has no change, and what is not a number is text in JSON."""
    found = compare(side(metrics={"r2": 0.5, "mae": 3.0}), side(metrics={"r2": 0.75, "loss": math.nan}))
    assert [(each.metric, each.change) for each in found.metrics] == [("r2", 0.25), ("mae", None), ("loss", None)]
    plain = found.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["metrics"][2]["other"]["value"] == "NaN"


def test_the_newest_result_of_each_gate_stands_beside_the_others():
    """A gate that judged one side only, and results about other bytes, are told as that."""
    gate = MetricGate(metric="r2", min=0.3)
    old, new, void = (
        GateResult(gate, "production", value > 0.3, "said", value, digest, 0)
        for value, digest in ((0.1, "d" * 64), (0.5, "d" * 64), (0.5, "0" * 64))
    )
    found = compare(side(gates=(old, new)), side(gates=(void,)))
    (pair,) = found.gates
    assert (pair.one.verdict, pair.other.verdict) == ("passed", "void")
    (pair,) = compare(side(gates=(old,)), side()).gates
    assert (pair.one.verdict, pair.other) == ("failed", None)
