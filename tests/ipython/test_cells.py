"""`%%track` in a real kernel: the cell runs exactly as without it."""

import re

import pytest


@pytest.fixture
def track(kernel, experiment):
    """Run a cell under `%%track` in the test's own experiment."""

    def run(body, options="", **keywords):
        return kernel.run(f"%%track {experiment} {options}\n{body}", **keywords)

    return run


@pytest.fixture
def only_run(kernel, experiment):
    return lambda: kernel.only_run(experiment)


def test_the_last_value_is_shown_once(track, only_run):
    outcome = track("x = 20\nx + 22")
    assert (outcome.results, outcome.stdout, outcome.stderr, outcome.errors) == (["42"], "", "", [])
    assert only_run().summary.status == "FINISHED"


def test_what_the_cell_shows_is_what_it_shows_without_the_line(kernel, track):
    body = "print('out')\nimport sys\nprint('err', file=sys.stderr)\nfrom IPython.display import display, HTML\ndisplay(HTML('<b>'))\n[1, 2]"
    plain, tracked = kernel.run(body), track(body)
    for name in ("stdout", "stderr", "results", "displays", "errors", "status"):
        assert getattr(plain, name) == getattr(tracked, name)


def test_a_failure_shows_one_traceback_without_a_line_of_ours(track, only_run):
    outcome = track("def f():\n    return 1 / 0\nf()")
    assert [error["ename"] for error in outcome.errors] == ["ZeroDivisionError"]
    assert outcome.status == "error"
    assert outcome.stderr == ""
    assert "trackbook" not in outcome.traceback
    found = only_run()
    assert (found.summary.status, found.error.type, found.error.message) == (
        "FAILED",
        "ZeroDivisionError",
        "division by zero",
    )
    assert "return 1 / 0" in found.error.traceback


@pytest.mark.parametrize("above", ["", "\n", "\n\n"])
def test_line_numbers_are_the_editors(kernel, experiment, above):
    outcome = kernel.run(f"{above}%%track {experiment}\n\nx = 1\nraise ValueError('here')\n")
    # IPython itself takes blank lines off the top of a cell, tracked or not.
    assert "----> 4 raise ValueError('here')" in outcome.traceback
    assert re.search(r"line 4\b|\(4\)|:4\b", kernel.only_run(experiment).error.traceback)


def test_the_program_that_is_kept_is_the_cell_below_the_line(track, only_run):
    track("\nx = 1\n\nx\n")
    assert only_run().source == "x = 1\n\nx"


@pytest.mark.parametrize("body", ["", "\n", "   \n\n", "# only a comment"])
def test_an_empty_body_is_a_run(track, only_run, body):
    outcome = track(body)
    assert (outcome.status, outcome.errors, outcome.stderr, outcome.results) == ("ok", [], "", [])
    assert only_run().summary.status == "FINISHED"


def test_a_lone_line_without_a_newline_is_a_run(kernel, experiment):
    assert kernel.run(f"%%track {experiment}").status == "ok"
    assert kernel.only_run(experiment).source == ""


def test_a_syntax_error_is_shown_once_and_fails_the_run(track, only_run):
    outcome = track("x = (1,\ny = 2")
    assert [error["ename"] for error in outcome.errors] == ["SyntaxError"]
    assert outcome.stderr == ""
    found = only_run()
    assert (found.summary.status, found.error.type) == ("FAILED", "SyntaxError")


def test_top_level_await_works(track, only_run):
    outcome = track("import asyncio\nawait asyncio.sleep(0.01)\nasync def f(): return 7\nawait f()")
    assert (outcome.results, outcome.errors) == (["7"], [])
    assert only_run().summary.status == "FINISHED"


def test_in_out_and_the_underscore_are_as_without(kernel, track):
    count = kernel.run("'before'").execution_count
    assert kernel.run("_").results == ["'before'"]
    tracked = track("'mine'")
    assert tracked.execution_count == count + 2
    assert kernel.run("_, __").results == ["('mine', 'before')"]
    assert kernel.run(f"Out[{count + 2}]").results == ["'mine'"]
    assert kernel.run(f"In[{count + 2}].strip()").results == ["\"'mine'\""]
    assert "%%track" in kernel.run(f"get_ipython().history_manager.input_hist_raw[{count + 2}]").results[0]


