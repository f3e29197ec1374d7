"""The difference between the code of two runs: the one that `diff -u` would print, without Trackbook's first lines."""

from __future__ import annotations

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackbook.tracking import Execution, Run, RunSummary
from trackbook.tracking.differences import code_difference, code_of, text_difference

TEXTS = st.lists(st.sampled_from(["a = 1", "b = 2", "", "    c", "# %%", "café"]), max_size=30).map("\n".join)


def run_of(*cells: str, source: str | None = None) -> Run:
    """Return a run whose program are these cells."""
    program = tuple(Execution("s", number, cell, 0, 0.0, "ok") for number, cell in enumerate(cells))
    nothing = dict.fromkeys(
        ["notebook", "cell_id", "execution_count", "git_commit", "git_branch", "environment_digest", "environment",
         "error"]
    )  # fmt: skip
    summary = RunSummary("a" * 32, "default", "brave-lynx", "FINISHED", 0, 1, {}, {}, {})
    return Run(summary=summary, user="", source=source, data=(), artifacts=(), children=(), program=program, **nothing)


@given(TEXTS, TEXTS)
def test_a_difference_is_what_difflib_prints(before: str, after: str) -> None:
    """Two texts differ in the lines that the standard library finds, place for place."""
    oracle = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm=""))[2:]
    found = text_difference(before, after)
    assert str(found).split("\n") == (oracle or [""])
    assert bool(found) == (before.splitlines() != after.splitlines())


@given(TEXTS, TEXTS)
def test_both_texts_come_out_of_a_whole_difference(before: str, after: str) -> None:
    """With all lines as context, what was not added is the one text, and what was not removed the other."""
    lines = text_difference(before, after, context=1000).lines
    if lines:
        assert [line.text for line in lines if line.kind in ("same", "removed")] == before.splitlines()
        assert [line.text for line in lines if line.kind in ("same", "added")] == after.splitlines()


def test_a_run_is_compared_by_its_program() -> None:
    """A changed line of an earlier cell is a difference; the name that `%%track` gave is none."""
    one = run_of("depth = 3\r\n", "%%track study --name one\nfit(depth)")
    other = run_of("depth = 4", "%%track study --name other\nfit(depth)")
    found = code_difference(one, other)
    assert [(line.kind, line.text) for line in found.lines if line.kind != "same"] == [
        ("place", "@@ -1,5 +1,5 @@"),
        ("removed", "depth = 3"),
        ("added", "depth = 4"),
    ]
    assert (found.count("added"), found.count("removed")) == (1, 1)


def test_the_seed_of_the_first_line_is_code() -> None:
    """`--seed` decides about the result, so two seeds differ; and `%%step` below `%%track` is taken off as well."""
    one, other = (run_of(f"%%track --seed {seed}\n%%step load\nx = random()") for seed in (1, 2))
    assert code_of(one) == "# %% seed 1\nx = random()"
    assert [str(line) for line in code_difference(one, other).lines][1:3] == ["-# %% seed 1", "+# %% seed 2"]


@pytest.mark.parametrize(("source", "code"), [(None, ""), ("x = 1\r\ny = 2\n", "x = 1\ny = 2")])
def test_a_run_without_a_program_is_compared_by_its_source(source: str | None, code: str) -> None:
    """A run of a script has no cells; one that nothing is known of has no code."""
    assert code_of(run_of(source=source)) == code


def test_a_magic_stays_as_it_was_written() -> None:
    """Magics that are not Trackbook's are the user's code."""
    assert code_of(run_of("%%time\nx = 1", "!ls %%track")) == "# %%\n%%time\nx = 1\n\n# %%\n!ls %%track"
