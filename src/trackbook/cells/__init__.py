"""What code reads, writes and changes: one analysis for the program of a run and for the pipeline."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trackbook.cells.graph import Edge, Graph, build_graph
    from trackbook.cells.history import History, Outcome, Program
    from trackbook.cells.names import CellNames, FunctionNames, analyse
    from trackbook.cells.source import CellMagic, CellSource, SyntaxProblem, read_source

_PLACES = {
    "CellMagic": "source",
    "CellNames": "names",
    "CellSource": "source",
    "Edge": "graph",
    "FunctionNames": "names",
    "Graph": "graph",
    "History": "history",
    "Outcome": "history",
    "Program": "history",
    "SyntaxProblem": "source",
    "analyse": "names",
    "build_graph": "graph",
    "read_source": "source",
}

__all__ = [
    "CellMagic",
    "CellNames",
    "CellSource",
    "Edge",
    "FunctionNames",
    "Graph",
    "History",
    "Outcome",
    "Program",
    "SyntaxProblem",
    "analyse",
    "build_graph",
    "read_source",
]


def __getattr__(name: str) -> Any:
    # Who only asks for the names of the catalogue, as a run of a pipeline does, need not wait for the analysis.
    if name in _PLACES:
        return getattr(import_module(f"trackbook.cells.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
