"""NaN and infinities are kept as they are, from the call that logs them to every face that shows them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner

from support.jupyter import JupyterServer
from trackbook.cli import main
from trackbook.tracking.table import runs_frame

pytestmark = pytest.mark.faults

ODD = {"nan": math.nan, "up": math.inf, "down": -math.inf, "tiny": 5e-324, "huge": 1.7976931348623157e308, "zero": -0.0}
NAMED = {"nan": "NaN", "up": "Infinity", "down": "-Infinity"}


def same(one: float, other: float) -> bool:
    """Say whether two numbers are the same, the sign of a zero included."""
    return (math.isnan(one) and math.isnan(other)) or (
        one == other and math.copysign(1, one) == math.copysign(1, other)
    )


@pytest.fixture
def run(project):
    """A run whose metrics are odd: as their only value, as the last and in the midst of a curve."""
    with project.tracker.start_run("odd") as run:
        run.log_metrics(ODD)
        run.log_params(ODD)
        for name, value in ODD.items():
            for each in (1.0, value, 2.0, value):
                run.log_metric(f"curve.{name}", each)
    return run


def test_a_search_gives_back_what_was_logged(project, run):
    (found,) = project.runs.search()
    for name, value in ODD.items():
        assert same(found.metrics[name], value), name
        assert same(found.metrics[f"curve.{name}"], value), name
        assert found.params[name] == str(value)
        curve = [point.value for point in project.runs.metric_history(run.run_id, f"curve.{name}")]
        assert all(map(same, curve, (1.0, value, 2.0, value))), name
    frame = runs_frame(project.runs.search())
    assert all(same(frame[f"metrics.{name}"][0], value) for name, value in ODD.items())


@pytest.mark.parametrize(
    ("filter", "matches"),
    [
        ("metrics.up > 1e300", True),
        ("metrics.down < 0", True),
        ("metrics.nan > 0", False),
        ("metrics.nan <= 0", False),
        ("metrics.nan = 1", False),
        ("metrics.huge > 1e308", True),
        ("metrics.zero = 0", True),
    ],
)
def test_a_filter_compares_as_floats_compare(project, run, filter, matches):
    assert bool(project.runs.search(filter)) is matches


def test_the_command_line_names_them(project, run):
    for command in (["runs", "--json"], ["show", run.run_id, "--json"]):
        output = CliRunner().invoke(main, command).output
        found = json.loads(output, parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))
        metrics = (found[0] if isinstance(found, list) else found)["metrics"]
        for name, value in ODD.items():
            assert metrics[name] == NAMED.get(name, value), (command, name)
    table = CliRunner().invoke(main, ["show", run.run_id]).output
    assert all(text in table for text in ("nan", "inf", "-inf"))


def test_the_rest_interface_names_them(project, run, tmp_path):
    (tmp_path / "server").mkdir()
    server = JupyterServer(Path(project.root), tmp_path / "server").wait()
    try:
        answer = server.get("runs")
        assert answer.status == 200, answer
        found = json.loads(answer.raw, parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))
        (row,) = found["runs"] if "runs" in found else found["items"]
        for name, value in ODD.items():
            assert row["metrics"][name] == NAMED.get(name, value), name
    finally:
        server.stop()
