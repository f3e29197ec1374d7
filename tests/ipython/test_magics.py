"""The line magics that read runs back: filters with quotes, errors in one piece."""

import pytest


@pytest.fixture(scope="module")
def searched(kernel):
    for name, depth, loss in (("low", 2, 0.1), ("middle", 10, 0.2), ("high man", 3, 0.3)):
        cell = f"%%track searched --name '{name}'\ndepth = {depth}\ntb.log_metric('loss', {loss})\ntb.log_param('kind', 'it\"s {name}')"
        assert kernel.run(cell).errors == []
    return kernel


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("experiment = 'searched'", ["high man", "middle", "low"]),
        ('experiment = "searched" and metrics.loss > 0.15', ["high man", "middle"]),
        ("run_name = 'high man'", ["high man"]),
        ("run_name IN ('low', 'high man') and experiment = 'searched'", ["high man", "low"]),
        ("experiment = 'searched' and NOT metrics.loss > -0.5 or params.depth = 10", ["middle"]),
        ("params.depth>2 and params.depth<10", ["high man"]),
        ("run_name LIKE 'm%' and metrics.loss >= .2", ["middle"]),
        ("experiment = 'searched' --order-by 'metrics.loss DESC' --limit 2", ["high man", "middle"]),
        ("experiment = 'searched' --order-by metrics.loss", ["low", "middle", "high man"]),
        ("params.kind = 'it\"s low'", ["low"]),
        ("", ["high man", "middle", "low"]),
    ],
)
def test_runs_takes_a_filter_as_it_is_written(searched, line, found):
    outcome = searched.run(f"table = %runs {line}\nprint(table)")
    assert (outcome.errors, outcome.stderr) == ([], "")
    shown = outcome.stdout
    positions = {name: shown.find(name) for name in ("low", "middle", "high man")}
    assert sorted((name for name in positions if positions[name] >= 0), key=positions.get) == found


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("%runs metrics.loss <", "expected a value"),
        ("%runs statsu = 'x'", "did you mean 'status'"),
        ("%runs run_name = 'open", "No closing quotation"),
        ("%runs --limit x", "invalid int value"),
        ("%runs --limit 0", "at least 1"),
        ("%runs --bad", "unrecognized arguments"),
        ("%compare", "required: run"),
        ("%compare 0123456789abcdef", "there is no run"),
        ("%compare zzz", "is no run id"),
    ],
)
def test_a_wrong_line_is_a_usage_error_without_a_traceback(searched, line, words):
    outcome = searched.run(line)
    shown = outcome.stderr + outcome.traceback
    assert "UsageError" in shown
    assert words in shown
    assert "Traceback" not in shown


WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def models(outcome, name):
    """Return the states of the widgets of one kind that were made, by the ids of their comms."""
    made = [each for each in outcome.comms if each.get("target_name") == "jupyter.widget"]
    states = {each["comm_id"]: each["data"]["state"] for each in made}
    return {comm: state for comm, state in states.items() if state.get("_model_name") == name}


def changes(outcome, comm):
    """Return what became of the state of a widget."""
    updates = [each["data"] for each in outcome.comms if each["comm_id"] == comm and "method" in each["data"]]
    return {name: value for each in updates if each["method"] == "update" for name, value in each["state"].items()}


def test_runs_leaves_a_table_in_the_notebook_and_shows_a_widget(searched):
    """Text and HTML stay in the file; the widget is an output of its own, which hides the HTML while it lives."""
    outcome = searched.run("%runs experiment = 'searched' --limit 2")
    assert (outcome.errors, outcome.stderr, outcome.results) == ([], "", [])
    kept, widget = outcome.displays
    assert set(kept) == {"text/plain", "text/html"} and set(widget) == {WIDGET_VIEW}
    assert "high man" in kept["text/plain"] and "<table" in kept["text/html"]
    assert widget[WIDGET_VIEW]["model_id"] in models(outcome, "VBoxModel")
    mark = kept["text/html"].split("tb-kept-")[1][:8]
    assert any(f".tb-kept-{mark}{{display:none}}" in state["value"] for state in models(outcome, "HTMLModel").values())
    labels = [changes(outcome, comm)["description"] for comm in models(outcome, "CheckboxModel")]
    assert labels == ["high man", "middle"]


