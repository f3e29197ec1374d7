"""The program of a run, printed as a script that runs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from trackbook.errors import NotFoundError
from trackbook.tracking import Execution, Run, RunSummary
from trackbook.tracking.program import program_script, uses_ipython


def run_of(*cells: tuple[str, str, int | None] | str) -> Run:
    """Return a run whose program are these cells: texts, or (text, status, line of the error)."""
    program = []
    for number, cell in enumerate(cells):
        source, status, line = (cell, "ok", None) if isinstance(cell, str) else cell
        program.append(Execution("s", number, source, 0, 0.0, status, execution_count=number + 1, error_line=line))
    summary = RunSummary("a" * 32, "default", "brave-lynx", "FINISHED", 0, 1, {}, {}, {})
    empty = dict.fromkeys(
        ["source", "notebook", "cell_id", "execution_count", "git_commit", "git_branch", "environment_digest",
         "environment", "error"]
    )  # fmt: skip
    return Run(summary=summary, user="ada", data=(), artifacts=(), children=(), program=tuple(program), **empty)


def printed(run: Run) -> str:
    """Run the script in a fresh Python and return what it prints."""
    answer = subprocess.run(
        [sys.executable, "-c", program_script(run)], capture_output=True, text=True, timeout=30, check=True
    )
    return answer.stdout


def test_cells_follow_each_other_with_their_counts_and_without_the_first_line_of_trackbook() -> None:
    """The script holds every execution under its count; `%%track` itself is no part of it."""
    script = program_script(run_of("x = 1\n", "%%track study\nprint(x + 1)"))
    assert "# %% In [1]\nx = 1\n\n# %% In [2]\nprint(x + 1)\n" in script
    assert "brave-lynx" in script
    assert "2 cell executions" in script


def test_a_seed_of_the_first_line_is_set_in_the_script() -> None:
    """`%%track --seed` seeds before the cell runs, and so does its script."""
    cells = ["import random", "%%track --name a --seed 3\nprint(random.random())"]
    assert printed(run_of(*cells)) == printed(run_of(*cells)) != ""


def test_a_plain_program_runs_as_python_and_prints_what_the_cells_did() -> None:
    """Texts over several lines, decorators and blank lines survive."""
    run = run_of('text = """a\n  b"""\n', "\n\ndef f(x):\n    return x + text\n", "print(f('>'))")
    assert not uses_ipython(run.program)
    assert printed(run) == ">a\n  b\n"


def test_a_cell_that_failed_in_between_runs_up_to_the_statement_that_raised() -> None:
    """What it did before stays, what came after never happened, and the script goes on."""
    run = run_of("x = 1", ("x = 2\nx = 3 / 0\nx = 4", "error", 2), "print(x)")
    assert printed(run) == "ZeroDivisionError: division by zero\n2\n"


def test_the_failing_statement_may_have_done_a_part() -> None:
    """A loop that raised on its way is run until then."""
    run = run_of(("done = []\nfor i in range(5):\n    done.append(1 / (2 - i))", "error", 3), "print(len(done))")
    assert printed(run) == "ZeroDivisionError: division by zero\n2\n"


def test_a_failed_cell_without_a_known_line_is_caught_as_a_whole() -> None:
    """Without the line, all statements stand inside one guard."""
    assert printed(run_of(("x = 1\ny = x / 0", "error", None), "print(x)")).endswith("\n1\n")


def test_the_run_s_own_failure_is_not_caught() -> None:
    """A tracked failure is to be repeated, so the last cell raises as it did."""
    answer = subprocess.run(
        [sys.executable, "-c", program_script(run_of(("1 / 0", "error", 1)))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1
    assert "ZeroDivisionError" in answer.stderr


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("%matplotlib inline\nx = 1", "get_ipython().run_line_magic('matplotlib', 'inline')"),
        ("!ls *.csv", "get_ipython().system('ls *.csv')"),
        ("%%bash\necho hi", "get_ipython().run_cell_magic('bash', '', 'echo hi')"),
        ("%%track\n%%time\nx = 1", "get_ipython().run_cell_magic('time', '', 'x = 1')"),
        ("%%capture out\n%%time\nx = 1", "get_ipython().run_cell_magic('capture', 'out', '%%time\\nx = 1')"),
    ],
)
def test_magics_become_calls_of_ipython_and_the_header_says_so(source: str, expected: str) -> None:
    """A script with magics says that `ipython` runs it."""
    run = run_of(source)
    assert expected in program_script(run)
    assert "run it with `ipython`" in program_script(run)


def test_top_level_await_needs_ipython_too() -> None:
    """Python itself does not take `await` outside of functions."""
    assert uses_ipython(run_of("await f()").program)


def test_a_cell_that_is_no_python_is_a_comment() -> None:
    """A syntax error did nothing, and does nothing in the script."""
    assert printed(run_of(("x = = 1\nprint('never')", "error", 1), "print('after')")) == "after\n"


def test_a_redacted_secret_is_pointed_out() -> None:
    """The script says where a secret has to be put back."""
    assert "Secrets are not kept" in program_script(run_of("token = '[redacted]'"))


def test_a_run_without_a_program_says_why() -> None:
    """Runs of scripts have no cells."""
    with pytest.raises(NotFoundError, match="no program"):
        program_script(run_of())
