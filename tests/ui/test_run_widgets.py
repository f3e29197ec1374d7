"""`%runs`, `%compare` and `%models` in JupyterLab: used with the keyboard, readable in both themes, and still there when reopened."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

from support.jupyter import JupyterServer

EVIL = "<img src=x onerror=hacked=1>"
CELLS = [
    "%load_ext trackbook\nimport math, random\nimport trackbook as tb",
    "rate, width = 0.02, 8",
    "%%track digits --name slow\nrandom.seed(1)\nfor step in range(300):\n"
    "    tb.log_metric('loss', math.exp(-rate * step) + random.random() / 10, step=step)\n"
    "tb.log_params({'rate': rate, 'width': width, 'kind': 'net'})\ntb.log_metric('accuracy', 0.91)",
    "rate, width = 0.05, 16",
    "%%track digits --name fast\nrandom.seed(2)\nfor step in range(200):\n"
    "    tb.log_metric('loss', math.exp(-rate * step) + random.random() / 10, step=step)\n"
    "tb.log_params({'rate': rate, 'width': width, 'kind': 'net'})\ntb.log_metric('accuracy', 0.94)",
    f"%%track digits\ntb.set_tag('run', 1)\nwith tb.start_run({EVIL!r}, nested=True):\n"
    f"    tb.log_params({{'rate': 0.1, 'note': {EVIL!r}}})\n    tb.log_metric('accuracy', 0.9)",
    "%runs",
]


GATE = '[[gates]]\nmetric = "r2"\nmin = 0.3\n'
MODEL_CELLS = [
    "%load_ext trackbook\nimport trackbook as tb\nfrom sklearn.linear_model import Ridge",
    f"%%track churn --name {EVIL!r}\nmodel = Ridge().fit([[0.0], [1.0]], [0.0, 1.0])\n"
    f"tb.log_metrics({{'r2': 0.5, {EVIL!r}: 1.0}})\ntb.log_param({EVIL!r}, {EVIL!r})",
    f"%register model churn --description {EVIL!r}",
    "worse = Ridge(9.0).fit([[0.0], [1.0]], [0.0, 1.0])\ntb.register_model(worse, 'churn', metrics={'r2': 0.1})",
    "%models",
]


def write_notebook(lab: JupyterServer, folder: str, cells: list[str], policy: str = "") -> Path:
    """Write a notebook into a project of its own."""
    path = lab.root / folder / "compare.ipynb"
    path.parent.mkdir()
    (path.parent / "trackbook.toml").write_text(policy)
    node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    node.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(node, path)
    return path


@pytest.fixture
def notebook(shared_lab: JupyterServer, tmp_path: Path) -> Path:
    """A notebook that tracks two runs with curves, and one whose name is hostile."""
    return write_notebook(shared_lab, tmp_path.name, CELLS)


def open_notebook(page: Page, lab: JupyterServer, notebook: Path) -> None:
    page.goto(f"{lab.url}lab/tree/{notebook.relative_to(lab.root)}?token={lab.token}&reset")
    page.wait_for_function("() => window.jupyterapp && window.jupyterapp.restored.then(() => true)")
    kernel = "window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel"
    page.wait_for_function(f"() => {kernel}?.status === 'idle'")
    page.evaluate("() => { window.jupyterapp.shell.collapseLeft(); }")


def command(page: Page, name: str) -> None:
    page.evaluate(f"() => {{ window.jupyterapp.commands.execute({json.dumps(name)}) }}")


def run(page: Page, source: str) -> None:
    """Run a new cell at the end of the notebook."""
    command(page, "notebook:move-cursor-down")
    page.evaluate(
        "source => { const panel = window.jupyterapp.shell.currentWidget; const cells = panel.content.model.sharedModel;"
        " cells.addCell({ cell_type: 'code', source }); panel.content.activeCellIndex = cells.cells.length - 1;"
        " window.jupyterapp.commands.execute('notebook:run-cell') }",
        source,
    )


def names(page: Page) -> Locator:
    return page.locator(".tb-names").get_by_role("checkbox")


def test_runs_are_searched_ticked_and_compared(
    page: Page, shared_lab: JupyterServer, notebook: Path, screenshot: Callable[[str], None]
) -> None:
    """The widget answers the keyboard, shows stored text as text, and leaves a table in the file."""
    open_notebook(page, shared_lab, notebook)
    command(page, "notebook:run-all-cells")
    expect(names(page)).to_have_count(4)
    expect(page.locator(".tb-names").get_by_text(EVIL)).to_be_visible()
    assert page.evaluate("window.hacked") is None
    assert row_offsets(page) == pytest.approx([0] * 4, abs=3)
    page.locator(".tb-runs").scroll_into_view_if_needed()
    screenshot("runs-widget")

    box = page.get_by_label("Filter", exact=True)
    box.fill("metrics.loss < 1 and parms.rate > 0")
    box.press("Enter")
    complaint = page.get_by_role("alert").filter(has_text="^")
    expect(complaint).to_be_visible()
    assert left(page, complaint, "^") == pytest.approx(left_in_box(page, box, "metrics.loss < 1 and "), abs=2)
    screenshot("runs-widget-error")
    box.fill("metrics.loss < 1 and params.rate > 0")
    box.press("Enter")
    expect(complaint).to_be_hidden()
    expect(names(page)).to_have_count(2)

    names(page).first.focus()
    page.keyboard.press("Space")
    names(page).nth(1).focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Compare 2 runs").focus()
    page.keyboard.press("Enter")
    panel = page.locator(".tb-runs .widget-tab")
    expect(panel.get_by_role("table", name="Params that differ")).to_contain_text("0.05")
    panel.get_by_role("tab", name="Params and metrics").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(panel.locator(".vega-embed svg .mark-line path[stroke]").first).to_be_visible()
    assert panel.locator(".vega-embed svg .mark-line path[stroke]").count() == 2
    panel.scroll_into_view_if_needed()
    screenshot("runs-widget-compared")
    panel.get_by_role("tab", name=re.compile("Code")).click()
    expect(panel.locator(".tb-removed").first).to_have_text("-rate, width = 0.05, 16")

    command(page, "docmanager:save")
    page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    outputs = [output for cell in nbformat.read(notebook, 4).cells for output in cell.get("outputs", [])]
    kept = [output.data["text/html"] for output in outputs if "tb-kept" in output.get("data", {}).get("text/html", "")]
    assert len(kept) == 1 and "slow" in kept[0]


def test_a_comparison_is_shown_in_both_themes_and_kept_without_its_kernel(
    page: Page, shared_lab: JupyterServer, notebook: Path, screenshot: Callable[[str], None]
) -> None:
    """`%compare` shows all its sections; when the notebook is opened again, the tables stand where the widget was."""
    open_notebook(page, shared_lab, notebook)
    command(page, "notebook:run-all-cells")
    expect(names(page)).to_have_count(4)
    run(
        page,
        "by = tb.search_runs().set_index('run_name').run_id\nslow, fast = by['slow'], by['fast']\n%compare $slow $fast",
    )
    tabs = page.locator(".widget-tab")
    expect(tabs.get_by_role("table", name="Metrics")).to_contain_text("accuracy")
    expect(page.locator(".tb-kept-table").locator("visible=true")).to_have_count(0)
    for title in ("Params", "Curves", "Parallel", "Code", "Environment"):
        tabs.get_by_role("tab", name=re.compile(f"^{title}")).click()
        if title in ("Curves", "Parallel"):
            expect(tabs.locator(".vega-embed svg").locator("visible=true")).to_have_count(1)
        tabs.scroll_into_view_if_needed()
        screenshot(f"compare-{title.lower()}")

    command(page, "docmanager:save")
    page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    command(page, "kernelmenu:shutdown")
    page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel")
    open_notebook(page, shared_lab, notebook)
    expect(page.get_by_role("table", name="Params that differ").locator("visible=true")).to_be_visible()
    expect(page.get_by_role("table", name="Runs").locator("visible=true")).to_be_visible()
    expect(page.get_by_text("Error displaying widget").locator("visible=true")).to_have_count(0)
    page.get_by_role("table", name="Runs").scroll_into_view_if_needed()
    screenshot("compare-reopened")
    assert page.evaluate("window.hacked") is None


def test_a_version_is_looked_into_and_promoted_with_the_keyboard(
    page: Page, shared_lab: JupyterServer, tmp_path: Path, screenshot: Callable[[str], None]
) -> None:
    """`%models` shows gates, card and lineage of a version whose texts are hostile, and asks before it promotes."""
    open_notebook(page, shared_lab, write_notebook(shared_lab, tmp_path.name, MODEL_CELLS, GATE))
    command(page, "notebook:run-all-cells")
    expect(names(page)).to_have_count(2)
    page.get_by_role("checkbox", name="churn 1").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Show", exact=True).focus()
    page.keyboard.press("Enter")
    panel = page.locator(".tb-models .widget-tab")
    panel.get_by_role("tab", name="Card").click()
    expect(panel.get_by_role("region", name="Program").get_by_text("Ridge().fit")).to_be_visible()
    expect(panel.get_by_role("region", name="Summary").get_by_text(EVIL).first).to_be_visible()
    panel.scroll_into_view_if_needed()
    screenshot("models-card")
    panel.get_by_role("tab", name="Lineage").click()
    expect(panel.get_by_role("img", name=re.compile("Lineage: ")).locator("visible=true")).to_be_visible()
    screenshot("models-lineage")
    panel.get_by_role("tab", name="Decide").click()
    page.get_by_role("button", name="Promote", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Promote churn 1 to production?")).to_be_visible()
    screenshot("models-asked")
    page.get_by_role("button", name="Yes", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator(".tb-models .tb-grid").get_by_text("@champion")).to_be_visible()
    expect(page.locator(".tb-models .tb-grid").get_by_text("1 passed")).to_be_visible()
    assert page.evaluate("window.hacked") is None


def row_offsets(page: Page) -> list[float]:
    """Return how far the middle of each row of the table is below that of its checkbox, in pixels."""
    rows = page.locator(".tb-grid tbody tr")
    places = zip(names(page).all(), rows.all(), strict=True)
    return [middle(row) - middle(box) for box, row in places]


def middle(element: Locator) -> float:
    return element.evaluate("node => { const box = node.getBoundingClientRect(); return (box.top + box.bottom) / 2; }")


def left(page: Page, element: Locator, text: str) -> float:
    """Return where the first `text` within an element begins, in pixels of the page."""
    return element.evaluate(
        "(node, text) => { const leaf = node.firstChild; const at = leaf.data.indexOf(text);"
        " const range = document.createRange(); range.setStart(leaf, at); range.setEnd(leaf, at + 1);"
        " return range.getBoundingClientRect().left; }",
        text,
    )


def left_in_box(page: Page, box: Locator, before: str) -> float:
    """Return where the text of an input goes on behind `before`, in pixels of the page."""
    return box.evaluate(
        "(node, before) => { const style = getComputedStyle(node); const canvas = document.createElement('canvas');"
        " const pen = canvas.getContext('2d'); pen.font = style.font;"
        " return node.getBoundingClientRect().left + parseFloat(style.paddingLeft) + parseFloat(style.borderLeftWidth)"
        " + pen.measureText(before).width; }",
        before,
    )
