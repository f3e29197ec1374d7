"""Why one cell needs another, in words: the statements that write and read, and what is between them."""

from __future__ import annotations

from trackbook.cells.catalogue import FILE
from trackbook.cells.memory import Evidence
from trackbook.cells.source import CellSource, statement_at

_LONGEST = 160
"""Characters of a statement that are shown."""

Place = tuple[int, CellSource]
"""A cell by its place and its source."""


STATIC, EXECUTED, RECORDED = "static", "executed", "recorded"
"""Where evidence comes from: the texts, cells that were executed for the graph, or executions that were recorded."""


def explained(evidence: Evidence, writer: Place, reader: Place, source: str) -> dict[str, object]:
    """Return a piece of evidence as plain values: name, certainty, both statements with their lines, and a sentence.

    `source` tells whether the evidence is of the texts alone or was corrected by what happened.
    """
    return {
        "name": evidence.name,
        "certain": evidence.certain,
        "writes": _statement(writer, evidence.written),
        "reads": _statement(reader, evidence.read),
        "source": source,
        "why": _why(evidence, writer[0], reader[0]),
    }


def _text_at(source: CellSource, line: int) -> str:
    """Return the statement that covers a line of a cell, on one line and cut where it is long; the line itself where
    the cell is no Python."""
    node = statement_at(source.tree, line, source.line)
    lines = source.text.split("\n")
    if node is not None:
        first, last = source.line(node.lineno), source.line(node.end_lineno or node.lineno)
        text = lines[first - 1 : first if hasattr(node, "body") else last]
    else:
        text = lines[line - 1 : line]
    joined = " ".join(part.strip() for part in text)
    return joined if len(joined) <= _LONGEST else joined[: _LONGEST - 1] + "…"


def _statement(place: Place, line: int) -> dict[str, object]:
    number, source = place
    return {"cell": number, "line": line, "statement": _text_at(source, line)}


def _why(evidence: Evidence, writer: int, reader: int) -> str:
    name, may = evidence.name, "" if evidence.certain else "may "
    if name.startswith(FILE):
        what, verb = f"the file {name.removeprefix(FILE)}", "writes" if evidence.certain else "write"
    elif name.startswith("state:"):
        what, verb = f"the state of {name.removeprefix('state:')}", "changes" if evidence.certain else "change"
    elif evidence.in_place:
        what, verb = f"what `{name}` holds", "changes" if evidence.certain else "change"
    else:
        what, verb = f"`{name}`", "binds" if evidence.certain else "bind"
    return f"cell {writer} {may}{verb} {what}, and cell {reader} reads it"
