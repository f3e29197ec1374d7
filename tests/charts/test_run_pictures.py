"""Pictures of runs: valid Vega-Lite 5 with the right numbers, in the colours of the theme around them."""

from __future__ import annotations

import json
import math

import altair as alt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackbook.charts.colors import RUN_COLORS, run_colors, run_dashes
from trackbook.charts.curves import MAX_ROWS, Curve, curve_rows, metric_curves
from trackbook.charts.parallel import MISSING, Line, parallel_axis, parallel_coordinates
from trackbook.errors import UsageError
from trackbook.tracking import MetricPoint

EVIL = "</script><img src=x onerror=alert(1)>" + "x" * 300


def curve(run, metric, values):
    return Curve(run, metric, [MetricPoint(step, 0, value) for step, value in enumerate(values)])


def checked(spec):
    """Return a specification that is valid, can be written as JSON, and names no colour of a text."""
    alt.Chart.from_dict(spec)  # validates against the schema
    assert "/vega-lite/v5" in spec["$schema"] and spec["background"] == "transparent"
    assert json.loads(json.dumps(spec, allow_nan=False)) == spec
    config = spec["config"]
    assert {config["axis"]["labelColor"], config["legend"]["labelColor"], config["title"]["color"]} == {"currentColor"}
    assert spec["usermeta"]["embedOptions"]["renderer"] == "svg"
    return spec


def rows_of(spec, view):
    """Return the rows that a view of a picture draws."""
    return spec["datasets"][(view.get("data") or spec["data"])["name"]]


# -- curves


def test_each_metric_has_a_panel_and_each_run_a_line_of_its_colour():
    curves = [curve(run, metric, [3.0, 2.0, 1.0]) for run in ("one", EVIL) for metric in ("loss", "accuracy")]
    spec = checked(metric_curves(curves))
    assert [panel["title"]["text"] for panel in spec["concat"]] == ["loss", "accuracy"]
    for panel in spec["concat"]:
        scale = panel["layer"][0]["encoding"]["color"]["scale"]
        assert scale == {"domain": ["one", EVIL], "range": list(RUN_COLORS[:2])}
        assert panel["layer"][0]["encoding"]["y"]["scale"] == {"zero": False}
        assert [row["value"] for row in rows_of(spec, panel) if row["run"] == EVIL] == [3.0, 2.0, 1.0]


def test_a_run_without_a_curve_takes_no_colour_from_the_others():
    """A run has one colour in all pictures of a comparison; the legend names those that a picture shows."""
    curves = [curve("other", "loss", [3.0, 2.0]), curve("third", "loss", [1.0, 2.0])]
    runs = ["one", "other", "third"]
    lines = [Line(run, {"a": place, "b": 1.0}) for place, run in enumerate(runs)]
    drawn = checked(metric_curves(curves, runs=runs))["concat"][0]["layer"][0]["encoding"]["color"]
    across = checked(parallel_coordinates(lines, ["a", "b"]))["layer"][1]["encoding"]["color"]
    assert drawn["scale"] == across["scale"] == {"domain": runs, "range": list(RUN_COLORS[:3])}
    assert drawn["legend"]["values"] == ["other", "third"]


def test_smoothing_draws_the_logged_values_behind():
    spec = checked(metric_curves([curve("one", "loss", [0.0, 1.0])], smoothing=0.5))
    rows = rows_of(spec, spec["concat"][0])
    assert [row["logged"] for row in rows] == [0.0, 1.0]
    assert [row["value"] for row in rows] == pytest.approx([0.0, 2 / 3])
    fields = [layer["encoding"]["y"]["field"] for layer in spec["concat"][0]["layer"] if "y" in layer["encoding"]]
    assert fields[:2] == ["logged", "value"]


def test_what_has_no_place_is_marked_with_what_it_is():
    values = [math.nan, math.inf, -math.inf, 0.0, -2.0, 1.0]
    found = curve_rows(curve("one", "loss", values), log_scale=True)
    assert [row.get("mark") for row in found] == ["NaN", "∞", "-∞", "0, not above 0", "-2, not above 0", None]
    assert [row["value"] for row in found] == [None] * 5 + [1.0]
    marked = checked(metric_curves([curve("one", "loss", values)]))
    shapes = [layer["mark"].get("shape") for layer in marked["concat"][0]["layer"]]
    assert "cross" in shapes
    clean = checked(metric_curves([curve("one", "loss", [1.0, 2.0])]))
    assert "cross" not in [layer["mark"].get("shape") for layer in clean["concat"][0]["layer"]]


@pytest.mark.parametrize(
    ("values", "log_scale", "why"),
    [([0.0, -1.0], True, "nothing is above 0"), ([math.nan], False, "no value is a number"), ([1.0], True, "")],
)
def test_a_panel_without_a_number_says_why(values, log_scale, why):
    spec = checked(metric_curves([curve("one", "loss", values)], log_scale=log_scale))
    assert why in " ".join(spec["concat"][0]["title"].get("subtitle", []))
    kind = spec["concat"][0]["layer"][0]["encoding"]["y"]["scale"].get("type")
    assert kind == ("log" if log_scale and not why else None)


