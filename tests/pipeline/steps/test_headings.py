"""Markdown headings as they are written, and the names that they give steps."""

import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackbook.pipeline.steps.headings import Heading, read_headings, step_name


def test_headings_are_read_in_every_form_that_markdown_has() -> None:
    text = "# Title\n\nSome text\n## 1. Load ##\n\nClean\n=====\n\nTrain\n---\n\n<h3 align='center'>Look &amp; <b>see</b></h3>"
    assert read_headings(text) == (
        Heading(1, "Title"),
        Heading(2, "1. Load"),
        Heading(1, "Clean"),
        Heading(2, "Train"),
        Heading(3, "Look & see"),
    )


@pytest.mark.parametrize(
    "text", ["```\n# a comment\n```", "~~~python\n## b\n~~~~", "#hashtag", "a\nb\n---", "- x\n---", "##", "    # code"]
)
def test_what_only_looks_like_a_heading_is_none(text: str) -> None:
    assert read_headings(text) == ()


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("Load data", "load_data"),
        ("2.1 Clean the data (again)", "clean_the_data"),
        ("Step 3: Train & evaluate!", "train_evaluate"),
        ("[Load](https://example.org/x) `df`", "load_df"),
        ("**Modèle** d'été", "modele_d_ete"),
        ("What's next?", "whats_next"),
        ("class", "step_class"),
        ("2024 results", "results"),
        ("3D plots", "step_3d_plots"),
        ("Splitting X and y into training and testing sets", "splitting_x_and_y_into_training"),
        ("IV. Results", "results"),
        ("データ", None),
        ("🎉", None),
    ],
)
def test_a_heading_gives_an_identifier_without_numbering_markup_and_asides(heading: str, name: str | None) -> None:
    assert step_name(heading) == name


@given(st.text(max_size=80))
def test_whatever_a_heading_holds_its_name_can_name_a_function(heading: str) -> None:
    name = step_name(heading)
    assert name is None or (name.isidentifier() and name.isascii() and not keyword.iskeyword(name))
