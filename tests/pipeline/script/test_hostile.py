"""Notebooks made to harm: conversion runs nothing of them, names in them stay names, and what cannot be is an error."""

import ast
import json
import random
import warnings

import jupytext
import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackbook.errors import NotebookError, TagWarning
from trackbook.nbconvert import PipelineExporter
from trackbook.pipeline.script.convert import convert
from trackbook.pipeline.script.magics import Choices
from trackbook.pipeline.steps.notebook import file_beside, notebook_of, read_notebook

EVIL = "import os; os.abort()"
PARTS = ['"""', "'''", "\n", "\r", "\u2028", "\\", '"', "'", "#", "{", "}", "%", "$", "../", "/", ":", "=", " ", "\x00", "\ud800", "é", "[", "]", ",", EVIL, "\n# %% [step:evil] id=c9\n", "step:", "after:", "a", "params"]  # fmt: skip


def texts(longest=8):
    return st.lists(st.sampled_from(PARTS), max_size=longest).map("".join)


@st.composite
def notebooks(draw):
    tags = st.lists(st.sampled_from(["step:", "after:", "parameters", ""]).flatmap(lambda kind: texts().map(kind.__add__)), max_size=2)  # fmt: skip
    cells = []
    for source in ("a = 1", "print(a)", "b = 'x'"):
        cells.append({"cell_type": "markdown", "metadata": draw(texts()), "source": f"# {draw(texts())}"})
        metadata = {"tags": draw(tags), draw(texts()): draw(texts())}
        cells.append({"cell_type": "code", "id": draw(texts()), "metadata": metadata, "source": source, "outputs": []})
    metadata = {"kernelspec": {"name": draw(texts()), "display_name": draw(texts())}, draw(texts()): draw(texts())}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}, draw(texts())


@settings(max_examples=60, deadline=None)
@given(notebooks())
def test_tags_ids_headings_and_metadata_never_become_code(given_notebook):
    content, name = given_notebook
    try:
        with warnings.catch_warnings(action="ignore", category=TagWarning):
            text = convert(notebook_of(content, name)).text
    except NotebookError:
        return
    tree = ast.parse(text.encode())
    assert {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} & {"os", "evil"} == set()
    assert not any(
        alias.name == "os" for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    )
    assert not any("step:evil" in line for line in text.splitlines() if line.startswith("#"))


MAGICS = ["%cd {0}", "%env A={0}", "%%writefile {0}\n{0}", "%%bash\n{0}", "!echo {0}", "x = !{0}", "!pip install {0}", "%pip install '{0}'", "%conda install {0}", "%run {0}", "%%capture {0}\n1", "%xdel {0}", "%timeit -n {0} 1", "%%html\n{0}", "%%bash --out {0}\nls", "%unknown {0}", "%%unknown {0}\n{0}"]  # fmt: skip


@pytest.mark.parametrize("magic", MAGICS)
def test_the_arguments_of_magics_never_become_code(magic):
    draw = random.Random(magic)
    for _ in range(12):
        text = "".join(draw.choice(PARTS) for _ in range(draw.randint(1, 5)))
        source = magic.replace("{0}", text)
        content = {"nbformat": 4, "metadata": {}, "cells": [{"cell_type": "code", "metadata": {}, "source": source}]}
        try:
            made = convert(notebook_of(content, "x.ipynb"), Choices(allow_shell=True, keep_ipython=True)).text
        except NotebookError:
            continue
        calls = [node.func for node in ast.walk(ast.parse(made.encode())) if isinstance(node, ast.Call)]
        if "\n" not in text and "\r" not in text:  # a line more is code of the notebook's own
            assert not any(isinstance(node, ast.Attribute) and node.attr == "abort" for node in calls), made


def test_conversion_runs_nothing_and_reads_only_beside_the_notebook(tmp_path):
    (tmp_path / "secret.py").write_text("stolen = 1")
    (tmp_path / "in").mkdir()
    trap = f"open({str(tmp_path / 'ran')!r}, 'w')"
    (tmp_path / "in" / "part.py").write_text(f"part = 1\n{trap}")
    (tmp_path / "in" / "link.py").symlink_to(tmp_path / "secret.py")
    source = f"{trap}\n%run part.py\n%run ../secret.py\n%run link.py\nprint(part, stolen)\n!touch {tmp_path / 'ran'}"
    content = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    choices = Choices(allow_shell=True, file_text=file_beside(tmp_path / "in"))
    text = convert(notebook_of(content, "x.ipynb"), choices).text
    assert 'part = left["part"]' in text
    assert '["stolen"]' not in text
    assert not (tmp_path / "ran").exists()


