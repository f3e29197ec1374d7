"""A notebook as a pipeline in the Lab: chips of steps, the graph with its reasons, conversion, verification and runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

from support.jupyter import JupyterServer

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
CELLS = [
    ("import csv\nimport statistics", ["imports"]),
    ("limit = 40", ["parameters"]),
    ('with open("ages.csv") as file:\n    rows = [int(age) for age, in csv.reader(file)]', ["step:load"]),
    ("rows.sort()", []),
    ("young = [age for age in rows if age < limit]", ["block:split", "mine"]),
    ("old = [age for age in rows if age >= limit]", ["step:other"]),
    ("difference = statistics.mean(old) - statistics.mean(young)\nprint(round(difference, 2))", ["step:compare"]),
]


@pytest.fixture
def notebook(lab: JupyterServer) -> Path:
    """A tagged notebook beside the file that it reads."""
    (lab.root / "ages.csv").write_text("".join(f"{age}\n" for age in range(20, 60, 3)))
    path = lab.root / "study.ipynb"
    node = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source, metadata={"tags": tags} if tags else {}) for source, tags in CELLS]
    )
    node.metadata.kernelspec = KERNEL
    nbformat.write(node, path)
    return path


def opened(page: Page, lab: JupyterServer, path: str) -> None:
    """Open a notebook in a Lab that knows nothing of earlier ones."""
    page.goto(f"{lab.url}lab/tree/{path}?token={lab.token}&reset")
    page.wait_for_function("() => window.jupyterapp && window.jupyterapp.restored.then(() => true)")


def tags(page: Page, path: Path) -> list[list[str]]:
    """Save the notebook that is in front, and return the tags of its cells."""
    late = "new Promise((_, fail) => setTimeout(() => fail(new Error('not saved in 30 s')), 30000))"
    page.evaluate(f"() => Promise.race([window.jupyterapp.shell.currentWidget.context.save(), {late}])")
    return _tags_in(path)


def _tags_in(path: Path) -> list[list[str]]:
    return [cell.metadata.get("tags", []) for cell in nbformat.read(path, as_version=4).cells]


def test_steps_are_set_seen_as_a_graph_and_proved_as_a_script(
    page: Page, lab: JupyterServer, notebook: Path, screenshot: Callable[[str], None]
) -> None:
    """Chips write tags and nothing else, undo takes them back; the graph says why; the script does the same."""
    opened(page, lab, "study.ipynb")
    _set_steps(page, notebook, screenshot)
    page.get_by_role("button", name="Pipeline: graph, run, convert and verify").click()
    document = page.get_by_role("article", name="Pipeline of study.ipynb")
    _ask_why(page, document, screenshot)

    document.get_by_role("button", name="Convert and verify").click()
    expect(document.get_by_role("progressbar").first).to_be_visible()
    expect(document.get_by_role("region", name="Verdict: same")).to_be_visible()
    assert (notebook.parent / "study_pipeline.py").is_file()
    screenshot("pipeline-verified")

    _run_and_see_where_it_failed(page, document, screenshot)
    _run_again_and_look_back(page, document, screenshot)

    document.get_by_role("button", name=re.compile("^Cell 5 of step split")).focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget?.content?.activeCellIndex === 4")

    # A contradiction is told with its cell, as soon as the notebook is saved; so is that the verdict is out of date.
    cells = "window.jupyterapp.shell.currentWidget.content.widgets"
    page.evaluate(f"() => {cells}[4].model.setMetadata('tags', ['step:split', 'step:load'])")
    tags(page, notebook)
    page.get_by_role("tab", name="Pipeline of study.ipynb").click()
    expect(document.get_by_role("alert", name="Problems")).to_contain_text("ode cell 5")
    expect(document.get_by_role("button", name="Go to cell 5")).to_be_visible()
    expect(document.get_by_text("The notebook is no longer what this script was made of")).to_be_visible()
    screenshot("pipeline-problem")
    _verify_and_cancel_a_long_one(page, lab, screenshot)
    _write_inferred_steps(page, lab)


def _set_steps(page: Page, path: Path, screenshot: Callable[[str], None]) -> None:
    chip = partial(page.get_by_role, "button")
    expect(chip(name="Step split, written block:split. Change the step")).to_be_visible()
    expect(chip(name="In step load, as the cell above. Change the step")).to_be_visible()
    before = tags(page, path)

    # By keyboard: T opens the menu at the cell's step, and a step is chosen by the arrows.
    page.locator(".jp-CodeCell").nth(5).locator(".jp-InputPrompt").click()
    page.keyboard.press("t")
    expect(page.get_by_role("menu").get_by_text("Parameters")).to_be_visible()
    screenshot("step-menu")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(chip(name="Step split. Change the step")).to_be_visible()
    assert tags(page, path)[4:6] == [["block:split", "mine"], ["step:split"]]
    page.keyboard.press("z")
    expect(chip(name="Step other. Change the step")).to_be_visible()
    assert tags(page, path) == before

    # By mouse: the chip opens the same menu; the cell takes its step along.
    chip(name="Step other. Change the step").click()
    page.get_by_role("menuitem", name="New Step…").click()
    page.get_by_role("textbox", name=re.compile("Its name")).fill("select_old")
    page.keyboard.press("Enter")
    expect(chip(name="Step select_old. Change the step")).to_be_visible()
    page.locator(".jp-CodeCell").nth(5).locator(".jp-InputPrompt").click()
    page.keyboard.press("Control+Shift+ArrowUp")
    expect(page.locator(".jp-CodeCell").nth(4).get_by_role("button", name="Step select_old")).to_be_visible()
    page.keyboard.press("Control+Shift+ArrowDown")
    assert tags(page, path)[5] == ["step:select_old"]
    screenshot("steps")


def _ask_why(page: Page, document: Locator, screenshot: Callable[[str], None]) -> None:
    document.get_by_role("button", name=re.compile("^Cell 5 of step split")).click()
    page.keyboard.press("ArrowLeft")
    why = document.get_by_role("region", name="Why")
    for _ in range(3):
        if why.get_by_text("rows.sort()").count():
            break
        page.keyboard.press("ArrowDown")
    expect(why).to_contain_text("written in cell 4, line 1")
    expect(why).to_contain_text("rows.sort()")
    expect(why.get_by_role("button", name="cell 4, line 1")).to_be_visible()
    page.mouse.move(0, 0)
    screenshot("pipeline-graph")


def _run_and_see_where_it_failed(page: Page, document: Locator, screenshot: Callable[[str], None]) -> None:
    """A wrong param is told at its field; a step that fails shows its traceback and opens its cell at the line."""
    cell = partial(document.get_by_role, "button")
    expect(cell(name=re.compile("^Cell 3 of step load.*would run: no result of it is kept"))).to_be_visible()
    document.get_by_role("button", name="Parameters").click()
    limit = document.get_by_role("textbox", name="limit")
    limit.fill("many")
    fault = document.get_by_text("is of type int")
    expect(fault).to_be_visible()
    screenshot("pipeline-params")
    limit.fill("100")
    expect(fault).to_have_count(0)
    limit.press("Enter")
    expect(document.get_by_role("region", name="Traceback")).to_contain_text("mean requires at least one data point")
    expect(document.get_by_role("region", name="Step compare")).to_contain_text("no result of it is kept")
    expect(cell(name=re.compile("^Cell 7 of step compare.*failed in"))).to_be_visible()
    screenshot("pipeline-failed")
    document.get_by_role("button", name="Go to cell 7, line 1").click()
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget?.content?.activeCellIndex === 6")
    page.get_by_role("tab", name="Pipeline of study.ipynb").click()


def _run_again_and_look_back(page: Page, document: Locator, screenshot: Callable[[str], None]) -> None:
    """What is kept is not repeated; a step runs anew from its menu; runs of the past are seen in the graph."""
    cell = partial(document.get_by_role, "button")
    document.get_by_role("button", name="Back to the defaults").click()
    document.get_by_role("button", name="Run", exact=True).click()
    expect(document.get_by_text("3 executed, 1 cached in")).to_be_visible()
    expect(cell(name=re.compile("^Cell 3 of step load.*cached"))).to_be_visible()
    cell(name=re.compile("^Cell 4 of step load")).focus()
    page.keyboard.press("Shift+F10")
    expect(page.get_by_role("menuitem", name="Run From load")).to_be_visible()
    page.keyboard.press("Enter")
    expect(document.get_by_text("4 executed in")).to_be_visible()
    runs = document.get_by_role("table", name="Runs of this pipeline")
    expect(runs.get_by_role("row")).to_have_count(4)
    expect(runs.get_by_role("row").nth(2)).to_contain_text("limit 40 was 100")
    runs.get_by_role("row").nth(3).get_by_role("button").first.click()
    expect(document.get_by_text("These are the steps of a run of the past")).to_be_visible()
    expect(cell(name=re.compile("^Cell 7 of step compare.*failed in"))).to_be_visible()
    runs.scroll_into_view_if_needed()
    screenshot("pipeline-history")
    document.get_by_role("button", name="Back to now").click()


def _stop_a_run(page: Page, document: Locator, screenshot: Callable[[str], None]) -> None:
    """A run that goes on is seen step by step, also by a page that is opened meanwhile, and can be stopped."""
    page.evaluate("() => window.jupyterapp.commands.execute('trackbook:run-pipeline', {path: 'long.ipynb'})")
    expect(document.get_by_text("Running wait")).to_be_visible()
    expect(document.get_by_role("log", name="Log of step wait")).to_contain_text("waits for it")
    screenshot("pipeline-running")
    page.get_by_role("tab", name="Pipeline of long.ipynb").locator(".lm-TabBar-tabCloseIcon").click()
    page.evaluate("() => window.jupyterapp.commands.execute('trackbook:open-pipeline', {path: 'long.ipynb'})")
    expect(document.get_by_role("log", name="Log of step wait")).to_contain_text("waits for it")
    document.get_by_role("button", name="Stop").click()
    expect(document.get_by_text("what was done is kept")).to_be_visible()
    expect(document.get_by_role("region", name="Step wait")).to_contain_text("stopped")


def _verify_and_cancel_a_long_one(page: Page, lab: JupyterServer, screenshot: Callable[[str], None]) -> None:
    """Cells that come into view have their chips; commands start what the buttons start, and cancelling ends it."""
    waits = nbformat.v4.new_code_cell(
        "import time\nprint('waits for it')\ntime.sleep(300)", metadata={"tags": ["step:wait"]}
    )
    cells = [
        nbformat.v4.new_code_cell(f"v{n} = {f'v{n - 1}' if n else 0}", metadata={"tags": [f"step:part_{n // 9}"]})
        for n in range(100)
    ]
    node = nbformat.v4.new_notebook(cells=[*cells, waits], metadata={"kernelspec": KERNEL})
    nbformat.write(node, lab.root / "long.ipynb")
    save = "settings.save('@jupyterlab/notebook-extension:tracker', '{\"windowingMode\": \"full\"}')"
    page.evaluate(f"() => window.jupyterapp.serviceManager.{save}")
    opened(page, lab, "long.ipynb")
    expect(page.get_by_role("button", name="Step part_0. Change the step").first).to_be_visible()
    page.evaluate("() => window.jupyterapp.commands.execute('trackbook:verify-notebook')")
    document = page.get_by_role("article", name="Pipeline of long.ipynb")
    expect(document.get_by_role("progressbar", name="Script")).to_have_attribute("aria-valuemax", "13")
    screenshot("pipeline-long")
    document.get_by_role("button", name="Cancel").click()
    expect(document.get_by_text("Cancelled.")).to_be_visible()
    _stop_a_run(page, document, screenshot)
    document.get_by_role("button", name=re.compile("^Cell 100 of step part_11")).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Step part_11. Change the step").last).to_be_visible()
    for place in (0, 50):
        page.evaluate(f"() => void window.jupyterapp.shell.currentWidget.content.scrollToItem({place}, 'center')")
        expect(page.get_by_role("button", name=f"Step part_{place // 9}. Change the step").last).to_be_visible()


def _write_inferred_steps(page: Page, lab: JupyterServer) -> None:
    """Steps that headings and data flow make become tags at a click, and so chips."""
    path = lab.root / "bare.ipynb"
    cells = [("# Load", "rows = [3, 1]"), ("# Sort", "rows.sort()\nprint(rows)")]
    new = nbformat.v4
    parts = [part for text, code in cells for part in (new.new_markdown_cell(text), new.new_code_cell(code))]
    nbformat.write(new.new_notebook(cells=parts, metadata={"kernelspec": KERNEL}), path)
    page.evaluate("() => window.jupyterapp.commands.execute('trackbook:open-pipeline', {path: 'bare.ipynb'})")
    document = page.get_by_role("article", name="Pipeline of bare.ipynb")
    document.get_by_role("button", name="Write them as tags").click()
    expect(page.get_by_role("button", name="Step sort. Change the step")).to_be_visible()
    page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")  # it saves by itself
    assert _tags_in(path) == [[], ["step:load"], [], ["step:sort"]]
