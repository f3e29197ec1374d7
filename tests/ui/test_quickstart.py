"""The quickstart as a user meets it: open, run all, see the runs, promote the model, see the drift."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from support.jupyter import JupyterServer
from trackbook.project import Project


@pytest.fixture
def panel(page: Page, lab: JupyterServer) -> Page:
    """The Lab with the quickstart open and the Trackbook panel in front."""
    page.goto(f"{lab.url}lab/tree/quickstart.ipynb?token={lab.token}&reset")
    expect(page.get_by_role("heading", name="Quickstart: from a notebook to a watched model")).to_be_visible()
    page.get_by_role("tab", name="Trackbook").click()
    return page


def run_all(page: Page) -> None:
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def row(page: Page, name: str) -> object:
    return page.get_by_role("button", name=re.compile(name))


def test_the_quickstart_goes_all_the_way(
    panel: Page, lab: JupyterServer, screenshot: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Running the notebook fills the panel without a reload; runs and reports open; gates refuse and let pass."""
    page = panel
    expect(page.get_by_text("No runs yet")).to_be_visible()
    screenshot("empty")

    run_all(page)
    forest = row(page, "^forest, finished")
    expect(forest).to_be_visible()
    expect(row(page, "^baseline, finished")).to_be_visible()
    report = row(page, "^under_50 against over_60, drift")
    expect(report).to_be_visible()

    page.get_by_role("heading", name="Train", exact=True).scroll_into_view_if_needed()
    screenshot("notebook")

    forest.focus()
    page.keyboard.press("Enter")
    document = page.get_by_role("main").last
    expect(page.get_by_role("heading", name="forest")).to_be_visible()
    expect(page.get_by_text("RandomForestRegressor(n_estimators=trees").last).to_be_visible()
    expect(page.get_by_role("heading", name="Inputs")).to_be_visible()
    expect(document).to_be_visible()
    screenshot("run")

    row(page, "^Model diabetes, version 2 in production").focus()
    page.keyboard.press("Enter")
    model = page.get_by_role("article", name="Model diabetes")
    promote(page, model, 1, "production")
    expect(model.get_by_role("alert")).to_contain_text("0.3")
    promote(page, model, 2, "staging")
    expect(model.get_by_role("button", name="Version 2, staging")).to_be_visible()
    screenshot("models")
    versions = {each.version: each.stage for each in Project.open(lab.root).registry.get("diabetes").versions}
    assert versions == {1: "none", 2: "staging"}

    report.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=re.compile("under_50"))).to_be_visible()
    expect(page.locator(".vega-embed").last).to_be_visible()
    screenshot("drift")

    with Project.open(lab.root).tracker.start_run("from-a-script"):
        pass
    ended = time.monotonic()
    expect(row(page, "^from-a-script, finished")).to_be_visible()
    with capsys.disabled():
        print(f"\na new run stood in the panel {time.monotonic() - ended:.1f} s after its end")


def promote(page: Page, model: Locator, version: int, stage: str) -> None:
    """Ask for a stage with the keyboard alone."""
    model.get_by_role("button", name=f"Version {version},").focus()
    page.keyboard.press("Enter")
    steps = model.get_by_role("toolbar", name="Promotion, steps")
    steps.get_by_role("combobox", name="Stage").select_option(stage)
    steps.get_by_role("button", name="Promote").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text(re.compile("^(Version|Its gates)")).first).to_be_visible()
    dialog.get_by_role("button", name="Promote").focus()
    page.keyboard.press("Enter")
