"""`%reproduce` and `tb.reproduce` in a live kernel."""

import pytest


@pytest.fixture(scope="module")
def run(kernel):
    assert kernel.run("%%track repeated\nn = 3\ntb.log_metric('n', n)\nn").errors == []
    return kernel.only_run("repeated")


def test_the_verdict_is_shown_as_text_and_as_a_table_and_the_kernel_goes_on(kernel, run):
    outcome = kernel.run(f"kept = n\nverdict = %reproduce {run.run_id[:12]}\nverdict", store_history=True)
    assert (outcome.errors, outcome.stderr) == ([], "")
    assert "✓ reproduced: all " in outcome.results[0]
    assert "running cell" in outcome.stdout
    assert outcome.stdout.endswith("\r")  # the line of progress is gone
    html = kernel.run("from IPython.display import display\nverdict._repr_html_()").results[0]
    assert "<table>" in html
    assert kernel.run("(n, kept)").results == ["(3, 3)"]
    assert len(kernel.runs("repeated")) == 1
    assert kernel.only_run("repeated").reproductions[0].verdict == "reproduced"


def test_it_works_while_a_run_of_the_kernel_is_going_on(kernel, run):
    outcome = kernel.run(
        f"%%track going\nfound = tb.reproduce('{run.run_id}')\ntb.log_param('verdict', found.verdict)\nfound"
    )
    assert (outcome.errors, outcome.stderr) == ([], "")
    assert outcome.results[0].startswith(f"run {run.run_id[:8]} ✓ reproduced")
    (going,) = kernel.runs("going")
    assert going.summary.params["verdict"] == "reproduced"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("%reproduce", "required: run"),
        ("%reproduce 0123456789abcdef", "there is no run"),
        ("%reproduce abc --env lokced", "did you mean 'locked'"),
        ("%reproduce abc --timeout x", "invalid float value"),
    ],
)
def test_a_wrong_line_is_a_usage_error_without_a_traceback(kernel, line, words):
    outcome = kernel.run(line)
    shown = outcome.stderr + outcome.traceback
    assert words in shown
    assert "Traceback" not in shown
