"""The exporter by the real command line of nbconvert."""

import subprocess
import sys

import nbformat
import pytest
from nbconvert.utils.exceptions import ConversionException

from trackbook.nbconvert import PipelineExporter


def save(path, *cells):
    made = [nbformat.v4.new_code_cell(source, metadata={"tags": tags}) for tags, source in cells]
    path.write_text(nbformat.writes(nbformat.v4.new_notebook(cells=made)), encoding="utf-8")


def nbconvert(folder, *arguments):
    command = [sys.executable, "-m", "nbconvert", "--to", "trackbook.nbconvert.PipelineExporter", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_command_writes_notebook_pipeline_py_that_runs(tmp_path):
    save(tmp_path / "my notes.ipynb", (["parameters"], "n = 2"), (["step:a"], "print(n * 21)"))
    assert nbconvert(tmp_path, "my notes.ipynb").returncode == 0
    ran = subprocess.run(
        [sys.executable, "-I", "my notes_pipeline.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "42\n"


def test_a_notebook_that_has_no_form_as_a_script_fails_with_the_reason(tmp_path):
    save(tmp_path / "bad.ipynb", (["step:a"], "!ls"))
    ran = nbconvert(tmp_path, "bad.ipynb")
    assert ran.returncode == 1
    assert "line 1: `!ls` runs a shell command" in ran.stderr
    assert not (tmp_path / "bad_pipeline.py").exists()


def test_cells_without_ids_give_the_same_script_every_time(tmp_path):
    save(tmp_path / "old.ipynb", (["step:a"], "x = 1"))
    text = (tmp_path / "old.ipynb").read_text(encoding="utf-8")
    node = nbformat.reads(text, as_version=4)
    node.nbformat_minor = 4
    del node.cells[0]["id"]
    (tmp_path / "old.ipynb").write_text(nbformat.writes(node), encoding="utf-8")
    first, resources = PipelineExporter().from_filename(str(tmp_path / "old.ipynb"))
    assert first == PipelineExporter().from_filename(str(tmp_path / "old.ipynb"))[0]
    assert "# %% [step:a] id=cell-0\n" in first
    assert (resources["output_suffix"], resources["output_extension"]) == ("_pipeline", ".py")


def test_what_is_no_notebook_is_a_conversion_error(tmp_path):
    (tmp_path / "text.ipynb").write_text("no notebook", encoding="utf-8")
    with pytest.raises(ConversionException, match="cannot become a script"):
        PipelineExporter().from_filename(str(tmp_path / "text.ipynb"))