TOO_MUCH = {
    "a lone surrogate": "x = '\ud800'",
    "deep parentheses": f"x = {'(' * 5000}1{')' * 5000}",
    "a deep tree": "x = " + "-" * 20_000 + "1",
    "a null byte": "x = 1\x00",
    "wrong blanks": "if 1:\n        x = 1\n    y = 2",
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_code_that_python_cannot_read_is_an_error_with_its_cell(name):
    content = {
        "nbformat": 4,
        "metadata": {},
        "cells": [{"cell_type": "code", "metadata": {}, "source": TOO_MUCH[name]}],
    }
    with pytest.raises(NotebookError, match="code cell 1"):
        convert(notebook_of(content, "x.ipynb"))


def test_a_large_notebook_converts():
    sources = [f"v{number} = {number}\nprint(v{max(number - 1, 0)})" for number in range(300)] + ["z = 0\n" * 5000]
    cells = [{"cell_type": "code", "metadata": {"tags": ["step:all"]}, "source": source} for source in sources]
    text = convert(notebook_of({"nbformat": 4, "metadata": {}, "cells": cells}, "x.ipynb")).text
    assert text.count("    print(v") == 300


@pytest.mark.parametrize("content", ["null", "5", '"x"', "[1]", "{}", '{"nbformat": "4"}', '{"nbformat": true}', '{"nbformat": 4, "cells": {"a": 1}}', '{"nbformat": 4, "cells": [null]}', '{"nbformat": 4, "cells": [{"cell_type": "code", "source": [1]}]}', '{"nbformat": 4, "cells": [{"cell_type": []}]}', "[" * 100_000, '{"nbformat": 3, "worksheets": [{"cells": [5]}]}', '{"nbformat": 3, "worksheets": [[]]}', "\x00", "", "\ufeff[]"])  # fmt: skip
def test_json_that_is_no_notebook_is_an_error(tmp_path, content):
    (tmp_path / "x.ipynb").write_text(content, encoding="utf-8")
    with pytest.raises(NotebookError, match=r"x\.ipynb"):
        convert(read_notebook(tmp_path / "x.ipynb"))


FORMS = {
    "4.5": {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "markdown", "id": "m", "metadata": {}, "source": ["# Load\n", "text"]}, {"cell_type": "code", "id": "a", "metadata": {"tags": ["step:load"]}, "source": ["x = 1\n", "x"], "outputs": [], "execution_count": None}]},
    "4.0": {"nbformat": 4, "nbformat_minor": 0, "metadata": {}, "cells": [{"cell_type": "code", "metadata": {}, "source": "x = 1\r\nx", "outputs": [], "execution_count": None}]},
    "3": {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"metadata": {}, "cells": [{"cell_type": "heading", "level": 1, "metadata": {}, "source": "Load"}, {"cell_type": "code", "language": "python", "metadata": {}, "input": ["x = 1\n", "x"], "outputs": [], "collapsed": False}]}]},
}  # fmt: skip


@pytest.mark.parametrize("version", FORMS)
def test_the_exporter_gives_the_bytes_of_the_command(tmp_path, version):
    path = tmp_path / "some book.ipynb"
    path.write_text(json.dumps(FORMS[version]), encoding="utf-8")
    exported, _ = PipelineExporter().from_filename(str(path))
    assert exported == convert(read_notebook(path)).text


def test_jupytext_opens_a_script_as_a_cell_for_each_step():
    cells = [("imports", "import math"), ("functions", "# why\ndef f(x):\n    '''Doc.'''\n    return x"), ("step:a", "y = f(math.pi)\n# %% not a cell"), ("step:b", 's = """\n# %% [step:evil]\n"""\ny, s')]  # fmt: skip
    made = [{"cell_type": "code", "id": f"c{i}", "metadata": {"tags": [tag]}, "source": source} for i, (tag, source) in enumerate(cells)]  # fmt: skip
    text = convert(notebook_of({"nbformat": 4, "metadata": {}, "cells": made}, "x.ipynb")).text
    opened = jupytext.reads(text, fmt="py:percent")
    titles = [cell.metadata.get("title") for cell in opened.cells]
    assert titles == [None, "[functions]", "[step:a]", "[step:b]", "[main]", "[helpers]", "[command line]"]
    assert opened.cells[3].source.startswith("def b(")
    assert jupytext.writes(opened, fmt="py:percent").count("# %% [step:") == 3
