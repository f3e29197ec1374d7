import json

import nbformat
import pytest

from trackbook.errors import NotebookError
from trackbook.pipeline.steps.notebook import read_notebook


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def version4(*cells, **metadata):
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": list(cells)}


def code(source, **more):
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None, **more}


def test_code_cells_have_their_ids_tags_and_the_heading_above(tmp_path):
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# Title\n\ntext\n## Load #\nmore", id="m"),
            nbformat.v4.new_code_cell("x = 1", id="a", metadata={"tags": ["step:load"]}),
            nbformat.v4.new_code_cell("y = 1", id="b"),
        ]
    )
    found = read_notebook(write(tmp_path / "n.ipynb", nbformat.writes(notebook)))
    assert [(cell.index, cell.id, cell.source, cell.tags, cell.heading) for cell in found.cells] == [
        (0, "a", "x = 1", ("step:load",), "Load"),
        (1, "b", "y = 1", (), None),
    ]


@pytest.mark.parametrize("minor", [0, 2, 4, 5])
def test_cells_without_ids_get_the_same_ones_every_time(tmp_path, minor):
    path = write(tmp_path / "n.ipynb", {**version4(code(["x = 1\n", "y"]), code("z")), "nbformat_minor": minor})
    assert [cell.id for cell in read_notebook(path).cells] == ["cell-0", "cell-1"]
    assert read_notebook(path) == read_notebook(path)


def test_a_notebook_saved_before_its_kernel_told_the_language_is_read(tmp_path):
    path = write(
        tmp_path / "n.ipynb", version4(code("x"), language_info={"name": ""}, kernelspec={"language": "python"})
    )
    assert [cell.source for cell in read_notebook(path).cells] == ["x"]


def test_nbformat_3_is_read(tmp_path):
    cells = [
        {"cell_type": "heading", "level": 2, "source": "Load", "metadata": {}},
        {"cell_type": "code", "input": ["x = 1\n", "x"], "language": "python", "outputs": [], "metadata": {}},
    ]
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [{"cells": cells, "metadata": {}}],
    }
    (cell,) = read_notebook(write(tmp_path / "n.ipynb", old)).cells
    assert (cell.id, cell.source, cell.heading) == ("cell-0", "x = 1\nx", "Load")


def test_the_digest_changes_with_code_and_tags_only(tmp_path):
    plain = read_notebook(write(tmp_path / "a.ipynb", version4(code("x = 1"))))
    output = read_notebook(write(tmp_path / "b.ipynb", version4(code("x = 1", execution_count=7))))
    tagged = read_notebook(write(tmp_path / "c.ipynb", version4(code("x = 1", metadata={"tags": ["skip"]}))))
    assert plain.digest == output.digest != tagged.digest


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "not JSON"),
        ("[]", "no number `nbformat`"),
        ({"nbformat": 9, "cells": []}, "nbformat 9"),
        ({"nbformat": 3, "worksheets": 5}, "no sound notebook"),
        ({"nbformat": 4, "metadata": {}}, "no list `cells`"),
        (version4({"source": ""}), "cell 1 has no cell_type"),
        (version4(code(5)), "source of cell 1 is no text"),
        (version4(code("x"), language_info={"name": "R"}), "notebook of R"),
        (version4(code("x"), kernelspec={"name": "julia-1.9", "language": "julia"}), "notebook of julia"),
    ],
)
def test_what_is_no_notebook_of_python_is_an_error_that_says_why(tmp_path, content, says):
    with pytest.raises(NotebookError, match=says) as caught:
        read_notebook(write(tmp_path / "bad.ipynb", content))
    assert "bad.ipynb" in str(caught.value)


def test_a_missing_file_is_an_error_that_names_it(tmp_path):
    with pytest.raises(NotebookError, match=r"there is no notebook .*gone\.ipynb"):
        read_notebook(tmp_path / "gone.ipynb")
