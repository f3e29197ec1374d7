"""What stands in the tables of runs, as values, as text and as HTML: stored text stays text."""

from __future__ import annotations

import math
import re
from datetime import datetime
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackbook.errors import NotFoundError, UsageError
from trackbook.tracking import RunSummary
from trackbook.tracking.differences import text_difference
from trackbook.widgets import html, show_comparison, show_runs, text
from trackbook.widgets.table import MAX_COLUMNS, labels, runs_table, search_key

EVIL = "<script>alert(1)</script>\"'&<img src=x onerror=alert(2)>"


def summary(name="one", params=None, metrics=None, run_id="a" * 32):
    return RunSummary(run_id, "study", name, "FINISHED", 0, 1, params or {}, metrics or {}, {})


class Tags(HTMLParser):
    """Collects the elements of a text, and the text between them."""

    def __init__(self, content):
        super().__init__()
        self.names, self.attributes, self.text = set(), set(), ""
        self.feed(content)

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.text += data


ALLOWED = {
    "table", "thead", "tbody", "tr", "th", "td", "div", "style", "p", "h4", "ol", "li", "span", "colgroup", "col", "b",
}  # fmt: skip


def test_params_that_are_the_same_are_not_shown():
    found = runs_table([summary("a", {"depth": "3", "seed": "0"}), summary("b", {"depth": "4", "seed": "0"})])
    assert [column.title for column in found.columns] == ["name", "status", "experiment", "started", "depth"]
    assert [row[-1] for row in found.rows] == ["3", "4"]
    assert [column.title for column in runs_table([summary("a", {"seed": "0"})]).columns][-1] == "seed"


def test_a_param_that_only_some_runs_have_differs():
    found = runs_table([summary("a", {"depth": "3"}), summary("b")])
    assert [row[-1] for row in found.rows] == ["3", None]


@pytest.mark.parametrize(("metrics", "params", "shown"), [(20, 20, (6, 6)), (2, 20, (2, 10)), (20, 2, (10, 2))])
def test_many_columns_share_the_room_and_the_rest_is_counted(metrics, params, shown):
    runs = [
        summary(
            str(run),
            {f"p{i}": str(run) for i in range(params)},
            {f"m{i}": float(run) for i in range(metrics)},
            "a" * 32,
        )
        for run in range(2)
    ]
    found = runs_table(runs)
    kinds = [column.key.partition(".")[0] for column in found.columns]
    assert (kinds.count("metrics"), kinds.count("params")) == shown
    assert found.hidden == metrics + params - MAX_COLUMNS


@pytest.mark.parametrize("name", ["r2", "val/loss", "a.b.c", "with space", 'with "quotes"', "9lives", "`tick`", "é"])
def test_the_key_of_a_column_is_read_by_the_search(name, make, runs):
    low, high = make("low", {}, {name: 1.0}), make("high", {}, {name: 2.0})
    found = runs.search(order_by=[f"{search_key('metrics', name)} DESC"])
    assert [run.run_id for run in found] == [high, low]


def test_labels_are_unique_and_short():
    twins = [summary("twin", run_id=f"{digit}" * 32) for digit in "ab"]
    assert labels([*twins, summary("other"), summary("x" * 10_000), summary("")]) == [
        "twin aaaaaaaa", "twin bbbbbbbb", "other", f"{'x' * 31}…", "aaaaaaaa",
    ]  # fmt: skip


@given(st.text() | st.floats() | st.none())
def test_a_cell_shows_any_value_as_text_and_opens_no_element(value):
    tags = Tags(html.cell(value))
    assert tags.names == {"td"} and tags.attributes <= {"class", "title"}
    html.cell(value).encode()  # surrogates are gone


@given(st.lists(st.tuples(st.text(max_size=50), st.text(max_size=50), st.floats()), max_size=5))
def test_text_tables_are_aligned_and_print(rows):
    lines = text.table(["", "text", "number"], rows).split("\n")
    assert len(lines) == len(rows) + 1
    assert all(line.isprintable() for line in lines)


def test_a_hostile_run_is_shown_as_text_everywhere(make, runs):
    """Names, params and metrics that look like HTML reach every form of every view as text."""
    ids = [make(EVIL[:200], {EVIL: EVIL * count, "long": "x" * 10_000}, {"loss": 1.0 / count}) for count in (1, 2)]
    for view in (show_runs(runs), show_comparison(runs, ids)):
        tags = Tags(view._repr_html_())
        assert tags.names <= ALLOWED
        assert not {name for name in tags.attributes if name.startswith("on")}
        assert EVIL[:30] in tags.text
        assert "x" * 200 not in tags.text
        assert "<script" in repr(view)


def test_a_date_stays_on_one_line_where_the_style_sheet_is_taken_away(make, runs):
    """JupyterLab keeps what cells say inline, also in a notebook that it does not trust; a long text may still wrap."""
    make("forest", {"kind": "net", "note": "a long note " * 10}, {"loss": 0.5})
    make("net", {"kind": "tree", "note": "short"}, {"loss": 0.25})
    cells = re.findall("<td([^>]*)>([^<]*)", show_runs(runs).html())
    date = f"{datetime.now():%Y}-"
    assert {"nowrap" in look for look, said in cells if said.startswith(date)} == {True}
    assert {"nowrap" in look for look, said in cells if said.startswith("a long note")} == {False}
    assert {"style" in look for look, said in cells if said.startswith("0.")} == {False}


def test_the_text_of_runs_names_their_ids_and_values(make, runs):
    run_id = make("forest", {"depth": 3}, {"loss": math.nan})
    lines = repr(show_runs(runs)).split("\n")
    assert lines[0].split() == ["run", "name", "status", "experiment", "started", "loss", "depth"]
    assert lines[1].split()[:4] == [run_id[:8], "forest", "finished", "study"]
    assert lines[1].split()[-2:] == ["nan", "3"]


def test_a_view_of_nothing_says_so(runs):
    assert "No runs yet" in repr(show_runs(runs))
    assert "No such runs" in repr(show_runs(runs, "metrics.loss > 1"))
    assert "No such runs" in show_runs(runs, "metrics.loss > 1").html()


def test_a_view_has_the_runs_as_a_frame(make, runs):
    make("forest", {"depth": 3})
    assert show_runs(runs).frame()["params.depth"].tolist() == ["3"]


def test_a_comparison_names_what_differs(make, runs):
    ids = [make("one", {"depth": 3, "same": 1}, {"loss": 0.5}), make("two", {"depth": 4, "same": 1}, {"loss": 0.25})]
    view = show_comparison(runs, ids)
    assert "params.depth" in repr(view) and "same" not in repr(view)
    content = Tags(view.html()).text
    assert "depth34" in content and "1 param is the same" in content
    assert "loss0.50.25-0.25" in content
    assert "the same code" in content and "same environment" in content


def test_an_unknown_run_or_a_wrong_filter_is_an_error_at_once(runs):
    with pytest.raises(NotFoundError):
        show_comparison(runs, ["0" * 32])
    with pytest.raises(UsageError):
        show_runs(runs, "metrics.loss >")


def test_a_difference_of_code_is_signed_and_escaped():
    content = html.code_difference(text_difference("a < b\n", "a > b\n"))
    assert '<li class="tb-removed">-a &lt; b</li>' in content
    assert '<li class="tb-added">+a &gt; b</li>' in content
