"""Pictures and pages of drift: valid Vega-Lite 5, and HTML that loads nothing and trusts nothing."""

import json
import subprocess
import sys

import altair as alt
import numpy as np
import pandas as pd
import pytest

from trackbook.charts import DriftReport
from trackbook.charts.drift import drift_charts, drift_column, drift_grid
from trackbook.charts.report import VEGA_LITE
from trackbook.errors import DataError
from trackbook.monitoring import detect_drift

EVIL = "</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def report():
    rng = np.random.default_rng(0)

    def frame(n, shift):
        return pd.DataFrame(
            {
                "number": rng.normal(shift, 1, n),
                "gaps": np.where(rng.random(n) < 0.2, np.nan, rng.standard_cauchy(n)),
                "count": rng.poisson(200, n),
                "few": rng.poisson(1, n),
                "level": rng.choice([EVIL, "b", "c"], n),
                "many": rng.choice([f"level {i}" for i in range(40)], n),
                "day": pd.date_range("2020-01-01", periods=n, freq="D"),
                "id": np.arange(n),
                "text": [f"row {i} {shift}" for i in range(n)],
                "nothing": [None] * n,
                EVIL: rng.normal(size=n),
            }
        )

    return DriftReport.of(detect_drift(frame(400, 0), frame(300, 0.8)))


def test_each_picture_is_valid_vega_lite_5_on_a_transparent_ground(report):
    charts = drift_charts(report)
    assert set(charts) == {name for name, column in report.columns.items() if column.summary is not None}
    assert {"number", "level", "day"} <= set(charts) and "nothing" not in charts
    for name, spec in charts.items():
        assert "/vega-lite/v5" in spec["$schema"] and spec["background"] == "transparent"
        alt.Chart.from_dict(spec)  # validates against the schema
        assert report.columns[name].reason in json.dumps(spec, ensure_ascii=False)


def test_no_text_has_a_colour_of_its_own(report):
    for spec in drift_charts(report).values():
        assert not {key for key in keys(spec) if key in ("labelColor", "titleColor", "gridColor", "subtitleColor")}


def keys(value):
    if isinstance(value, dict):
        return set(value) | {key for each in value.values() for key in keys(each)}
    return {key for each in value for key in keys(each)} if isinstance(value, list) else set()


def test_a_picture_holds_shares_that_sum_to_one_and_no_rows(report):
    for name in ("number", "few", "level"):
        spec = drift_column(report.columns[name])
        rows = next(iter(spec["datasets"].values())) if "datasets" in spec else spec["data"]["values"]
        assert len(rows) <= 64
        if name != "number":
            assert sum(row["share"] for row in rows if row["sample"] == "current") == pytest.approx(1, abs=1e-4)


def test_bins_show_every_row_even_of_heavy_tails(report):
    for name in ("number", "gaps", "count"):
        summary = report.columns[name].summary
        for side, at in ((summary.reference, 0), (summary.current, 1)):
            assert sum(side) + summary.below[at] + summary.above[at] == pytest.approx(1, abs=1e-4)
    assert max(*report.columns["gaps"].summary.above, *report.columns["gaps"].summary.below) > 0


def test_the_grid_shows_the_gravest_column_first(report):
    grid = drift_grid(report)
    assert grid["concat"][0]["title"]["text"].startswith("number   ▲ drift")
    assert len(grid["concat"]) == len(drift_charts(report))


def test_the_page_is_one_file_that_loads_nothing_and_escapes_the_data(report, tmp_path):
    path = tmp_path / "report.html"
    html = report.to_html(path)
    assert path.read_text(encoding="utf-8") == html
    assert "<script" not in html and "http://" not in html and "https://" not in html and "<img" not in html
    assert "default-src 'none'" in html
    for column in report.columns:
        assert column in html or "&lt;img" in html
    assert html.count("<svg") == len(drift_charts(report))


def test_a_page_of_fifty_columns_stays_small():
    rng = np.random.default_rng(1)
    names = [f"column {i}" for i in range(50)]
    frames = [pd.DataFrame(rng.normal(size=(200, 50)), columns=names) for _ in range(2)]
    assert len(DriftReport.of(detect_drift(*frames)).to_html()) < 500_000


def test_a_page_that_cannot_be_written_is_an_error_that_names_the_path(report, tmp_path):
    with pytest.raises(DataError, match=r"missing.x\.html"):
        report.to_html(tmp_path / "missing" / "x.html")


def test_a_cell_shows_the_table_and_then_the_pictures(report, monkeypatch):
    published = []
    monkeypatch.setattr("IPython.display.publish_display_data", published.append)
    report._ipython_display_()
    table, pictures = published
    assert table["text/plain"].startswith("▲ drift") and "<table" in table["text/html"]
    assert set(pictures) == {VEGA_LITE, "image/svg+xml"}
    assert pictures["image/svg+xml"].startswith("<svg xmlns=")
    assert set(report._repr_mimebundle_()) == {"text/plain", "text/html", VEGA_LITE}


def test_the_shown_report_is_the_same_report(report):
    again = DriftReport.from_json(report.to_json())
    assert again == report
    assert isinstance(again, DriftReport)


def test_a_report_is_made_and_printed_without_loading_altair():
    code = (
        "import sys, pandas as pd\n"
        "from trackbook.charts import DriftReport\nfrom trackbook.monitoring import detect_drift\n"
        "f = pd.DataFrame({'x': [1.0, 2.0]})\nDriftReport.of(detect_drift(f, f)).to_html()\n"
        "sys.exit('altair' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
