"""The table of tags and its aliases, and what becomes of tags that nobody knows."""

import json
import warnings
from pathlib import Path

import pytest

from trackbook.cli.main import main
from trackbook.errors import NotebookError, TagWarning
from trackbook.pipeline.script.convert import convert
from trackbook.pipeline.steps.grouping import read_layout
from trackbook.pipeline.steps.notebook import Cell, Notebook
from trackbook.pipeline.steps.tags import ALIASES, OTHERS, OWN, canonical, directives, is_known, is_own


def notebook(*cells: tuple[list[str], str]) -> Notebook:
    return Notebook("n.ipynb", tuple(Cell(i, f"c{i}", source, tuple(tags)) for i, (tags, source) in enumerate(cells)))


def test_every_alias_stands_for_a_tag_of_trackbook_and_no_tag_is_in_two_lists() -> None:
    assert all(is_own(own) for own in ALIASES.values())
    assert not set(OWN) & set(ALIASES)
    assert all(canonical(tag) == tag for tag in OWN)


def test_kales_tags_make_the_same_script_as_trackbooks() -> None:
    sources = ["import math", "n = 4", "x = math.sqrt(n)", "y = 2", "r = x + y"]
    kale = ["imports", "pipeline-parameters", "block:load", "step:other", "step:fit"]
    ours = ["imports", "parameters", "step:load", "step:other", "step:fit"]
    given = read_layout(notebook(*(([tag], text) for tag, text in zip(kale, sources, strict=True))))
    assert given == read_layout(notebook(*(([tag], text) for tag, text in zip(ours, sources, strict=True))))
    layout = read_layout(
        notebook((["step:a"], "x = 1"), (["step:b", "prev:a"], "y = 1"), (["pipeline-metrics"], "r = y"))
    )
    assert (layout.steps[1].after, layout.steps[1].metrics) == (("a",), (2,))


@pytest.mark.parametrize("tag", ["skip", "remove_cell", "remove-cell", "skip-execution"])
def test_cells_that_are_removed_from_a_document_are_skipped(tag: str) -> None:
    assert read_layout(notebook(([tag], "1 / 0"), (["step:a"], "x = 1"))).skipped == (0,)


def test_nbdevs_comments_place_a_cell_and_a_tag_rules_over_them() -> None:
    layout = read_layout(
        notebook(
            ([], "#| default_exp core\n#| export\nLIMIT = 3"),
            ([], "#|hide\n1 / 0"),
            ([], "# | eval: false\n1 / 0"),
            (["step:a"], "#| export\nx = LIMIT"),
            ([], "x += 1\n#| hide"),
        )
    )
    assert (layout.functions, layout.skipped, layout.steps[0].cells) == ((0,), (1, 2), (3, 4))


def test_comments_of_other_tools_and_comments_below_code_are_no_tags() -> None:
    assert list(directives("#| echo: false\n#| label: fig-a\nx = 1\n#| hide")) == []
    assert list(directives("# export\n# hide\nx = 1")) == []


@pytest.mark.parametrize(
    ("tag", "says"),
    [
        ("stp:load", r"code cell 1 \(`x = 1`\) has the tag 'stp:load'.*did you mean 'step:load'\?"),
        ("parameter", r"did you mean 'parameters'\?"),
        ("qqq", r"nobody knows$"),
    ],
)
def test_an_unknown_tag_warns_with_its_cell_and_the_nearest_known_one(tag: str, says: str) -> None:
    with pytest.warns(TagWarning, match=says):
        read_layout(notebook(([tag], "x = 1")))


def test_an_unknown_tag_is_shown_once_however_often_a_notebook_is_read() -> None:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        for _ in range(3):
            read_layout(notebook((["once-only"], "x = 1")))
    assert len(found) == 1


@pytest.mark.parametrize("tag", sorted(OTHERS))
def test_well_known_tags_of_other_tools_do_not_warn(tag: str) -> None:
    assert is_known(tag)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_layout(notebook(([tag], "x = 1")))


def test_aliases_contradict_as_the_tags_do_that_they_stand_for() -> None:
    with pytest.raises(NotebookError, match=r"code cell 1 \(`x = 1`\) is tagged parameters, step:a"):
        convert(notebook((["pipeline-parameters", "block:a"], "x = 1")))
    with pytest.raises(NotebookError, match="`after:laod` names no step of this notebook; did you mean 'load'"):
        convert(notebook((["block:load"], "x = 1"), (["step:b", "prev:laod"], "y = 1")))


@pytest.mark.parametrize(
    ("tags", "source", "says"),
    [
        (["remove-cell"], "q = 1", "take its tag `remove-cell` off, or skip both"),
        (["skip-execution"], "q = 1", "take its tag `skip-execution` off"),
        ([], "#| hide\nq = 1", r"take its comment `#\| hide` off"),
    ],
)
def test_a_step_that_needs_a_skipped_cell_is_told_what_skips_it(tags: list[str], source: str, says: str) -> None:
    with pytest.raises(NotebookError, match=says):
        convert(notebook((tags, source), (["step:a"], "print(q)")))


def test_the_command_line_tells_an_unknown_tag_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = {"cell_type": "code", "metadata": {"tags": ["stp:told"]}, "source": "x = 1", "outputs": []}
    path = tmp_path / "told.ipynb"
    path.write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}))
    main(["convert", str(path)], standalone_mode=False)
    says = "trackbook: told.ipynb: code cell 1 (`x = 1`) has the tag 'stp:told', which nobody knows; did you mean"
    assert capsys.readouterr().err.startswith(says)