@pytest.mark.parametrize(
    ("cell", "stdout"),
    [
        ("%%track {0}\n%%time\nx = 5\nprint(x)", "5\n"),
        ("%%time\n%%track {0}\nx = 5\nprint(x)", "5\n"),
        ("%%track {0}\n\n%%time\nx = 5\nprint(x)", "5\n"),
        ("%%track {0}\n%%bash\necho 5", "5\n"),
        ("%%track {0}\n%time x = 5\nprint(x)", "5\n"),
        ("%%track {0}\n!echo 5\nx = 5", "5\n"),
        ("%%track {0}\nx = !echo 5\nprint(x[0])", "5\n"),
        ("   %%track {0}\n   x = 5\n   print(x)", "5\n"),
        ("%%track {0}\r\nx = 5\r\nprint(x)", "5\n"),
        ("%%track   {0}   \nx = 5\nprint(x)", "5\n"),
        ("%%step prepare\n%%track {0}\nx = 5\nprint(x)", "5\n"),
        ("%%track {0}\n%%step prepare --after load\nx = 5\nprint(x)", "5\n"),
    ],
)
def test_other_magics_and_odd_forms_work_with_it(kernel, experiment, cell, stdout):
    outcome = kernel.run(cell.format(experiment))
    assert (outcome.errors, outcome.status) == ([], "ok")
    assert stdout in outcome.stdout.replace("\r", "")
    found = kernel.only_run(experiment)
    assert found.summary.status == "FINISHED"
    assert "5" in found.source


@pytest.mark.parametrize(
    "cell", ["%%track {0}\n%%capture kept\nprint('caught')", "%%capture kept\n%%track {0}\nprint('caught')"]
)
def test_capture_keeps_the_output_and_the_run_is_one(kernel, experiment, cell):
    outcome = kernel.run(cell.format(experiment))
    assert (outcome.stdout, outcome.errors) == ("", [])
    assert kernel.run("kept.stdout").results == [r"'caught\n'"]
    assert kernel.only_run(experiment).summary.status == "FINISHED"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--bad", "unrecognized arguments: --bad"),
        ("--tag novalue", "'novalue' is not of the form KEY=VALUE"),
        ("--seed x", "invalid int value"),
        ("--seed -1", "--seed takes a number from 0"),
        ("--seed 4294967296", "--seed takes a number from 0"),
        ("one two", "unrecognized arguments: two"),
        ("'open", "cannot be read|No closing quotation"),
        ("--name", "expected one argument"),
    ],
)
def test_a_wrong_line_is_one_usage_error_and_the_body_is_not_run(kernel, experiment, line, words):
    kernel.run("ran = False")
    outcome = kernel.run(f"%%track {line}\nran = True")
    shown = outcome.stderr + outcome.traceback
    assert re.search(f"UsageError: .*({words})", shown), outcome
    assert shown.count("UsageError") == 1
    assert "Traceback" not in shown
    assert kernel.run("ran").results == ["False"]
    assert kernel.run("1").status == "ok"


def test_a_second_track_line_below_the_first_line_is_an_error(kernel):
    outcome = kernel.run("unused = False\n%%track\nx = 1")
    assert outcome.status == "error"
    assert "%%track" in outcome.stderr


def test_an_unknown_experiment_name_cannot_break_the_cell(kernel):
    outcome = kernel.run('%%track "a\tb\x01"\n6 * 7')
    assert outcome.results == ["42"]
    assert len(outcome.stderr.splitlines()) == 1
    assert "cannot name a experiment" in outcome.stderr or "cannot name an experiment" in outcome.stderr


def test_name_tags_params_metrics_and_seed(kernel, track, only_run):
    outcome = track(
        "import random, numpy as np\ndepth = 2 + 1\nscore = np.float64(0.5)\n(random.random(), np.random.random())",
        "--name 'my run' --tag team=a --tag \"note=x y=z\" --param depth --metric score --seed 7",
    )
    again = kernel.run(
        "import random, numpy as np\nrandom.seed(7); np.random.seed(7)\n(random.random(), np.random.random())"
    )
    assert outcome.results == again.results
    found = only_run().summary
    assert found.run_name == "my run"
    assert found.tags == {"team": "a", "note": "x y=z"}
    assert (found.params["depth"], found.params["seed"], found.metrics) == ("3", "7", {"score": 0.5})


def test_a_param_or_metric_that_is_not_there_is_said_in_a_line_each(track, only_run):
    outcome = track("accuracy = 'high'\nvalue = 3", "--metric accuracy --param valeu --metric gone")
    assert sorted(line.split(":")[1].strip() for line in outcome.stderr.splitlines()) == [
        "--metric accuracy",
        "--metric gone",
        "--param valeu",
    ]
    assert "did you mean 'value'" in outcome.stderr
    assert outcome.errors == []
    assert only_run().summary.status == "FINISHED"


def test_an_interrupt_kills_the_run_and_the_next_cell_works(kernel, track, only_run):
    outcome = track("print('started', flush=True)\nimport time\ntime.sleep(30)", interrupt_at="started")
    assert [error["ename"] for error in outcome.errors] == ["KeyboardInterrupt"]
    assert only_run().summary.status == "KILLED"
    assert kernel.run("1 + 1").results == ["2"]


