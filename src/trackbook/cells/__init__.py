"""What code reads, writes and changes: one analysis for the program of a run and for the pipeline."""

from trackbook.cells.graph import Edge, Graph, build_graph
from trackbook.cells.history import History, Outcome, Program
from trackbook.cells.names import CellNames, FunctionNames, analyse
from trackbook.cells.source import CellMagic, CellSource, SyntaxProblem, read_source

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
