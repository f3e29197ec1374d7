"""All runs of a project in the Lab: searched, sorted, grouped, compared, edited, deleted and brought back; datasets."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
from playwright.sync_api import Locator, Page, expect

from support.jupyter import JupyterServer
from support.many import fill
from trackbook.project import Project

RUNS = 2000
HOSTILE = "<img src=x onerror='window.hacked = true'> " + "long " * 40


def make_project(lab: JupyterServer) -> Project:
    """Give the quickstart's project two thousand runs, two with curves, one with a hostile name, and a dataset."""
    project = fill(lab.root, RUNS)
    for name in ("steep", "flat"):
        with project.tracker.start_run(name, experiment="curves") as run:
            run.log_params({"model": name, "max_depth": len(name)})
            for step in range(200):
                run.log_metrics({"loss": math.exp(-step / (20 * len(name))), "accuracy": step / 250}, step=step)
    with project.tracker.start_run(HOSTILE, experiment="curves") as run:
        run.log_param("note", "<script>window.hacked = true</script>")
    frame = pd.DataFrame({"id": range(50), "age": range(20, 70)})
    with project.tracker.start_run("snapshot", experiment="data") as run:
        project.data.snapshot(frame, "people", run_id=run.run_id)
        project.data.snapshot(frame.assign(city="Graz").iloc[:40], "people", run_id=run.run_id)
    return project


@pytest.fixture(scope="module")
def project(shared_lab: JupyterServer) -> Project:
    """The project that most tests look at."""
    return make_project(shared_lab)


@pytest.fixture
def runs(page: Page, shared_lab: JupyterServer, project: Project) -> Page:
    """The document of all its runs, opened from the panel."""
    return open_runs(page, shared_lab, project)


def open_runs(page: Page, lab: JupyterServer, project: Project) -> Page:
    page.goto(f"{lab.url}lab/tree/quickstart.ipynb?token={lab.token}&reset")
    page.wait_for_function("() => window.jupyterapp && window.jupyterapp.restored.then(() => true)")
    # The notebook of the address comes to the front when it is there, and that may be after the panel.
    expect(page.locator(".jp-Notebook .jp-Cell").first).to_be_visible(timeout=60_000)
    page.get_by_role("tab", name="Trackbook").click()
    page.get_by_role("button", name="All runs").click()
    expect(total(page)).to_contain_text(f"{project.runs.count():,} runs")
    return page


def total(page: Page) -> Locator:
    return page.locator(".tb-Actions-count")


def focused_row(page: Page) -> Locator:
    return page.get_by_role("status", name="Focused row")


def grid(page: Page) -> Locator:
    return page.get_by_role("application", name="Runs, table")


def filter_by(page: Page, text: str) -> None:
    page.get_by_role("combobox", name="Filter runs").fill(text)
    page.keyboard.press("Enter")


@contextmanager
def rows_asked_for(page: Page) -> Iterator[list[int]]:
    """Collect how many rows each request asks for."""
    asked: list[int] = []

    def note(request: object) -> None:
        url = urlsplit(request.url)  # type: ignore[attr-defined]
        if url.path.endswith("/trackbook/api/runs"):
            asked.append(int(parse_qs(url.query).get("limit", ["50"])[0]))

    page.on("request", note)
    yield asked
    page.remove_listener("request", note)


def test_runs_are_found_sorted_and_grouped_by_keyboard_and_mouse(
    runs: Page, project: Project, screenshot: Callable[[str], None]
) -> None:
    """Scrolling fetches what is looked at; the filter completes and points at its faults; orders and groups hold.

    Names and params that look like HTML are shown as text, in the table, in the panel and in a run's document.
    """
    page = runs
    with rows_asked_for(page) as asked:
        grid(page).focus()
        page.keyboard.press("End")
        count, (oldest,) = project.runs.count(), project.runs.search(order_by=["start_time"], max_results=1)
        expect(focused_row(page)).to_contain_text(f"Row {count:,} of {count:,}, selected: {oldest.run_name}")
        page.keyboard.press("Home")
        expect(focused_row(page)).to_contain_text(f"Row 1 of {count:,}")
    assert sum(asked) < RUNS / 2, "nothing loads everything"
    page.keyboard.press("Shift+ArrowDown")
    expect(total(page)).to_contain_text("2 selected")
    screenshot("runs")

    box = page.get_by_role("combobox", name="Filter runs")
    box.click()
    page.keyboard.type("metrics.accu")
    expect(page.get_by_role("option", name="metrics.accuracy metric")).to_be_visible()
    screenshot("runs-completion")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(box).to_have_value("metrics.accuracy ")
    page.keyboard.type(">")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Expected a value")
    expect(total(page)).to_contain_text(f"{count:,} runs")
    screenshot("runs-fault")

    filter_by(page, "metrics.accuracy > 0.9 and params.model = 'forest'")
    found = project.runs.count("metrics.accuracy > 0.9 and params.model = 'forest'")
    expect(total(page)).to_contain_text(f"{found} runs")
    page.get_by_label("Sort by").select_option("metrics.accuracy")
    best = project.runs.search("params.model = 'forest'", ["metrics.accuracy DESC"], 1)[0]
    grid(page).focus()
    expect(focused_row(page)).to_contain_text(f"Row 1 of {found}: {best.run_name}")
    page.keyboard.press("Home")
    expect(focused_row(page)).to_contain_text(f"Row 1 of {found}, selected: {best.run_name}")

    filter_by(page, "")
    page.get_by_label("Group by").select_option("params.model")
    group = page.get_by_role("button", name=re.compile("^ridge"))
    number = project.runs.count("params.model = 'ridge'")
    expect(group).to_contain_text(f"{number} runs")
    group.click()
    expect(total(page)).to_contain_text(f"{number} runs")
    screenshot("runs-groups")
    page.get_by_label("Group by").select_option("")
    expect(total(page)).to_contain_text(f"{count:,} runs")

    page.get_by_role("button", name="Columns").click()
    page.get_by_role("checkbox", name="seed").check()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Columns")).to_be_focused()
    page.wait_for_timeout(1500)  # JupyterLab writes its state when changes pause
    page.reload()
    expect(total(page)).to_contain_text(f"{count:,} runs")
    page.get_by_role("button", name="Columns").click()
    expect(page.get_by_role("checkbox", name="seed")).to_be_checked()
    page.keyboard.press("Escape")
    page.get_by_role("button", name=re.compile("^<img src=x")).click()
    expect(page.get_by_text("<script>window.hacked = true</script>")).to_be_visible()
    assert page.evaluate("window.hacked") is None