def test_an_interrupt_while_awaiting_kills_the_run_and_the_next_cell_is_tracked_properly(kernel, track, experiment):
    outcome = track(
        "import asyncio\nprint('started', flush=True)\nfor _ in range(300):\n    await asyncio.sleep(0.1)",
        "--name cut",
        interrupt_at="started",
    )
    assert outcome.status == "error"
    assert track("'after'", "--name next").results == ["'after'"]
    found = {run.summary.run_name: run.summary for run in kernel.runs(experiment)}
    assert (found["cut"].status, found["next"].status) == ("KILLED", "FINISHED")
    assert found["next"].parent_run_id is None
    assert kernel.run("tb.active_run()").results == []


def test_a_system_exit_is_kept_and_the_kernel_lives(track, only_run, kernel):
    track("import sys\nsys.exit(3)")
    assert only_run().error.type == "SystemExit"
    assert kernel.run("1").results == ["1"]


def test_always_on_tracks_every_cell_but_those_that_switch(kernel, experiment):
    on = kernel.run(f"tb.set_experiment({experiment!r})\n%track on")
    assert "every cell" in on.stdout
    assert "every cell" in kernel.run("%track status").stdout
    assert kernel.run("a = 1\na").results == ["1"]
    kernel.run("%%track --name named\nb = 2")
    kernel.run("   ")
    kernel.run("quiet = 1", silent=True)
    kernel.run("quiet = 1", store_history=False)
    off = kernel.run("%track off")
    assert "cells that begin with %%track" in off.stdout
    kernel.run("tb.set_experiment('default')\nc = 3")
    assert [run.source for run in kernel.runs(experiment)] == ["b = 2", "a = 1\na"]


@pytest.mark.parametrize("word", ["onn", "on off", "'on'"])
def test_a_wrong_state_is_one_usage_error(kernel, word):
    outcome = kernel.run(f"%track {word}")
    assert "UsageError: %track takes on, off, status" in outcome.stderr + outcome.traceback


def test_cells_without_history_are_not_tracked(kernel, experiment):
    kernel.run(f"%%track {experiment}\nx = 1", store_history=False)
    kernel.run(f"%%track {experiment}\nx = 1", silent=True)
    assert kernel.runs(experiment) == []


def test_a_run_started_in_the_cell_is_its_child(kernel, track, experiment):
    track("with tb.start_run('inner') as run:\n    tb.log_metric('m', 1)\ntb.log_metric('outer', 2)")
    found = {run.summary.kind: run for run in kernel.runs(experiment)}
    assert found["cell"].children == (found["python"].run_id,)
    assert found["python"].summary.metrics == {"m": 1.0}
    assert found["cell"].summary.metrics == {"outer": 2.0}


def test_logging_functions_reach_the_run_of_the_cell(track, only_run):
    track(
        "tb.log_param('p', 1)\ntb.log_metrics({'m': 1})\ntb.set_tag('t', 'x')\nkey = tb.log_artifact(b'abc', 'a.txt')"
    )
    found = only_run()
    assert (found.summary.params, found.summary.metrics, found.summary.tags) == ({"p": "1"}, {"m": 1.0}, {"t": "x"})
    assert [artifact.path for artifact in found.artifacts] == ["a.txt"]


def test_literals_are_params_and_explicit_ones_win(track, only_run):
    track("depth = 3\nrate: float = -0.5\nname = 'x'\nflag = True\n_hidden = 1\nlisted = [1]\ntb.log_param('depth', 4)")
    assert only_run().summary.params == {"depth": "4", "rate": "-0.5", "name": "x", "flag": "True"}


def test_the_frames_that_went_in_and_came_out_are_fingerprinted(kernel, track, only_run):
    kernel.run(
        "import pandas as pd, numpy as np\nframe = pd.DataFrame({'a': [1, 2], 'b': ['x', 'y']})\nother = frame.copy()"
    )
    track("frame['c'] = frame['a'] * 2\ncount = len(other)\narray = np.arange(3)")
    used = {(each.role, each.name): each for each in only_run().data}
    written = {("written", "array"), ("written", "count")}
    assert set(used) == {("read", "frame"), ("read", "other"), ("mutated", "frame"), *written}
    assert used["read", "frame"].fingerprint == used["read", "other"].fingerprint
    assert used["mutated", "frame"].columns.keys() == {"a", "b", "c"}
    before, after = used["read", "frame"].columns, used["mutated", "frame"].columns
    assert {name for name in after if before.get(name) != after[name]} == {"c"}
    assert used["read", "frame"].rows == 2


