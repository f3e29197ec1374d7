"""The widgets as a frontend drives them: their traits are set as a user sets them, and what they show is read."""

from __future__ import annotations

import ipywidgets as ipw
import pytest

from support.widgets import Driver, walk
from trackbook.errors import StoreError
from trackbook.widgets import show_comparison
from trackbook.widgets.browser import MAX_PICKED, RunBrowser
from trackbook.widgets.compare_tabs import VEGA_LITE, comparison_tabs

EVIL = "<script>alert(1)</script>\"'&"


@pytest.fixture
def listing(make, runs):
    for number in range(5):
        make(f"run-{number}", {"depth": number}, {"loss": [float(number), number / 10]})
    return Driver(RunBrowser(runs, "", (), 3).box)


def test_the_newest_runs_come_first_and_pages_follow(listing):
    assert listing.names == ["run-4", "run-3", "run-2"]
    assert listing.button("Previous").disabled
    listing.button("Next").click()
    assert listing.names == ["run-1", "run-0"]
    assert listing.button("Next").disabled
    assert "Runs 4 to 5 of 5" in listing.shown
    listing.button("Previous").click()
    assert listing.names == ["run-4", "run-3", "run-2"]


def test_a_filter_is_read_and_a_wrong_one_points_at_its_token(listing):
    listing.filter("params.depth < 2")
    assert listing.names == ["run-1", "run-0"]
    listing.filter('  metrics.loss > 1 and statsu = "x"')
    assert '<pre role="alert">' in listing.shown
    caret = listing.shown[listing.shown.index('<pre role="alert">') + len('<pre role="alert">') :].split("\n")[0]
    assert caret == " " * len("  metrics.loss > 1 and ") + "^" * len("statsu")
    assert "did you mean &#x27;status&#x27;" in listing.shown
    assert listing.names == ["run-1", "run-0"], "a wrong filter leaves what is shown"
    listing.filter("params.depth = 3")
    assert "alert" not in listing.shown and listing.names == ["run-3"]
    listing.filter("params.depht = 33")
    assert listing.names == [] and "No such runs." in listing.shown
    assert "did you mean" in listing.shown, "a name that no run has is not an error, but a hint"


def test_a_head_sorts_down_then_up_then_not(listing):
    listing.button("loss").click()
    assert listing.names == ["run-4", "run-3", "run-2"]
    assert listing.button("loss").description == "loss ▼"
    listing.button("loss").click()
    assert listing.names == ["run-0", "run-1", "run-2"]
    assert listing.button("loss").description == "loss ▲"
    listing.button("loss").click()
    assert listing.names == ["run-4", "run-3", "run-2"] and listing.button("loss").description == "loss"


def test_runs_stay_ticked_over_pages_and_are_compared(listing):
    listing.tick("run-4")
    assert listing.button("Compare").disabled
    listing.button("Next").click()
    listing.tick("run-0")
    listing.button("Previous").click()
    assert [box.value for box in listing.all(ipw.Checkbox)] == [True, False, False]
    compare = listing.button("Compare")
    assert (compare.description, compare.disabled) == ("Compare 2 runs", False)
    compare.click()
    (_,) = listing.all(ipw.Tab)
    assert "Params that differ" in listing.shown
    listing.button("Untick all").click()
    assert listing.all(ipw.Tab) == [] and not any(box.value for box in listing.all(ipw.Checkbox))
    assert listing.button("Compare").disabled


def test_more_runs_than_can_be_told_apart_are_not_compared(make, runs):
    for number in range(MAX_PICKED + 1):
        make(f"run-{number}")
    listing = Driver(RunBrowser(runs, "", (), 50).box)
    for box in listing.all(ipw.Checkbox):
        box.value = True
    assert listing.button("Compare").disabled and f"at most {MAX_PICKED}" in listing.shown


def test_a_page_is_never_longer_than_a_browser_bears(make, runs):
    make("only")
    assert len([each for each in walk(RunBrowser(runs, "", (), 10_000).box) if isinstance(each, ipw.Checkbox)]) == 100


def test_a_store_that_cannot_be_read_is_said_in_place(listing, runs, monkeypatch):
    def broken(*_):
        raise StoreError("the store is gone")

    monkeypatch.setattr(runs, "page", broken)
    listing.filter("params.depth = 1")
    assert "the store is gone" in listing.shown


def test_stored_text_is_a_label_or_escaped(make, runs):
    make(EVIL, {EVIL: EVIL}, {"loss": 1.0})
    listing = Driver(RunBrowser(runs, "", (), 3).box)
    (box,) = listing.all(ipw.Checkbox)
    assert box.description == EVIL and box.description_allow_html is False
    assert "<script>" not in listing.shown and "&lt;script&gt;" in listing.shown


# -- comparison


@pytest.fixture
def tabs(make, runs):
    curve = [1.0, 0.5, 0.25]
    ids = [make("one", {"depth": 3}, {"loss": curve, "r2": 0.5}), make("two", {"depth": 4}, {"loss": curve, "r2": 0.6})]
    return comparison_tabs(show_comparison(runs, ids))


def open_tab(tabs, title):
    place = next(place for place, found in enumerate(tabs.titles) if found.startswith(title))
    tabs.selected_index = place
    return Driver(tabs.children[place])


def picture(driver):
    (output,) = driver.all(ipw.Output)
    return output.outputs[0]["data"]


def test_a_picture_is_drawn_when_its_tab_is_opened(tabs):
    assert [len(child.children) for child in tabs.children] == [1, 0, 0, 0, 0]
    spec = picture(open_tab(tabs, "Curves"))[VEGA_LITE]
    assert [panel["title"]["text"] for panel in spec["concat"]] == ["loss"], "r2 has no curve"
    spec = picture(open_tab(tabs, "Parallel"))[VEGA_LITE]
    assert spec["description"] == "2 runs across depth, r2"


def test_smoothing_scale_and_metrics_change_the_picture(tabs):
    curves = open_tab(tabs, "Curves")
    layers = len(picture(curves)[VEGA_LITE]["concat"][0]["layer"])
    curves.all(ipw.FloatSlider)[0].value = 0.5
    assert len(picture(curves)[VEGA_LITE]["concat"][0]["layer"]) == layers + 1
    curves.all(ipw.Checkbox)[0].value = True
    scale = picture(curves)[VEGA_LITE]["concat"][0]["layer"][0]["encoding"]["y"]["scale"]
    assert scale["type"] == "log"
    curves.all(ipw.SelectMultiple)[0].value = ("loss", "r2")
    assert len(picture(curves)[VEGA_LITE]["concat"]) == 2
    curves.all(ipw.SelectMultiple)[0].value = ()
    assert picture(curves) == {"text/plain": "No metric is chosen, or none was logged."}


def test_a_param_and_a_metric_of_one_name_have_two_axes(make, runs):
    ids = [make(str(number), {"loss": number}, {"loss": float(number)}) for number in range(2)]
    spec = picture(open_tab(comparison_tabs(show_comparison(runs, ids)), "Parallel"))[VEGA_LITE]
    assert spec["description"] == "2 runs across loss, metrics.loss"


def test_runs_that_do_not_differ_have_no_parallel_coordinates(make, runs):
    ids = [make("same"), make("same")]
    tabs = comparison_tabs(show_comparison(runs, ids))
    assert picture(open_tab(tabs, "Parallel")) == {"text/plain": "Fewer than two params and metrics differ."}
    assert picture(open_tab(tabs, "Curves")) == {"text/plain": "No metric is chosen, or none was logged."}
    assert [title for title in tabs.titles if title.startswith(("Code", "Env"))] == ["Code (same)", "Environment (0)"]
