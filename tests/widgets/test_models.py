"""`%models` as a frontend drives it: its traits are set as a user sets them, and what it shows is read."""

from __future__ import annotations

import ipywidgets as ipw
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

from support.widgets import Driver
from trackbook.errors import StoreError
from trackbook.registry import Registry
from trackbook.settings import ApprovalSettings, MetricGate, Settings
from trackbook.widgets import model_table, show_models
from trackbook.widgets.model_browser import ROWS, ModelBrowser

EVIL = "<script>alert(1)</script>\"'&<img src=x onerror=alert(2)>"
GATES = Settings(gates=(MetricGate(metric="r2", min=0.3),))


@pytest.fixture(scope="session")
def ridge():
    return Ridge().fit(*load_diabetes(return_X_y=True, as_frame=True))


@pytest.fixture
def registry(store, runs):
    return Registry(store, GATES, "ada", runs)


@pytest.fixture
def models(registry, tracker, ridge):
    """Two models: `churn` with one version, `diabetes` with three, of which the second fails its gate."""
    for name, r2 in (("churn", 0.5), ("diabetes", 0.4), ("diabetes", 0.1), ("diabetes", 0.5)):
        with tracker.start_run(name) as run:
            run.log_param("alpha", r2)
            run.log_metric("r2", r2)
        registry.register(ridge, name, run_id=run.run_id)
    registry.check("diabetes", 2, "production")
    registry.promote("diabetes", 1, "production")
    return registry


@pytest.fixture
def listing(models):
    return Driver(ModelBrowser(lambda: models).box)


def test_versions_are_listed_filtered_and_sorted(listing):
    """Names come in order, the newest version first; a filter takes words of any column; a head sorts."""
    assert listing.names == ["churn 1", "diabetes 3", "diabetes 2", "diabetes 1"]
    listing.filter("DIABETES production")
    assert listing.names == ["diabetes 1"]
    listing.filter("@champion")
    assert listing.names == ["diabetes 1"]
    listing.filter("diabetes")
    listing.button("r2").click()
    assert listing.names == ["diabetes 3", "diabetes 1", "diabetes 2"]
    listing.button("stage").click()
    listing.button("stage").click()
    assert listing.names[0] == "diabetes 1", "production comes first"
    listing.filter("nothing")
    assert listing.names == [] and "No such models." in listing.shown


def test_gates_are_counted_and_those_that_failed_are_red(listing):
    """A failed gate stands out in the table."""
    assert 'class="tb-red">1 failed<' in listing.shown.replace(' style="text-align:left;white-space:nowrap"', "")
    assert ">1 passed<" in listing.shown


def test_one_version_is_shown_with_gates_card_and_lineage(listing):
    """The ticked version is opened below the table, and nothing of the stored model is built for it."""
    assert listing.button("Show").disabled
    listing.tick("diabetes 2")
    listing.button("Show").click()
    (tabs,) = listing.all(ipw.Tab)
    assert tabs.titles == ("Gates and approvals", "Card", "Lineage", "Decide")
    assert "r2 is 0.1, below the minimum 0.3" in listing.shown
    assert "<svg" in listing.shown and "diabetes v2" in listing.shown


def test_two_versions_of_one_model_are_compared(listing):
    """Two of one model, not of two, have a tab a section."""
    listing.tick("diabetes 1", "churn 1")
    assert listing.button("Compare").disabled and "of two models" in listing.shown
    listing.button("Untick all").click()
    listing.tick("diabetes 1", "diabetes 3")
    listing.button("Compare").click()
    (tabs,) = listing.all(ipw.Tab)
    assert tabs.titles == ("Metrics", "Versions", "Params", "Signature", "Data", "Environment", "Gates", "Code")
    assert "+0.1" in listing.shown and "alpha" in listing.shown


def test_a_promotion_is_asked_about_before_it_is_done(listing, models):
    """No changes nothing, Yes does; the table and the version are read again."""
    listing.tick("diabetes 3")
    listing.button("Show").click()
    listing.button("Promote").click()
    assert "Promote diabetes 3 to production?" in listing.shown
    listing.button("No").click()
    assert models.get("diabetes").in_stage("production").version == 1
    listing.button("Promote").click()
    listing.button("Yes").click()
    assert models.get("diabetes").in_stage("production").version == 3
    assert "in production, as @champion" in listing.shown and "archived" in listing.shown


def test_a_refusal_says_why(listing, models):
    """What the gate says stands below the buttons, and the version stays where it was."""
    listing.tick("diabetes 2")
    listing.button("Show").click()
    listing.button("Promote").click()
    listing.button("Yes").click()
    assert 'role="alert">version 2 of model &#x27;diabetes&#x27; was not promoted' in listing.shown
    assert models.version("diabetes", 2).stage == "none"


def test_intended_use_and_limits_are_asked_once_and_kept(listing, models):
    """The fields are gone when both are stated, for all versions of the model."""
    listing.tick("diabetes 2")
    listing.button("Show").click()
    use, limits = listing.all(ipw.Textarea)
    use.value, limits.value = "to plan visits", EVIL
    listing.button("Keep").click()
    model = models.get("diabetes")
    assert (model.intended_use, model.limits) == ("to plan visits", EVIL)
    assert listing.box_of(use).layout.display == "none"
    assert "to plan visits" in listing.shown and "<script>" not in listing.shown


