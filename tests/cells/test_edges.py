"""Many small notebooks with the pairs of cells that an edge must join, and those that it must not.

`edges.jsonl` holds one case a line: `must` and `forbid` are pairs [reader, writer]; a path of edges meets the first, a
direct edge breaks the second.  Every label was checked by running the notebook without the writer.
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