def test_runs_are_edited_deleted_and_brought_back(page: Page, lab: JupyterServer) -> None:
    """F2 edits, Delete deletes and Undo brings back; a server that is gone is named, with a way to try again."""
    project = make_project(lab)
    open_runs(page, lab, project)
    filter_by(page, "experiment = 'curves'")
    expect(total(page)).to_contain_text("3 runs")
    grid(page).focus()
    page.keyboard.press("End")
    expect(focused_row(page)).to_contain_text("Row 3 of 3, selected: steep")
    page.keyboard.press("F2")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("steeper")
    dialog.get_by_label("Note").fill("the better one")
    dialog.get_by_label("Key of tag 1", exact=True).fill("team")
    dialog.get_by_label("Value of tag 1", exact=True).fill("blue")
    dialog.get_by_role("button", name="Save").click()
    expect(focused_row(page)).to_contain_text("steeper")
    (run,) = project.runs.search("run_name = 'steeper' and tags.team = 'blue'")
    assert run.note == "the better one"

    page.keyboard.press("Delete")
    expect(total(page)).to_contain_text("2 runs")
    assert project.runs.count("run_name = 'steeper'") == 0
    page.get_by_role("button", name="Undo").click()
    expect(total(page)).to_contain_text("3 runs")
    assert project.runs.count("run_name = 'steeper'") == 1

    with project.tracker.start_run("came later", experiment="curves"):
        pass
    expect(total(page)).to_contain_text("4 runs")
    lab.stop()
    expect(page.get_by_text("The Jupyter server does not answer").first).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    expect(total(page)).to_contain_text("4 runs")


def test_runs_are_compared_while_one_of_them_goes_on(
    runs: Page, project: Project, screenshot: Callable[[str], None]
) -> None:
    """Curves grow before one's eyes, smoothed and on a log scale; what differs is told; hostile names stay text."""
    page = runs
    filter_by(page, "experiment = 'curves'")
    with _live_run(project):
        expect(total(page)).to_have_text("4 runs")
        grid(page).focus()
        page.keyboard.press("Control+a")
        expect(total(page)).to_contain_text("4 selected")
        page.get_by_role("button", name="Compare", exact=True).click()
        compare = page.get_by_role("article", name="Comparison of 4 runs")
        expect(compare.locator(".vega-embed").first).to_be_visible()
        expect(compare.get_by_text("● live")).to_be_visible()
        picture = compare.get_by_role("group", name=re.compile("^Curves of"))
        before = picture.locator("svg").first.inner_html()
        page.wait_for_function(
            "before => document.querySelector('.tb-CurvesPart svg')?.innerHTML !== before", arg=before
        )
        compare.get_by_label("Smoothing").fill("0.9")
        compare.get_by_label("Log scale").check()
        compare.get_by_role("combobox", name=re.compile("^Over")).select_option("time")
        expect(compare.get_by_text("seconds since the first value").first).to_be_visible()
        screenshot("compare")
    expect(compare.get_by_text("● live")).to_have_count(0)
    expect(compare.get_by_role("table", name="Params that differ")).to_contain_text("max_depth")
    expect(compare.get_by_role("group", name="Params and metrics, parallel coordinates")).to_be_visible()
    expect(compare.get_by_text("<img src=x").first).to_be_visible()
    assert page.evaluate("window.hacked") is None


@contextmanager
def _live_run(project: Project) -> Iterator[None]:
    stop = threading.Event()

    def work() -> None:
        with project.tracker.start_run("live", experiment="curves") as run:
            for step in range(100_000):
                run.log_metric("loss", 1 / (step + 1), step=step)
                if stop.wait(0.05):
                    return

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_datasets_show_versions_schema_difference_and_lineage(
    runs: Page, project: Project, screenshot: Callable[[str], None]
) -> None:
    """The Data section leads to a document that tells what each version holds and what came between two of them."""
    page = runs
    page.get_by_role("button", name=re.compile("^Dataset people, 2 versions, 40 rows × 3")).click()
    document = page.get_by_role("article", name="Dataset people")
    expect(document.get_by_role("table", name="Versions")).to_contain_text("version 2")
    expect(document.get_by_text("1 column added")).to_be_visible()
    expect(document.get_by_text("10 rows removed")).to_be_visible()
    expect(document.get_by_role("table", name="Schema")).to_contain_text("city")
    expect(document.get_by_role("button", name=re.compile("^Run snapshot"))).to_be_visible()
    screenshot("dataset")
    document.get_by_role("button", name="version 1", exact=True).click()
    expect(document.get_by_role("table", name="Schema")).not_to_contain_text("city")
    document.get_by_role("button", name=re.compile("^Run snapshot")).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("article", name="Run snapshot")).to_be_visible()
    assert project.data.get("people").version == 2
