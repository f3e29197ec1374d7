"""The nbconvert exporter `pipeline`: `jupyter nbconvert --to pipeline NOTEBOOK.ipynb` writes `NOTEBOOK_pipeline.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import Exporter
from nbconvert.utils.exceptions import ConversionException
from nbformat import NotebookNode
from traitlets import Bool, default

from trackbook.errors import NotebookError
from trackbook.pipeline.script.convert import convert
from trackbook.pipeline.script.magics import Choices
from trackbook.pipeline.steps.notebook import file_beside, notebook_of


class PipelineExporter(Exporter):
    """Exports a tagged notebook as the script of a pipeline; the preprocessors of nbconvert run before it."""

    export_from_notebook = "Pipeline script (Trackbook)"
    output_mimetype = "text/x-python"
    allow_shell = Bool(False, help="Let the script run the notebook's shell lines.").tag(config=True)
    keep_ipython = Bool(False, help="Keep magics that have no form in Python; the script needs IPython.").tag(
        config=True
    )

    @default("file_extension")
    def _file_extension(self) -> str:
        return ".py"

    def from_file(self, file_stream: Any, resources: Any = None, **options: Any) -> tuple[Any, dict[str, Any]]:
        """Export the notebook in an open file.  Raises ConversionException where it cannot become a script."""
        try:
            content = json.loads(file_stream.read())
            ids = [cell.id for cell in notebook_of(content, _name(resources)).cells]
        except (ValueError, NotebookError) as error:
            raise ConversionException(f"{_name(resources)} cannot become a script: {error}") from error
        node = nbformat.reads(json.dumps(content), as_version=4)  # type: ignore[no-untyped-call]
        # nbformat gives random ids to cells that have none, but a script must not change from one day to the next.
        codes = [cell for cell in node.cells if cell.cell_type == "code"]
        for cell, cell_id in zip(codes, ids, strict=True):
            cell.id = cell_id
        return self.from_notebook_node(node, resources=resources, **options)

    def from_notebook_node(self, nb: NotebookNode, resources: Any = None, **options: Any) -> tuple[Any, dict[str, Any]]:
        """Export a notebook; returns the script, and the resources with the suffix of its file.

        Raises ConversionException where the notebook cannot become a script.
        """
        node, resources = super().from_notebook_node(nb, resources=resources, **options)
        try:
            choices = Choices(self.allow_shell, self.keep_ipython, file_beside(_folder(resources)))
            script = convert(notebook_of(node, _name(resources)), choices)
        except NotebookError as error:
            raise ConversionException(str(error)) from error
        resources["output_suffix"] = "_pipeline"
        return script.text, resources


def _name(resources: Any) -> str:
    name = ((resources or {}).get("metadata") or {}).get("name") or "notebook"
    return f"{name}.ipynb"


def _folder(resources: Any) -> Path:
    return Path(((resources or {}).get("metadata") or {}).get("path") or ".")