def test_the_widget_of_runs_answers_its_user(searched):
    """A filter that is typed, a wrong one, a head and boxes: each changes what the widget shows, by comm messages."""
    made = searched.run("%runs experiment = 'searched'")
    (box,) = models(made, "TextModel")
    boxes = list(models(made, "CheckboxModel"))
    found = searched.set_widget(box, value="params.depth = 10")
    assert changes(found, boxes[0])["description"] == "middle"
    wrong = searched.set_widget(box, value="metrics.loss <")
    assert any("expected a value" in str(changes(wrong, comm).get("value")) for comm in models(made, "HTMLModel"))
    searched.set_widget(box, value="experiment = 'searched'")
    heads = list(models(made, "ButtonModel"))
    loss = next(comm for comm in heads if changes(made, comm).get("description") == "loss")
    assert changes(searched.send_to_widget(loss, event="click"), loss)["description"] == "loss ▼"
    assert changes(searched.send_to_widget(loss, event="click"), boxes[0])["description"] == "low"
    compare = next(comm for comm, state in models(made, "ButtonModel").items() if state["description"] == "Compare")
    searched.set_widget(boxes[0], value=True)
    picked = changes(searched.set_widget(boxes[1], value=True), compare)
    assert picked == {"description": "Compare 2 runs", "disabled": False}
    opened = searched.send_to_widget(compare, event="click")
    (tabs,) = models(opened, "TabModel")
    curves = searched.set_widget(tabs, selected_index=1)
    (output,) = models(curves, "OutputModel")
    assert "application/vnd.vegalite.v5+json" in changes(curves, output)["outputs"][0]["data"]


def test_compare_shows_what_differs(searched):
    ids = [run.run_id[:12] for run in searched.runs("searched")][:2]
    kept, widget = searched.run(f"%compare {' '.join(ids)}").displays
    assert "params.depth" in kept["text/plain"] and "metrics.loss" in kept["text/plain"]
    assert "Params" in kept["text/html"] and "+depth = 10" in kept["text/html"]
    assert set(widget) == {WIDGET_VIEW}


def test_a_model_is_registered_and_looked_into(searched):
    """`%register` says what nobody has stated of the model; `%models` leaves a table and shows a widget to open it."""
    searched.run("from sklearn.linear_model import Ridge\nridge = Ridge().fit([[0.0], [1.0]], [0.0, 1.0])")
    (shown,) = searched.run("%register ridge looked-into --limits 'not for children'").results
    assert "not stated yet: intended use; %models looked-into asks for it" in shown
    made = searched.run("%models looked-into")
    assert (made.errors, made.stderr) == ([], "")
    kept, widget = made.displays
    assert "looked-into 1" in kept["text/plain"] and "<table" in kept["text/html"] and set(widget) == {WIDGET_VIEW}
    (box,) = [comm for comm in models(made, "CheckboxModel") if changes(made, comm).get("description")][:1]
    searched.set_widget(box, value=True)
    show = next(comm for comm, state in models(made, "ButtonModel").items() if state["description"] == "Show")
    opened = searched.send_to_widget(show, event="click")
    assert len(models(opened, "TabModel")) == 1
    assert any("not for children" in str(changes(opened, comm).get("value")) for comm in models(opened, "HTMLModel"))


def test_in_a_terminal_runs_are_text_alone(python, project):
    """IPython in a terminal makes no widget, and prints the table."""
    (project.root.parent / "home").mkdir()
    with project.tracker.start_run("plain"):
        pass
    code = (
        "import sys\nfrom IPython.terminal.interactiveshell import TerminalInteractiveShell as Shell\n"
        "shell = Shell.instance(simple_prompt=True)\nshell.run_cell('%load_ext trackbook')\nshell.run_cell('%runs')\n"
        "print('ipywidgets' in sys.modules, 'altair' in sys.modules)"
    )
    printed = python(code, cwd=project.root).stdout
    assert "plain" in printed and "<table" not in printed
    assert printed.rstrip().endswith("False False")


def test_loading_the_extension_loads_no_widget(python, project):
    """`%load_ext trackbook` costs what it did: widgets and pictures are loaded when a magic shows them."""
    (project.root.parent / "home").mkdir()
    code = (
        "import sys\nfrom IPython.core.interactiveshell import InteractiveShell as Shell\n"
        "Shell.instance().extension_manager.load_extension('trackbook')\n"
        "print([name for name in ('ipywidgets', 'altair', 'trackbook.widgets.runs') if name in sys.modules])"
    )
    assert python(code, cwd=project.root).stdout.strip() == "[]"
