"""Lineage of a version: what led to it, and nothing else."""

from __future__ import annotations

import re

from support.cards import EVIL, read, run_of, version_of
from trackbook.data.schema import Schema
from trackbook.registry.card.picture import MOST, NAME, PLOT, interval_picture, lineage_picture
from trackbook.registry.card.values import Measure
from trackbook.registry.lineage import Held, model_lineage, sentence
from trackbook.tracking.lineage import Link, Neighbour
from trackbook.tracking.values import RunData

HELD = Held("people", 4, 10, "blocks", "f" * 64, Schema((), ()))


def ways(graph):
    labels = {node.id: node.label for node in graph.nodes}
    return [(labels[link.source], labels[link.target], link.names) for link in graph.links]


def test_a_version_without_a_run_stands_alone():
    """Only what it is used as is known."""
    graph = model_lineage(version_of(run_id=None, stage="production", aliases=("champion",)))
    assert ways(graph) == [("churn v3", "production", ()), ("churn v3", "@champion", ())]
    assert model_lineage(version_of(run_id=None)).links == ()


def test_what_the_run_made_besides_is_left_out():
    """Outputs that did not become the version are no part of its lineage."""
    data = [read("frame"), RunData("written", "scores", "array", "9" * 64, 10, None, None, None)]
    graph = model_lineage(version_of(), run_of(data, ["fit(frame)"]))
    assert ways(graph) == [("frame", "forest", ("frame",)), ("forest", "churn v3", ())]


def test_a_dataset_version_stands_for_the_file_that_held_it():
    """The version takes the way of the file: from the run that wrote it, through the cell that read it."""
    data = [read("people.csv", "file"), read("limit", "value", "1" * 64)]
    writers = [Neighbour("f" * 64, "b" * 32, "cleaning", "people.csv")]
    run = run_of(data, ["frame = read_csv('people.csv')", "fit(frame)"])
    graph = model_lineage(version_of(), run, links=[Link("0", "1", ("frame",))], writers=writers, held=[HELD])
    assert ways(graph) == [
        ("In [1]", "forest", ("frame",)),
        ("people v4", "In [1]", ()),
        ("cleaning", "people v4", ()),
        ("forest", "churn v3", ()),
    ]
    assert sentence(graph) == (
        "cleaning (wrote it), people v4 (10 rows) → In [1] (frame = read_csv('people.csv')) → forest (FINISHED) → "
        "churn v3 (skops)"
    )


def test_a_long_column_is_cut_and_its_ways_are_kept():
    """The last place says how many more there are, and stands for them."""
    data = [read(f"frame{number}", fingerprint=f"{number:064}") for number in range(MOST + 3)]
    picture = lineage_picture(model_lineage(version_of(), run_of(data)))
    assert ">4 more<" in picture and ">frame5<" in picture and ">frame6<" not in picture
    assert picture.count('class="tb-way"') == MOST + 1


def test_pictures_show_stored_text_as_text():
    """A hostile name is escaped, and signs that turn the direction of text are gone."""
    picture = lineage_picture(model_lineage(version_of(), run_of([read(EVIL)], [EVIL, EVIL], run_name=EVIL)))
    picture += interval_picture([Measure(EVIL, 0.5, 0.4, 0.6, slice=EVIL)])
    assert set(re.findall(r"<(\w+)", picture)) <= {"svg", "title", "text", "path", "g", "rect", "circle"}
    assert "\u202e" not in picture


def test_intervals_stand_on_the_scale_of_their_metric():
    """The lowest bound of a metric is at the left end, the highest at the right; what is not finite is not drawn."""
    nan = float("nan")
    measures = [Measure("a", 2.0, 1.0, 3.0), Measure("a", 4.0, 3.0, 5.0, slice="x"), Measure("b", nan, nan, nan)]
    picture = interval_picture(measures)
    assert re.findall(r'tb-span" d="M([\d.]+) \d+\.0H([\d.]+)', picture) == [
        (f"{NAME:.1f}", f"{NAME + PLOT / 2:.1f}"),
        (f"{NAME + PLOT / 2:.1f}", f"{NAME + PLOT:.1f}"),
    ]
    assert f'cx="{NAME + PLOT / 4:.1f}"' in picture and ">b<" not in picture
    assert interval_picture([Measure("a", 1.0, 1.0, 1.0)]).count("<circle") == 1
    assert "tb-zero" not in picture
    differences = interval_picture(measures[:1], nought=True)
    assert f'tb-zero" d="M{NAME:.1f}' in differences, "the scale of differences reaches to 0, which is marked"
