"""Models in the Lab: the section of the panel and the document of one, by keyboard; names that look like HTML are text."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Locator, Page, expect
from sklearn.linear_model import LogisticRegression

from support.hostile import script
from support.jupyter import JupyterServer
from trackbook.project import Project
from trackbook.registry import Identity

POLICY = """
[[gates]]
metric = "accuracy"
min = 0.7

[[gates]]
type = "champion"
data = "data:/people@1"
target = "churned"
metric = "roc_auc"
leakage = "unknown_ok"

[[gates]]
type = "slices"
data = "data:/people@1"
target = "churned"
by = ["region", "age"]
edges = { age = [30, 50] }
margin = 0.05
leakage = "unknown_ok"

[[gates]]
type = "fairness"
data = "data:/people@1"
target = "churned"
by = "region"
max = 0.4
leakage = "unknown_ok"

[[approvals]]
approvers = ["carol", "dan"]
count = 2
"""
CAROL, DAN = Identity("carol", "jupyterhub"), Identity("dan")
FIELDS = ("description", "tag", "comment", "reason", "column", "param", "metric", "run", "owner", "use")
CALLS = script("column")


def people(rows: int = 900) -> pd.DataFrame:
    """Customers, of whom some leave; a column has a hostile name."""
    random = np.random.default_rng(0)
    age, calls = random.uniform(18, 70, rows), random.poisson(2, rows).astype(float)
    gone = random.uniform(size=rows) < 1 / (1 + np.exp(-(0.9 * calls - 0.04 * age)))
    region = random.choice(["north", "south", "west"], rows)
    return pd.DataFrame({"age": age, CALLS: calls, "region": region, "churned": gone.astype(int)})


@pytest.fixture
def project(shared_lab: JupyterServer) -> Project:
    """Three versions of a model: overridden, promoted with two approvals, and one that waits; scripts in all texts."""
    (shared_lab.root / "trackbook.toml").write_text(POLICY)
    project = Project.open(shared_lab.root)
    frame = people()
    project.data.snapshot(frame, "people")
    for features in (["age"], ["age", CALLS], [CALLS]):
        model = LogisticRegression(C=len(features)).fit(frame[features], frame["churned"])
        with project.tracker.start_run(script("run")) as run:
            run.log_params({"features": len(features), script("param"): script("param")})
            run.log_metrics({"accuracy": model.score(frame[features], frame["churned"]), script("metric"): 0.5})
        project.registry.register(
            model, "churn", run_id=run.run_id, description=script("description"), owner=script("owner"),
            tags={"team": script("tag")}, example=frame[features],
        )  # fmt: skip
    registry = project.registry
    registry.edit("churn", description=script("description"), intended_use=script("use"), limits="Adults only.")
    registry.promote("churn", 1, "production", reason=script("reason"), override=True)
    project.registry_for(CAROL).approve("churn", 2, comment=script("comment"))
    project.registry_for(DAN).approve("churn", 2, comment="Looked at the slices.")
    registry.promote("churn", 2, "production")
    registry.set_alias("churn", "spare", 1)
    registry.deprecate("churn", 1, script("reason"))
    registry.check("churn", 3, "production")
    return project


def open_model(page: Page, lab: JupyterServer) -> Locator:
    """Open the model from the panel with the keyboard."""
    page.goto(f"{lab.url}lab/tree/quickstart.ipynb?token={lab.token}&reset")
    page.wait_for_function("() => window.jupyterapp && window.jupyterapp.restored.then(() => true)")
    expect(page.locator(".jp-Notebook .jp-Cell").first).to_be_visible()
    page.get_by_role("tab", name="Trackbook").click()
    row = page.get_by_role("button", name=re.compile("^Model churn, version 2 in production, newest 3"))
    row.focus()
    page.keyboard.press("Enter")
    return page.get_by_role("article", name="Model churn")


def press(page: Page, button: Locator) -> None:
    button.focus()
    page.keyboard.press("Enter")


def test_a_model_is_judged_approved_and_moved_by_keyboard_and_its_texts_run_nothing(
    page: Page, shared_lab: JupyterServer, project: Project, screenshot: Callable[[str], None]
) -> None:
    """From the panel to a promotion that is refused, overridden and rolled back; whatever is stored is only shown."""
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    model = open_model(page, shared_lab)
    expect(model.get_by_role("listitem", name=re.compile("^Gate better than the champion"))).to_be_visible()
    slices = model.get_by_role("figure", name=re.compile("^Slices of no slice"))
    expect(slices.get_by_role("img", name=re.compile("^region = north"))).to_be_visible()
    screenshot("model")

    # The parts of the page are for the keyboard, too.
    for part in ("Gates", "Audit trail"):
        press(page, model.get_by_role("navigation").get_by_role("button", name=part, exact=True))
        screenshot(f"model-{part.split()[0].lower()}")
    expect(model.get_by_role("status").filter(has_text="verified")).to_be_visible()
    model.locator(".tb-Card-section").evaluate_all("sections => sections.forEach(each => { each.open = true })")
    for field in FIELDS:
        expect(page.get_by_text(script(field)).first).to_be_attached()

    press(page, model.get_by_role("button", name="Approve"))
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("not authenticated").first).to_be_visible()
    dialog.get_by_role("textbox").fill(script("mine"))
    press(page, dialog.get_by_role("button", name="Approve"))
    expect(model.get_by_role("alert").filter(has_text="cannot approve")).to_be_visible()

    press(page, model.get_by_role("button", name="Promote"))
    expect(dialog.get_by_text("needs 2 more")).to_be_visible()
    press(page, dialog.get_by_role("button", name="Promote"))
    expect(model.get_by_role("alert").filter(has_text="Version 3 was refused")).to_be_visible()

    press(page, model.get_by_role("button", name="Promote"))
    dialog.get_by_role("checkbox", name=re.compile("^Override")).press("Space")
    press(page, dialog.get_by_role("button", name="Promote"))
    expect(dialog.get_by_role("alert")).to_contain_text("An override needs a reason")
    screenshot("model-override")
    dialog.get_by_role("textbox").fill(script("override"))
    press(page, dialog.get_by_role("button", name="Promote"))
    expect(model.get_by_role("button", name="Version 3, production, by an override")).to_be_visible()
    assert project.registry.version("churn", 3).override == script("override")

    press(page, model.get_by_role("button", name="Roll back"))
    press(page, dialog.get_by_role("button", name="Roll back"))
    expect(model.get_by_role("button", name="Version 2, production")).to_be_visible()
    assert page.evaluate("window.hacked") is None
    assert asked == []