def test_the_files_of_the_cell_are_recorded(kernel, track, only_run):
    (kernel.root / "in.csv").write_text("a\n1\n")
    track("import pandas as pd\nframe = pd.read_csv('in.csv')\nframe.to_csv('out.csv')")
    files = {(each.role, each.name): each for each in only_run().data if each.kind == "file"}
    assert set(files) == {("read", str(kernel.root / "in.csv")), ("written", str(kernel.root / "out.csv"))}
    assert all(len(each.fingerprint) == 64 for each in files.values())


def test_the_environment_and_the_cells_place_are_recorded(track, only_run):
    import importlib.metadata

    outcome = track("1", allow_stdin=False)
    found = only_run()
    assert found.environment["distributions"]["ipython"] == importlib.metadata.version("ipython")
    assert found.execution_count == outcome.execution_count
    assert found.summary.kind == "cell"


def test_a_hostile_namespace_changes_nothing(kernel, track, only_run):
    kernel.run(
        """
class Hostile:
    def __getattribute__(self, name):
        raise RuntimeError("attribute " + name)
    def _raise(self, *arguments):
        raise RuntimeError("touched")
    __eq__ = __hash__ = __len__ = __iter__ = __repr__ = __str__ = __reduce__ = __reduce_ex__ = __float__ = __bool__ = _raise
class Placeless:
    __module__ = 5
hostile, placeless, number = Hostile(), Placeless(), 3
"""
    )
    outcome = track(
        "hostile; placeless\nhostile = Hostile()\nplaceless = Placeless()\nlisted = [hostile]\nnumber", "--param number"
    )
    assert (outcome.results, outcome.errors, outcome.stderr) == (["3"], [], "")
    assert only_run().summary.params == {"number": "3"}


def test_a_hostile_param_or_metric_is_a_line_and_the_others_are_logged(track, only_run):
    outcome = track(
        "class Bad:\n    def __str__(self): raise RuntimeError\n    def __getattr__(self, name): raise RuntimeError\nbad, good = Bad(), 1",
        "--param bad --param good --metric bad --metric good",
    )
    assert len(outcome.stderr.splitlines()) == 2
    found = only_run().summary
    assert (found.params["good"], found.metrics) == ("1", {"good": 1.0})


def test_odd_texts_come_back(track, only_run):
    outcome = track("name = 'ä 😀 \\x00 \\ud800'\ntb.log_param('nul', 'a\\0b')\ntb.set_tag('t', '\\udcff')\nlen(name)")
    assert (outcome.errors, outcome.stderr) == ([], "")
    found = only_run().summary
    assert (found.params["nul"], found.tags["t"]) == ("a\0b", "\\udcff")
    assert found.params["name"] == "ä 😀 \x00 \\ud800"


def test_a_megabyte_of_source_is_kept_and_does_not_stop_the_kernel(track, only_run):
    body = f"blob = '{'QUJD' * 250_000}'\nlen(blob)"
    assert track(body).results == ["1000000"]
    assert only_run().source == body


def test_many_statements_are_no_trouble(track, only_run):
    body = "\n".join(f"x{number} = {number}" for number in range(3000)) + "\nx2999"
    assert track(body).results == ["2999"]
    assert len(only_run().summary.params) == 3000


def test_the_extension_may_be_loaded_twice_reloaded_and_unloaded(start_kernel):
    kernel = start_kernel()
    assert kernel.run("%load_ext trackbook\n%load_ext trackbook\n%reload_ext trackbook").errors == []
    assert kernel.run("%%track twice\n1").results == ["1"]
    assert len(kernel.runs("twice")) == 1
    assert kernel.run("%unload_ext trackbook").errors == []
    assert "not found" in kernel.run("%runs").stderr
    kernel.run("%%track gone\nx = 1")
    assert kernel.run("%load_ext trackbook").errors == []
    assert kernel.run("%%track again\n1").results == ["1"]
    assert (len(kernel.runs("gone")), len(kernel.runs("again"))) == (0, 1)


def test_help_is_shown_for_the_magic(kernel):
    assert kernel.run("%%track?").errors == []
    assert kernel.run("%%time\n%track status").errors == []


def test_a_debugger_and_a_nested_run_cell_belong_to_the_run(kernel, track, experiment):
    outcome = track("get_ipython().run_cell('inner = 5', store_history=True)\ninner")
    assert outcome.results[-1] == "5"
    assert len(kernel.runs(experiment)) == 1


def test_cells_that_change_the_working_directory_stay_in_the_notebooks_project(start_kernel, tmp_path):
    kernel = start_kernel()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    kernel.run("%load_ext trackbook\nimport os, trackbook as tb")
    kernel.run("%%track a\n1")
    kernel.run(f"os.chdir({str(elsewhere)!r})")
    kernel.run("%%track a\n2")
    kernel.run("with tb.start_run('by hand', experiment='a'):\n    tb.log_param('p', 1)")
    assert len(kernel.project().runs.search(experiment="a")) == 3
    assert list(elsewhere.iterdir()) == []
