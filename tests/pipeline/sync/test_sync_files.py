"""Sources written into a notebook's file: no byte changes but those of the cell."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackbook.errors import PipelineError
from trackbook.pipeline.sync.files import with_sources

CELLS = [
    {"cell_type": "markdown", "metadata": {}, "source": ["# Über\n", "text"]},
    {"cell_type": "code", "id": "a", "source": ["x = 1\n", "x"], "outputs": [{"text": '"source": []'}], "metadata": {}},
    {"metadata": {"source": "no"}, "cell_type": "code", "source": "y = 'é'"},
]


def written(**layout):
    return json.dumps({"metadata": {"cells": []}, "cells": CELLS, "nbformat": 4}, **layout)


@pytest.mark.parametrize(
    "layout", [{"indent": 1}, {"indent": 4, "ensure_ascii": False}, {}, {"separators": (",", ":")}]
)
def test_only_the_source_of_the_cell_changes(layout):
    text = written(**layout)
    new = with_sources(text, {0: "x = 2\nprint('ü')\n\nx", 1: "z"}, "n.ipynb")
    wanted = json.loads(text)
    wanted["cells"][1]["source"] = ["x = 2\n", "print('ü')\n", "\n", "x"]
    wanted["cells"][2]["source"] = "z"
    assert (
        new == json.dumps(wanted, **layout).replace(", ".join(['"x = 2\\n"']), '"x = 2\\n"')
        or json.loads(new) == wanted
    )
    assert new.splitlines()[:8] == text.splitlines()[:8] or "indent" not in layout


def test_the_same_sources_give_the_same_bytes_with_any_line_ends_and_a_mark():
    text = "\ufeff" + json.dumps({"cells": CELLS}, indent=1, ensure_ascii=False).replace("\n", "\r\n")
    assert with_sources(text, {0: "x = 1\nx", 1: "y = 'é'"}, "n.ipynb") == text


@given(st.text())
def test_whatever_a_source_holds_is_read_back(source):
    content = json.loads(with_sources(written(indent=1), {0: source, 1: source}, "n.ipynb"))
    assert ["".join(cell["source"]) for cell in content["cells"][1:]] == [source, source]


def test_nbformat_3_is_refused():
    with pytest.raises(PipelineError, match="save it with Jupyter"):
        with_sources('{"worksheets": [{"cells": []}], "nbformat": 3}', {0: "x"}, "n.ipynb")
