"""Many small notebooks with the pairs of cells that an edge must join, and those that it must not.

`edges.jsonl` holds one case a line: `must` and `forbid` are pairs [reader, writer]; a path of edges meets the first, a
direct edge breaks the second.  A label holds when the reader does something else without the writer, or nothing else.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trackbook.cells import build_graph

CASES: list[dict[str, Any]] = [
    json.loads(line) for line in Path(__file__).with_suffix("").with_name("edges.jsonl").read_text("utf-8").splitlines()
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_edges_are_drawn_where_they_must_be_and_nowhere_else(case: dict[str, Any]) -> None:
    drawn = {(edge.source, edge.target) for edge in build_graph(case["cells"]).drawn}
    before: list[set[int]] = []
    for reader in range(len(case["cells"])):
        writers = {source for source, target in drawn if target == reader}
        before.append(writers.union(*(before[writer] for writer in writers)))
    missing = [(reader, writer) for reader, writer in case["must"] if writer not in before[reader]]
    spare = [(reader, writer) for reader, writer in case["forbid"] if (writer, reader) in drawn]
    assert (missing, spare) == ([], []), case["note"]


def test_cases_have_names_of_their_own() -> None:
    assert len({case["id"] for case in CASES}) == len(CASES)


def test_a_hundred_cells_around_a_few_objects_give_a_graph_that_a_person_can_read() -> None:
    cells = ["import pandas as pd\ndf = pd.read_csv('d.csv')\nscores = {}\nlog = []"]
    for number in range(33):
        cells += [
            f"df['c{number}'] = df['a'] * {number}",
            f"def score{number}(frame):\n    return frame['c{number}'].mean()",
            f"scores['s{number}'] = score{number}(df)\nlog.append({number})",
        ]
    graph = build_graph([*cells, "print(scores, log)"])
    assert len(graph.cells) == 101
    assert not any(cell.star for cell in graph.cells)  # none was too much to be followed
    assert len(graph.drawn) < 2 * len(graph.cells)


def test_a_cell_that_only_deletes_a_name_is_handed_nothing() -> None:
    graph = build_graph(["t = 1", "del t", "u = 1", "print(u)\ndel u"])
    assert {(edge.source, edge.target) for edge in graph.edges} == {(0, 1), (2, 3)}
    assert {(edge.source, edge.target) for edge in graph.drawn} == {(2, 3)}


def test_a_sure_need_that_goes_along_a_change_which_may_happen_is_drawn_along_it() -> None:
    graph = build_graph(["l = []\nk = 1", "if len(l) == 0:\n    l.append(1)", "print(l)", "print(l, k)"])
    drawn = {(edge.source, edge.target): edge.kind for edge in graph.drawn}
    assert (0, 2) not in drawn
    assert drawn[1, 2] == "may"
    assert drawn[0, 3] == "proved"  # for `k`