def test_a_store_that_cannot_be_read_is_said_in_place(listing, models, monkeypatch):
    """What is shown stays, and the reason stands above it."""

    def broken():
        raise StoreError("the store is gone")

    monkeypatch.setattr(models, "models", broken)
    listing.filter("churn")
    assert "the store is gone" in listing.shown and len(listing.names) == 4


def test_many_versions_have_pages(registry, ridge):
    """A page holds a dozen; ticks stay over pages."""
    for _ in range(ROWS + 1):
        registry.register(ridge, "many")
    listing = Driver(ModelBrowser(lambda: registry).box)
    listing.tick(f"many {ROWS + 1}")
    listing.button("Next").click()
    assert listing.names == ["many 1"] and listing.button("Next").disabled
    listing.button("Previous").click()
    assert "1 ticked" in listing.shown and len(listing.names) == ROWS


def test_the_view_is_a_table_without_widgets(models, registry):
    """Text and HTML name the versions; hostile text stays text; a DataFrame has the metrics as columns."""
    view = show_models(lambda: models)
    assert "diabetes 1" in repr(view) and "production" in repr(view) and "@champion" in repr(view)
    assert "<table" in view._repr_html_() and "diabetes 3" in view.html()
    assert view.frame()["metrics.r2"].tolist() == [0.5, 0.5, 0.1, 0.4]
    models.edit("churn", owner=EVIL)
    assert [row.label for row in show_models(lambda: models, "onerror").rows] == ["churn 1"]


def test_a_view_of_nothing_says_so(registry):
    """An empty registry names the way to a first model."""
    assert "%register" in repr(show_models(lambda: registry))
    assert "No such models" in show_models(lambda: registry, "x").html()


# -- decisions

POLICY = Settings(gates=GATES.gates, approvals=(ApprovalSettings(("eve",)),))


@pytest.fixture
def reviewed(models, store, runs):
    """The listing as eve sees it, whom the policy asks."""
    registry = Registry(store, POLICY, "eve", runs)
    return registry, Driver(ModelBrowser(lambda: registry).box)


def open_version(driver, label):
    driver.tick(label)
    driver.button("Show").click()


def test_what_a_promotion_lacks_is_said_and_who_is_asked_approves(reviewed):
    """The sentences name who must approve, and that nobody vouches for the name; then the approval counts."""
    registry, driver = reviewed
    open_version(driver, "diabetes 3")
    assert "It lacks:" in driver.shown and "eve" in driver.shown and "advisory" in driver.shown
    driver.field("Reason").value = "looks good"
    driver.button("Approve").click()
    assert "Approve diabetes 3 for production?" in driver.shown
    driver.button("Yes").click()
    (approval,) = registry.version("diabetes", 3).approvals
    assert (approval.approver, approval.approved, approval.comment) == ("eve", True, "looks good")
    assert "Nothing is lacking." in driver.shown and driver.field("Reason").value == ""


def test_a_rejection_keeps_a_version_out(reviewed):
    """What was rejected is told in red with the comment."""
    registry, driver = reviewed
    open_version(driver, "diabetes 3")
    driver.field("Reason").value = "wrong labels"
    driver.button("Reject").click()
    driver.button("Yes").click()
    assert registry.version("diabetes", 3).approvals[0].approved is False
    assert "rejected version 3 for production" in driver.shown


def test_an_override_needs_a_reason_and_is_red(reviewed):
    """Without a reason it is refused; with one it is marked wherever the version is shown."""
    registry, driver = reviewed
    open_version(driver, "diabetes 2")
    (override,) = [box for box in driver.all(ipw.Checkbox) if box.description.startswith("Override")]
    override.value = True
    driver.button("Promote").click()
    driver.button("Yes").click()
    assert registry.version("diabetes", 2).stage == "none" and 'class="tb-red" role="alert"' in driver.shown
    driver.field("Reason").value = EVIL
    override.value = True
    driver.button("Promote").click()
    assert "AGAINST" in driver.shown
    driver.button("Yes").click()
    assert registry.version("diabetes", 2).override == EVIL
    assert ">override<" in driver.shown and "by an override" in driver.shown and "<script>" not in driver.shown


def test_a_rollback_brings_the_version_before_back(listing, models):
    """After a question, as everything that changes what is in production."""
    models.promote("diabetes", 3, "production")
    open_version(listing, "diabetes 3")
    listing.button("Roll back").click()
    assert models.get("diabetes").in_stage("production").version == 3
    listing.button("Yes").click()
    assert models.get("diabetes").in_stage("production").version == 1


def test_gates_are_void_under_another_policy(models, store, runs):
    """What was judged under other gates is shown as void, in red."""
    stricter = Registry(store, Settings(gates=(MetricGate(metric="r2", min=0.45),)), "ada", runs)
    listing = Driver(ModelBrowser(lambda: stricter).box)
    assert ">1 void<" in listing.shown and "1 passed" not in listing.shown
    open_version(listing, "diabetes 1")
    assert "void: trackbook.toml asked for something else then" in listing.shown


def test_a_large_registry_is_read_by_name(models, monkeypatch):
    """Where there are more versions than are read at once, the filter says which models are looked into."""
    monkeypatch.setattr(model_table, "MOST_READ", 3)
    listing = Driver(ModelBrowser(lambda: models).box)
    assert listing.names == ["churn 1"] and "and 1 more models: name them in the filter" in listing.shown
    listing.filter("diabetes")
    assert listing.names == ["diabetes 3", "diabetes 2", "diabetes 1"] and "more models" not in listing.shown
