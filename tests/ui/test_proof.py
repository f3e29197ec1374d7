"""The proof of a run in the Lab: badges of cells, the run's document, and its reproduction."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

from support.jupyter import JupyterServer
from trackbook.project import Project
from trackbook.store import events

CELLS = [
    "%load_ext trackbook",
    "factor = 2",
    '%%track study --name total\nimport csv\nwith open("data.csv") as file:\n    rows = list(csv.reader(file))\n'
    "total = factor * sum(int(value) for value, in rows)\nfor step in range(60):\n    print(step)\ntotal",
    '%%track study --name broken\nraise ValueError("<img src=x onerror=alert(1)>")',
]


@pytest.fixture
def notebook(lab: JupyterServer) -> Path:
    """A notebook beside a file that it reads."""
    (lab.root / "data.csv").write_text("1\n2\n3\n")
    path = lab.root / "study.ipynb"
    node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    node.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(node, path)
    return path


def badge(page: Page, text: str) -> Locator:
    return page.get_by_role("button", name=re.compile(f"^Run {text}"))


def in_notebook(page: Page, code: str) -> object:
    """Evaluate JavaScript with the open notebook as `panel`."""
    return page.evaluate(f"() => {{ const panel = window.jupyterapp.shell.currentWidget; {code} }}")


def run_cell(page: Page, index: int, source: str | None = None) -> None:
    text = f"panel.content.widgets[{index}].model.sharedModel.setSource({json.dumps(source)});" if source else ""
    in_notebook(page, f"{text} panel.content.activeCellIndex = {index};")
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-cell') }")


def test_a_run_is_told_by_badges_and_proved_in_its_document(
    page: Page, lab: JupyterServer, notebook: Path, screenshot: Callable[[str], None]
) -> None:
    """Badges follow what happens without touching the notebook; the document shows everything and repeats the run."""
    page.goto(f"{lab.url}lab/tree/study.ipynb?token={lab.token}&reset")
    page.wait_for_function("() => window.jupyterapp && window.jupyterapp.restored.then(() => true)")
    expect(page.locator(".jp-CodeCell")).to_have_count(4)
    # Cells that are sent before there is a kernel are dropped.
    kernel = "window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel"
    page.wait_for_function(f"() => {kernel}?.status === 'idle'")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    expect(badge(page, "total, tracked")).to_be_visible()
    expect(badge(page, "broken, failed")).to_be_visible()

    # What a badge says is written nowhere in the notebook.
    in_notebook(page, "return panel.context.save();")
    saved = notebook.read_bytes()
    run_cell(page, 1, "factor = 3")
    expect(badge(page, r"total, stale; cell \[\d\] was run again with other code")).to_be_visible()
    in_notebook(page, "return panel.context.save();")
    in_notebook(page, "panel.content.widgets[2].model.sharedModel.setSource('1')")
    expect(badge(page, "total, stale; this cell was edited since its run")).to_be_visible()
    in_notebook(page, f"panel.content.widgets[2].model.sharedModel.setSource({json.dumps(CELLS[2])})")
    run_cell(page, 1, "factor = 2")
    expect(badge(page, "total, tracked")).to_be_visible()
    (lab.root / "data.csv").write_text("1\n2\n4\n")
    expect(badge(page, "total, stale; data.csv changed")).to_be_visible()
    screenshot("badges")
    (lab.root / "data.csv").write_text("1\n2\n3\n")
    before, after = (nbformat.reads(text, 4) for text in (saved, notebook.read_bytes()))
    assert [cell.metadata for cell in after.cells] == [cell.metadata for cell in before.cells]
    assert after.metadata == before.metadata
    in_notebook(page, "return panel.context.save();")
    expect(badge(page, "total, tracked")).to_be_visible()
    assert in_notebook(page, "return panel.context.model.dirty;") is False

    badge(page, "total").click()
    document = page.get_by_role("article", name="Run total")
    expect(document.get_by_role("heading", name="Lineage")).to_be_visible()
    expect(document.get_by_role("button", name=re.compile(r"^Cell \[\d\], ran, factor for the run"))).to_be_visible()
    expect(document.get_by_role("button", name="Show all 60 lines")).to_be_visible()

    # The lineage is for the keyboard, too: a cell leads to its code.
    document.get_by_role("button", name=re.compile(r"^Cell \[\d\];")).focus()
    page.keyboard.press("Enter")
    expect(document.get_by_role("region", name=re.compile("^Source of cell"))).to_be_visible()

    document.get_by_role("button", name="Reproduce").click()
    expect(document.get_by_role("progressbar")).to_be_visible()
    screenshot("reproduction")
    page.reload()  # the server goes on, and the page finds it again
    expect(document.get_by_role("region", name="Verdict: reproduced")).to_be_visible()
    screenshot("proof")

    project = Project.open(lab.root)
    (run,) = project.runs.search("attributes.run_name = 'broken'")
    hostile = b"<script>window.hacked = true</script><img src=x onerror='window.hacked = true'>"
    digest = project.store.objects.put(hostile)
    project.store.append(events.ArtifactLogged(run.run_id, "outputs/page.html", digest, len(hostile), "text/html"))
    page.get_by_role("tab", name="study.ipynb").click()
    badge(page, "broken").click()
    broken = page.get_by_role("article", name="Run broken")
    expect(broken.get_by_text("<script>window.hacked = true</script>")).to_be_visible()
    assert page.evaluate("window.hacked") is None