def test_a_picture_of_long_curves_stays_small_and_keeps_the_peak():
    values = [math.sin(step / 50) for step in range(50_000)]
    values[31_415] = 99.0
    curves = [curve(f"run {number}", metric, values) for number in range(6) for metric in ("a", "b")]
    spec = checked(metric_curves(curves))
    rows = [row for panel in spec["concat"] for row in rows_of(spec, panel)]
    assert len(rows) <= MAX_ROWS * 1.1
    assert sum(row["value"] == 99.0 and row["step"] == 31_415 for row in rows) == len(curves)


def test_nothing_to_draw_is_no_picture_and_a_wrong_smoothing_is_an_error():
    assert metric_curves([]) is None
    assert metric_curves([Curve("one", "loss", [])]) is None
    with pytest.raises(UsageError, match="smoothing"):
        metric_curves([curve("one", "loss", [1.0])], smoothing=1)


def test_runs_that_share_a_colour_differ_in_their_dashes():
    looks = [(color, tuple(dash)) for color, dash in zip(run_colors(32), run_dashes(32), strict=True)]
    assert len(set(looks)) == 32


# -- parallel coordinates


def test_lines_pass_every_axis_in_order():
    lines = [
        Line("one", {"depth": "2", "kind": "tree", "r2": 0.5}),
        Line(EVIL, {"depth": "4", "kind": EVIL, "r2": math.nan}),
        Line("three", {"depth": "3", "r2": 0.7}),
    ]
    spec = checked(parallel_coordinates(lines, ["depth", "kind", "r2"]))
    drawn = rows_of(spec, spec["layer"][1])
    places = {run: [row["place"] for row in drawn if row["run"] == run] for run in ("one", EVIL, "three")}
    assert places["one"] == [0.0, 1.0, 0.0]
    assert places[EVIL] == [1.0, 0.0, MISSING]
    assert places["three"] == [0.5, MISSING, 1.0]
    ticks = [(row["axis"], row["value"]) for row in rows_of(spec, spec["layer"][3])]
    assert {("kind", "missing"), ("kind", EVIL), ("r2", "NaN"), ("depth", "2"), ("r2", "0.7")} <= set(ticks)
    assert all(len(row["label"]) <= 16 for row in rows_of(spec, spec["layer"][3]))


def test_names_of_selections_are_unique():
    """Vega-Lite refuses a signal of the same name twice."""
    lines = [Line(f"run {number}", {"a": number, "b": 1.0}) for number in range(3)]
    pictures = [parallel_coordinates(lines, ["a", "b"]), metric_curves([curve("r", m, [1.0, 2.0]) for m in "abc"])]
    for spec in pictures:
        params = [each["name"] for each in spec.get("params", [])]
        assert params and len(params) == len(set(params))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2", None], "number"),
        (["0.0001", "0.1"], "log"),
        (["-1", "1000"], "number"),
        (["1", "two"], "category"),
        ([0.5, math.nan], "number"),
        ([math.nan, None], "category"),
        (["None", None], "category"),
        ([1e308, -1e308], "number"),
        ([1e-308, 1e308], "log"),
    ],
)
def test_an_axis_is_of_numbers_where_all_values_are_some(values, kind):
    axis = parallel_axis("x", values)
    assert axis.kind == kind
    places = [axis.place(value) for value in values]
    assert all(place == MISSING or 0 <= place <= 1 for place in places)
    assert [place == MISSING for place in places] == [
        value is None or (kind != "category" and not math.isfinite(float(value))) for value in values
    ]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=20))
def test_greater_numbers_stand_higher(numbers):
    axis = parallel_axis("x", numbers)
    places = [axis.place(number) for number in sorted(numbers)]
    assert places == sorted(places) and all(-1e-9 <= place <= 1 + 1e-9 for place in places)


def test_many_runs_are_coloured_by_where_they_end():
    lines = [Line(f"run {number}", {"a": number % 3, "b": float(number)}) for number in range(33)]
    few = checked(parallel_coordinates(lines[:32], ["a", "b"]))["layer"][1]["encoding"]
    assert (few["color"]["field"], few["strokeDash"]["field"]) == ("run", "run")
    spec = checked(parallel_coordinates(lines, ["a", "b"]))
    assert spec["layer"][1]["encoding"]["color"]["field"] == "end"


@pytest.mark.parametrize(("count", "names"), [(1, ["a", "b"]), (2, ["a"]), (0, [])])
def test_one_run_or_one_axis_is_no_picture(count, names):
    assert parallel_coordinates([Line(f"run {number}", {"a": 1.0}) for number in range(count)], names) is None


def test_the_same_runs_give_the_same_picture() -> None:
    """Whoever looks again is told that nothing has changed, so a picture may hold nothing that is new each time."""
    lines = [Line("one", {"a": 1.0, "b": 2.0}), Line("other", {"a": 2.0, "b": 1.0})]
    assert parallel_coordinates(lines, ["a", "b"]) == parallel_coordinates(lines, ["a", "b"])
    curves = [curve("one", metric, [1.0, 2.0]) for metric in "ab"]
    assert metric_curves(curves) == metric_curves(curves)


def test_over_time_a_curve_begins_with_its_first_value() -> None:
    """Seconds are counted from the first value of each run, whatever the clock said."""
    points = [MetricPoint(step, 5_000 + 1_500 * step, float(step)) for step in range(3)]
    rows = curve_rows(Curve("one", "loss", points), over="time")
    assert [row["step"] for row in rows] == [0.0, 1.5, 3.0]
    spec = checked(metric_curves([Curve("one", "loss", points)], over="time"))
    assert "seconds since the first value" in str(spec)
